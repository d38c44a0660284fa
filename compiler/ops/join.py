"""Joining tensors, and taking parts of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Ints, Op, Sizes, arg
from graphwright.compiler.ops.shape import listed, missing

FAMILY = "shape"


@dataclass(frozen=True)
class Concat(Op, name="concat", ports="x*", family=FAMILY, flops=0):
    """Any number of values one after the other along one dimension; torch.cat."""

    dim: int = arg(1, "the dimension that grows")

    def check(self, xs: tuple[Type, ...]) -> str | None:
        if not xs:
            return "concat needs at least one value"
        first = xs[0]
        if complaint := missing("concat", first, (self.dim,)):
            return complaint
        for x in xs[1:]:
            if x.rank != first.rank:
                return f"concat needs equal numbers of dimensions: {first} and {x}"
            others = (i for i in range(x.rank) if i != self.dim % x.rank)
            if any(_differ(x.shape[i], first.shape[i]) for i in others):
                return f"concat needs equal sizes outside dim {self.dim}: {first} and {x}"
        return None

    def forward(self, xs: tuple[Any, ...]) -> Any:
        return torch.cat(xs, self.dim)


def _differ(a: Size, b: Size) -> bool:
    """Whether two sizes differ for every value of their symbols that matters: by a constant."""
    difference = a - b
    return isinstance(difference, int) and difference != 0


@dataclass(frozen=True)
class Stack(Op, name="stack", ports="x*", family=FAMILY, flops=0):
    """Any number of values of one shape along a new dimension; torch.stack."""

    dim: int = arg(0, "where the new dimension stands in the result")

    def check(self, xs: tuple[Type, ...]) -> str | None:
        if not xs:
            return "stack needs at least one value"
        odd = [x for x in xs if x.rank != xs[0].rank or any(map(_differ, x.shape, xs[0].shape))]
        return f"stack needs equal shapes: {xs[0]} and {odd[0]}" if odd else None

    def forward(self, xs: tuple[Any, ...]) -> Any:
        return torch.stack(xs, self.dim)


@dataclass(frozen=True)
class Split(Op, name="split", family=FAMILY, flops=0):
    """Parts of the given sizes along one dimension, as outputs 0, 1, ...; torch.split."""

    sizes: Sizes = arg(doc="sizes of the parts, which add up to the dimension's")
    dim: int = arg(1, "the dimension that is cut")

    def outputs(self) -> tuple[str, ...]:
        return tuple(str(k) for k in range(len(self.sizes)))

    def check(self, x: Type) -> str | None:
        if complaint := missing("split", x, (self.dim,)):
            return complaint
        if _differ(sum(self.sizes), x.shape[self.dim]):
            sizes = ", ".join(map(str, self.sizes))
            return f"split: the sizes [{sizes}] do not add up to {x.shape[self.dim]}, dim {self.dim} of {x}"
        return None

    def forward(self, x: Any) -> Any:
        parts = x.split(list(self.sizes), self.dim)
        return tuple(parts[k] for k in range(len(self.sizes)))


@dataclass(frozen=True)
class Chunk(Op, name="chunk", family=FAMILY, flops=0):
    """Equal parts along one dimension, as outputs 0, 1, ...; torch.chunk."""

    parts: int = arg(doc="how many", min=1)
    dim: int = arg(1, "the dimension that is cut")

    def outputs(self) -> tuple[str, ...]:
        return tuple(str(k) for k in range(self.parts))

    def check(self, x: Type) -> str | None:
        if complaint := missing("chunk", x, (self.dim,)):
            return complaint
        size = x.shape[self.dim]
        if isinstance(size, int) and size % self.parts:
            return f"chunk: {size}, dim {self.dim} of {x}, is not divisible into {self.parts} equal parts"
        return None

    def forward(self, x: Any) -> Any:
        parts = torch.chunk(x, self.parts, self.dim)
        return tuple(parts[k] for k in range(self.parts))


@dataclass(frozen=True)
class Unbind(Op, name="unbind", family=FAMILY, flops=0):
    """All slices along one dimension, without it, as outputs 0, 1, ...; torch.unbind."""

    dim: int = arg(0, "the dimension that disappears")

    listed = True

    def num_outputs(self, x: Type) -> int:
        return int(x.shape[self.dim])

    def check(self, x: Type) -> str | None:
        if complaint := missing("unbind", x, (self.dim,)):
            return complaint
        if not isinstance(x.shape[self.dim], int):
            return f"unbind: dim {self.dim} of {x} is a size left free, so the number of outputs is not known"
        return None

    def forward(self, x: Any) -> Any:
        return torch.unbind(x, self.dim)


@dataclass(frozen=True)
class Select(Op, name="select", family=FAMILY, flops=0):
    """The slice at one position of a dimension, without that dimension; torch.select."""

    dim: int = arg(doc="the dimension that disappears")
    index: Size = arg(doc="the position; negative counts from the end")

    def check(self, x: Type) -> str | None:
        if complaint := missing("select", x, (self.dim,)):
            return complaint
        size = x.shape[self.dim]
        if isinstance(size, int) and isinstance(self.index, int) and not -size <= self.index < size:
            return f"select: position {self.index} does not exist in dim {self.dim} of {x}"
        return None

    def forward(self, x: Any) -> Any:
        return x.select(self.dim, self.index)


@dataclass(frozen=True)
class IndexSelect(Op, name="index_select", ports="x index", family=FAMILY, flops=0):
    """The slices of x at the positions in index [...] int64 along one dimension, which the index's own replace.

    torch.index_select, for an index of any rank: `x[:, index]`.
    """

    dim: int = arg(doc="the dimension")

    def check(self, x: Type, index: Type) -> str | None:
        if index.dtype not in ("int64", "int32"):
            return f"index_select needs an index of dtype int64 or int32, got {index}"
        return missing("index_select", x, (self.dim,))

    def forward(self, x: Any, index: Any) -> Any:
        every = (slice(None),) * (self.dim if self.dim >= 0 else -self.dim - 1)
        return x[(*every, index)] if self.dim >= 0 else x[(..., index, *every)]


@dataclass(frozen=True)
class Slice(Op, name="slice", family=FAMILY, flops=0):
    """`x[start:stop:step]` along each of the given dimensions, with Python's rules for negative positions."""

    dims: Ints = arg(doc="the dimensions")
    start: Size | Sizes | None = arg(None, "first position, for all dimensions or for each")
    stop: Size | Sizes | None = arg(None, "first position left out, for all dimensions or for each")
    step: Ints | None = arg(None, "distance between positions, for all dimensions or for each")

    def check(self, x: Type) -> str | None:
        for value in (self.start, self.stop, self.step):
            if isinstance(value, tuple) and len(value) != len(listed(self.dims)):
                return f"slice needs one number a dimension, got {list(value)} for dims={self.dims}"
        return missing("slice", x, listed(self.dims))

    def forward(self, x: Any) -> Any:
        dims = listed(self.dims)
        bounds = [v if isinstance(v, tuple) else (v,) * len(dims) for v in (self.start, self.stop, self.step)]
        for dim, *bound in zip(dims, *bounds, strict=True):
            part = slice(*bound)
            every = (slice(None),) * (dim if dim >= 0 else -dim - 1)
            x = x[(*every, part)] if dim >= 0 else x[(..., part, *every)]
        return x
