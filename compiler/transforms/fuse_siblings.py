"""Layers of one input side by side, in one layer and a split, for deployment: horizontal fusion."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from graphwright.compiler.ir.graph import Graph, Node, Rewrite
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.gradient import differentiates
from graphwright.compiler.ops.convolution import Conv1d, Conv2d, Conv3d
from graphwright.compiler.ops.join import Concat, Split
from graphwright.compiler.ops.linear import Linear
from graphwright.compiler.transforms.edits import renamed
from graphwright.compiler.transforms.neighbours import is_needed, is_shared
from graphwright.compiler.transforms.remove_dead import finished

#: Activations that act on each element by itself, so that one of all channels is one of each part.
ELEMENTWISE = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "gelu", "sigmoid", "tanh", "hardsigmoid",
    "hardswish", "hardtanh", "softplus", "softsign",
)  # fmt: skip


@dataclass(frozen=True)
class FuseSiblings:
    """Fuse linear layers, or convolutions of equal geometry without groups, that read the same value.

    Their weights are put one after the other, and the result is split: q, k and v written as three layers, the 1x1
    convolutions at the head of Inception's branches. Equal activations that alone read them go along, and a concat
    that reads just the parts stands for no split at all. It is done where fewer nodes remain, for at least `least`
    layers, of at most `widest` output channels each on average: wider ones fill a machine by themselves.

    rewrite:
        `q = linear(x); k = linear(x); v = linear(x)`  -->  `q = linear(x); split_q = split(q)`
    """

    name: ClassVar[str] = "fuse_siblings"
    least: int = 2
    widest: int = 1024

    def __call__(self, graph: Graph) -> Graph:
        if differentiates(graph):
            return graph
        found: dict[Hashable, list[Node]] = {}
        for node in graph.nodes:
            if (key := _geometry(graph, node)) is not None:
                tail = tuple(n.op for n in _tail(graph, node))
                found.setdefault((key, tail), []).append(node)
        for siblings in found.values():
            if len(siblings) >= max(self.least, 2) and sum(_out(n) for n in siblings) <= self.widest * len(siblings):
                graph = _fused(graph, [graph.by_name[n.name] for n in siblings])
        return graph


def _geometry(graph: Graph, node: Node) -> Hashable | None:
    """What siblings have in common; None for a node that can have none."""
    if not isinstance(node.op, Linear | Conv1d | Conv2d | Conv3d) or len(node.inputs) != 1:
        return None
    if getattr(node.op, "groups", 1) != 1 or is_shared(graph, node):
        return None
    return (type(node.op), node.reads, replace(node.op, out=1, bias=True), node.marks.train_only)


def _out(node: Node) -> int:
    op: Any = node.op
    return int(op.out)


def _tail(graph: Graph, node: Node) -> tuple[Node, ...]:
    """The activations after a layer, each of which alone reads what is before it."""
    found: list[Node] = []
    while not is_needed(graph, node.name) and len(readers := graph.readers.get(node.name, ())) == 1:
        node = graph.by_name[readers[0]]
        if node.op.name not in ELEMENTWISE or len(node.inputs) != 1:
            break
        found.append(node)
    return tuple(found)


def _fused(graph: Graph, siblings: list[Node]) -> Graph:
    """The graph with the siblings in one, where that leaves fewer nodes."""
    chains = [(n, *_tail(graph, n)) for n in siblings]
    ends = [chain[-1] for chain in chains]
    axis = ends[0].outputs[0].rank - 1 if isinstance(siblings[0].op, Linear) else 1
    joint = _joint(graph, ends, axis)
    before = len(chains) * len(chains[0]) + (joint is not None)
    if before <= len(chains[0]) + (joint is None):
        return graph
    first = siblings[0]
    bias = any(n.op.bias for n in siblings)  # type: ignore[attr-defined]
    total = sum(map(_out, siblings))
    wide = {n.name: _widened(n, axis, total) for n in chains[0]}
    wide[first.name] = replace(wide[first.name], op=replace(first.op, out=total, bias=bias))  # type: ignore[call-arg]
    gone = {n.name for chain in chains[1:] for n in chain} | ({joint.name} if joint else set())
    if joint is not None:
        turned, split = renamed(graph, {joint.name: ends[0].name}), None
    else:
        split = Node(_unused(graph, first), Split(tuple(map(_out, siblings)), axis), (("x", ends[0].name),),
                     tuple(n.outputs[0] for n in ends), place=first.place)  # fmt: skip
        turned = renamed(graph, {n.name: value for n, value in zip(ends, split.values, strict=True)})
    chain = tuple(wide[n.name] for n in chains[0])
    nodes = [n for n in turned.nodes if n.name not in gone and n.name not in wide]
    at = next(k for k, n in enumerate(graph.nodes) if n is first)
    at -= sum(n.name in gone or n.name in wide for n in graph.nodes[:at])
    nodes[at:at] = (*chain, split) if split is not None else chain
    rewrite = Rewrite("join", tuple((f"layer{k}", n.name) for k, n in enumerate(siblings)))
    return finished(graph, nodes, [rewrite], turned)


def _widened(node: Node, axis: int, total: int) -> Node:
    kind = node.outputs[0]
    return replace(node, outputs=(Type((*kind.shape[:axis], total, *kind.shape[axis + 1 :]), kind.dtype),))


def _joint(graph: Graph, ends: Iterable[Node], axis: int) -> Node | None:
    """The concat of all parts in their order and of nothing else, where nothing else reads them."""
    names = tuple(n.name for n in ends)
    readers = {graph.readers.get(name, ()) for name in names}
    if any(is_needed(graph, name) for name in names) or len(readers) != 1 or len(next(iter(readers))) != 1:
        return None
    node = graph.by_name[next(iter(readers))[0]]
    rank = node.outputs[0].rank
    return node if isinstance(node.op, Concat) and node.reads == names and node.op.dim % rank == axis else None


def _unused(graph: Graph, node: Node) -> str:
    """A name for the split beside a layer."""
    scope, _, leaf = node.name.rpartition(".")
    name = ".".join(filter(None, (scope, f"split_{leaf}")))
    while name in graph.by_name:
        name += "_"
    return name
