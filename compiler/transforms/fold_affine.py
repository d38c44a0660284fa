"""Maps `a x + c` per channel, folded into the layer before them or the layers after, for deployment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from graphwright.compiler.ir.graph import Graph, Node, Rewrite
from graphwright.compiler.lowering.gradient import differentiates
from graphwright.compiler.ops.arithmetic import Add, Mul, Scale
from graphwright.compiler.ops.linear import Linear
from graphwright.compiler.ops.norm import BatchNorm
from graphwright.compiler.ops.rearrange import Rearrange
from graphwright.compiler.transforms.edits import renamed
from graphwright.compiler.transforms.fold_batch_norm import FOLDABLE
from graphwright.compiler.transforms.neighbours import followed, is_needed, is_shared, layers_after
from graphwright.compiler.transforms.remove_dead import finished

MAPS = ("batch_norm", "mul", "add", "scale")


@dataclass(frozen=True)
class FoldAffine:
    """Fold batch norms, and products or sums with a learned vector, into convolutions and linear layers beside them.

    Behind, into the one layer that makes x: `W' = diag(a) W`, `b' = a b + c`. Ahead, into all layers that read the
    result: `W' = W diag(a)`, `b' = b + W c`, the second only where no padding mixes in zeros. What only moves channels
    may stand between. A layer whose output is multiplied by a number, and by nothing else read, takes the place of the
    product. `norms` and `scales` switch the two kinds. Equal in eval mode; what fits nowhere stays.

    rewrite:
        `fc = linear(x); y = mul(fc, gamma)`  -->  `fc = linear(x)`
        `bn = batch_norm(x); conv = conv2d(bn) kernel=1`  -->  `conv = conv2d(x) kernel=1`
    """

    name: ClassVar[str] = "fold_affine"
    norms: bool = True
    scales: bool = True

    def __call__(self, graph: Graph) -> Graph:
        if differentiates(graph):
            return graph
        while (made := self._once(graph)) is not graph:
            graph = made  # a map that stood between another and its layer is gone
        return graph

    def _once(self, graph: Graph) -> Graph:
        """The graph after one look at every map in it; the very graph where none folds."""
        for name in [n.name for n in graph.nodes if n.op.name in MAPS]:
            node = graph.by_name.get(name)
            if node is None:
                continue
            if self.scales and isinstance(node.op, Scale) and (layer := _direct(graph, node)) is not None:
                graph = _rescaled(graph, node, layer)
            elif (found := self._map(graph, node)) is not None:
                graph = _folded(graph, found)
        return graph

    def _map(self, graph: Graph, node: Node) -> _Map | None:
        """The map that a node is, if it is one."""
        if self.norms and isinstance(node.op, BatchNorm) and node.buffers and not is_shared(graph, node):
            return _Map(node, node.reads[0], (("norm", node.name),), 1, node.op.eps)
        if not self.scales or len(node.reads) != 2:
            return None
        if not isinstance(node.op, Mul) and not (isinstance(node.op, Add) and node.op.other is None):
            return None
        kind = "gain" if isinstance(node.op, Mul) else "shift"
        for source, held in (node.reads, node.reads[::-1]):
            if graph.types[source] == node.outputs[0] and source != held and _is_held(graph, held):
                axes = _axes(graph, node, held)
                if axes is not None:
                    return _Map(node, source, ((kind, held),), *axes)
        return None


@dataclass(frozen=True)
class _Map:
    """`a x + c`: its node, x, where a and c are kept, the dimension of the channels (None: one number for all)."""

    node: Node
    source: str
    names: tuple[tuple[str, str], ...]
    axis: int | None
    eps: float = 0.0

    @property
    def shifts(self) -> bool:
        return self.names[0][0] != "gain"


def _is_held(graph: Graph, value: str) -> bool:
    """Whether a value is a tensor of the weights that one node alone reads, and that leaves them when it is folded."""
    node = graph.by_name.get(value)
    if node is None or not node.op.bare or not (node.parameters or node.buffers) or is_shared(graph, node):
        return False
    stays = any(r.rule == "evaluate" and dict(r.names)["into"] == value and not dict(r.numbers)["moved"]
                for r in graph.rewrites)  # fmt: skip
    return not stays and not is_needed(graph, value) and len(graph.readers[value]) == 1


def _axes(graph: Graph, node: Node, held: str) -> tuple[int | None] | None:
    """The one dimension in which a tensor has more than one element, within a one-tuple; None if there are more."""
    shape, full = graph.types[held].shape, node.outputs[0]
    wide = [k + full.rank - len(shape) for k, size in enumerate(shape) if size != 1]
    if len(shape) > full.rank or graph.types[held].dtype != full.dtype or len(wide) > 1:
        return None
    return (wide[0] if wide else None,)


def _folded(graph: Graph, found: _Map) -> Graph:
    """The graph without a map, or as it is where no layer can take it in."""
    layer, rule = _layer_before(graph, found.source, found.node.name, found.axis), "map_behind"
    layers: tuple[Node, ...] | None = (layer,) if layer is not None else None
    if layers is None:
        layers, rule = _after(graph, found), "map_ahead"
    if layers is None:
        return graph
    groups = tuple((f"layer{k}", float(getattr(n.op, "groups", 1))) for k, n in enumerate(layers))
    numbers = (("eps", found.eps), ("transposed", float(layers[0].op.name.startswith("conv_transpose"))), *groups)
    rewrite = Rewrite(rule, (*found.names, *((f"layer{k}", n.name) for k, n in enumerate(layers))), numbers)
    turned = renamed(graph, {found.node.name: found.source})
    chosen = {n.name for n in layers} if found.shifts else set()
    nodes = [_biased(n) if n.name in chosen else n for n in turned.nodes if n.name != found.node.name]
    return finished(graph, nodes, [rewrite], turned)


def _biased(node: Node) -> Node:
    return replace(node, op=replace(node.op, bias=True))  # type: ignore[call-arg]


def _after(graph: Graph, found: _Map) -> tuple[Node, ...] | None:
    """The layers that can take a map in from the one before them."""
    rank = found.node.outputs[0].rank
    for axis in (found.axis,) if found.axis is not None else (1, rank - 1):
        layers = layers_after(graph, found.node.name, axis, grouped=True, padded=not found.shifts)
        if layers is not None:
            return layers
    return None


def _layer_before(graph: Graph, value: str, reader: str, axis: int | None) -> Node | None:
    """The layer that made a value which one node alone reads, at once or by way of rearrangements."""
    node = graph.by_name.get(value)
    if node is None or is_needed(graph, value) or graph.readers.get(value) != (reader,):
        return None
    if isinstance(node.op, Rearrange):
        rank, to = node.outputs[0].rank, graph.types[node.reads[0]].rank
        back = None if axis is None else followed(node.op.parsed, axis, rank, to, forward=False)
        return None if back is None and axis is not None else _layer_before(graph, node.reads[0], node.name, back)
    if node.op.name not in FOLDABLE or len(node.inputs) != 1 or is_shared(graph, node):
        return None
    placed = axis is None or axis == (node.outputs[0].rank - 1 if isinstance(node.op, Linear) else 1)
    return node if placed else None


# -- numbers ----------------------------------------------------------------------------------------
def _direct(graph: Graph, node: Node) -> Node | None:
    return _layer_before(graph, node.reads[0], node.name, None) if _reads_layer(graph, node) else None


def _reads_layer(graph: Graph, node: Node) -> bool:
    source = graph.by_name.get(node.reads[0])
    return source is not None and source.op.name in FOLDABLE


def _rescaled(graph: Graph, node: Node, layer: Node) -> Graph:
    """The layer in the place of its product with a number: a number leaves no trace in weights, another name does."""
    made = replace(layer, name=node.name, place=node.place)
    nodes: Iterator[Node] = (made if n is node else n for n in graph.nodes if n is not layer)
    names = (("layer", layer.name), ("into", node.name))
    return finished(graph, list(nodes), [Rewrite("rescale", names, (("factor", node.op.factor),))])  # type: ignore[attr-defined]
