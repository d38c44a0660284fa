"""Frozen rules of piecewise linear functions: the piece that x lies on, for every probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphwright.analyses.linear.lanes import Lanes
from graphwright.analyses.linear.rule import Rule, Values, first
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops import arithmetic


def masked(mask: Callable[[Any], str], slope: Callable[[Any], float] = lambda op: 1.0,
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

    return Rule(emit, first, alone)


def alone(lanes: Lanes, node: Node) -> str | None:
    return None if len(node.reads) == 1 else "two values have another rule"


def saturates(node: Node) -> bool:
    """Whether a piecewise linear op has pieces that do not go through zero."""
    return node.op.name not in ("relu", "leaky_relu") and not (
        node.op.name == "threshold" and getattr(node.op, "value", None) == 0
    )


def bounds(low: float | None, high: float | None) -> str:
    tests = [f"(x > {low!r})"] * (low is not None) + [f"(x < {high!r})"] * (high is not None)
    return " and ".join(tests)


def prelu(lanes: Lanes, node: Node) -> Values:
    x, z = node.reads[0], lanes.z(node, node.reads[0])
    weight = lanes.parameter(node, "weight")
    assert weight is not None
    after = max(node.outputs[0].rank - 2, 0) if getattr(node.op, "parameters", 1) > 1 else 0
    below = lanes.add(node, "below", arithmetic.Mul(), (z, lanes.column(node, weight, after)))
    return lanes.where(node, lanes.formula(node, "mask", "x > 0", x=lanes.x(x)), z, below)


def larger(sign: str) -> Callable[[Lanes, Node], Values]:
    def emit(lanes: Lanes, node: Node) -> Values:
        x, y = node.reads
        mask = lanes.formula(node, "mask", f"x {sign} y", x=lanes.x(x), y=lanes.x(y))
        return lanes.where(node, mask, lanes.z(node, x), lanes.z(node, y))

    return emit


def extreme(sign: str) -> Rule:
    """The larger or smaller of two values, or of a value and a number."""
    number = masked(lambda op: f"x {sign} {op.other!r}")

    def emit(lanes: Lanes, node: Node) -> Values:
        return number.emit(lanes, node) if len(node.reads) == 1 else larger(sign)(lanes, node)

    return Rule(emit)
