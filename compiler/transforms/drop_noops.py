"""Nodes that give what they are given in inference, taken out for deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.lowering.gradient import differentiates
from graphwright.compiler.transforms.edits import renamed
from graphwright.compiler.transforms.neighbours import is_needed
from graphwright.compiler.transforms.remove_dead import finished

#: By op: whether a node gives its first input unchanged, if that has the type of the output.
NOOPS: Mapping[str, Callable[[Node, Any], bool]] = {
    **dict.fromkeys(
        ("identity", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "drop_path", "detach",
         "contiguous", "flatten", "unflatten", "reshape", "squeeze", "expand", "tile", "slice"),
        lambda node, op: True,
    ),
    **dict.fromkeys(("mul", "lerp", "concat"), lambda node, op: len(node.inputs) == 1),
    "add": lambda node, op: len(node.inputs) == 1 and not op.other,
    "weighted_sum": lambda node, op: op.weights == (1,),
    "scale": lambda node, op: op.factor == 1,
    "sub": lambda node, op: op.other == 0,
    "div": lambda node, op: op.other == 1,
    "rearrange": lambda node, op: op.parsed.left == op.parsed.right,
    "permute": lambda node, op: tuple(d % len(op.dims) for d in op.dims) == tuple(range(len(op.dims))),
    "transpose": lambda node, op: len({d % node.outputs[0].rank for d in op.dims}) == 1,
    "repeat_interleave": lambda node, op: op.repeats == 1,
}  # fmt: skip


@dataclass(frozen=True)
class DropNoops:
    """Take out what does nothing in inference: dropout, stochastic depth, identity, detach, a factor of 1, sums of one.

    A view that changes no shape is among them; a cast is not, as the model may be run in another dtype. A node that
    would make an input of the graph its output stays, and so do all in a graph that computes gradients.

    rewrite:
        `drop = dropout(x); fc = linear(drop)`  -->  `fc = linear(x)`
    """

    name: ClassVar[str] = "drop_noops"

    def __call__(self, graph: Graph) -> Graph:
        if differentiates(graph):
            return graph
        entries = {e.name for e in (*graph.inputs, *graph.targets)}
        gone: dict[str, str] = {}
        for node in graph.nodes:
            if _does_nothing(graph, node):
                source = gone.get(node.reads[0], node.reads[0])
                if not (source in entries and is_needed(graph, node.name)):
                    gone[node.name] = source
        if not gone:
            return graph
        turned = renamed(graph, gone)
        return finished(graph, [n for n in turned.nodes if n.name not in gone], (), turned)


def _does_nothing(graph: Graph, node: Node) -> bool:
    test = NOOPS.get(node.op.name)
    return test is not None and node.outputs == (graph.types[node.reads[0]],) and test(node, node.op)
