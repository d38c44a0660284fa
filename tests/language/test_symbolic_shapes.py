"""Symbolic shapes, evaluated at several sizes, are the shapes torch gives there."""

from __future__ import annotations

from typing import Any

import pytest

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.inference import InferenceError, infer, run_on_meta
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Op
from tests.ops.samples import SAMPLES, Sample

N, H, W, L = (Dim.symbol(s) for s in "NHWL")
DEFAULTS = {"N": 2, "H": 64, "W": 48, "L": 40}
SIZES = [
    {"N": 1, "H": 33, "W": 50, "L": 17},
    {"N": 3, "H": 64, "W": 31, "L": 40},
    {"N": 5, "H": 97, "W": 128, "L": 101},
]
IMAGE, TOKENS = Type((N, 8, H, W)), Type((N, L, 16))


def op(name: str, **arguments: Any) -> Op:
    return OPS[name](**arguments)


def _windows(name: str, **fixed: Any) -> list[Op]:
    """A window op with many kernels, strides, paddings."""
    grid = [
        (k, s, p) for k in (1, 2, 3, 5, (3, 5)) for s in (1, 2, 3, (1, 2)) for p in (0, 1) if k not in (1,) or p == 0
    ]
    return [op(name, kernel=k, stride=s, padding=p, **fixed) for k, s, p in grid]


CASES: list[tuple[Op, tuple[Any, ...]]] = [
    *((o, (IMAGE,)) for o in _windows("conv2d", out=4)),
    *((o, (IMAGE,)) for o in _windows("max_pool2d")),
    *((o, (IMAGE,)) for o in _windows("avg_pool2d")),
    (op("conv2d", out=4, kernel=3, stride=2, padding="same"), (IMAGE,)),
    (op("conv2d", out=4, kernel=3, dilation=2, padding=2, groups=4), (IMAGE,)),
    (op("max_pool2d", kernel=3, stride=2, padding=1, ceil=True), (IMAGE,)),
    (op("max_pool2d", kernel=2, stride=2, ceil=True), (IMAGE,)),
    (op("conv_transpose2d", out=4, kernel=2, stride=2), (IMAGE,)),
    (op("conv_transpose2d", out=4, kernel=4, stride=2, padding=1), (IMAGE,)),
    (op("conv_transpose2d", out=4, kernel=3, stride=2, padding=1, output_padding=1), (IMAGE,)),
    (op("adaptive_avg_pool2d", size=7), (IMAGE,)),
    (op("interpolate", scale=2), (IMAGE,)),
    (op("flatten"), (Type((N, 8, 5, 5)),)),
    (op("flatten", start=2), (IMAGE,)),
    (op("rearrange", pattern="n c h w -> n (h w) c"), (IMAGE,)),
    (op("concat", dim=2), ((IMAGE, IMAGE),)),
    (op("concat", dim=1), ((TOKENS, Type((N, 1, 16))),)),
    (op("mean", dims=(2, 3)), (IMAGE,)),
    (op("linear", out=7), (TOKENS,)),
    (op("matmul"), (TOKENS, Type((N, 16, L)))),
    (op("add"), ((IMAGE, Type((8, 1, 1))),)),
    (op("batch_norm"), (IMAGE,)),
    (op("softmax"), (TOKENS,)),
    (op("lstm", hidden=6), (TOKENS,)),
]


@pytest.mark.parametrize(("node", "inputs"), CASES, ids=[f"{k}-{c[0]}"[:60] for k, c in enumerate(CASES)])
def test_inferred_shape_is_torchs(node: Op, inputs: tuple[Any, ...]) -> None:
    outputs = infer(node, inputs, DEFAULTS).outputs
    assert any(t.symbols for t in outputs)
    for sizes in SIZES:
        at = tuple(tuple(t.at(sizes) for t in i) if isinstance(i, tuple) else i.at(sizes) for i in inputs)
        real = run_on_meta(node, node.module(*at), at, sizes)
        assert [t.at(sizes).shape for t in outputs] == [shape for shape, _ in real]


def _freed(kind: Any) -> Any:
    """The type with its first size, the batch, left free."""
    if isinstance(kind, tuple):
        return tuple(_freed(k) for k in kind)
    return kind if kind is None or kind.rank < 2 else Type((N, *kind.shape[1:]), kind.dtype)


def _batches(sample: Sample) -> set[int]:
    """The first sizes of the inputs of two or more dimensions."""
    kinds = [t for kind in sample.types for t in (kind if isinstance(kind, tuple) else (kind,)) if t is not None]
    return {t.shape[0] for t in kinds if t.rank > 1}


#: Samples whose inputs share a batch; the number of outputs of `unbind` is a size, and `squeeze` takes out a size of 1,
#: so that these must be known, and Gram matrices [N, N] have the batch twice.
BATCHED = [s for s in SAMPLES if len(_batches(s)) == 1 and s.op.name not in ("unbind", "squeeze", "cka", "rsa")]


@pytest.mark.parametrize("sample", BATCHED, ids=str)
def test_batch_stays_free(sample: Sample) -> None:
    """At the sample's own batch size, the shape inferred with a free batch is the sample's."""
    size = {"N": _batches(sample).pop()}
    free = infer(sample.op, tuple(_freed(t) for t in sample.types), size).outputs
    fixed = infer(sample.op, sample.types).outputs
    assert [t.at(size) for t in free] == list(fixed)


@pytest.mark.parametrize("name", ["cka", "rsa"])
def test_gram_matrices_of_a_free_batch(name: str) -> None:
    assert [str(t) for t in infer(op(name), (Type((N, N)), Type((N, N)))).outputs] == ["float32[]"]


def test_unbinding_a_free_size_is_refused() -> None:
    with pytest.raises(InferenceError, match="is a size left free"):
        infer(op("unbind"), (Type((N, 4)),))
