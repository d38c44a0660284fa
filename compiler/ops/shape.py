"""Shape and order of elements, one tensor to one: nothing is computed, everything is moved."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Ints, Op, Sizes, arg

FAMILY = "shape"


def listed(value: Any) -> tuple[Any, ...]:
    """A number as a list of one."""
    return value if isinstance(value, tuple) else (value,)


def missing(name: str, x: Type, dims: tuple[int, ...]) -> str | None:
    """The complaint about a dimension that `x` does not have."""
    bad = [d for d in dims if not -x.rank <= d < x.rank]
    return f"{name}: dim {bad[0]} does not exist in {x}" if bad else None


@dataclass(frozen=True)
class Flatten(Op, name="flatten", family=FAMILY, flops=0):
    """The dimensions from `start` to `end` as one; torch.flatten."""

    start: int = arg(1, "first dimension that is merged")
    end: int = arg(-1, "last dimension that is merged")

    def check(self, x: Type) -> str | None:
        return missing("flatten", x, (self.start, self.end))

    def forward(self, x: Any) -> Any:
        return torch.flatten(x, self.start, self.end)


@dataclass(frozen=True)
class Unflatten(Op, name="unflatten", family=FAMILY, flops=0):
    """One dimension as several; one of their sizes may be -1. torch.unflatten."""

    dim: int = arg(doc="the dimension that is split")
    sizes: Sizes = arg(doc="sizes of the parts")

    def check(self, x: Type) -> str | None:
        return missing("unflatten", x, (self.dim,)) or _fits("unflatten", x.shape[self.dim], self.sizes, x)

    def forward(self, x: Any) -> Any:
        return x.unflatten(self.dim, self.sizes)


@dataclass(frozen=True)
class Reshape(Op, name="reshape", family=FAMILY, flops=0):
    """The same elements in another shape; one size may be -1. torch.reshape."""

    size: Sizes = arg(doc="the new shape")

    def check(self, x: Type) -> str | None:
        return _fits("reshape", x.numel(), self.size, x)

    def forward(self, x: Any) -> Any:
        return x.reshape(self.size)


def _fits(name: str, count: Size, sizes: Sizes, x: Type) -> str | None:
    """The complaint where `count` elements do not fill `sizes`."""
    unknown = sum(s == -1 for s in sizes)
    if unknown > 1:
        return f"{name}: only one size may be -1, got {list(sizes)}"
    if not isinstance(count, int) or not all(isinstance(s, int) for s in sizes):
        return None
    volume = prod(s for s in sizes if isinstance(s, int) and s != -1)
    if count % volume if unknown and volume else count != volume:
        return f"{name}: {count} elements of {x} do not fill the sizes {list(sizes)}"
    return None


@dataclass(frozen=True)
class Permute(Op, name="permute", family=FAMILY, flops=0):
    """The dimensions in another order, `y.shape[i] = x.shape[dims[i]]`; torch.permute."""

    dims: tuple[int, ...] = arg(doc="every dimension once, in the new order")

    def check(self, x: Type) -> str | None:
        if sorted(d % x.rank if x.rank else d for d in self.dims) != list(range(x.rank)):
            return f"permute: dims={list(self.dims)} must name every dimension of {x} once"
        return None

    def forward(self, x: Any) -> Any:
        return torch.permute(x, self.dims)


@dataclass(frozen=True)
class Transpose(Op, name="transpose", family=FAMILY, flops=0):
    """Two dimensions exchanged; torch.transpose."""

    dims: tuple[int, int] = arg((-2, -1), "the two dimensions")

    def check(self, x: Type) -> str | None:
        return missing("transpose", x, self.dims)

    def forward(self, x: Any) -> Any:
        return torch.transpose(x, self.dims[0], self.dims[1])


@dataclass(frozen=True)
class Squeeze(Op, name="squeeze", family=FAMILY, flops=0):
    """Without a dimension of size 1; torch.squeeze."""

    dim: Ints = arg(doc="the dimension, or several")

    def check(self, x: Type) -> str | None:
        if complaint := missing("squeeze", x, listed(self.dim)):
            return complaint
        wide = [d for d in listed(self.dim) if x.shape[d] != 1]
        return f"squeeze: dim {wide[0]} of {x} has size {x.shape[wide[0]]}, not 1" if wide else None

    def forward(self, x: Any) -> Any:
        return torch.squeeze(x, self.dim)


@dataclass(frozen=True)
class Unsqueeze(Op, name="unsqueeze", family=FAMILY, flops=0):
    """With a new dimension of size 1; torch.unsqueeze."""

    dim: int = arg(doc="where the new dimension stands in the result")

    def forward(self, x: Any) -> Any:
        return torch.unsqueeze(x, self.dim)


@dataclass(frozen=True)
class Expand(Op, name="expand", family=FAMILY, flops=0):
    """Dimensions of size 1 repeated up to the given sizes, without a copy; -1 keeps a size. torch.Tensor.expand."""

    size: Sizes = arg(doc="the new shape")

    def forward(self, x: Any) -> Any:
        return x.expand(self.size)


@dataclass(frozen=True)
class Tile(Op, name="tile", family=FAMILY, flops=0):
    """`x` repeated along its last dimensions, as a whole; torch.tile."""

    repeats: Sizes = arg(doc="how often along each dimension")

    def forward(self, x: Any) -> Any:
        return x.tile(self.repeats)


@dataclass(frozen=True)
class RepeatInterleave(Op, name="repeat_interleave", family=FAMILY, flops=0):
    """Each slice along one dimension repeated in place; torch.repeat_interleave."""

    repeats: int = arg(doc="how often", min=1)
    dim: int = arg(doc="the dimension")

    def check(self, x: Type) -> str | None:
        return missing("repeat_interleave", x, (self.dim,))

    def forward(self, x: Any) -> Any:
        return torch.repeat_interleave(x, self.repeats, self.dim)


@dataclass(frozen=True)
class Contiguous(Op, name="contiguous", family=FAMILY, flops=0, keeps=True):
    """`x` with its elements in memory in the order of its dimensions; values stay. torch.Tensor.contiguous.

    For what comes after a permutation: torch picks kernels by the layout, and their last bits differ.
    """

    def forward(self, x: Any) -> Any:
        return x.contiguous()


@dataclass(frozen=True)
class Roll(Op, name="roll", family=FAMILY, flops=0):
    """Elements moved along dimensions; those that leave at one end enter at the other. torch.roll."""

    shifts: Size | Sizes = arg(doc="by how much along each dimension")
    dims: Ints = arg(doc="the dimensions")

    def check(self, x: Type) -> str | None:
        if len(listed(self.shifts)) != len(listed(self.dims)):
            return f"roll needs one shift a dimension, got shifts={self.shifts} and dims={self.dims}"
        return missing("roll", x, listed(self.dims))

    def forward(self, x: Any) -> Any:
        return torch.roll(x, listed(self.shifts), listed(self.dims))


@dataclass(frozen=True)
class Flip(Op, name="flip", family=FAMILY, flops=0):
    """Elements in reverse order along dimensions; torch.flip."""

    dims: Ints = arg(doc="the dimensions")

    def check(self, x: Type) -> str | None:
        return missing("flip", x, listed(self.dims))

    def forward(self, x: Any) -> Any:
        return torch.flip(x, listed(self.dims))


@dataclass(frozen=True)
class Pad(Op, name="pad", family=FAMILY, flops=0):
    """Elements added at the ends of dimensions, or cut off where a size is negative; torch.nn.functional.pad."""

    size: Sizes = arg(doc="before and after, from the last dimension backwards: [left, right, top, bottom, ...]")
    mode: Literal["constant", "reflect", "replicate", "circular"] = arg("constant", "what is added")
    value: float = arg(0.0, "the added value, in mode constant")

    def check(self, x: Type) -> str | None:
        if len(self.size) % 2 or len(self.size) > 2 * x.rank:
            return f"pad needs two numbers a dimension, for at most {x.rank} dimensions of {x}, got {len(self.size)}"
        if x.dtype == "bool" and self.mode in ("reflect", "replicate"):
            return f"mode {self.mode} takes numbers, got bool: `cast` it"
        return None

    def forward(self, x: Any) -> Any:
        size: Any = self.size
        return F.pad(x, size, mode=self.mode, value=self.value if self.mode == "constant" else None)
