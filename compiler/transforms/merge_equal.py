"""Common sub-expressions: nodes that compute the same value, in one for deployment."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import ClassVar

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.lowering.gradient import differentiates
from graphwright.compiler.transforms.edits import renamed
from graphwright.compiler.transforms.remove_dead import finished


@dataclass(frozen=True)
class MergeEqual:
    """Let the first of several nodes with equal ops, equal inputs and no parameters but shared ones stand for all.

    Ops that draw random numbers and loops stay, and so does all in a graph that computes gradients.

    rewrite:
        `a = sigmoid(x); b = sigmoid(x); y = add(a, b)`  -->  `a = sigmoid(x); y = add(a, a)`
    """

    name: ClassVar[str] = "merge_equal"

    def __call__(self, graph: Graph) -> Graph:
        if differentiates(graph):
            return graph
        first: dict[Hashable, Node] = {}
        same: dict[str, str] = {}
        for node in graph.nodes:
            inputs = tuple((port, same.get(value, value)) for port, value in node.inputs)
            key = _key(graph, node, inputs)
            stands = first.setdefault(key, node) if key is not None else node
            if stands is not node:
                same.update(zip(node.values, stands.values, strict=True))
                same.update({f"{node.name}.{n}": f"{stands.name}.{n}" for n, _ in (*node.parameters, *node.buffers)})
        if not same:
            return graph
        turned = renamed(graph, same)
        owners = {name: stands for name, stands in same.items() if name in graph.by_name}
        nodes = [
            replace(n, marks=replace(n.marks, tie=owners.get(n.marks.tie, n.marks.tie))) if n.marks.tie else n
            for n in turned.nodes if n.name not in same
        ]  # fmt: skip
        return finished(graph, nodes, (), turned)


def _key(graph: Graph, node: Node, inputs: tuple[tuple[str, str], ...]) -> Hashable | None:
    """What two nodes must have in common; None for a node that none is like."""
    if node.op.family in ("random", "loop"):
        return None
    owner = node
    while owner.marks.tie:
        owner = graph.by_name[owner.marks.tie]
    kept = owner.name if node.parameters or node.buffers or node.op.bare else None
    return (type(node.op), node.op, inputs, kept, node.marks.train_only)
