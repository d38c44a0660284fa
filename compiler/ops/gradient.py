"""The gradient of one value of the graph with respect to another, as an op of the graph itself."""

from __future__ import annotations

from dataclasses import dataclass

from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import FLOATING, Op


@dataclass(frozen=True)
class Gradient(Op, name="gradient", ports="of at", family="arithmetic"):
    """`d sum(of) / d at`, for a value `at` that `of` was computed from.

    The part of the graph between the two is run again and differentiated where the node stands, so the gradient is
    compiled and exported with the model. To get one gradient a sample, let `of` be one number a sample.
    """

    def check(self, of: Type, at: Type) -> str | None:
        if odd := [t for t in (of, at) if t.dtype not in FLOATING]:
            return f"gradient needs floating values, got {odd[0]}"
        return None

    def result(self, of: Type, at: Type) -> tuple[Type, ...]:
        return (at,)
