"""Frozen products: of several factors one stays linear, the others are decisions.

A factor that is a gate (a sigmoid, a softmax, a quantity without a rule) is a decision; of the others, the left or the
right one stays linear, or each in turn with an equal share. All are exact at x0.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from graphwright.analyses.linear.lanes import Lanes
from graphwright.analyses.linear.scalar import SECANTS
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops.activation import Hardsigmoid, Sigmoid, Softmax
from graphwright.compiler.ops.arithmetic import Add, Div, Mul, Scale
from graphwright.compiler.ops.comparison import Where
from graphwright.compiler.ops.expression import FormulaError, names_in, parse
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.join import Chunk
from graphwright.compiler.ops.linear import Einsum, Matmul
from graphwright.compiler.ops.shape import Transpose

GATES = (Sigmoid, Hardsigmoid, Softmax)
#: Families whose ops, of one input, hand a gate on.
HANDED_ON = ("shape", "resize", "random")


def factors(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """The factors that carry the signal."""
    live = [v for v in dict.fromkeys(node.reads) if v in lanes.live]
    open_ = [v for v in live if not _is_gate(lanes, v)] or live
    product = lanes.freedom.product
    return tuple(open_ if product == "split" else open_[:1] if product == "left" else open_[-1:])


def _is_gate(lanes: Lanes, value: str) -> bool:
    from graphwright.analyses.linear.rules import RULES  # the table holds these rules, so it comes later

    node = lanes.maker(value)
    while node is not None and node.op.family in HANDED_ON and len(node.reads) == 1:
        node = lanes.maker(node.reads[0])
    if node is None:
        return False
    rule = RULES.get(type(node.op))
    return isinstance(node.op, GATES) or rule is None or rule.fits(lanes, node) is not None


def product(lanes: Lanes, node: Node) -> str:
    """`x_0 x_1 ...` or a matrix product, with one factor of the probe at a time."""
    op = Matmul() if isinstance(node.op, Matmul) else Mul()
    return _shared(lanes, node, lambda reads: lanes.joint(node, "product", op, reads))


def contraction(lanes: Lanes, node: Node) -> str:
    """As `product`, for einsum: P is one more letter, before the batch's."""
    op: Any = node.op
    groups, result = op.terms()
    batch = {
        letters[axis] for letters, v in zip(groups, node.reads, strict=True) if (axis := lanes.axis(v)) is not None
    }
    extra = next(c for c in "PQRSTUVWXYZ" if c not in op.equation)
    (letter,) = batch

    def emit(reads: tuple[str, ...]) -> str:
        probes = str(lanes.probes)
        parts = [lanes.apart(node, v) if lanes.axis(v, probes) is not None else v for v in reads]
        named = [g.replace(letter, extra + letter) if lanes.axis(v, probes) is not None else g
                 for g, v in zip(groups, parts, strict=True)]  # fmt: skip
        equation = f"{','.join(named)}->{result.replace(letter, extra + letter)}"
        return lanes.together(node, lanes.add(node, "product", Einsum(equation), parts))

    return _shared(lanes, node, emit)


def _shared(lanes: Lanes, node: Node, emit: Any) -> str:
    """The sum over the carried factors: each of the probe once, all others of lane 0, in equal shares.

    A factor that occurs k times, as in `x x`, counts k times.
    """
    carried = lanes.carried[node.name]
    terms = []
    for value in carried:
        place = node.reads.index(value)
        z = lanes.z(node, value)
        reads = tuple(z if k == place else lanes.x(v) for k, v in enumerate(node.reads))
        terms.append(emit(reads))
    total = lanes.total(node, terms)
    return total if len(terms) == 1 else lanes.add(node, "share", Scale(1 / len(terms)), (total,))


def bilinear(lanes: Lanes, node: Node) -> str:
    """`x^T W y` with one of the two of the probe, and the bias a source."""
    op: Any = replace(node.op, bias=False)  # type: ignore[call-arg]
    weight = lanes.parameter(node, "weight")
    assert weight is not None
    carried = lanes.carried[node.name]
    terms = []
    for value in carried:
        given = {p: lanes.z(node, v) if v == value else lanes.spread(node, lanes.x(v)) for p, v in node.inputs[:2]}
        if len(set(node.reads[:2])) == 1:
            given["y"] = lanes.spread(node, lanes.x(value))
        terms.append(lanes.add(node, "probe", op, {**given, "weight": weight}))
    z = lanes.total(node, terms)
    z = z if len(terms) == 1 else lanes.add(node, "share", Scale(1 / len(terms)), (z,))
    bias = lanes.parameter(node, "bias")
    return z if bias is None else lanes.total(node, (z, lanes.constant(node, f"{node.name}.bias", bias, node.name)))


