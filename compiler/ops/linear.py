"""Matrix products: linear maps, tables of vectors, contractions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, arg

FAMILY = "linear"


@dataclass(frozen=True)
class Linear(Op, name="linear", ports="x:float", family=FAMILY):
    """`y = x weight^T + bias` over the last dimension, weight [out, in]; torch.nn.Linear."""

    out: int = arg(doc="output features", min=1)
    bias: bool = arg(True, "add a learned bias")

    def check(self, x: Type) -> str | None:
        if x.rank == 0 or not isinstance(x.shape[-1], int):
            return f"linear needs a fixed last size, got {x}"
        return None

    def result(self, x: Type) -> tuple[Type, ...]:
        """The sizes of x but for the last."""
        return (Type((*x.shape[:-1], self.out), x.dtype),)

    def module(self, x: Type) -> nn.Module:
        return nn.Linear(int(x.shape[-1]), self.out, self.bias, device="meta")

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Output elements times input features."""
        return outputs[0].numel() * inputs[0].shape[-1]


@dataclass(frozen=True)
class Bilinear(Op, name="bilinear", ports="x y", family=FAMILY):
    """`z_o = x^T weight_o y + bias_o` over the last dimensions, weight [out, X, Y]; torch.nn.Bilinear."""

    out: int = arg(doc="output features", min=1)
    bias: bool = arg(True, "add a learned bias")

    def check(self, x: Type, y: Type) -> str | None:
        if odd := [t for t in (x, y) if t.rank == 0 or not isinstance(t.shape[-1], int)]:
            return f"bilinear needs fixed last sizes, got {odd[0]}"
        return None

    def module(self, x: Type, y: Type) -> nn.Module:
        return nn.Bilinear(int(x.shape[-1]), int(y.shape[-1]), self.out, self.bias, device="meta")

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Output elements times (X + 1) Y: a matrix-vector product and a dot product each."""
        return outputs[0].numel() * (inputs[0].shape[-1] + 1) * inputs[1].shape[-1]


class Rows(nn.Embedding):
    """torch.nn.Embedding, called with the port `table` left out."""

    def forward(self, index: torch.Tensor, table: None = None) -> torch.Tensor:
        return super().forward(index)


@dataclass(frozen=True)
class Embedding(Op, name="embedding", ports="index table?", family=FAMILY, flops=0):
    """Rows of a table [count, dim] at the positions of index [...] int64, as [..., dim]; torch.nn.Embedding.

    The table is the layer's own `weight`, unless another value is given as `table`.
    """

    count: int | None = arg(None, "rows of the layer's own table", min=1)
    dim: int | None = arg(None, "width of the layer's own table", min=1)

    def check(self, index: Type, table: Type | None) -> str | None:
        if index.dtype not in ("int64", "int32"):
            return f"embedding needs an index of dtype int64 or int32, got {index}"
        if table is None and None in (self.count, self.dim):
            return "embedding needs 'count' and 'dim', or a table"
        if table is not None and (self.count, self.dim) != (None, None):
            return f"embedding takes its size from the given table, {table}; leave out 'count' and 'dim'"
        return None

    def module(self, index: Type, table: Type | None) -> nn.Module | None:
        if table is not None or self.count is None or self.dim is None:
            return None
        return Rows(self.count, self.dim, device="meta")

    def forward(self, index: Any, table: Any = None) -> Any:
        return F.embedding(index, table)


@dataclass(frozen=True)
class Matmul(Op, name="matmul", ports="x:number y:number", family=FAMILY):
    """`x y` over the last two dimensions, the others broadcast; torch.matmul."""

    def check(self, x: Type, y: Type) -> str | None:
        if not x.rank or not y.rank:
            return f"matmul needs at least one dimension: {x} and {y}"
        inner = y.shape[-2] if y.rank > 1 else y.shape[0]
        difference = x.shape[-1] - inner
        if isinstance(difference, int) and difference:
            return f"matmul needs equal inner sizes: {x.shape[-1]} of {x} and {inner} of {y}"
        return None

    def forward(self, x: Any, y: Any) -> Any:
        return torch.matmul(x, y)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Output elements times the inner size."""
        return outputs[0].numel() * inputs[0].shape[-1]


@dataclass(frozen=True)
class Einsum(Op, name="einsum", ports="x*:number", family=FAMILY):
    """Products summed over the letters that the result does not name, such as `bqd,bkd->bqk`; torch.einsum."""

    equation: str = arg(doc="one group of letters per value, and those of the result after ->")

    def terms(self) -> tuple[tuple[str, ...], str]:
        """The letters of each input, and of the result."""
        left, _, right = self.equation.replace(" ", "").partition("->")
        return tuple(left.split(",")), right

    def check(self, xs: tuple[Type, ...]) -> str | None:
        groups, result = self.terms()
        if "->" not in self.equation or not all(re.fullmatch(r"[A-Za-z]*", t) for t in (*groups, result)):
            return f"einsum: '{self.equation}' must be letters, commas and one '->'"
        if len(groups) != len(xs):
            return f"einsum: '{self.equation}' names {len(groups)} values, got {len(xs)}"
        for letters, x in zip(groups, xs, strict=True):
            if len(letters) != x.rank:
                return f"einsum: '{letters}' of '{self.equation}' does not fit {x}"
        return _unequal(self.equation, groups, xs)

    def forward(self, xs: tuple[Any, ...]) -> Any:
        return torch.einsum(self.equation, *xs)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size | None:
        """The product of the sizes of all letters, for up to two values; torch chooses the order of more."""
        if len(inputs) > 2:
            return None
        groups, _ = self.terms()
        sizes = {c: s for g, x in zip(groups, inputs, strict=True) for c, s in zip(g, x.shape, strict=True)}
        return prod(sizes.values())


def _unequal(equation: str, groups: tuple[str, ...], xs: tuple[Type, ...]) -> str | None:
    """The complaint about a letter that stands for two different sizes."""
    sizes: dict[str, Size] = {}
    for letters, x in zip(groups, xs, strict=True):
        for letter, size in zip(letters, x.shape, strict=True):
            difference = size - sizes.setdefault(letter, size)
            if isinstance(difference, int) and difference:
                return f"einsum: '{letter}' of '{equation}' is {sizes[letter]} and {size}"
    return None
