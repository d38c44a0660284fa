"""Comparisons, logic, and choice by a condition, element by element, with torch's broadcasting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.arithmetic import Binary, unequal
from graphwright.compiler.ops.op import Op, arg, recorded

FAMILY = "arithmetic"


@dataclass(frozen=True)
class Gt(Binary, name="gt", ports="x:ordered y?:ordered", family=FAMILY, flops=1):
    """True where `x > y`."""

    function = torch.gt


@dataclass(frozen=True)
class Ge(Binary, name="ge", ports="x:ordered y?:ordered", family=FAMILY, flops=1):
    """True where `x >= y`."""

    function = torch.ge


@dataclass(frozen=True)
class Lt(Binary, name="lt", ports="x:ordered y?:ordered", family=FAMILY, flops=1):
    """True where `x < y`."""

    function = torch.lt


@dataclass(frozen=True)
class Le(Binary, name="le", ports="x:ordered y?:ordered", family=FAMILY, flops=1):
    """True where `x <= y`."""

    function = torch.le


@dataclass(frozen=True)
class Eq(Binary, name="eq", ports="x y?", family=FAMILY, flops=1):
    """True where `x == y`."""

    function = torch.eq


@dataclass(frozen=True)
class Ne(Binary, name="ne", ports="x y?", family=FAMILY, flops=1):
    """True where `x != y`."""

    function = torch.ne


@dataclass(frozen=True)
class LogicalAnd(Op, name="logical_and", ports="x y", family=FAMILY, flops=1):
    """True where both are true (or not zero)."""

    def check(self, x: Type, y: Type) -> str | None:
        return unequal("logical_and", x, y)

    def forward(self, x: Any, y: Any) -> Any:
        return torch.logical_and(x, y)


@dataclass(frozen=True)
class LogicalOr(Op, name="logical_or", ports="x y", family=FAMILY, flops=1):
    """True where at least one is true (or not zero)."""

    def check(self, x: Type, y: Type) -> str | None:
        return unequal("logical_or", x, y)

    def forward(self, x: Any, y: Any) -> Any:
        return torch.logical_or(x, y)


@dataclass(frozen=True)
class LogicalNot(Op, name="logical_not", family=FAMILY, flops=1):
    """True where `x` is zero or false."""

    def forward(self, x: Any) -> Any:
        return torch.logical_not(x)


@recorded
def where(condition: torch.Tensor, x: torch.Tensor, other: torch.Tensor | float) -> torch.Tensor:
    """`torch.where`, laid out in memory as x is, while torch goes by the condition.

    The order in which a later op sums its input follows the layout. So with a condition that is true everywhere, what
    is computed from the choice is what is computed from x, to the last bit.
    """
    out = torch.where(condition, x, other)
    if out.shape != x.shape or out.stride() == x.stride():
        return out
    return torch.empty_like(x, dtype=out.dtype).copy_(out)


@dataclass(frozen=True)
class Where(Op, name="where", ports="condition x y?", family=FAMILY, flops=1):
    """`x` where the condition is true, else `y` (or the number `other`)."""

    other: float | None = arg(None, "the number that stands for y where no y is given")

    def check(self, condition: Type, x: Type, y: Type | None) -> str | None:
        if condition.dtype != "bool":
            return f"where needs a condition of dtype bool, got {condition}"
        if (y is None) == (self.other is None):
            return f"where needs either y or the argument 'other', got {'neither' if y is None else 'both'}"
        return unequal("where", condition, x, y)

    def forward(self, condition: Any, x: Any, y: Any = None) -> Any:
        return where(condition, x, self.other if y is None else y)
