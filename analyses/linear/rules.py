"""What each op does to probes: one rule an op, in one table. An op that is not in it has no rule, and is refused.

A rule says which inputs carry the signal (the others are decisions, read off lane 0), and emits the probe's nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from graphwright.analyses.linear import norms, products
from graphwright.analyses.linear.lanes import Lanes
from graphwright.analyses.linear.scalar import SECANTS
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops import (
    activation,
    arithmetic,
    attention,
    comparison,
    constant,
    convolution,
    formula,
    join,
    linear,
    pooling,
    random,
    rearrange,
    reduce,
    resize,
    shape,
    windows,
)  # fmt: skip
from graphwright.compiler.ops.op import FLOATING, Op

Values = str | tuple[str, ...]


def every(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """All inputs carry the signal."""
    return node.reads


def first(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """The first input carries the signal; the others are decisions."""
    return node.reads[:1]


def none(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """A decision itself: it carries no signal."""
    return ()


@dataclass(frozen=True)
class Rule:
    """How an op is frozen. `fits` says what keeps the rule from applying to a node, or `None`."""

    emit: Callable[[Lanes, Node], Values]
    carries: Callable[[Lanes, Node], tuple[str, ...]] = every
    fits: Callable[[Lanes, Node], str | None] = lambda lanes, node: None


# -- linear ops: themselves ---------------------------------------------------------------------
def _itself(lanes: Lanes, node: Node) -> Values:
    return lanes.again(node, [lanes.z(node, v) for v in node.reads])


def _unchanged(lanes: Lanes, node: Node) -> Values:
    return lanes.z(node, node.reads[0])


def _layer(lanes: Lanes, node: Node) -> Values:
    """A convolution or linear layer without its bias, which is a source."""
    op: Any = replace(lanes.scaled_op(node), bias=False)  # type: ignore[call-arg]
    weight = lanes.parameter(node, "weight")
    assert weight is not None
    z = lanes.add(node, "probe", op, {"x": lanes.z(node, node.reads[0]), "weight": weight})
    bias = lanes.parameter(node, "bias")
    if bias is None:
        return z
    after = 0 if node.op.name == "linear" else node.outputs[0].rank - 2
    return lanes.total(node, (z, lanes.constant(node, f"{node.name}.bias", lanes.column(node, bias, after), node.name)))


def _sum(lanes: Lanes, node: Node) -> Values:
    """The sum of the terms; a term that no probe reaches, and the number, are sources."""
    z = lanes.total(node, [lanes.z(node, v) for v in node.reads])
    other = getattr(node.op, "other", None)
    return z if other is None else lanes.total(node, (z, lanes.constant(node, node.name, float(other), node.name)))


def _difference(lanes: Lanes, node: Node) -> Values:
    op: Any = node.op
    x = lanes.z(node, node.reads[0])
    if op.other is not None:
        return lanes.total(node, (x, lanes.constant(node, node.name, -float(op.other), node.name)))
    return lanes.joint(node, "probe", arithmetic.Sub(), {"x": x, "y": lanes.z(node, node.reads[1])})


def _pad(lanes: Lanes, node: Node) -> Values:
    """Padding with zeros; what a constant other than zero adds is a source."""
    op: Any = lanes.scaled_op(node)
    if op.mode != "constant" or op.value == 0:
        return _itself(lanes, node)
    z = lanes.again(node, [lanes.z(node, node.reads[0])], replace(op, value=0.0))[0]
    nothing = lanes.add(node, "nothing", arithmetic.Scale(0.0), (lanes.x(node.reads[0]),))
    border = lanes.add(node, "border", node.op, (nothing,))
    return lanes.total(node, (z, lanes.constant(node, node.name, border, node.name)))


def _picked(lanes: Lanes, node: Node) -> Values:
    """Elements at positions that are decisions, which every probe shares."""
    index = lanes.spread(node, lanes.x(node.reads[1]))
    return lanes.again(node, [lanes.z(node, node.reads[0]), index])


def _selected(lanes: Lanes, node: Node) -> Values:
    """Slices at positions that hold for all samples."""
    return lanes.again(node, [lanes.z(node, node.reads[0]), lanes.x(node.reads[1])])


# -- functions of one number --------------------------------------------------------------------
def _secant(lanes: Lanes, node: Node) -> Values:
    slope, start = SECANTS[type(node.op)](node.op)  # type: ignore[misc]
    x = node.reads[0]
    z = lanes.times(node, lanes.z(node, x), lanes.formula(node, "slope", slope, x=lanes.x(x)))
    return z if start == 0 else lanes.total(node, (z, lanes.constant(node, node.name, start, node.name)))


def _no_secant(lanes: Lanes, node: Node) -> str | None:
    return None if SECANTS[type(node.op)](node.op) else "only powers of at least one have a rule"


def _masked(mask: Callable[[Any], str], slope: Callable[[Any], float] = lambda op: 1.0,
            other: Callable[[Any], float] = lambda op: 0.0) -> Rule:  # fmt: skip
    """`slope x` where the mask holds, else `other x` plus what is missing to the op's value, which is a source."""

    def line(lanes: Lanes, node: Node, mask: str, value: str) -> str:
        op: Any = node.op
        inside = value if slope(op) == 1 else lanes.add(node, "inside", arithmetic.Scale(slope(op)), (value,))
        outside = lanes.add(node, "outside", arithmetic.Scale(other(op)), (value,)) if other(op) else None
        return lanes.where(node, mask, inside, outside)

    def emit(lanes: Lanes, node: Node) -> str:
        op: Any = node.op
        x = lanes.x(node.reads[0])
        on = lanes.formula(node, "mask", mask(op), x=x)
        z = line(lanes, node, on, lanes.z(node, node.reads[0]))
        if not saturates(node):
            return z
        rest = lanes.add(node, "rest", arithmetic.Sub(), (lanes.x(node.name), line(lanes, node, on, x)))
        return lanes.total(node, (z, lanes.constant(node, node.name, rest, node.name)))

    return Rule(emit, first, _alone)


