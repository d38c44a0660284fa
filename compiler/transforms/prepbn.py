"""Norms that batch norm takes over in training: PRepBN, arXiv:2405.11582."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from graphwright.compiler.ir.graph import Graph, Marks, Node
from graphwright.compiler.language.fragment import expand_fragment
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.norm import LayerNorm, RmsNorm
from graphwright.compiler.ops.schedule import Progress
from graphwright.compiler.places import NOWHERE, Place, fail
from graphwright.compiler.transforms.edits import chosen, renamed

#: The count of training steps that all norms of a graph share.
PROGRESS = "prepbn_progress"


@dataclass(frozen=True)
class Prepbn:
    """Let RepBN, `BN(x) + alpha x`, take the place of layer norms within `steps` training steps.

    Step t is trained with `(1 - p) norm(x) + p RepBN(x)`, p = t / steps after `warm` steps of the norm alone; the count
    is saved with the weights. Deployed is RepBN alone. `progressive: false` puts RepBN there at once.

    rewrite:
        `norm1 = layer_norm(x)`  -->  `norm1 = lerp(rep_bn(x), layer_norm(x), progress)`
    """

    name: ClassVar[str] = "prepbn"
    where: str = "family:norm"
    steps: int = 60_000
    warm: int = 0
    progressive: bool = True
    count: int | None = None
    place: Place = NOWHERE
    file: str = ""

    def __call__(self, graph: Graph) -> Graph:
        if self.steps < 1 or self.warm < 0:
            raise fail(self.place, f"prepbn: steps={self.steps} and warm={self.warm} are no training steps")
        nodes = chosen(graph, self.where, self.count, self.place)
        for node in nodes:
            if problem := _unsuitable(node):
                raise fail(self.place, f"prepbn: '{node.name}' {problem}", "choose others with `where`")
        if self.progressive:
            graph = self._counted(graph)
        for node in nodes:
            graph = self._one(graph, graph.by_name[node.name])
        return retype(graph)

    def _counted(self, graph: Graph) -> Graph:
        """The graph with its count of steps, as a number from 0 to 1."""
        if PROGRESS in graph.by_name:
            raise fail(self.place, f"prepbn: the graph has a '{PROGRESS}' already", "apply it once, to all norms")
        marks = Marks(train_only=True)
        made = [Node(PROGRESS, Progress(self.steps + self.warm), (), marks=marks, place=self.place)]
        if self.warm:
            late = Formula(f"max(p * {1 + self.warm / self.steps} - {self.warm / self.steps}, 0)", names=("p",))
            made.append(Node(f"{PROGRESS}_late", late, (("p", PROGRESS),), marks=marks, place=self.place))
        return retype(graph.with_(nodes=(*made, *graph.nodes)))

    def _one(self, graph: Graph, node: Node) -> Graph:
        block: dict[str, Any] = {"op": "rep_bn"}
        inputs = node.inputs
        if self.progressive:
            block = {"op": "prepbn", "norm": {"op": node.op.name, **node.op.arguments()}}
            inputs = (*inputs, ("progress", f"{PROGRESS}_late" if self.warm else PROGRESS))
        at = graph.nodes.index(node)
        made = expand_fragment(graph, block, node.name, inputs, self.file, self.place)
        turned = renamed(graph, {node.name: made.values[0]})
        nodes = (*graph.nodes[:at], *(_marked(n, node) for n in made.nodes), *turned.nodes[at + 1 :])
        return turned.with_(nodes=nodes, scopes=(*graph.scopes, *made.scopes))


def _marked(made: Node, old: Node) -> Node:
    marks = replace(made.marks, train_only=made.marks.train_only or old.marks.train_only, freeze=old.marks.freeze)
    return replace(made, marks=marks)


def _unsuitable(node: Node) -> str | None:
    """Why a node is no norm of tokens over their channels."""
    op, rank = node.op, node.outputs[0].rank
    if not isinstance(op, LayerNorm | RmsNorm):
        return f"is {op.name}, and not a layer_norm or rms_norm"
    if op.dims > 1 or (isinstance(op, LayerNorm) and op.dim % rank != rank - 1):
        return "does not normalise over the last dimension alone"
    return None if rank > 2 else f"has no tokens: it gives {node.outputs[0]}"
