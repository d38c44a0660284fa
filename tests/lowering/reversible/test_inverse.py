"""Nodes solved for one of their inputs."""

from __future__ import annotations

import pytest
import torch

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.lowering.reversible.inverse import inverse
from graphwright.compiler.ops.arithmetic import Add, Div, Mul, Neg, Scale, Sub
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.op import Op

FREE = Dim.symbol("N")


def formula(text: str, *names: str, **rest: tuple[tuple[str, object], ...]) -> Formula:
    return Formula(text, names=names, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("op", "count", "at"),
    [
        (Add(), 3, 1),
        (Add(other=2.5), 2, 0),
        (Sub(), 2, 0),
        (Sub(), 2, 1),
        (Sub(other=-1.5), 1, 0),
        (Mul(), 3, 2),
        (Div(), 2, 0),
        (Scale(-0.5), 1, 0),
        (Neg(), 1, 0),
        (formula("f + max(abs(a), 1e-3) * ((a > 0) - (a < 0)) * c", "f", "a", "c"), 3, 2),
        (formula("2 * (x - y) - x / 3", "x", "y"), 2, 0),
        (formula("2 * (x - y) - x / 3", "x", "y"), 2, 1),
        (formula("-(y - 3 * x) * exp(y)", "x", "y"), 2, 0),
        (formula("x * scale[c] + y", "x", "y", over=(("c", 4),), constants=(("scale", (1.0, 2.0, 3.0, 4.0)),)), 2, 0),
        (formula("made0 + x * y", "x", "y", "made0"), 3, 0),
    ],
)
def test_the_inverse_gives_the_input_back(op: Op, count: int, at: int) -> None:
    inputs = [torch.rand(3, 4, dtype=torch.float64) + 0.5 for _ in range(count)]
    out = op.forward(tuple(inputs)) if op.ports[0].many else op.forward(*inputs)
    solved = inverse(op, count, at)
    assert solved is not None
    found = solved.forward((out, *(x for k, x in enumerate(inputs) if k != at)))
    torch.testing.assert_close(found, inputs[at], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("op", "count", "at"),
    [
        (Div(), 2, 1),
        (formula("x * x", "x"), 1, 0),
        (formula("x ** 2 + y", "x", "y"), 2, 0),
        (formula("abs(x) + y", "x", "y"), 2, 0),
        (formula("y", "x", "y"), 2, 0),
        (Formula(("x", "y"), names=("x", "y")), 2, 0),
        (formula("x * n", "x", constants=(("n", FREE),)), 1, 0),
    ],
)
def test_what_is_not_affine_or_not_known_has_no_inverse(op: Op, count: int, at: int) -> None:
    assert inverse(op, count, at) is None