def quotient(lanes: Lanes, node: Node) -> str:
    """`x / y` with y a decision."""
    op: Any = node.op
    z = lanes.z(node, node.reads[0])
    if op.other is not None:
        return lanes.add(node, "probe", Div(op.other), (z,))
    return lanes.joint(node, "probe", Div(), {"x": z, "y": lanes.x(node.reads[1])})


def glu(lanes: Lanes, node: Node) -> str:
    """`a sigmoid(b)` with the gate a decision."""
    op: Any = node.op
    halves = lanes.made.add_many(node, "halves", Chunk(2, op.dim), (lanes.x(node.reads[0]),))
    z = lanes.made.add_many(node, "halves", Chunk(2, op.dim), (lanes.z(node, node.reads[0]),))[0]
    return lanes.times(node, z, lanes.add(node, "gate", Sigmoid(), (halves[1],)))


def chosen(lanes: Lanes, node: Node) -> tuple[str, ...]:
    return node.reads[1:]


def choice(lanes: Lanes, node: Node) -> str:
    """Where a condition, a decision, holds."""
    op: Any = node.op
    condition, z = lanes.x(node.reads[0]), lanes.z(node, node.reads[1])
    if op.other is None:
        return lanes.where(node, condition, z, lanes.z(node, node.reads[2]))
    z = lanes.where(node, condition, z)
    if op.other == 0:
        return z
    nothing = lanes.add(node, "nothing", Scale(0.0), (lanes.x(node.name),))
    rest = lanes.add(node, "rest", Where(op.other), {"condition": condition, "x": nothing})
    return lanes.total(node, (z, lanes.constant(node, node.name, rest, node.name)))