def _alone(lanes: Lanes, node: Node) -> str | None:
    return None if len(node.reads) == 1 else "two values have another rule"


def saturates(node: Node) -> bool:
    """Whether a piecewise linear op has pieces that do not go through zero."""
    return node.op.name not in ("relu", "leaky_relu") and not (
        node.op.name == "threshold" and getattr(node.op, "value", None) == 0
    )


def _bounds(low: float | None, high: float | None) -> str:
    tests = [f"(x > {low!r})"] * (low is not None) + [f"(x < {high!r})"] * (high is not None)
    return " and ".join(tests)


def _prelu(lanes: Lanes, node: Node) -> Values:
    x, z = node.reads[0], lanes.z(node, node.reads[0])
    weight = lanes.parameter(node, "weight")
    assert weight is not None
    after = max(node.outputs[0].rank - 2, 0) if getattr(node.op, "parameters", 1) > 1 else 0
    below = lanes.add(node, "below", arithmetic.Mul(), (z, lanes.column(node, weight, after)))
    return lanes.where(node, lanes.formula(node, "mask", "x > 0", x=lanes.x(x)), z, below)


def _larger(sign: str) -> Callable[[Lanes, Node], Values]:
    def emit(lanes: Lanes, node: Node) -> Values:
        x, y = node.reads
        mask = lanes.formula(node, "mask", f"x {sign} y", x=lanes.x(x), y=lanes.x(y))
        return lanes.where(node, mask, lanes.z(node, x), lanes.z(node, y))

    return emit


def _extreme(sign: str) -> Rule:
    """The larger or smaller of two values, or of a value and a number."""
    number = _masked(lambda op: f"x {sign} {op.other!r}")

    def emit(lanes: Lanes, node: Node) -> Values:
        return number.emit(lanes, node) if len(node.reads) == 1 else _larger(sign)(lanes, node)

    return Rule(emit)


