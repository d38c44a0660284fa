"""Instance norm beside batch norm, or after a shortcut: IBN-Net, arXiv:1807.09441."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from graphwright.compiler.ir.graph import Graph, Marks, Node
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.ops.norm import BatchNorm, InstanceNorm
from graphwright.compiler.places import NOWHERE, Place, fail
from graphwright.compiler.transforms.edits import Replace, chosen, renamed


@dataclass(frozen=True)
class Ibn:
    """IBN-a gives a share of a batch norm's channels to instance norm; IBN-b puts instance norm in other places.

    Variant a: each batch norm becomes the block `instance_batch_norm`, below the same name. Variant b: a batch norm
    becomes an instance norm of the same name; after any other node, such as the sum of a shortcut, stands an instance
    norm called `IN`. `every: 3` takes the first of the chosen nodes, the fourth and so on.

    rewrite:
        `bn1 = batch_norm(x)`  -->  `a, b = split(x); bn1 = concat(instance_norm(a), batch_norm(b))`
    """

    name: ClassVar[str] = "ibn"
    where: str
    variant: Literal["a", "b"] = "a"
    ratio: float = 0.5
    batch_first: bool = False
    every: int = 1
    count: int | None = None
    place: Place = NOWHERE
    file: str = ""

    def __call__(self, graph: Graph) -> Graph:
        if self.every < 1:
            raise fail(self.place, f"ibn: every={self.every} takes no node", "1 takes all of them")
        nodes = chosen(graph, self.where, self.count, self.place)[:: self.every]
        for node in nodes:
            graph = self._mixed(graph, node) if self.variant == "a" else self._whole(graph, node)
        return retype(graph)

    def _mixed(self, graph: Graph, node: Node) -> Graph:
        if not isinstance(node.op, BatchNorm):
            raise fail(self.place, f"ibn: '{node.name}' is {node.op.name}, and variant a divides batch norms")
        channels = int(node.outputs[0].shape[1])
        if not 0 < int(channels * (1 - self.ratio if self.batch_first else self.ratio)) < channels:
            raise fail(self.place, f"ibn: a ratio of {self.ratio} of {channels} channels leaves one of the norms of "
                       f"'{node.name}' without any")  # fmt: skip
        kept = {k: v for k, v in node.op.arguments().items() if k in ("eps", "momentum")}
        block = {"op": "instance_batch_norm", "ratio": self.ratio, "batch_first": self.batch_first, **kept}
        return Replace(node.name, block, place=self.place)(graph)

    def _whole(self, graph: Graph, node: Node) -> Graph:
        norm = InstanceNorm(eps=node.op.eps if isinstance(node.op, BatchNorm) else 1e-5, affine=True)
        if isinstance(node.op, BatchNorm):
            return graph.with_(nodes=tuple(replace(n, op=norm) if n.name == node.name else n for n in graph.nodes))
        name = ".".join(filter(None, (node.name.rpartition(".")[0], "IN")))
        if name in graph.by_name:
            raise fail(self.place, f"ibn: the name '{name}' is taken")
        at = graph.nodes.index(graph.by_name[node.name]) + 1
        turned = renamed(graph, {node.name: name})
        made = Node(name, norm, (("x", node.name),), node.outputs[:1], marks=Marks(), place=self.place)
        return turned.with_(nodes=(*graph.nodes[:at], made, *turned.nodes[at:]))
