"""What depends on no input, computed once and stored, for deployment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import ClassVar

from graphwright.compiler.ir.graph import Graph, Marks, Node, Rewrite
from graphwright.compiler.ir.text import dump
from graphwright.compiler.lowering.gradient import differentiates
from graphwright.compiler.lowering.inference import symbols_of
from graphwright.compiler.ops.constant import Buffer, Parameter
from graphwright.compiler.transforms.neighbours import is_needed
from graphwright.compiler.transforms.remove_dead import finished


@dataclass(frozen=True)
class FoldConstants:
    """Store what is computed from parameters, buffers, formulas and other constants alone, up to `limit` elements.

    Position tables, masks, biases gathered by relative position: the last node of each such part becomes a buffer under
    its own name. The rewrite of saved weights holds the part as a graph, and fills the buffer by running it in
    inference mode; until weights are rewritten, the buffer is zero. What has a free size is no constant.

    rewrite:
        `i = formula(...); b = embedding(i, table)`  -->  `b = buffer()`
    """

    name: ClassVar[str] = "fold_constants"
    limit: int = 2**20

    def __call__(self, graph: Graph) -> Graph:
        if differentiates(graph):
            return graph
        constants: dict[str, Node] = {}
        for node in graph.nodes:
            if self._is_constant(graph, node, constants):
                constants[node.name] = node
        ends = _ends(graph, constants)
        nodes = [_stored(n) if n.name in ends else n for n in graph.nodes]
        left = {n.name for n in graph.with_(nodes=tuple(nodes)).training().nodes} - ends
        rewrites = [_rewrite(graph, n, constants, left) for n in graph.nodes if n.name in ends]
        return finished(graph, nodes, rewrites)

    def _is_constant(self, graph: Graph, node: Node, known: dict[str, Node]) -> bool:
        """Whether a node's values are known once the weights are, and are small enough to be stored."""
        if node.marks.tie or node.op.family in ("random", "loop") or symbols_of(node.op):
            return False
        if any(kind.symbols or prod(kind.shape) > self.limit for kind in node.outputs):
            return False
        owners = [(value, graph.by_name.get(graph.producer(value))) for value in node.reads]
        return all(n is not None and (n.name in known or value not in n.values) for value, n in owners)


def _ends(graph: Graph, constants: dict[str, Node]) -> set[str]:
    """The constants to be stored: computed, and read by what is none, or by one that stays, having several values or
    parameters that others are tied to."""
    ends, stays = set[str](), set[str]()
    tied = {n.marks.tie for n in graph.nodes}
    lent = {value for n in graph.nodes for value in n.reads if value not in graph.by_name}
    for node in reversed(constants.values()):
        readers = graph.readers.get(node.name, ())
        if not is_needed(graph, node.name) and all(r in constants and r not in stays for r in readers):
            continue
        own = {f"{node.name}.{n}" for n, _ in (*node.parameters, *node.buffers)}
        stored = not node.op.bare and bool(node.inputs) and len(node.values) == 1
        stored = stored and not own & lent and node.name not in tied
        (ends if stored else stays).add(node.name)
    return ends


def _stored(node: Node) -> Node:
    (kind,) = node.outputs
    return Node(node.name, Buffer(kind.shape, kind.dtype), (), place=node.place)  # type: ignore[arg-type]


def _rewrite(graph: Graph, end: Node, constants: dict[str, Node], left: set[str]) -> Rewrite:
    """How the buffer is filled; `moved` is 1 if some of the weights it comes from are gone afterwards."""
    part = graph.with_(
        name=end.name, inputs=(), targets=(), losses=(), scopes=(), doc="", source="", train={}, expect={}, rewrites=(),
        nodes=tuple(_part(graph, end, constants)), outputs=(("out", end.name),),
    )  # fmt: skip
    moved = any(n.name not in left for n in part.nodes if n.parameters or n.buffers)
    names = (("into", end.name), ("graph", dump(part, places=False)))
    return Rewrite("evaluate", names, (("moved", int(moved)),))


def _part(graph: Graph, end: Node, constants: dict[str, Node]) -> Iterator[Node]:
    """The nodes that a constant is computed by; parameters of other nodes stand under their own names."""
    needed, lent = {end.name}, {}
    for node in reversed(graph.nodes):
        if node.name in needed:
            for value in node.reads:
                owner = graph.by_name[graph.producer(value)]
                if value in owner.values or owner.name in constants:
                    needed.add(owner.name)
                else:
                    kind = graph.types[value]
                    tensor = (("value", kind),)
                    lent[value] = Node(value, Parameter(kind.shape, kind.dtype, False), (), (kind,), tensor)  # type: ignore[arg-type]
    yield from lent.values()
    for node in graph.nodes:
        if node.name in needed:
            yield replace(node, marks=Marks(init=node.marks.init))
