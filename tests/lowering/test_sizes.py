"""Static sizes are those of the run, at every size of the input."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.inference import InferenceError, infer, run_on_meta
from graphwright.compiler.ops.convolution import Conv2d
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.pooling import AvgPool2d, MaxPool2d

#: Kernel, stride, padding and dilation, or (last) whether a pool rounds up.
WINDOWS = st.tuples(st.integers(1, 5), st.integers(1, 2), st.integers(0, 2), st.integers(1, 2))


def op_of(kind: str, kernel: int, stride: int, padding: int, last: int) -> Op:
    """A sliding op; pools pad by half a window at most."""
    if kind == "conv":
        return Conv2d(4, kernel, stride, padding, last)
    pool: Any = MaxPool2d if kind == "max" else AvgPool2d
    return pool(kernel=kernel, stride=stride, padding=min(padding, kernel // 2), ceil=last == 2)  # type: ignore[no-any-return]


@given(st.lists(st.tuples(st.sampled_from(["conv", "max", "avg"]), WINDOWS), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
@example([("conv", (3, 2, 0, 1)), ("conv", (3, 1, 0, 1)), ("max", (3, 2, 0, 1)), ("conv", (3, 1, 0, 1)),
          ("conv", (3, 2, 0, 1))])  # fmt: skip
def test_chains_of_windows(chain: list[tuple[str, tuple[int, int, int, int]]]) -> None:
    """A size that is a floor itself moves once in many steps of the input's; its own floor is found all the same."""
    start = Type((2, 3, Dim.symbol("H"), Dim.symbol("W")), "float32")
    types, ops = [start], []
    for kind, window in chain:
        op = op_of(kind, *window)
        try:
            types += infer(op, (types[-1],), {"H": 224, "W": 224}).outputs
        except InferenceError:  # nothing is left of the picture
            break
        ops.append(op)
    for size in (*range(224, 224 - 64, -3), 225, 231, 240, 257, 320):
        sizes = {"H": size, "W": size + 1}
        shape: Any = start.at(sizes).shape
        for op, kind in zip(ops, types[1:], strict=True):
            ((shape, dtype),) = run_on_meta(op, op.module(Type(shape, "float32")), (Type(shape, "float32"),), {})
            assert kind.at(sizes).shape == shape, (op, kind, sizes)
            assert dtype == torch.float32
