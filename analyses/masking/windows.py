"""Rules of the ops that mix neighbouring places: convolutions, pooling, averages, statistics."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphwright.analyses.masking.shapes import on_mask
from graphwright.analyses.masking.sight import Masker, Sight, refuse
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops.comparison import Gt, Where
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.masking import AnyPool2d, AnyTranspose2d, NeighborPadding, VisibleMoments
from graphwright.compiler.ops.op import Op, spread
from graphwright.compiler.ops.reduce import Amax, Mean
from graphwright.compiler.ops.shape import Reshape

#: What the published code adds to the number of neighbours, and to the visible share of a map.
OFFICIAL_NEIGHBOURS, OFFICIAL_SHARE = 1e-5, 1e-8


def convolution(made: Masker, node: Node) -> None:
    """The value's unknown cells are filled as far as the kernel reaches; its window sees if any cell of it does."""
    op: Any = node.op
    sight, x = made.only(node), made.now(node.reads[0])
    reach = tuple((k - 1) * d for k, d in zip(spread(op.kernel, 2), spread(op.dilation, 2), strict=True))
    if made.padding == "partial":
        _partial(made, node, sight)
    elif made.padding == "none":
        made.keep(node, made.reading(node, made.fill(node, x, made.known(node, sight), 0.0)))
    else:
        made.keep(node, made.reading(node, padded(made, node, sight, max(reach))))
    made.sights[node.name] = windowed(made, node, sight, min(reach))


