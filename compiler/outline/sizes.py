"""The sizes of a block's inputs, and what other numbers are of them: multiples, parts, products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import Type
from graphwright.compiler.outline.arguments import ABSENT, Column, Word, same

_LETTERS = {1: "N", 2: "NC", 3: "NTC", 4: "NCHW", 5: "NCDHW"}
#: Sizes with more terms are not multiplied.
_TERMS = 2


@dataclass(eq=False)
class Size(Column):
    """A size of an input; `channels` where it is the dimension that convolutions and linear layers make."""

    port: int = 0
    channels: bool = False


def input_sizes(inputs: list[list[Type]]) -> Iterator[Size]:
    """The sizes of all inputs whose rank never changes, with letters for names."""
    taken: set[str] = set()
    for port, kinds in enumerate(inputs):
        if not kinds:  # a list of values
            continue
        rank = kinds[0].rank
        if any(k.rank != rank for k in kinds) or rank == 0:
            continue
        letters = _LETTERS.get(rank, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:rank])
        last = rank == 4 and all(k.shape[1] == k.shape[2] != k.shape[3] for k in kinds)
        letters = "NHWC" if last else letters
        for axis, letter in enumerate(letters):
            name = letter if letter not in taken else f"{letter}{port + 1}"
            taken.add(name)
            yield Size(Word(name, name), [k.shape[axis] for k in kinds], port=port, channels=letter == "C")


def times(a: list[Any], b: list[Any]) -> list[Any] | None:
    """The products of two sizes, unless they are sums whose products grow long."""
    if any(isinstance(x, Dim) and len(x.terms) > _TERMS for x in (*a, *b)):
        return None
    return [x * y for x, y in zip(a, b, strict=True)]


def ratio(values: list[Any], others: list[Any]) -> tuple[str, str] | None:
    """The text before and after a size or param of which the values are a multiple or a part."""
    pairs = [(v, o) for v, o in zip(values, others, strict=True) if v is not ABSENT]
    if any(o is ABSENT for _, o in pairs):
        return None
    if factor := multiple([v for v, _ in pairs], [o for _, o in pairs]):
        return (f"{factor} * ", "")
    if (part := multiple([o for _, o in pairs], [v for v, _ in pairs])) and all(o // part == v for v, o in pairs):
        return ("", f" // {part}")
    return None


def halves(padding: list[Any], kernel: list[Any]) -> bool:
    """Whether a padding keeps the size of what an odd kernel slides over."""
    return all(type(p) is int and type(k) is int and p == k // 2 for p, k in zip(padding, kernel, strict=True))


def multiple(values: list[Any], others: list[Any]) -> int | None:
    """The whole number > 1 that all values are of the others."""
    if any(isinstance(v, bool) or not isinstance(v, (int, Dim)) for v in (*values, *others)) or not values:
        return None
    first, other = values[0], others[0]
    if isinstance(first, Dim) and isinstance(other, Dim):
        monomial = next(iter(other.terms))
        factor = first.terms.get(monomial, 0) // other.terms[monomial]
    elif isinstance(first, int) and isinstance(other, int):
        factor = first // other if other else 0
    else:
        return None
    return factor if factor > 1 and all(same(v, factor * o) for v, o in zip(values, others, strict=True)) else None
