"""Patterns in the notation of einops: `n (h a) w c -> n h w (a c)`.

Each side lists dimensions; a dimension in parentheses is a product of axes, the last one fastest; `1` is a
dimension of size one; `...` stands for any number of dimensions. Nothing here needs the rank of the tensor or
its sizes, so patterns record on proxies and stay right for any batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import torch

from graphwright.compiler.ir.dims import Size

DOTS = "..."
Group = tuple[str, ...]
Side = tuple[Group, ...]


class PatternError(ValueError):
    """What is wrong with a pattern, in words."""


@dataclass(frozen=True)
class Pattern:
    """Both sides of a pattern. A group of one axis is a plain dimension.

    On the left a `1` is an empty group; on the right it is an axis of its own, `1:k`.
    `flat` says that the right side has its `...` in parentheses.
    """

    left: Side
    right: Side
    flat: bool = False

    @property
    def axes(self) -> Group:
        """The axes of the left side, in order."""
        return tuple(a for group in self.left for a in group)

    @property
    def result(self) -> Group:
        """The axes of the right side, in order."""
        return tuple(a for group in self.right for a in group)


@cache
def parse(text: str) -> Pattern:
    """Both sides of `text`, each axis once a side."""
    sides = text.split("->")
    if len(sides) != 2:
        raise PatternError("it needs one '->'")
    right = tuple(group or (f"1:{k}",) for k, group in enumerate(_side(sides[1])))
    pattern = Pattern(_side(sides[0]), right, bool(re.search(r"\([^)]*(\.\.\.|…)", sides[1])))
    for axes, which in ((pattern.axes, "left"), (pattern.result, "right")):
        if twice := [a for a in axes if axes.count(a) > 1]:
            raise PatternError(f"axis '{twice[0]}' occurs twice on the {which}")
    if re.search(r"\([^)]*(\.\.\.|…)", sides[0]):
        raise PatternError("'...' cannot stand in parentheses on the left")
    if DOTS in pattern.result and DOTS not in pattern.axes:
        raise PatternError("'...' on the right needs '...' on the left")
    return pattern


def _side(text: str) -> Side:
    groups: list[Group] = []
    inside: list[str] | None = None
    for token in re.findall(r"\.\.\.|[A-Za-z_][A-Za-z_0-9]*|\S", text.replace("…", DOTS)):
        if token == "(" and inside is None:
            inside = []
        elif token == ")" and inside is not None:
            groups.append(tuple(inside))
            inside = None
        elif token != DOTS and not token.isidentifier() and token != "1":
            raise PatternError(f"'{token}' is no axis name, 1, ... or pair of parentheses")
        elif inside is not None:
            inside += [] if token == "1" else [token]
        else:
            groups.append(() if token == "1" else (token,))
    if inside is not None:
        raise PatternError("a '(' is not closed")
    return tuple(groups)


def complaint(pattern: Pattern, shape: tuple[Size, ...], sizes: Mapping[str, Size]) -> str | None:
    """Why a tensor of this shape does not fit the left side, if so."""
    groups, fixed = pattern.left, sum(group != (DOTS,) for group in pattern.left)
    if DOTS in pattern.axes and len(shape) >= fixed:
        at = groups.index((DOTS,))
        spread = ((DOTS,),) * (len(shape) - fixed)
        groups = groups[:at] + spread + groups[at + 1 :]
        if not spread and pattern.flat:
            return "'...' stands for no dimension here, and cannot in parentheses"
    if len(groups) != len(shape):
        return (
            f"the left side has {fixed} dimensions{' or more' if DOTS in pattern.axes else ''}, the input {len(shape)}"
        )
    for group, size in zip(groups, shape, strict=True):
        if group != (DOTS,) and (problem := _misfit(group, size, sizes)):
            return problem
    return None


def _misfit(group: Group, size: Size, sizes: Mapping[str, Size]) -> str | None:
    """Why a dimension of this size is not the product of the group's axes, if so."""
    text = f"({' '.join(group)})" if len(group) != 1 else group[0]
    unknown = [a for a in group if a not in sizes]
    if len(unknown) > 1:
        return f"the sizes of {' and '.join(unknown)} in {text} are not known; give all but one in 'sizes'"
    known = [sizes[a] for a in group if a in sizes]
    if any(isinstance(s, int) and s < 1 for s in known):
        return f"the sizes of {text} must be positive, got {', '.join(map(str, known))}"
    product = prod(known)
    if not isinstance(product, int) or not isinstance(size, int):
        return None
    if unknown and size % product:
        return f"dimension {text} of size {size} is not divisible by {product}"
    if not unknown and size != product:
        return f"dimension {text if group else '1'} has size {size}, not {product}"
    return None


def split(x: Any, pattern: Pattern, sizes: Mapping[str, Any]) -> Any:
    """`x` with one dimension per axis of the left side: groups unfolded, ones removed."""
    for place, group in _inwards(pattern.left):
        if len(group) > 1:
            x = torch.unflatten(x, place, tuple(sizes.get(a, -1) for a in group))
        elif not group:
            x = torch.squeeze(x, place)
    return x


def _inwards(side: Side) -> list[tuple[int, Group]]:
    """Places and groups from the ends towards '...': a change there leaves the places still to come as they are.

    Dimensions before '...' count from the front and are taken from the last one; those after it count from the back.
    """
    at = side.index((DOTS,)) if (DOTS,) in side else len(side)
    front = [(k, side[k]) for k in reversed(range(at))]
    return front + [(k - len(side), side[k]) for k in range(at + 1, len(side))]


def order(x: Any, axes: Group, wanted: Group) -> Any:
    """`x` with dimensions `axes`, in the order `wanted`; '...' may be among them on both sides."""
    if axes == wanted:
        return x
    if DOTS not in axes:
        return torch.permute(x, tuple(axes.index(a) for a in wanted))
    moved = [a for a in wanted if a != DOTS]
    return torch.movedim(x, tuple(place(axes, a) for a in moved), tuple(place(wanted, a) for a in moved))


def place(axes: Group, axis: str) -> int:
    """The number of a dimension: from the front before '...', from the back after it."""
    at = axes.index(axis)
    return at if DOTS not in axes or at < axes.index(DOTS) else at - len(axes)


def insert(x: Any, axes: Group, wanted: Group, sizes: Mapping[str, Any]) -> Any:
    """`x` with the missing ones of the axes `wanted`, in order: ones for a `1`, else repeated to their sizes."""
    axes = tuple(a for a in wanted if a in axes)
    absent = [a for a in wanted if a not in axes]
    for axis in sorted(absent, key=lambda a: abs(place(wanted, a))):
        x = torch.unsqueeze(x, place(wanted, axis))
    repeated = [a for a in absent if a in sizes]
    if repeated and DOTS not in wanted:
        return x.expand(tuple(sizes[a] if a in repeated else -1 for a in wanted))
    for axis in repeated:
        x = torch.repeat_interleave(x, sizes[axis], place(wanted, axis))
    return x


def merge(x: Any, pattern: Pattern) -> Any:
    """`x` with the axes of the right side grouped as it says."""
    axes = list(pattern.result)
    for group in pattern.right:
        if len(group) == 1 and not (group == (DOTS,) and pattern.flat):
            continue
        first, last = axes.index(group[0]), axes.index(group[-1])
        dots = axes.index(DOTS) if DOTS in axes else len(axes)
        x = torch.flatten(x, first if first <= dots else first - len(axes), last if last < dots else last - len(axes))
        axes[first : last + 1] = [" ".join(group)]
    return x