def transposed(made: Masker, node: Node) -> None:
    """As a convolution; an output cell reads inputs at most `(k - 1) d / s` apart."""
    op: Any = node.op
    sight = made.only(node)
    kernel, stride, dilation = (spread(v, 2) for v in (op.kernel, op.stride, op.dilation))
    reach = max((k - 1) * d // s for k, d, s in zip(kernel, dilation, stride, strict=True))
    if made.padding == "partial":
        _partial(made, node, sight)
    elif made.padding == "none":
        made.keep(node, made.reading(node, made.fill(node, made.now(node.reads[0]), made.known(node, sight), 0.0)))
    else:
        made.keep(node, made.reading(node, padded(made, node, sight, reach)))
    seen = AnyTranspose2d(op.kernel, op.stride, op.padding, op.output_padding, op.dilation)
    gaps = any(spread(op.output_padding, 2)) or any(d > 1 or s > k for k, d, s in
                                                    zip(kernel, dilation, stride, strict=True))  # fmt: skip
    inside = sight.inside or (made.all_true(node, sight.visible) if gaps else None)
    made.sights[node.name] = Sight(
        made.mask(node, seen, sight.visible), made.mask(node, seen, inside, word="inside") if inside else None,
        max(stride) * (sight.border + 1) + max(spread(op.output_padding, 2)),
    )  # fmt: skip


def padded(made: Masker, node: Node, sight: Sight, reach: int) -> str:
    """What the node reads, its unknown cells filled from their neighbours `reach` cells deep."""
    x = made.now(node.reads[0])
    if made.official:
        reach += 1 if reach else 0
    if reach == 0:
        return x
    reads = {"x": x, "mask": sight.visible, **({"inside": sight.inside} if sight.inside else {})}
    return made.add(node, "filled", NeighborPadding(reach, OFFICIAL_NEIGHBOURS if made.official else 0.0), reads)


def windowed(made: Masker, node: Node, sight: Sight, reach: int) -> Sight:
    """What a window op sees. A border is forgotten once every window has a cell of the map in it."""
    op: Any = node.op
    seen = AnyPool2d(op.kernel, _stride(op), op.padding if op.padding != "valid" else 0,
                     getattr(op, "dilation", 1), getattr(op, "ceil", False))  # fmt: skip
    if op.padding != "same" and seen == AnyPool2d(kernel=seen.kernel) and set(spread(seen.kernel, 2)) == {1}:
        return sight
    own = 0 if isinstance(op.padding, str) else max(spread(op.padding, 2))
    border = sight.border + own
    inside = None
    if border > reach:
        inside = made.mask(node, seen, sight.inside or made.all_true(node, sight.visible), word="inside")
    return Sight(made.mask(node, seen, sight.visible), inside, border if inside else 0)


def _stride(op: Any) -> Any:
    return op.step if hasattr(op, "step") else op.stride


def _partial(made: Masker, node: Node, sight: Sight) -> None:
    """Partial convolution: zeros for what is unknown, and the sum over the known scaled up to the whole window.

    arXiv:1804.07723; the bias is not scaled.
    """
    op: Any = node.op
    known = made.known(node, sight)
    (y, *_) = made.keep(node, made.reading(node, made.fill(node, made.now(node.reads[0]), known, 0.0)))
    ones, count = _taps(made, node)
    found = [
        made.masks(node, count, {"x": made.number(node, m, y), "weight": ones}, "count")[0]
        for m in (known, made.all_true(node, known))
    ]
    reads = {"y": y, "count": found[0], "whole": found[1]}
    value = "y * (whole / max(count, 1.0))"
    if bias := made.parameter(node, "bias"):
        reads["bias"] = made.add(node, "bias", Reshape((op.out, 1, 1)), (made.now(bias),))
        value += " + bias * (1.0 - whole / max(count, 1.0))"
    made.values[node.name] = made.add(node, "partial", Formula(value, names=tuple(reads)), reads)


def _taps(made: Masker, node: Node) -> tuple[str, Op]:
    """A kernel of ones, and the layer that counts with it how many elements each window has."""
    op: Any = node.op
    high, wide = spread(op.kernel, 2)
    ones = made.mask(node, Formula("1.0 + 0.0 * (i + j)", (("i", high), ("j", wide))), word="ones")
    ones = made.mask(node, Reshape((1, 1, high, wide)), ones, word="ones")
    mode = {"padding_mode": "zeros"} if hasattr(op, "padding_mode") else {}
    return ones, replace(op, out=1, groups=1, bias=False, **mode)


def maximum(made: Masker, node: Node) -> None:
    """The largest visible element; the published code lets masked zeros compete."""
    op: Any = node.op
    sight = made.only(node)
    least = op.name in ("amin", "min")
    lowest = 0.0 if made.official else float("inf") if least else float("-inf")
    known = made.known(node, sight)
    made.keep(node, made.reading(node, made.fill(node, made.now(node.reads[0]), known, lowest)))
    if op.name == "max_pool2d":
        found = windowed(made, node, sight, min(k - 1 for k in op.window))
    else:
        found = Sight(_reduced(made, node, sight.visible))
    made.sights[node.name] = found
    if not made.official:
        made.values[node.name] = made.fill(node, node.name, made.known(node, found), 0.0)


def average(made: Masker, node: Node) -> None:
    """The mean over what is visible: the op on zeros for the rest, divided by the share that is visible.

    The published code divides so where the whole map is averaged, and not in windows.
    """
    op: Any = node.op
    sight = made.only(node)
    known = made.known(node, sight)
    x = made.now(node.reads[0])
    (y, *_) = made.keep(node, made.reading(node, made.fill(node, x, known, 0.0)))
    whole = sight.inside or made.all_true(node, known)
    share, ones = (
        made.mask(node, on_mask(made, node, op, m), made.number(node, m, x), word="share")
        for m in (sight.visible, whole)
    )
    visible = made.mask(node, Gt(0.0), share)
    # a window that lies in a border is a border too
    inside = made.mask(node, Gt(0.0), ones, word="inside") if sight.inside else None
    made.sights[node.name] = Sight(visible, inside, sight.border if inside else 0)
    if made.official and op.name == "avg_pool2d":
        return
    share_of = f"(share + {OFFICIAL_SHARE})" if made.official else "max(share, 1e-12)"
    reads = {"y": y, "share": share, "whole": ones}
    made.values[node.name] = made.add(node, "mean", Formula(f"y * (whole / {share_of})", names=tuple(reads)), reads)


def reduction(made: Masker, node: Node) -> None:
    """A reduction over places averages what is visible; one over channels leaves places as they are."""
    op: Any = node.op
    sight = made.only(node)
    rank = made.types[made.now(node.reads[0])].rank
    axes = range(rank) if op.dims is None else [d % rank for d in spread(op.dims, 1)]
    if set(axes) & set(made.full(made.known(node, sight))):
        (average if op.name in ("mean", "sum") else maximum)(made, node)
        return
    made.keep(node)
    made.sights[node.name] = sight.through(lambda mask: _reduced(made, node, mask))


def variance(made: Masker, node: Node) -> None:
    """Variance over places is that of what is visible.

    Unknown places take the mean of the known ones, and so add nothing: the op finds `share` times the variance.
    """
    op: Any = node.op
    sight = made.only(node)
    x, known = made.now(node.reads[0]), made.known(node, sight)
    axes = range(made.types[x].rank) if op.dims is None else [d % made.types[x].rank for d in spread(op.dims, 1)]
    if not set(axes) & set(made.full(known)):
        reduction(made, node)
        return
    if op.correction:
        raise refuse(node, f"a variance over places with correction={op.correction}", "correction: 0 has a rule")
    mean = Mean(op.dims, True)
    total = made.add(node, "total", mean, (made.fill(node, x, known, 0.0, "zeroed"),))
    share = made.mask(node, on_mask(made, node, mean, known), made.number(node, known, x), word="share")
    reads = {"y": total, "share": share}
    middle = made.add(node, "middle", Formula("y / max(share, 1e-12)", names=tuple(reads)), reads)
    filled = made.add(node, "filled", Where(), {"condition": known, "x": x, "y": middle})
    (y, *_) = made.keep(node, made.reading(node, filled))
    if not op.keep:
        share = made.mask(node, replace(mean, keep=False), made.number(node, known, x), word="share")
    rule = "y / max(share, 1e-12)" if op.name == "var" else "y / sqrt(max(share, 1e-12))"
    reads = {"y": y, "share": share}
    made.values[node.name] = made.add(node, op.name, Formula(rule, names=tuple(reads)), reads)
    made.sights[node.name] = sight.through(lambda mask: _reduced(made, node, mask))


def patterned(made: Masker, node: Node) -> None:
    """`reduce` by a pattern: as the reduction it names."""
    op: Any = node.op
    made.only(node)
    if op.how == "prod":
        raise refuse(node, "a product over places is not defined where some are unknown")
    if op.how in ("mean", "sum"):
        average(made, node)
    else:
        maximum(made, node)


def _reduced(made: Masker, node: Node, mask: str) -> str:
    op: Any = on_mask(made, node, node.op, mask)
    if op.name in ("mean", "sum", "min", "max", "amin", "amax", "var", "std"):
        op = Amax(op.dims, op.keep)
    elif op.name == "reduce":
        op = replace(op, how="max")
    return made.seen(node, op, mask)


def moments(made: Masker, node: Node) -> None:
    """Instance, group and layer norm over places: mean and variance are those of what is visible.

    Unknown cells take the mean, so that the op finds the right mean and `share` times the variance; its output is then
    `y r + bias (1 - r)` with `r = sqrt((share variance + eps) / (variance + eps))`.
    """
    op: Any = node.op
    sight = made.only(node)
    x, known = made.now(node.reads[0]), made.known(node, sight)
    channels = int(made.shape(x)[1])
    groups = {"group_norm": getattr(op, "groups", 1), "instance_norm": channels}.get(op.name, 1)
    stats = made.add_many(node, "moments", VisibleMoments(groups), {"x": x, "mask": known})
    filled = made.add(node, "filled", Where(), {"condition": known, "x": x, "y": stats[0]})
    (y, *_) = made.keep(node, made.reading(node, filled))
    ratio = f"sqrt((share * variance + {op.eps}) / (variance + {op.eps}))"
    reads = {"y": y, "variance": stats[1], "share": stats[2]}
    value = f"y * {ratio}"
    if op.affine and getattr(op, "bias", True):
        per_channel = (channels, *(1,) * (made.types[x].rank - 2))
        reads["bias"] = made.now(str(made.parameter(node, "bias")))
        if op.name != "layer_norm":
            reads["bias"] = made.add(node, "bias", Reshape(per_channel), (reads["bias"],))
        value += f" + bias * (1.0 - {ratio})"
    made.values[node.name] = made.add(node, "normed", Formula(value, names=tuple(reads)), reads)
    made.sights[node.name] = sight
