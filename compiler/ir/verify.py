"""The invariants of a graph, checked after every step. A broken one is our mistake, not the user's."""

from __future__ import annotations

from graphwright.compiler.ir.graph import Graph


class BrokenGraph(AssertionError):
    """An invariant does not hold; the text names the step, the node and its line."""


def verify(graph: Graph, by: str = "expansion") -> Graph:
    """The graph itself, or `BrokenGraph`.

    Names are unique; every value read is defined before; ties lead to nodes of the same op that are tied to none;
    scopes are prefixes of node names; outputs and losses exist.
    """
    defined: dict[str, None] = {}
    names: set[str] = set()
    for entry in (*graph.inputs, *graph.targets):
        _hold(entry.name not in names, by, entry.name, "is defined twice")
        names.add(entry.name)
        defined[entry.name] = None
    for node in graph.nodes:
        where = f"{node.name} ({node.place})"
        _hold(node.name not in names, by, where, "is defined twice")
        for value in node.reads:
            _hold(value in defined, by, where, f"reads '{value}', which is not defined before it")
        _hold(len(node.outputs) > 0, by, where, "has no output types")
        if node.marks.tie:
            _hold(node.marks.tie in names, by, where, f"is tied to '{node.marks.tie}', which is not defined before it")
            owner = graph.by_name[node.marks.tie]
            _hold(owner.op.name == node.op.name, by, where, f"is tied to '{owner.name}', another op")
            _hold(owner.marks.tie is None, by, where, f"is tied to '{owner.name}', which is tied itself")
        names.add(node.name)
        defined.update(
            dict.fromkeys((*node.values, *(f"{node.name}.{n}" for n, _ in (*node.parameters, *node.buffers))))
        )
    for port, value in graph.outputs:
        _hold(value in defined, by, f"output {port}", f"is '{value}', which is not defined")
    for term in graph.losses:
        _hold(term.value in defined, by, f"loss {term.name}", f"is '{term.value}', which is not defined")
    return graph


def _hold(condition: bool, by: str, what: str, rule: str) -> None:
    if not condition:
        raise BrokenGraph(f"after {by}: {what} {rule}")
