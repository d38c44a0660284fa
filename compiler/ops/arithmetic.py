"""Arithmetic, comparison and selection, element by element, with torch's broadcasting."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import Any, ClassVar

import torch

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import DTYPES, Type
from graphwright.compiler.ops.op import Dtype, Op, TorchFunction, arg, pointwise, recorded

FAMILY = "arithmetic"

Neg = pointwise("neg", torch.neg, "`-x`.", FAMILY)
Abs = pointwise("abs", torch.abs, "`|x|`.", FAMILY, takes="number")
Sign = pointwise("sign", torch.sign, "-1, 0 or 1.", FAMILY, takes="ordered")
Exp = pointwise("exp", torch.exp, "`e^x`.", FAMILY, 4)
Log = pointwise("log", torch.log, "The natural logarithm.", FAMILY, 4)
Sqrt = pointwise("sqrt", torch.sqrt, "`sqrt(x)`.", FAMILY, 4)
Rsqrt = pointwise("rsqrt", torch.rsqrt, "`1 / sqrt(x)`.", FAMILY, 4)
Square = pointwise("square", torch.square, "`x x`.", FAMILY)
Reciprocal = pointwise("reciprocal", torch.reciprocal, "`1 / x`.", FAMILY)
Sin = pointwise("sin", torch.sin, "The sine, `x` in radians.", FAMILY, 4)
Cos = pointwise("cos", torch.cos, "The cosine, `x` in radians.", FAMILY, 4)
Erf = pointwise(
    "erf", torch.erf, "The error function, `2 / sqrt(pi) int_0^x exp(-t^2) dt`.", FAMILY, 6, takes="ordered"
)
Floor = pointwise("floor", torch.floor, "The largest whole number up to `x`.", FAMILY, takes="real")
Ceil = pointwise("ceil", torch.ceil, "The smallest whole number from `x`.", FAMILY, takes="real")
Round = pointwise("round", torch.round, "The nearest whole number, the even one of two.", FAMILY, takes="real")
Detach = pointwise("detach", torch.detach, "`x`, through which no gradient flows back.", FAMILY, 0)


def unequal(name: str, *types: Type | None) -> str | None:
    """The complaint about two values whose sizes, counted from the last, differ and are not 1."""
    for a, b in combinations([t for t in types if t is not None], 2):
        if clash := [(x, y) for x, y in zip(reversed(a.shape), reversed(b.shape), strict=False) if _clash(x, y)]:
            return f"{name} needs equal sizes, or sizes of 1: {clash[0][0]} of {a} and {clash[0][1]} of {b}"
    return None


def _clash(x: Size, y: Size) -> bool:
    """Whether two sizes cannot be broadcast, whatever their free symbols are."""
    difference = x - y
    return isinstance(difference, int) and difference != 0 and 1 not in (x, y)


@dataclass(frozen=True)
class _Fold(Op):
    """Any number of values, combined from left to right."""

    function: ClassVar[TorchFunction]

    def check(self, xs: tuple[Type, ...]) -> str | None:
        return unequal(self.name, *xs) if xs else f"{self.name} needs at least one value"

    def forward(self, xs: tuple[Any, ...]) -> Any:
        return reduce(type(self).function, xs)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation an element for every value after the first."""
        return outputs[0].numel() * max(len(inputs) - 1, 0)


