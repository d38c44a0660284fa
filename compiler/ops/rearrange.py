"""Rearranging, repeating and reducing dimensions by a pattern such as `n (h a) w c -> n h w (a c)`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import torch

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import pattern as patterns
from graphwright.compiler.ops.op import Op, TorchFunction, arg
from graphwright.compiler.ops.pattern import DOTS, Pattern, PatternError
from graphwright.compiler.ops.reduce import multiplied

FAMILY = "shape"
#: How the axes that `...` stands for are called, where they are named.
_REST = "rest_"


@dataclass(frozen=True)
class _Patterned(Op):
    pattern: str = arg(doc="the dimensions before and after the arrow, as in einops")
    sizes: tuple[tuple[str, Size], ...] = arg((), "sizes of axes that the input's shape leaves open")

    @cached_property
    def parsed(self) -> Pattern:
        return patterns.parse(self.pattern)

    def check(self, x: Type) -> str | None:
        try:
            problem = self._problem(x)
        except PatternError as error:
            problem = str(error)
        if problem is None:
            return None
        given = f", sizes {{{', '.join(f'{k}: {v}' for k, v in self.sizes)}}}" if self.sizes else ""
        return f"{self.name}: {problem} (pattern '{self.pattern}', input {x}{given})"

    def _problem(self, x: Type) -> str | None:
        left, right = self.parsed.axes, [a for a in self.parsed.result if not a.startswith("1:")]
        if gone := [a for a in left if a not in right and self.name != "reduce"]:
            return f"axis '{gone[0]}' is missing on the right"
        if new := [a for a in right if a not in left and (self.name != "repeat" or a not in dict(self.sizes))]:
            return f"axis '{new[0]}' is new on the right" + (" and has no size" if self.name == "repeat" else "")
        if idle := [a for a, _ in self.sizes if a not in left and a not in right]:
            return f"axis '{idle[0]}' has a size but is not in the pattern"
        return patterns.complaint(self.parsed, x.shape, dict(self.sizes))

    def named(self, rank: int) -> Self:
        """The same for inputs of one rank, with an axis for each dimension that `...` stands for."""
        if DOTS not in self.parsed.axes:
            return self
        count = rank - sum(group != (DOTS,) for group in self.parsed.left)
        axes = " ".join(f"{_REST}{k}" for k in range(count))
        return replace(self, pattern=self.pattern.replace("…", DOTS).replace(DOTS, axes))

    def forward(self, x: Any) -> Any:
        pattern, sizes = self.parsed, dict(self.sizes)
        x = patterns.split(x, pattern, sizes)
        x = patterns.order(x, pattern.axes, tuple(a for a in pattern.result if a in pattern.axes))
        return patterns.merge(patterns.insert(x, pattern.axes, pattern.result, sizes), pattern)


@dataclass(frozen=True)
class Rearrange(_Patterned, name="rearrange", family=FAMILY, flops=0):
    """The same elements in other dimensions, by a pattern; einops.rearrange.

    `n (a p) (b q) c -> n (a b) (p q) c` cuts maps into windows of p x q, row by row.
    """


@dataclass(frozen=True)
class Repeat(_Patterned, name="repeat", family=FAMILY, flops=0):
    """Elements repeated along the axes that are new on the right, whose sizes are given; einops.repeat."""


@dataclass(frozen=True)
class Reduce(_Patterned, name="reduce", family=FAMILY):
    """Elements combined over the axes that are missing on the right; einops.reduce."""

    how: Literal["mean", "sum", "max", "min", "prod"] = arg("mean", "what the missing axes are combined by")

    def _problem(self, x: Type) -> str | None:
        if DOTS in self.parsed.axes and DOTS not in self.parsed.result:
            return "'...' cannot be reduced; name its axes"
        return super()._problem(x)

    def forward(self, x: Any) -> Any:
        pattern, sizes = self.parsed, dict(self.sizes)
        x = patterns.split(x, pattern, sizes)
        gone = tuple(patterns.place(pattern.axes, a) for a in pattern.axes if a not in pattern.result)
        if gone:
            x = _REDUCTIONS[self.how](x, gone)
        left = tuple(a for a in pattern.axes if a in pattern.result)
        x = patterns.order(x, left, tuple(a for a in pattern.result if a in left))
        return patterns.merge(patterns.insert(x, left, pattern.result, sizes), pattern)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation per input element."""
        return inputs[0].numel()


_REDUCTIONS: dict[str, TorchFunction] = {
    "mean": torch.mean, "sum": torch.sum, "max": torch.amax, "min": torch.amin, "prod": multiplied,
}  # fmt: skip
