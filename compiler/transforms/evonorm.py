"""Batch norm and the ReLU after it as one evolved layer: EvoNorm, arXiv:2004.02967."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.places import NOWHERE, Place, fail
from graphwright.compiler.transforms.edits import Replace, chosen, renamed


@dataclass(frozen=True)
class Evonorm:
    """Put the block `evonorm` in the place of each batch norm that only a ReLU reads, and take the ReLU out.

    Other batch norms stay: without an activation after it there is nothing that EvoNorm stands for. `groups` is for the
    S layers.

    rewrite:
        `bn1 = batch_norm(x); relu1 = relu(bn1)`  -->  `bn1 = evonorm(x)`
    """

    name: ClassVar[str] = "evonorm"
    kind: Literal["b0", "b1", "b2", "s0", "s1", "s2"] = "s0"
    where: str = "op:batch_norm"
    groups: int = 32
    count: int | None = None
    place: Place = NOWHERE
    file: str = ""

    def __call__(self, graph: Graph) -> Graph:
        block = {"op": "evonorm", "kind": self.kind, "groups": self.groups}
        pairs = [(norm, act) for norm in chosen(graph, self.where, None, self.place)
                 if norm.op.name == "batch_norm" and (act := _activation(graph, norm)) is not None]  # fmt: skip
        if not pairs or self.count not in (None, len(pairs)):
            wanted = "" if self.count is None else f", not {self.count}"
            raise fail(
                self.place, f"evonorm: '{self.where}' matches {len(pairs)} batch norms that only a relu reads{wanted}"
            )
        for norm, act in pairs:
            without = graph.with_(nodes=tuple(n for n in graph.nodes if n.name != act.name))
            graph = Replace(norm.name, block, place=self.place)(renamed(without, {act.name: norm.name}))
        return retype(graph)


def _activation(graph: Graph, norm: Node) -> Node | None:
    """The ReLU that is the only reader of a norm."""
    readers = [n for n in graph.nodes for value in n.reads if value == norm.name]
    leaves = any(v == norm.name for _, v in graph.outputs) or any(t.value == norm.name for t in graph.losses)
    return readers[0] if len(readers) == 1 and readers[0].op.name == "relu" and not leaves else None