# -- attention ----------------------------------------------------------------------------------
def values(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """Only the values carry the signal; queries and keys decide."""
    return tuple(v for p, v in node.inputs if p == "v")


def attention(lanes: Lanes, node: Node) -> str:
    """`P0 v` with `P0 = softmax(scale q k^T + bias)` of lane 0."""
    op: Any = node.op
    named = {p: lanes.x(v) for p, v in node.inputs}
    scores = lanes.add(node, "scores", Matmul(), (named["q"], lanes.add(node, "keys", Transpose(), (named["k"],))))
    width = lanes.type(named["q"]).shape[-1]
    assert isinstance(width, int)
    scores = lanes.add(node, "scores", Scale(width**-0.5 if op.scale is None else op.scale), (scores,))
    if "bias" in named:
        masks = lanes.type(named["bias"]).dtype == "bool"
        scores = (
            lanes.add(node, "scores", Where(float("-inf")), {"condition": named["bias"], "x": scores})
            if masks else lanes.add(node, "scores", Add(), (scores, named["bias"]))
        )  # fmt: skip
    if op.causal:
        length, span = lanes.type(scores).shape[-2:]
        seen = lanes.add(node, "seen", Formula("j <= i", (("i", length), ("j", span))), {})
        scores = lanes.add(node, "scores", Where(float("-inf")), {"condition": seen, "x": scores})
    weights = lanes.add(node, "weights", Softmax(-1), (scores,))
    (value,) = values(lanes, node)
    return lanes.joint(node, "probe", Matmul(), {"x": weights, "y": lanes.z(node, value)})


# -- formulas -----------------------------------------------------------------------------------
#: Functions of a formula, as ops with a rule of one number.
_FUNCTIONS = {
    cls.name: cls for cls in SECANTS if cls.name in ("sigmoid", "tanh", "exp", "sin", "cos", "erf", "abs", "sqrt")
}


def terms(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """The inputs that the expression is linear in, once the factors beside them are decisions."""
    live = _live(lanes, node)
    try:
        slopes, _ = _split(parse(_text(node)), live)
    except (FormulaError, ValueError):
        slopes = dict.fromkeys(live, "1")  # reported by `expressible`
    return tuple(v for p, v in node.inputs if p in slopes)


def expressible(lanes: Lanes, node: Node) -> str | None:
    op: Any = node.op
    if not isinstance(op.value, str) or op.over:
        return "over index ranges, or with several values, it is not taken apart"
    try:
        _split(parse(op.value), _live(lanes, node))
    except (FormulaError, ValueError) as error:
        return str(error)
    return None


def _live(lanes: Lanes, node: Node) -> frozenset[str]:
    return frozenset(p for p, v in node.inputs if v in lanes.live)


def _text(node: Node) -> str:
    op: Any = node.op
    return op.value if isinstance(op.value, str) else op.value[0]


def expression(lanes: Lanes, node: Node) -> str:
    """An expression as `sum_k slope_k x_k + rest`, with slopes and rest of lane 0."""
    op: Any = node.op
    read = dict(node.inputs)
    slopes, rest = _split(parse(op.value), _live(lanes, node))
    found = [lanes.times(node, lanes.z(node, read[n]), _value(lanes, node, text)) for n, text in slopes.items()]
    z = lanes.total(node, found)
    if rest is None:
        return z
    return lanes.total(node, (z, lanes.constant(node, node.name, _value(lanes, node, rest), node.name)))


def _value(lanes: Lanes, node: Node, text: str) -> str:
    op: Any = node.op
    read = {p: lanes.x(v) for p, v in node.inputs if p in names_in(text)}
    if not read:  # a number, with the dtype of an input
        name, value = node.inputs[0]
        read, text = {name: lanes.x(value)}, f"0 * {name} + ({text})"
    constants = tuple((n, c) for n, c in op.constants if n in names_in(text))
    return lanes.add(node, "slope", Formula(text, names=tuple(read), constants=constants), read)


Split = tuple[dict[str, str], str | None]


def _split(tree: ast.expr, live: frozenset[str]) -> Split:
    """Per live name the expression that it is multiplied by, and the expression of the rest."""
    text = ast.unparse(tree)
    if not names_in(text) & live:
        return {}, text
    match tree:
        case ast.Name(id=name):
            return {name: "1"}, None
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return _times(_split(part, live), "-1")
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _plus(_split(left, live), _split(right, live))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _plus(_split(left, live), _times(_split(right, live), "-1"))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            if names_in(ast.unparse(left)) & live:
                return _times(_split(left, live), ast.unparse(right))
            return _times(_split(right, live), ast.unparse(left))
        case ast.BinOp(left=left, op=ast.Div(), right=right) if names_in(ast.unparse(left)) & live:
            return _times(_split(left, live), f"1 / ({ast.unparse(right)})")
        case ast.Call(func=ast.Name(id="relu"), args=[part]):
            return _times(_split(part, live), _one_where(f"({ast.unparse(part)}) > 0", live))
        case ast.Call(func=ast.Name(id=name), args=[part]) if name in _FUNCTIONS:
            slope, start = SECANTS[_FUNCTIONS[name]](_FUNCTIONS[name]())  # type: ignore[misc]
            inside = ast.parse(slope, mode="eval").body
            put = _Put(part).visit(inside)
            return _plus(_times(_split(part, live), ast.unparse(put)), ({}, repr(start) if start else None))
        case ast.Call(func=ast.Name(id="max" | "min" as name), args=[left, right]):
            sign = ">" if name == "max" else "<"
            test = f"({ast.unparse(left)}) {sign} ({ast.unparse(right)})"
            return _split(ast.IfExp(ast.parse(test, mode="eval").body, left, right), live)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            on, off = (_one_where(t, live) for t in (ast.unparse(test), f"not ({ast.unparse(test)})"))
            return _plus(_times(_split(body, live), on), _times(_split(orelse, live), off))
    raise ValueError(f"'{text}' has no linear rule")


class _Put(ast.NodeTransformer):
    """An expression in place of `x`."""

    def __init__(self, part: ast.expr) -> None:
        self.part = part

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.part if node.id == "x" else node


def _one_where(test: str, live: frozenset[str]) -> str:
    """One where a test holds, else zero, in the dtype of an input: a truth value times a number would be float32."""
    name = min(live)
    return f"(0 * {name} + 1 if {test} else 0 * {name})"


def _times(split: Split, factor: str) -> Split:
    slopes, rest = split
    return {n: f"({s}) * ({factor})" for n, s in slopes.items()}, None if rest is None else f"({rest}) * ({factor})"


def _plus(a: Split, b: Split) -> Split:
    slopes = dict(a[0])
    for name, text in b[0].items():
        slopes[name] = f"({slopes[name]}) + ({text})" if name in slopes else text
    rest = a[1] if b[1] is None else b[1] if a[1] is None else f"({a[1]}) + ({b[1]})"
    return slopes, rest
