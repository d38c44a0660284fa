"""RepBN folded into the layers beside it, for deployment: arXiv:2405.11582."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from graphwright.compiler.ir.graph import Graph, Node, Rewrite
from graphwright.compiler.ir.select import select
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.ops.linear import Linear
from graphwright.compiler.ops.norm import BatchNorm
from graphwright.compiler.ops.rearrange import Rearrange
from graphwright.compiler.transforms.edits import renamed
from graphwright.compiler.transforms.neighbours import followed, is_layer, is_needed, layers_after
from graphwright.compiler.transforms.prepbn import PROGRESS


@dataclass(frozen=True)
class FusePrepbn:
    """Fold every RepBN, `y = a x + c` per channel, into the layers that read it, or into the one that it reads.

    With `a = g / sqrt(v + eps) + alpha` and `c = beta - g m / sqrt(v + eps)`, layers that read it (linear, or a
    convolution without padding) get `W' = W diag(a)`, `b' = b + W c`; the layer before gets `W' = diag(a) W`,
    `b' = a b + c`. (The authors' code for patch embeddings leaves `alpha b` out of the last.) What only moves tokens or
    takes their mean may stand between. Equal in inference; a RepBN with neighbours of another kind stays.

    rewrite:
        `norm2 = rep_bn(x); fc1 = linear(norm2)`  -->  `fc1 = linear(x)`
    """

    name: ClassVar[str] = "fuse_prepbn"
    where: str = "op:batch_norm"

    def __call__(self, graph: Graph) -> Graph:
        before = graph
        for bn in select(graph, self.where):
            if (norm := _found(graph, bn)) is not None:
                graph = _folded(graph, norm)
        if PROGRESS in before.by_name and PROGRESS not in graph.by_name:
            graph = graph.with_(rewrites=(*graph.rewrites, Rewrite("drop", (("scope", PROGRESS),))))
        return graph if graph is before else retype(graph, before)


@dataclass(frozen=True)
class _Norm:
    """A RepBN in a graph: its batch norm, the scope that goes with it, the value it reads and the one it gives."""

    bn: Node
    scope: str
    source: str
    result: str


def _found(graph: Graph, bn: Node) -> _Norm | None:
    scope = bn.name.rpartition(".")[0]
    blocks = {s.name: s.block for s in graph.scopes}
    if blocks.get(scope) != "rep_bn" or not isinstance(bn.op, BatchNorm) or not bn.buffers:
        return None
    source, result = graph.by_name[bn.reads[0]].reads[0], f"{scope}.sum"
    outer = scope.rpartition(".")[0]
    if blocks.get(outer) == "prepbn":
        scope, result = outer, f"{outer}.blend"
    return _Norm(bn, scope, source, result)


def _folded(graph: Graph, norm: _Norm) -> Graph:
    """The graph without the norm, or as it is where no layer can take it in."""
    last = graph.types[norm.result].rank - 1
    layers, rule = layers_after(graph, norm.result, last), "fold_ahead"
    if layers is None:
        before = _maker(graph, norm.source, last)
        layers, rule = None if before is None else (before,), "fold_behind"
    if layers is None:
        return graph
    gone = {n.name for n in graph.nodes if n.name.startswith(f"{norm.scope}.")}
    ready = {n.name: replace(n, op=replace(n.op, bias=True)) for n in layers}  # type: ignore[call-arg]
    turned = renamed(graph, {norm.result: norm.source})
    nodes = tuple(replace(n, op=ready[n.name].op) if n.name in ready else n for n in turned.nodes if n.name not in gone)
    inner = norm.bn.name.rpartition(".")[0]
    names = (("scope", norm.scope), ("norm", inner), *((f"layer{k}", n.name) for k, n in enumerate(layers)))
    rewrite = Rewrite(rule, names, (("eps", norm.bn.op.eps),))  # type: ignore[attr-defined]
    scopes = tuple(s for s in graph.scopes if not f"{s.name}.".startswith(f"{norm.scope}."))
    made = turned.with_(nodes=nodes, scopes=scopes, rewrites=(*graph.rewrites, rewrite))
    return retype(made.with_(nodes=made.training().nodes))


def _maker(graph: Graph, value: str, axis: int) -> Node | None:
    """The layer that made a value which nothing but one norm reads, in one step or by way of rearrangements."""
    node = graph.by_name.get(value)
    readers = [v for n in graph.nodes for v in n.reads if v == value and not n.marks.train_only]
    if node is None or is_needed(graph, value) or len(set(_scopes(graph, value))) != 1 or not readers:
        return None
    if isinstance(node.op, Rearrange):
        back = followed(node.op.parsed, axis, node.outputs[0].rank, graph.types[node.reads[0]].rank, forward=False)
        return None if back is None else _maker(graph, node.reads[0], back)
    rank = node.outputs[0].rank
    placed = axis == (rank - 1 if isinstance(node.op, Linear) else 1)
    return node if placed and is_layer(graph, node, axis) else None


def _scopes(graph: Graph, value: str) -> Iterator[str]:
    """What reads a value: nodes, those of one norm together."""
    norms = [f"{s.name}." for s in graph.scopes if s.block in ("rep_bn", "prepbn")]
    for node in graph.nodes:
        if value in node.reads:
            yield next((p for p in sorted(norms, key=len) if node.name.startswith(p)), node.name)
