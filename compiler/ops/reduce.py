"""Reductions over some or all dimensions, and the search for largest elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Ints, Op, TorchFunction, arg

FAMILY = "reduce"


@dataclass(frozen=True)
class _Reduce(Op):
    """A reduction that torch offers over several dimensions at once."""

    dims: Ints | None = arg(None, "the dimensions that disappear; all by default")
    keep: bool = arg(False, "keep the dimensions, with size 1")

    function: ClassVar[TorchFunction]

    @property
    def axes(self) -> tuple[int, ...]:
        """The dimensions as torch wants them: empty for all."""
        return () if self.dims is None else (self.dims,) if isinstance(self.dims, int) else self.dims

    def check(self, x: Type) -> str | None:
        if bad := [d for d in self.axes if not -x.rank <= d < x.rank]:
            return f"{self.name}: dim {bad[0]} does not exist in {x}"
        return None

    def forward(self, x: Any) -> Any:
        return type(self).function(x, dim=self.axes, keepdim=self.keep)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation per input element."""
        return inputs[0].numel()


@dataclass(frozen=True)
class Mean(_Reduce, name="mean", family=FAMILY):
    """The mean over the given dimensions."""

    function = torch.mean


@dataclass(frozen=True)
class Sum(_Reduce, name="sum", family=FAMILY):
    """The sum over the given dimensions; booleans count as integers."""

    function = torch.sum


@dataclass(frozen=True)
class Amax(_Reduce, name="amax", ports="x:ordered", family=FAMILY):
    """The largest element over the given dimensions; equal ones share the gradient."""

    function = torch.amax


@dataclass(frozen=True)
class Max(_Reduce, name="max", ports="x:ordered", family=FAMILY):
    """The largest element over the given dimensions; another name of `amax`."""

    function = torch.amax


@dataclass(frozen=True)
class Amin(_Reduce, name="amin", ports="x:ordered", family=FAMILY):
    """The smallest element over the given dimensions; equal ones share the gradient."""

    function = torch.amin


@dataclass(frozen=True)
class Min(_Reduce, name="min", ports="x:ordered", family=FAMILY):
    """The smallest element over the given dimensions; another name of `amin`."""

    function = torch.amin


@dataclass(frozen=True)
class Prod(_Reduce, name="prod", family=FAMILY):
    """The product over the given dimensions."""

    def forward(self, x: Any) -> Any:
        return multiplied(x, self.dims, self.keep)


def multiplied(x: Any, dims: Ints | None, keep: bool = False) -> Any:
    """The product over several dimensions, which torch takes one at a time."""
    if dims is None and not keep:
        return torch.prod(x)
    if dims is None:
        raise ValueError("prod over all dimensions cannot keep them; name the dimensions")
    axes = (dims,) if isinstance(dims, int) else dims
    for axis in axes:
        x = torch.prod(x, axis, keepdim=True)
    return x if keep else torch.squeeze(x, axes)


@dataclass(frozen=True)
class _Spread(_Reduce):
    correction: int = arg(1, "what is taken off the count of elements: 1 for an unbiased variance, 0 for a plain mean")

    def forward(self, x: Any) -> Any:
        return type(self).function(x, dim=self.axes or None, correction=self.correction, keepdim=self.keep)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """A sum, a difference, a square and a sum per input element."""
        return 4 * inputs[0].numel()


@dataclass(frozen=True)
class Var(_Spread, name="var", ports="x:float", family=FAMILY):
    """`sum (x - mean)^2 / (count - correction)` over the given dimensions; torch.var."""

    function = torch.var


@dataclass(frozen=True)
class Std(_Spread, name="std", ports="x:float", family=FAMILY):
    """The square root of `var`; torch.std."""

    function = torch.std


@dataclass(frozen=True)
class Norm(_Reduce, name="norm", family=FAMILY):
    """`(sum |x|^p)^(1/p)` over the given dimensions; torch.linalg.vector_norm."""

    p: float = arg(2.0, "the power; infinity for the largest absolute value")

    def forward(self, x: Any) -> Any:
        return torch.linalg.vector_norm(x, self.p, dim=self.axes or None, keepdim=self.keep)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """A power and a sum per input element."""
        return 2 * inputs[0].numel()


@dataclass(frozen=True)
class _Position(Op):
    dims: int | None = arg(None, "the dimension that disappears; by default the position in the flattened input")
    keep: bool = arg(False, "keep the dimension, with size 1")

    function: ClassVar[TorchFunction]

    def forward(self, x: Any) -> Any:
        return type(self).function(x, dim=self.dims, keepdim=self.keep)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One comparison per input element."""
        return inputs[0].numel()


@dataclass(frozen=True)
class Argmax(_Position, name="argmax", ports="x:real", family=FAMILY):
    """The position of the largest element along one dimension, int64; torch.argmax."""

    function = torch.argmax


@dataclass(frozen=True)
class Argmin(_Position, name="argmin", ports="x:real", family=FAMILY):
    """The position of the smallest element along one dimension, int64; torch.argmin."""

    function = torch.argmin


@dataclass(frozen=True)
class TopK(Op, name="topk", ports="x:real", results="values indices", family=FAMILY):
    """The `k` largest elements along one dimension, in order, and their positions; torch.topk."""

    k: int = arg(doc="how many", min=1)
    dim: int = arg(-1, "the dimension")
    largest: bool = arg(True, "false for the smallest")

    def check(self, x: Type) -> str | None:
        if not -x.rank <= self.dim < x.rank:
            return f"topk: dim {self.dim} does not exist in {x}"
        size = x.shape[self.dim]
        if isinstance(size, int) and self.k > size:
            return f"topk: k={self.k} is more than the {size} elements along dim {self.dim} of {x}"
        return None

    def forward(self, x: Any) -> Any:
        found = torch.topk(x, self.k, self.dim, self.largest)
        return found[0], found[1]
