"""The structural hash: equal for graphs that compute the same thing the same way, whatever their names."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.text import _write


def structural_hash(graph: Graph) -> str:
    """A hex digest of inputs, ops, wiring, sharing, freezing, outputs and losses.

    Names, order of independent nodes, places, documentation and training settings do not enter.
    """
    digests = {e.name: _digest(kind, str(index), str(e.type))
               for kind, entries in (("input", graph.inputs), ("target", graph.targets))
               for index, e in enumerate(entries)}  # fmt: skip
    for node in graph.nodes:
        digests[node.name] = _node_digest(node, digests)
    outputs = [f"{port}={_value(value, digests)}" for port, value in graph.outputs]
    losses = sorted(f"{json.dumps(t.weight)}*{_value(t.value, digests)}" for t in graph.losses)
    entries = [str(e.type) for e in (*graph.inputs, *graph.targets)]
    return _digest(*entries, *outputs, "losses", *losses)


def _node_digest(node: Node, digests: dict[str, str]) -> str:
    arguments = [f"{k}={_argument(v)}" for k, v in node.op.arguments().items()]
    reads = [f"{port}<-{_value(value, digests)}" for port, value in node.inputs]
    marks = [f"tie={digests[node.marks.tie]}"] if node.marks.tie else []
    marks += ["freeze"] if node.marks.freeze and node.owned else []  # else there is nothing to freeze
    marks += ["train_only"] if node.marks.train_only else []
    return _digest(node.op.name, *arguments, *reads, *marks)


def _argument(value: Any) -> str:
    """An argument as text; of a loop's body, its own hash, and the inputs that outputs are carried to by name."""
    if isinstance(value, Graph):
        return " ".join([structural_hash(value), *(e.name for e in value.inputs)])
    return _write(value)


def _value(value: str, digests: dict[str, str]) -> str:
    name, _, index = value.partition(":")
    if name in digests:
        return f"{digests[name]}:{index}"
    owner, _, leaf = name.rpartition(".")
    return f"{digests[owner]}.{leaf}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