# -- pooling ------------------------------------------------------------------------------------
def _max_pool(lanes: Lanes, node: Node) -> Values:
    """The probe's elements where lane 0 has its maxima."""
    op: Any = node.op
    if isinstance(op, pooling.AdaptiveMaxPool2d):
        positions: Op = pooling.MaxPositions(size=op.size)
    else:
        positions = pooling.MaxPositions(op.kernel, op.stride, op.padding, op.ceil, op.dilation)
    rank = node.outputs[0].rank
    index = lanes.add(node, "positions", positions, (lanes.x(node.reads[0]),))
    flat = (
        lanes.add(node, "flat", shape.Flatten(2), (lanes.spread(node, index),))
        if rank > 3
        else lanes.spread(node, index)
    )
    z = lanes.z(node, node.reads[0])
    z = lanes.add(node, "flat", shape.Flatten(2), (z,)) if rank > 3 else z
    found = lanes.add(node, "probe", arithmetic.Gather(2), {"x": z, "index": flat})
    if rank == 3:
        return found
    return lanes.add(node, "probe", shape.Unflatten(2, node.outputs[0].shape[2:]), (found,))


def _largest(lanes: Lanes, node: Node) -> Values:
    """`max` and `min` over dimensions: the probe's element where lane 0 has its extreme."""
    op: Any = node.op
    rank = lanes.type(node.reads[0]).rank
    dims = sorted(d % rank for d in op.axes)
    x, z = lanes.x(node.reads[0]), lanes.z(node, node.reads[0])
    if len(dims) > 1:
        x, z = (lanes.add(node, "flat", shape.Flatten(dims[0], dims[-1]), (v,)) for v in (x, z))
    kind = reduce.Argmax if node.op.name in ("max", "amax") else reduce.Argmin
    index = lanes.spread(node, lanes.add(node, "position", kind(dims[0], True), (x,)))
    z = lanes.add(node, "probe", arithmetic.Gather(dims[0]), {"x": z, "index": index})
    if not op.keep:
        return lanes.add(node, "probe", shape.Squeeze(dims[0]), (z,))
    for k in dims[1:]:
        z = lanes.add(node, "probe", shape.Unsqueeze(k), (z,))
    return z


def _adjacent(lanes: Lanes, node: Node) -> str | None:
    op: Any = node.op
    rank = node.outputs[0].rank + (0 if op.keep else len(op.axes))
    dims = sorted(d % rank for d in op.axes) if rank else []
    together = dims and dims == list(range(dims[0], dims[-1] + 1))
    return None if together else "its dimensions must be named and adjacent"


def _top(lanes: Lanes, node: Node) -> Values:
    """The probe's elements at lane 0's positions, which are decisions."""
    index = lanes.spread(node, f"{lanes.x(node.name)}:1")
    z = lanes.add(
        node,
        "probe",
        arithmetic.Gather(getattr(node.op, "dim", -1)),
        {"x": lanes.z(node, node.reads[0]), "index": index},
    )
    return z, lanes.x(f"{node.name}:1")


# -- what fits ----------------------------------------------------------------------------------
def _averages(lanes: Lanes, node: Node) -> str | None:
    how = getattr(node.op, "how", "mean")
    return None if how in ("mean", "sum") else f"reduce by {how} is not linear"


def _to_floating(lanes: Lanes, node: Node) -> str | None:
    return None if node.outputs[0].dtype in FLOATING else "whole numbers carry no signal"


ITSELF, UNCHANGED, DECISION = Rule(_itself), Rule(_unchanged, first), Rule(_itself, none)

