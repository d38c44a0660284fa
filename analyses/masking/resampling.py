"""Rules of the ops that read maps at other places: resizing, pixels to channels and back, columns, given positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphwright.analyses.masking.sight import Masker, Sight, refuse
from graphwright.analyses.masking.windows import average, padded, windowed
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops.comparison import Gt, LogicalNot, LogicalOr, Where
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.masking import AnyPool2d
from graphwright.compiler.ops.op import spread
from graphwright.compiler.ops.pooling import AvgPool2d
from graphwright.compiler.ops.resize import Interpolate
from graphwright.compiler.ops.shape import Expand, Flatten


def resized(made: Masker, node: Node) -> None:
    """Copies see what they copy; a weighted mean of neighbours is taken over the visible ones."""
    op: Any = node.op
    sight = made.only(node)
    if op.mode == "bicubic":
        raise refuse(node, "bicubic weights may be negative, so a mean over some neighbours is not defined",
                     "mode: bilinear")  # fmt: skip
    if op.mode not in ("nearest", "nearest-exact"):
        average(made, node)
        return
    made.keep(node)
    made.sights[node.name] = sight.through(lambda mask: made.seen(node, op, mask))


def shuffled(made: Masker, node: Node) -> None:
    """Pixels out of channels: each sees what its cell sees."""
    op: Any = node.op
    sight = made.only(node)
    made.keep(node)
    larger = Interpolate(scale=float(op.factor))
    made.sights[node.name] = sight.through(lambda mask: made.seen(node, larger, mask))


def unshuffled(made: Masker, node: Node) -> None:
    """Channels out of pixels: as a convolution whose kernel and stride are the factor.

    With partial convolution, which has no sum here to scale, an unknown pixel takes its cell's mean.
    """
    op: Any = node.op
    sight, x = made.only(node), made.now(node.reads[0])
    if made.padding == "neighbor":
        x = padded(made, node, sight, op.factor - 1)
    elif made.padding == "none":
        x = made.fill(node, x, made.known(node, sight), 0.0)
    else:
        x = _cell_mean(made, node, sight, x)
    made.keep(node, made.reading(node, x))
    cells = AnyPool2d(op.factor, op.factor)
    made.sights[node.name] = sight.through(lambda mask: made.mask(node, cells, mask))


def _cell_mean(made: Masker, node: Node, sight: Sight, x: str) -> str:
    op: Any = node.op
    known = made.known(node, sight)
    mean = AvgPool2d(op.factor)
    total = made.add(node, "cell", mean, (made.fill(node, x, known, 0.0, "zeroed"),))
    share = made.mask(node, mean, made.number(node, known, x), word="share")
    quotient = Formula("y / max(share, 1e-12)", names=("y", "share"))
    average = made.add(node, "cell", quotient, {"y": total, "share": share})
    average = made.add(node, "cell", Interpolate(scale=float(op.factor)), (average,))
    return made.add(node, "filled", Where(), {"condition": known, "x": x, "y": average})


def unfolded(made: Masker, node: Node) -> None:
    """Windows as columns: filled as for a convolution, and visible if any place of the window is."""
    op: Any = node.op
    sight, x = made.only(node), made.now(node.reads[0])
    reach = tuple((k - 1) * d for k, d in zip(spread(op.kernel, 2), spread(op.dilation, 2), strict=True))
    if made.padding == "neighbor":
        x = padded(made, node, sight, max(reach))
    else:
        x = made.fill(node, x, made.known(node, sight), 0.0)
    made.keep(node, made.reading(node, x))
    seen = windowed(made, node, sight, min(reach))
    made.sights[node.name] = replace(seen.through(lambda mask: made.mask(node, Flatten(2), mask)), border=0)


def folded(made: Masker, node: Node) -> None:
    """Columns added up at their places: the sum over visible ones, scaled up to all that reach the place."""
    op: Any = node.op
    sight = made.only(node)
    known = made.known(node, sight)
    x = made.now(node.reads[0])
    (y, *_) = made.keep(node, made.reading(node, made.fill(node, x, known, 0.0)))
    high, wide = spread(op.kernel, 2)
    batch, one, length = made.shape(known)
    if one != 1:
        raise refuse(node, "elements of a column are masked each for itself")
    counts = []
    for mask in (known, made.all_true(node, known)):
        columns = made.mask(node, Expand((batch, high * wide, length)), made.number(node, mask, x), word="share")
        counts.append(made.mask(node, op, columns, word="share"))
    made.sights[node.name] = Sight(made.mask(node, Gt(0.0), counts[0]))
    reads = {"y": y, "share": counts[0], "whole": counts[1]}
    made.values[node.name] = made.add(node, "mean", Formula("y * (whole / max(share, 1.0))", names=tuple(reads)), reads)


def sampled(made: Masker, node: Node) -> None:
    """Reading at given positions: the weighted mean of the visible pixels among those that are read."""
    op: Any = node.op
    sight = made.only(node)
    if op.mode == "bicubic":
        raise refuse(node, "bicubic weights may be negative, so a mean over some neighbours is not defined",
                     "mode: bilinear")  # fmt: skip
    known, (x, grid) = made.known(node, sight), (made.now(v) for v in node.reads)
    (y, *_) = made.keep(node, made.reading(node, made.fill(node, x, known, 0.0)))
    share, whole = (
        made.masks(node, op, {"x": made.number(node, m, x), "grid": grid}, "share")[0]
        for m in (known, made.all_true(node, known))
    )
    outside = made.mask(node, LogicalNot(), made.mask(node, Gt(0.0), whole), word="outside")
    made.sights[node.name] = Sight(made.mask(node, LogicalOr(), made.mask(node, Gt(0.0), share), outside))
    reads = {"y": y, "share": share, "whole": whole}
    mean = Formula("y * (whole / max(share, 1e-12))", names=tuple(reads))
    made.values[node.name] = made.add(node, "mean", mean, reads)
