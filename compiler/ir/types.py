"""Types of values: a dtype and a shape whose sizes may be symbolic. Prints as `float32[N, 3, H]`."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch

from graphwright.compiler.ir.dims import Dim, Size, evaluate, symbols

#: dtypes a spec can name; torch's names.
DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        "float32",
        "float64",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "bool",
        "complex64",
    )
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Type:
    """The type of one tensor."""

    shape: tuple[Size, ...]
    dtype: str = "float32"

    @cached_property
    def _hash(self) -> int:
        return hash((self.shape, self.dtype))

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    @property
    def rank(self) -> int:
        return len(self.shape)

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The free sizes of the shape."""
        return frozenset().union(*(symbols(s) for s in self.shape))

    def numel(self) -> Size:
        """How many elements the tensor has."""
        return prod(self.shape)

    def nbytes(self) -> Size:
        """How many bytes the tensor takes."""
        return self.numel() * DTYPES[self.dtype].itemsize

    def at(self, values: Mapping[str, int]) -> Type:
        """The type with numbers in place of symbols."""
        return Type(tuple(evaluate(s, values) for s in self.shape), self.dtype) if self.symbols else self  # type: ignore[misc]


_DIM_OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip


def parse_size(text: str) -> Size:
    """The inverse of `str(size)`; ValueError for any other text."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError:
        raise ValueError(f"{text!r} is not a size") from None
    return _size(tree.body)


def _size(tree: ast.expr) -> Size:
    match tree:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return Dim.symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_size(inner)
        case ast.Call(func=ast.Name(id="ceil"), args=[ast.BinOp(left=top, op=ast.Div(), right=by)]):
            negative: Size = -_size(top)
            return -(negative // _size(by))  # type: ignore[operator]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _DIM_OPERATORS:
            return _DIM_OPERATORS[type(op)](_size(left), _size(right))  # type: ignore[no-any-return]
    raise ValueError(f"{ast.unparse(tree)!r} is not a size")


def split_sizes(text: str) -> list[str]:
    """The comma-separated parts of a shape, commas inside parentheses left alone."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def parse_type(text: str) -> Type:
    """The inverse of `str(type)`."""
    dtype, _, inside = text.partition("[")
    return Type(tuple(parse_size(s) for s in split_sizes(inside.rstrip("]"))), dtype or "float32")
