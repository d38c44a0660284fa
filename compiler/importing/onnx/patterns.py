"""Activations that exporters write out in several operators, found again from the product that ends them.

What the product no longer needs is read by nobody, and leaves the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

from graphwright.compiler.importing.onnx.call import Call
from graphwright.compiler.importing.onnx.folding import Known
from graphwright.compiler.ops.activation import Gelu, Hardswish, Mish, Silu
from graphwright.compiler.ops.op import Op

#: Activations of the form `x f(x)`, by the operators of f, the last one first.
GATES: dict[tuple[str, ...], Callable[[], Op]] = {
    ("Sigmoid",): Silu,
    ("Tanh", "Softplus"): Mish,
}


def product(call: Call) -> str:
    """The activation that a Mul ends, as one node; else nothing."""
    numbers, factors = _factors(call, call.node, 3)
    for gate in factors:
        rest = [f for f in factors if f is not gate]
        if len(rest) != 1:
            return ""
        source = call.reader.producers.get(gate)
        if numbers == [] and (op := _gated(call, source, rest[0])):
            return call.add(op, _value(call, rest[0]))
        if abs(prod(numbers) - 0.5) < 1e-6 and _is_normal(call, source, rest[0]):
            return call.add(Gelu(), _value(call, rest[0]))
    return ""


def _value(call: Call, name: str) -> str:
    """The graph's value of a name of the file."""
    raw = call.reader.env[name]
    return raw if isinstance(raw, str) else call.reader.hold(raw, call.path)


def _factors(call: Call, node: Any, depth: int) -> tuple[list[float], list[str]]:
    """The numbers and the names whose product a Mul is, through Muls before it."""
    numbers: list[float] = []
    names: list[str] = []
    for name in node.input:
        known = call.reader.env.get(name)
        before = call.reader.producers.get(name)
        if isinstance(known, Known):
            if known.symbolic or known.array.size != 1:
                return [], []
            numbers.append(float(known.array.reshape(())))
        elif depth and before is not None and before.op_type == "Mul" and not isinstance(known, Known):
            inner = _factors(call, before, depth - 1)
            numbers, names = numbers + inner[0], names + (inner[1] or [name])
        else:
            names.append(name)
    return numbers, names


def _gated(call: Call, node: Any, x: str) -> Op | None:
    """The activation `x f(x)` whose f ends in this node."""
    for kinds, op in GATES.items():
        found = _chain(call, node, kinds)
        if found is not None and found == x:
            return op()
    if node is not None and node.op_type == "HardSigmoid" and node.input[0] == x:
        slope = {a.name: a.f for a in node.attribute}
        if abs(slope.get("alpha", 0.2) - 1 / 6) < 1e-6 and slope.get("beta", 0.5) == 0.5:
            return Hardswish()
    return None


def _chain(call: Call, node: Any, kinds: tuple[str, ...]) -> str | None:
    """What goes into a chain of operators of one input, given its last node."""
    name = None
    for kind in kinds:
        if node is None or node.op_type != kind:
            return None
        name = node.input[0]
        node = call.reader.producers.get(name)
    return name


def _is_normal(call: Call, node: Any, x: str) -> bool:
    """Whether a node is `1 + erf(x / sqrt(2))`."""
    if node is None or node.op_type != "Add" or _number(call, node) != 1:
        return False
    erf = next((p for n in node.input if (p := call.reader.producers.get(n)) is not None and p.op_type == "Erf"), None)
    scaled = None if erf is None else call.reader.producers.get(erf.input[0])
    if scaled is None or scaled.op_type not in ("Div", "Mul") or x not in scaled.input:
        return False
    factor = _number(call, scaled)
    expected = sqrt(2) if scaled.op_type == "Div" else sqrt(0.5)
    return factor is not None and abs(factor - expected) < 1e-5


def _number(call: Call, node: Any) -> float | None:
    """The one number among the inputs of a node."""
    found = [k for n in node.input if isinstance(k := call.reader.env.get(n), Known)]
    plain = len(found) == 1 and not found[0].symbolic and found[0].array.size == 1
    return float(found[0].array.reshape(())) if plain else None