#: Per op class, its rule.
RULES: dict[type[Op], Rule] = {
    **dict.fromkeys((
        convolution.Conv1d, convolution.Conv2d, convolution.Conv3d, convolution.ConvTranspose1d,
        convolution.ConvTranspose2d, convolution.ConvTranspose3d, linear.Linear,
    ), Rule(_layer, first)),
    **dict.fromkeys((
        pooling.AvgPool1d, pooling.AvgPool2d, pooling.AvgPool3d, pooling.AdaptiveAvgPool1d,
        pooling.AdaptiveAvgPool2d, pooling.AdaptiveAvgPool3d,
        shape.Flatten, shape.Unflatten, shape.Reshape, shape.Permute, shape.Transpose, shape.Squeeze, shape.Unsqueeze,
        shape.Expand, shape.Tile, shape.RepeatInterleave, shape.Contiguous, shape.Roll, shape.Flip,
        windows.PixelShuffle, windows.PixelUnshuffle, windows.ChannelShuffle, windows.Unfold, windows.Fold,
        windows.WindowPartition, windows.WindowReverse, rearrange.Rearrange, rearrange.Repeat,
        join.Concat, join.Stack, join.Split, join.Chunk, join.Unbind, join.Select, join.Slice,
        resize.Interpolate, resize.Upsample, arithmetic.Scale, arithmetic.Neg, arithmetic.WeightedSum,
        arithmetic.Cumsum, reduce.Mean, reduce.Sum,
    ), ITSELF),
    **dict.fromkeys((
        activation.Identity, arithmetic.Detach, random.Dropout, random.Dropout1d, random.Dropout2d, random.Dropout3d,
        random.AlphaDropout, random.DropPath,
    ), UNCHANGED),
    **dict.fromkeys((
        comparison.Gt, comparison.Ge, comparison.Lt, comparison.Le, comparison.Eq, comparison.Ne,
        comparison.LogicalAnd, comparison.LogicalOr, comparison.LogicalNot, arithmetic.Sign, arithmetic.Floor,
        arithmetic.Ceil, arithmetic.Round, arithmetic.OneHot, reduce.Argmax, reduce.Argmin, linear.Embedding,
        activation.Softmax, constant.Parameter, constant.Buffer,
    ), DECISION),
    **dict.fromkeys(SECANTS, Rule(_secant, first, _no_secant)),
    **dict.fromkeys(norms.RULES, Rule(norms.emit, first, norms.fits)),
    rearrange.Reduce: Rule(_itself, every, _averages),
    arithmetic.Cast: Rule(_itself, every, _to_floating),
    arithmetic.Add: Rule(_sum), arithmetic.Sub: Rule(_difference), shape.Pad: Rule(_pad),
    arithmetic.Gather: Rule(_picked, first), resize.GridSample: Rule(_picked, first),
    join.IndexSelect: Rule(_selected, first),
    activation.Relu: _masked(lambda op: "x > 0"),
    activation.Relu6: _masked(lambda op: _bounds(0.0, 6.0)),
    activation.LeakyRelu: _masked(lambda op: "x > 0", other=lambda op: op.slope),
    activation.Hardtanh: _masked(lambda op: _bounds(op.min, op.max)),
    activation.Hardsigmoid: _masked(lambda op: _bounds(-3.0, 3.0), lambda op: 1 / 6),
    activation.Threshold: _masked(lambda op: f"x > {op.threshold!r}"),
    arithmetic.Clamp: _masked(lambda op: _bounds(op.min, op.max)),
    arithmetic.Maximum: _extreme(">"), arithmetic.Minimum: _extreme("<"),
    activation.Prelu: Rule(_prelu, first),
    **dict.fromkeys((pooling.MaxPool1d, pooling.MaxPool2d, pooling.MaxPool3d, pooling.AdaptiveMaxPool2d),
                    Rule(_max_pool, first)),
    **dict.fromkeys((reduce.Max, reduce.Amax, reduce.Min, reduce.Amin), Rule(_largest, first, _adjacent)),
    reduce.TopK: Rule(_top, first),
    activation.Glu: Rule(products.glu, first),
    arithmetic.Mul: Rule(products.product, products.factors),
    arithmetic.Div: Rule(products.quotient, first),
    linear.Matmul: Rule(products.product, products.factors),
    linear.Einsum: Rule(products.contraction, products.factors),
    comparison.Where: Rule(products.choice, products.chosen),
    attention.Attention: Rule(products.attention, products.values),
    formula.Formula: Rule(products.expression, products.terms, products.expressible),
}  # fmt: skip
