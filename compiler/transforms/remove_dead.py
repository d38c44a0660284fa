"""Nodes that nothing needs, taken out with the weights that were theirs; how every rewriting for deployment ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from graphwright.compiler.ir.graph import Graph, Node, Rewrite
from graphwright.compiler.lowering.retype import retype


@dataclass(frozen=True)
class RemoveDead:
    """Take out every node that no output and no loss depends on.

    rewrite:
        `a = relu(x); b = tanh(x); out: a`  -->  `a = relu(x); out: a`
    """

    name: ClassVar[str] = "remove_dead"

    def __call__(self, graph: Graph) -> Graph:
        return finished(graph, graph.nodes, ())


def finished(graph: Graph, nodes: Sequence[Node], rewrites: Iterable[Rewrite], turned: Graph | None = None) -> Graph:
    """The graph with other nodes, without those that nothing needs, and with the rewrites of saved weights.

    `turned` has other outputs and losses. Weights of nodes that are gone are dropped last, so that rewrites can read
    them; scopes without nodes go too. The very graph comes back where nothing changed.
    """
    made = (turned or graph).with_(nodes=tuple(nodes))
    made = made.with_(nodes=made.training().nodes)
    if made.nodes == graph.nodes and made.outputs == graph.outputs:
        return graph
    made = retype(made, graph)
    rewrites = (*graph.rewrites, *rewrites, *dropped(graph, made))
    prefixes = {n.name[:at] for n in made.nodes for at, letter in enumerate(n.name) if letter == "."}
    scopes = tuple(s for s in made.scopes if s.name in prefixes)
    return made.with_(rewrites=rewrites, scopes=scopes)


def dropped(before: Graph, after: Graph) -> tuple[Rewrite, ...]:
    """What becomes of the weights of nodes that are gone, or that keep none any more: they are left out."""
    found = []
    for node in before.nodes:
        now = after.by_name.get(node.name)
        if not (node.parameters or node.buffers) or (now is not None and now.op.bare == node.op.bare):
            continue
        found.append(Rewrite("forget" if node.op.bare else "drop", (("scope", node.name),)))
    return tuple(found)
