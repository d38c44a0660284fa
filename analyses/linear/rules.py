"""What each op does to probes: one rule an op, in one table. An op that is not in it has no rule, and is refused.

A rule says which inputs carry the signal (the others are decisions, read off lane 0), and emits the probe's nodes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphwright.analyses.linear import norms, piecewise, pooling, products
from graphwright.analyses.linear.lanes import Lanes
from graphwright.analyses.linear.rule import Rule, Values, every, first, none
from graphwright.analyses.linear.scalar import SECANTS
from graphwright.analyses.spelled import spell, spellable
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
    loop,
    random,
    rearrange,
    recurrent,
    reduce,
    resize,
    shape,
    windows,
)  # fmt: skip
from graphwright.compiler.ops import pooling as pools
from graphwright.compiler.ops.op import FLOATING, Op


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


def _logarithm(lanes: Lanes, node: Node) -> Values:
    """The tangent `z / x + log x - 1`, since log 0 leaves no secant through zero."""
    x = node.reads[0]
    z = lanes.times(node, lanes.z(node, x), lanes.formula(node, "slope", "1 / x", x=lanes.x(x)))
    rest = lanes.formula(node, "rest", "y - 1", y=lanes.x(node.name))
    return lanes.total(node, (z, lanes.constant(node, node.name, rest, node.name)))


def _no_secant(lanes: Lanes, node: Node) -> str | None:
    return None if SECANTS[type(node.op)](node.op) else "only fixed, positive powers have a rule"


# -- composites ---------------------------------------------------------------------------------
def _spelled(lanes: Lanes, node: Node) -> Values:
    """The plain ops that a composite consists of, each by its own rule where the signal passes."""
    before = len(lanes.within)
    values = spell(node, lanes)
    plain = list(lanes.within.values())[before:]
    for step in plain:
        lanes.carried[step.name] = RULES[type(step.op)].carries(lanes, step)
        if any(v in lanes.live for v in lanes.carried[step.name]):
            lanes.live |= {v for v, t in zip(step.values, step.outputs, strict=True) if t.dtype in FLOATING}
    wanted = set(values)
    passed = []
    for step in reversed(plain):
        if any(v in wanted and v in lanes.live for v in step.values):
            passed.append(step)
            wanted.update(lanes.carried[step.name])
    for step in reversed(passed):
        found = RULES[type(step.op)].emit(lanes, step)
        lanes.probe.update(zip(step.values, (found,) if isinstance(found, str) else found, strict=True))
    return tuple(lanes.z(node, value) for value in values)


def _spellable(lanes: Lanes, node: Node) -> str | None:
    body = getattr(node.op, "body", None)
    for part in body.nodes if body is not None else ():
        rule = RULES.get(type(part.op))
        if rule is None or (reason := rule.fits(lanes, part)):
            reason = "it has no linear rule" if rule is None else reason
            return f"in its body, '{part.name}' ({part.op.name}): {reason}"
    return spellable(node, lanes.made.graph.types)


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
        pools.AvgPool1d, pools.AvgPool2d, pools.AvgPool3d, pools.AdaptiveAvgPool1d,
        pools.AdaptiveAvgPool2d, pools.AdaptiveAvgPool3d,
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
        activation.Softmax, arithmetic.Rsqrt, arithmetic.Reciprocal, constant.Parameter, constant.Buffer,
    ), DECISION),
    **dict.fromkeys(SECANTS, Rule(_secant, first, _no_secant)),
    **dict.fromkeys(norms.RULES, Rule(norms.emit, first, norms.fits)),
    rearrange.Reduce: Rule(_itself, every, _averages),
    arithmetic.Cast: Rule(_itself, every, _to_floating),
    arithmetic.Add: Rule(_sum), arithmetic.Sub: Rule(_difference), shape.Pad: Rule(_pad),
    arithmetic.Gather: Rule(_picked, first), resize.GridSample: Rule(_picked, first),
    join.IndexSelect: Rule(_selected, first),
    activation.Relu: piecewise.masked(lambda op: "x > 0"),
    activation.Relu6: piecewise.masked(lambda op: piecewise.bounds(0.0, 6.0)),
    activation.LeakyRelu: piecewise.masked(lambda op: "x > 0", other=lambda op: op.slope),
    activation.Hardtanh: piecewise.masked(lambda op: piecewise.bounds(op.min, op.max)),
    activation.Hardsigmoid: piecewise.masked(lambda op: piecewise.bounds(-3.0, 3.0), lambda op: 1 / 6),
    activation.Threshold: piecewise.masked(lambda op: f"x > {op.threshold!r}"),
    arithmetic.Clamp: piecewise.masked(lambda op: piecewise.bounds(op.min, op.max)),
    arithmetic.Maximum: piecewise.extreme(">"), arithmetic.Minimum: piecewise.extreme("<"),
    activation.Prelu: Rule(piecewise.prelu, first),
    **dict.fromkeys((pools.MaxPool1d, pools.MaxPool2d, pools.MaxPool3d, pools.AdaptiveMaxPool2d),
                    Rule(pooling.max_pool, first)),
    **dict.fromkeys((reduce.Max, reduce.Amax, reduce.Min, reduce.Amin), Rule(pooling.largest, first, pooling.adjacent)),
    reduce.TopK: Rule(pooling.top, first),
    activation.Glu: Rule(products.glu, first),
    arithmetic.Mul: Rule(products.product, products.factors),
    arithmetic.Div: Rule(products.quotient, first),
    linear.Matmul: Rule(products.product, products.factors),
    linear.Einsum: Rule(products.contraction, products.factors),
    comparison.Where: Rule(products.choice, products.chosen),
    attention.Attention: Rule(products.attention, products.values),
    linear.Bilinear: Rule(products.bilinear, products.factors),
    pools.LpPool2d: Rule(pooling.lp_pool, first, pooling.powers),
    reduce.Norm: Rule(pooling.length, first, pooling.powers),
    arithmetic.Log: Rule(_logarithm, first),
    **dict.fromkeys((loop.Loop, attention.MultiHeadAttention, recurrent.Lstm, recurrent.Gru, recurrent.Rnn,
                     arithmetic.Lerp),
                    Rule(_spelled, every, _spellable)),
    formula.Formula: Rule(products.expression, products.terms, products.expressible),
}  # fmt: skip