@dataclass(frozen=True)
class Add(_Fold, name="add", ports="x*", family=FAMILY, keeps=True):
    """`x_0 + x_1 + ...` for any number of values, and a number."""

    other: float | None = arg(None, "a number that is added too")

    function = operator.add

    def forward(self, xs: tuple[Any, ...]) -> Any:
        total = super().forward(xs)
        return total if self.other is None else total + self.other

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation an element for every value after the first, and for the number."""
        return outputs[0].numel() * (len(inputs) - (self.other is None))


@dataclass(frozen=True)
class Mul(_Fold, name="mul", ports="x*", family=FAMILY, keeps=True):
    """`x_0 x_1 ...`, element by element, for any number of values."""

    function = operator.mul


@dataclass(frozen=True)
class WeightedSum(Op, name="weighted_sum", ports="x*", family=FAMILY):
    """`sum_i weights_i x_i` with fixed weights."""

    weights: tuple[float, ...] = arg(doc="one number per value")

    def check(self, xs: tuple[Type, ...]) -> str | None:
        if len(xs) != len(self.weights):
            return f"weighted_sum got {len(xs)} values and {len(self.weights)} weights"
        return unequal("weighted_sum", *xs) if xs else "weighted_sum needs at least one value"

    def forward(self, xs: tuple[Any, ...]) -> Any:
        return reduce(operator.add, (x * w for x, w in zip(xs, self.weights, strict=True)))

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """A multiplication and an addition an element and value."""
        return outputs[0].numel() * max(2 * len(inputs) - 1, 0)


@dataclass(frozen=True)
class Lerp(Op, name="lerp", ports="x:number start?:number weight?:number", family=FAMILY):
    """`(1 - weight) start + weight x`, exact at both ends, and `x` alone where no start is given; torch.lerp.

    A start that exists in training only is left behind with it: the deployed graph has `x`.
    """

    def check(self, x: Type, start: Type | None = None, weight: Type | None = None) -> str | None:
        if (start is None) != (weight is None):
            return f"lerp needs both a start and a weight, got only the {'weight' if start is None else 'start'}"
        return unequal("lerp", x, start, weight)

    def forward(self, x: Any, start: Any = None, weight: Any = None) -> Any:
        return x if start is None else (1 - weight) * start + weight * x

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        return 4 * outputs[0].numel() if len(inputs) > 1 else 0


@dataclass(frozen=True)
class Binary(Op):
    """A function of `x` and of either the value `y` or the number `other`."""

    other: float | None = arg(None, "the number that stands for y where no y is given")

    function: ClassVar[TorchFunction]

    def check(self, x: Type, y: Type | None) -> str | None:
        if (y is None) == (self.other is None):
            got = "neither" if y is None else "both"
            return f"{self.name} needs either a second value or the argument 'other', got {got}"
        return unequal(self.name, x, y)

    def forward(self, x: Any, y: Any = None) -> Any:
        return type(self).function(x, self.other if y is None else y)


@dataclass(frozen=True)
class Sub(Binary, name="sub", ports="x:number y?:number", family=FAMILY, flops=1, keeps=True):
    """`x - y`."""

    function = operator.sub


@dataclass(frozen=True)
class Div(Binary, name="div", ports="x y?", family=FAMILY, flops=1, keeps=True):
    """`x / y`."""

    function = operator.truediv


@dataclass(frozen=True)
class Pow(Binary, name="pow", ports="x:number y?:number", family=FAMILY, flops=4):
    """`x ^ y`."""

    function = torch.pow


@dataclass(frozen=True)
class Maximum(Binary, name="maximum", ports="x:ordered y?:ordered", family=FAMILY, flops=1, keeps=True):
    """`max(x, y)`, element by element."""

    def forward(self, x: Any, y: Any = None) -> Any:
        return torch.clamp(x, min=self.other) if y is None else torch.maximum(x, y)


@dataclass(frozen=True)
class Minimum(Binary, name="minimum", ports="x:ordered y?:ordered", family=FAMILY, flops=1, keeps=True):
    """`min(x, y)`, element by element."""

    def forward(self, x: Any, y: Any = None) -> Any:
        return torch.clamp(x, max=self.other) if y is None else torch.minimum(x, y)


@dataclass(frozen=True)
class Clamp(Op, name="clamp", ports="x:ordered", family=FAMILY, flops=2):
    """`x` brought into the range from `min` to `max`."""

    min: float | None = arg(None, "lowest value")
    max: float | None = arg(None, "highest value")

    def check(self, x: Type) -> str | None:
        return "clamp needs 'min', 'max' or both" if self.min is None and self.max is None else None

    def forward(self, x: Any) -> Any:
        return torch.clamp(x, self.min, self.max)


@dataclass(frozen=True)
class Scale(Op, name="scale", family=FAMILY, flops=1):
    """`factor x`, with a fixed number."""

    factor: float = arg(doc="the number")

    def forward(self, x: Any) -> Any:
        return x * self.factor


@dataclass(frozen=True)
class Cast(Op, name="cast", family=FAMILY, flops=0):
    """`x` in another dtype; fractions are cut off on the way to integers."""

    dtype: Dtype = arg(doc="the new dtype")

    def forward(self, x: Any) -> Any:
        return x.to(DTYPES[self.dtype])


@dataclass(frozen=True)
class Cumsum(Op, name="cumsum", family=FAMILY, flops=1):
    """`y_i = x_0 + ... + x_i` along one dimension; torch.cumsum."""

    dim: int = arg(-1, "the dimension")

    def forward(self, x: Any) -> Any:
        return torch.cumsum(x, self.dim)


@dataclass(frozen=True)
class Gather(Op, name="gather", ports="x index", family=FAMILY, flops=0):
    """`y[i, j, ...] = x[i, index[i, j, ...], ...]` with the index along one dimension; torch.gather."""

    dim: int = arg(doc="the dimension that the index counts along")

    def forward(self, x: Any, index: Any) -> Any:
        return torch.gather(x, self.dim, index)


@dataclass(frozen=True)
class OneHot(Op, name="one_hot", family=FAMILY, flops=0):
    """1.0 at the class of x [...] int64 and 0.0 elsewhere, on a new last dimension of `classes`."""

    classes: int = arg(doc="size of the new dimension", min=1)

    def forward(self, x: Any) -> Any:
        return torch.nn.functional.one_hot(x, self.classes).to(torch.float32)


@recorded
def masked_sum(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sum of `x` where `mask` is true; the mask's dimensions are the first of `x`."""
    aligned = mask.reshape(mask.shape + (1,) * (x.dim() - mask.dim()))
    return torch.where(aligned, x, 0).sum()


@dataclass(frozen=True)
class MaskedSum(Op, name="masked_sum", ports="x mask", family=FAMILY):
    """`sum x` over the elements where the mask is true; mask [N, D] covers x [N, D] or x [N, D, ...]."""

    def check(self, x: Type, mask: Type) -> str | None:
        if mask.dtype != "bool":
            return f"masked_sum needs a mask of dtype bool, got {mask}"
        fits = mask.rank <= x.rank and all(a in (b, 1) for a, b in zip(mask.shape, x.shape, strict=False))
        return None if fits else f"masked_sum needs a mask whose sizes are the first of x: mask is {mask}, x is {x}"

    def forward(self, x: Any, mask: Any) -> Any:
        return masked_sum(x, mask)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation per input element."""
        return inputs[0].numel()
