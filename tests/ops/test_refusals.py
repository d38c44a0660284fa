"""What an op does not take, it refuses with a reason before anything runs: ranks, dtypes, free sizes, arguments."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.types import Type, parse_type
from graphwright.compiler.lowering.inference import InferenceError, infer
from graphwright.compiler.ops import OPS
from graphwright.compiler.places import SpecError
from tests.fuzz.arguments import varied
from tests.fuzz.values import DEFAULTS, SYMBOLS
from tests.language.conftest import spec
from tests.ops.samples import SAMPLES, Sample

__all__ = ["spec"]

#: Ops, arguments, input types, and words of the reason.
REFUSED: list[tuple[str, dict[str, Any], tuple[str, ...], str]] = [
    ("bilinear", {"out": 3}, ("float32[3, 4]", "float32[3, L]"), "fixed last sizes"),
    ("bilinear", {"out": 3}, ("float32[]", "float32[3, 5]"), "fixed last sizes"),
    ("channel_shuffle", {"groups": 2}, ("float32[]",), "channels in dim 1"),
    ("grid_sample", {}, ("float32[]", "float32[]"), "positions to read"),
    ("celu", {"alpha": 0.0}, ("float32[3]",), "cannot be 0"),
    ("dropout1d", {}, ("float32[2, 8, 7, 9]",), "2 or 3 dimensions"),
    ("squeeze", {"dim": 0}, ("float32[N, 4]",), "has size N, not 1"),
    ("softmax", {"dim": 2}, ("float32[2, 3]",), "dim 2 does not exist"),
    ("log_softmax", {"dim": -3}, ("float32[2, 3]",), "dim -3 does not exist"),
    ("focal_loss", {}, ("float32[3, 4]", "bool[3, 4]"), "floating values of one dtype"),
    ("huber", {}, ("float32[3, 4]", "float64[3, 4]"), "floating values of one dtype"),
    ("cross_entropy", {}, ("int64[3, 4]", "int64[3]"), "needs int64 labels"),
    ("conv_transpose1d", {"out": 6, "kernel": 3, "output_padding": 2}, ("float32[2, 8, 11]",), "must be smaller"),
    ("any_transpose2d", {"kernel": 3, "output_padding": 1}, ("bool[2, 1, 7, 9]",), "must be smaller"),
    ("dropout2d", {}, ("float32[3]",), "at least 2 dimensions"),
    ("conv2d", {"out": 6, "kernel": 3, "stride": 0}, ("float32[2, 8, 7, 9]",), "zero"),
    ("softplus", {"beta": 0.0}, ("float32[2, 8]",), "beta=0 divides by 0"),
    ("chunk", {"parts": 3, "dim": 1}, ("float32[2, H]",), "sizes without a default are 2 here; such as H=5040"),
    ("rearrange", {"pattern": "n 1 c -> (n c)"}, ("float32[N, L, 12]",), "dimension 1 has size 2, not 1"),
    ("l1", {}, ("float32[1, 4]", "float32[M, 4]"), "target of the prediction's shape"),
    ("conv2d", {"out": 6, "kernel": 3}, ("float32[N, 8, H, W]",), "such as H=8 fits"),
]


@pytest.mark.parametrize(("name", "arguments", "types", "words"), REFUSED, ids=[f"{r[0]}-{r[3]}" for r in REFUSED])
def test_refused(name: str, arguments: dict[str, Any], types: tuple[str, ...], words: str) -> None:
    with pytest.raises(InferenceError, match=words):
        infer(OPS[name](**arguments), tuple(map(parse_type, types)))


def test_refused_at_the_default_sizes() -> None:
    """What an op refuses it refuses at the sizes that a spec gives as defaults, and takes at those that fit."""
    halves, rows = OPS["chunk"](parts=2, dim=1), parse_type("float32[N, H]")
    with pytest.raises(InferenceError, match="7, dim 1"):
        infer(halves, (rows,), {"H": 7})
    assert [str(t) for t in infer(halves, (rows,), {"H": 8}).outputs] == ["float32[N, H//2]"] * 2


def test_statistics_of_one_value() -> None:
    """As torch's batch norm: the variance of one value a channel is none to learn from."""
    op = OPS["batch_variance"]()
    module = op.module(parse_type("float32[1, 3, 1]"), parse_type("float32[3]"))
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        module.train()(torch.zeros(1, 3, 1), torch.ones(3))


def test_a_part_of_free_sizes() -> None:
    """A size that is found by division is a formula, and no number."""
    (found,) = infer(OPS["reshape"](size=(2, -1, 8)), (parse_type("float32[N, 8, H, W]"),), {"H": 7, "W": 9}).outputs
    assert str(found) == "float32[2, (H*N*W)//2, 8]"


@pytest.mark.parametrize("word", ["kernel", "stride", "dilation"])
def test_windows_are_at_least_one_wide(spec: Callable[..., Graph], word: str) -> None:
    for op in ("conv2d", "max_pool2d"):
        said = {"kernel": 3} | ({"out": 4} if op == "conv2d" else {}) | {word: 0}
        arguments = ", ".join(f"{k}: {v}" for k, v in said.items())
        with pytest.raises(SpecError, match=f"argument '{word}' must be at least 1, got 0"):
            spec(f"inputs: {{x: [N, 4, 8, 8]}}\nnodes:\n  a: {{op: {op}, {arguments}}}\n")


def test_output_padding_is_not_negative(spec: Callable[..., Graph]) -> None:
    with pytest.raises(SpecError, match="argument 'output_padding' must be at least 0, got -1"):
        spec("inputs: {x: [N, 4, 8, 8]}\nnodes:\n  a: {op: conv_transpose2d, out: 4, kernel: 3, output_padding: -1}\n")


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_near_types_are_taken_or_refused(sample: Sample) -> None:
    """Nothing but a result or a reason, for types and arguments near those that the op is for."""
    rng = random.Random(str(sample.op))
    for _ in range(8):
        op = varied(rng, sample.op) if rng.random() < 0.5 else sample.op
        with contextlib.suppress(InferenceError):
            assert infer(op, tuple(_near(rng, kind) for kind in sample.types), DEFAULTS).outputs


def _near(rng: random.Random, kind: Any) -> Any:
    """A type that may have another rank, other sizes, free sizes, or another dtype."""
    if isinstance(kind, tuple):
        return tuple(_near(rng, k) for k in kind)
    if kind is None:
        return None
    shape = list(kind.shape)
    change = rng.randrange(6)
    if change == 0:
        shape = shape[: rng.randint(0, len(shape))]
    elif change == 1:
        shape.append(rng.choice((1, 2, 5)))
    elif change == 2:
        shape = [rng.choice((1, 2, 3, 4, 8)) for _ in range(rng.randint(0, 5))]
    sizes = [Dim.symbol(SYMBOLS[s]) if s in SYMBOLS and rng.random() < 0.4 else s for s in shape]
    dtypes = ("float32", "int64", "bool", "float64", "float16")
    return Type(tuple(sizes), kind.dtype if rng.random() < 0.85 else rng.choice(dtypes))
