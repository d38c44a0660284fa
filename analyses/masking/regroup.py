"""Rules of the ops that merge and cut dimensions: places may become channels of one cell.

Where they do, an unknown place takes the mean of the known ones of its cell, and the cell is visible if any of its
places is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from graphwright.analyses.masking.shapes import moved, on_mask
from graphwright.analyses.masking.sight import Masker, Sight
from graphwright.compiler.ir.dims import Size, evaluate, symbols
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops.arithmetic import Clamp, Div
from graphwright.compiler.ops.comparison import Where
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.rearrange import Rearrange, Reduce, Repeat
from graphwright.compiler.ops.reduce import Mean
from graphwright.compiler.ops.shape import Expand, Reshape

#: Runs of dimensions of a reshape, before and after, that hold the same elements.
Blocks = list[tuple[tuple[int, ...], tuple[int, ...]]]


def rearranged(made: Masker, node: Node) -> None:
    """Dimensions in another order. Where places become channels, see `_gathered`."""
    sight = made.only(node)
    known = made.known(node, sight)
    op: Any = node.op.named(len(made.shape(known)))  # type: ignore[attr-defined]
    node = replace(node, op=op)
    left, sizes = op.parsed.left, made.shape(known)
    places = {a for group, size in zip(left, sizes, strict=True) if size != 1 for a in group}
    mixed = [group for group in op.parsed.right if not set(group) <= places and not places.isdisjoint(group)]
    gone = [a for group in mixed for a in group if a in places]
    if not gone:
        moved(made, node)
        return
    if any(group and places.isdisjoint(group) for group in op.parsed.right):  # channels are left, so others are places
        _more_places(made, node, sight, places)
        return
    axes, short = _side(left), _side([[a for a in g if a not in gone] for g in left])
    mean = Reduce(f"{axes} -> {short}", op.sizes)
    lengths = _lengths(made, node, op)
    back = Repeat(f"{short} -> {axes}", tuple((a, s) for a, s in lengths.items() if a in gone or a in dict(op.sizes)))
    made.keep(node, made.reading(node, _cell_means(made, node, made.now(node.reads[0]), known, mean, back)))
    widest = replace(mean, how="max")
    ones = {**dict(op.sizes), **{a: 1 for a in op.parsed.axes if a in gone or a not in places}}
    whole = Rearrange(op.pattern, tuple(ones.items()))

    def cells(mask: str) -> str:
        return made.mask(node, whole, made.seen(node, on_mask(made, node, widest, mask), mask))

    made.sights[node.name] = sight.through(cells)


def _more_places(made: Masker, node: Node, sight: Sight, places: set[str]) -> None:
    """Axes of channels, such as boxes at a place, that come to lie among places: each sees what its place sees."""
    op: Any = node.op
    lengths = _lengths(made, node, op)
    before = _side([g if places & set(g) else [] for g in op.parsed.left])
    after = _side([g if places & set(g) else [] for g in op.parsed.right])
    given = dict(op.sizes)
    new = {a for g in op.parsed.right if places & set(g) for a in g} - places
    sizes = {a: lengths[a] for g in op.parsed.right for a in g if a in new or (a in given and a in places)}
    made.keep(node)
    wider = Repeat(f"{before} -> {after}", tuple(sizes.items()))
    made.sights[node.name] = sight.through(lambda mask: made.mask(node, wider, mask))


def _side(groups: Sequence[Sequence[str]]) -> str:
    """Groups of axes as one side of a pattern."""
    return " ".join(g[0] if len(g) == 1 else f"({' '.join(g)})" if g else "1" for g in groups)


def _lengths(made: Masker, node: Node, op: Any) -> dict[str, Size]:
    """The size of each axis on the left that is known or follows from its group."""
    found: dict[str, Size] = dict(op.sizes)
    for group, size in zip(op.parsed.left, made.shape(made.now(node.reads[0])), strict=True):
        unknown = [a for a in group if a not in found]
        if len(unknown) == 1:
            others: Any = prod(found[a] for a in group if a != unknown[0])
            found[unknown[0]] = size // others
    return found


def _cell_means(made: Masker, node: Node, x: str, known: str, mean: Op, back: Op | None) -> str:
    """The value whose unknown places have the mean of the known ones that come to lie in the same cell."""
    zeros = made.fill(node, x, known, 0.0, "zeroed")
    total = made.add(node, "cell", mean, (zeros,))
    count = made.mask(node, on_mask(made, node, mean, known), made.number(node, known, x), word="share")
    average = made.add(node, "cell", Div(), (total, made.mask(node, Clamp(1e-12), count, word="share")))
    if back is not None:
        average = made.add(node, "cell", back, (average,))
    return made.add(node, "filled", Where(), {"condition": known, "x": x, "y": average})


def reshaped(made: Masker, node: Node) -> None:
    """Dimensions merged and cut: places with places and channels with channels, or see `_cell_means`.

    The published code has zeros for unknown places that a dense layer reads one by one.
    """
    sight = made.only(node)
    known = made.known(node, sight)
    x = made.now(node.reads[0])
    before = made.shape(x)
    after = node.outputs[0].shape
    blocks = _blocks(before, after, made.sizes)
    full = set(made.full(known))
    if (parts := _parted(blocks, full, before, after)) is not None:
        made.keep(node)
        made.sights[node.name] = sight.through(lambda mask: _wider(made, node, mask, parts, after))
        return
    mixed = [set(old) for old, _ in blocks if any(d not in full and before[d] != 1 for d in old)]
    gone = tuple(sorted(d for old in mixed for d in old & full))
    if not gone:
        made.keep(node)
        same = Reshape(_mask_shape(blocks, full, after))
        made.sights[node.name] = sight.through(lambda mask: made.mask(node, same, mask))
        return
    if made.official:
        filled = made.fill(node, x, known, 0.0)
    else:
        filled = _cell_means(made, node, x, known, Mean(gone, True), None)
    made.keep(node, made.reading(node, filled))
    merged = Reshape(_mask_shape(blocks, full - set(gone), after))
    made.sights[node.name] = sight.through(lambda mask: made.mask(node, merged, made.any(node, mask, gone)))


def _parted(
    blocks: Blocks, full: set[int], before: tuple[Size, ...], after: tuple[Size, ...]
) -> tuple[int, int, int] | None:
    """Where the last of a run of dimensions, channels, is cut and its first part joins the places before it, as in
    [N, H, W, A V] to [N, H W A, V]: its number, that of V, and A."""
    for old, new in blocks:
        wide, kept = before[old[-1]], after[new[-1]] if new else 1
        lone = len(new) > 1 and set(old[:-1]) <= full and bool(old[:-1]) and old[-1] not in full
        if lone and isinstance(wide, int) and isinstance(kept, int) and 1 < kept < wide and wide % kept == 0:
            return old[-1], new[-1], wide // kept
    return None


def _wider(made: Masker, node: Node, mask: str, parts: tuple[int, int, int], after: tuple[Size, ...]) -> str:
    """The mask of places that have become `times` as many."""
    channels, last, times = parts
    size = made.shape(mask)
    before, after = (*size[:channels], times, *size[channels + 1 :]), (*after[:last], 1, *after[last + 1 :])
    wide = made.mask(node, Expand(before), mask)
    return made.mask(node, Reshape(_mask_shape(_blocks(before, after, made.sizes), set(made.full(wide)), after)), wide)


def _mask_shape(blocks: Blocks, full: set[int], after: tuple[Size, ...]) -> tuple[Size, ...]:
    """The mask's sizes after: those of the value in blocks of places, 1 in blocks of channels."""
    shape: list[Size] = [1] * len(after)
    for old, new in blocks:
        if full & set(old):
            for d in new:
                shape[d] = after[d]
    return tuple(shape)


def _blocks(before: Sequence[Size], after: Sequence[Size], sizes: Mapping[str, int]) -> Blocks:
    """Runs of dimensions with equal products: the finest cut of a reshape."""
    free = sorted(frozenset().union(*(symbols(s) for s in (*before, *after))))
    numbers = {s: sizes.get(s, 10007 + 2 * k) for k, s in enumerate(free)}
    old, new = ([evaluate(s, numbers) for s in side] for side in (before, after))
    blocks: Blocks = []
    i = j = 0
    while i < len(old) or j < len(new):
        start = (i, j)
        left, right = 1, 1
        while (i, j) == start or left != right:
            if (left <= right and i < len(old)) or j >= len(new):
                left *= old[i]  # type: ignore[operator]
                i += 1
            else:
                right *= new[j]  # type: ignore[operator]
                j += 1
        blocks.append((tuple(range(start[0], i)), tuple(range(start[1], j))))
    return blocks
