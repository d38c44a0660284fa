"""Where a classifier's last map of features is, read off the graph: which value, and how its dimensions are laid out.

The head is walked backwards from the logits, through what keeps the features of a place together, to the op that takes
the places away: a pooling, a mean over two dimensions, or the choice of a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.select import BadSelector, select
from graphwright.compiler.places import NOWHERE, fail

Layout = Literal["channels first", "channels last", "tokens"]

#: Ops that take the places of a map away.
POOLING = ("adaptive_avg_pool2d", "adaptive_max_pool2d", "mean", "select", "reduce", "avg_pool2d", "amax", "max", "sum")


@dataclass(frozen=True)
class FeatureMap:
    """A value [N, C, H, W], [N, H, W, C], or [N, T, C] with `extra` tokens before those of the `grid`."""

    value: str
    layout: Layout
    grid: tuple[Size, Size]
    extra: int = 0


def logits(graph: Graph) -> str:
    """The value [N, classes] that the model puts out first."""
    for _, value in graph.outputs:
        if graph.types[value].rank == 2:
            return value
    raise fail(NOWHERE, f"{graph.name} puts out no class scores [N, classes]", "choose a classifier")


def last_map(graph: Graph, layer: str = "") -> FeatureMap:
    """The map that `layer` selects (the last of its nodes), or the last one before the head.

    Raises `SpecError` where there is none; its rank and its readers must tell where the channels are.
    """
    if layer:
        return _laid_out(graph, selected(graph, layer))
    value = logits(graph)
    while True:
        node = graph.by_name.get(graph.producer(value))
        if node is None:
            raise fail(NOWHERE, f"{graph.name} has no map of features before its head", "name one with --layer")
        if node.op.name in POOLING and node.reads and graph.types[node.reads[0]].rank in (3, 4):
            return _before(graph, node)
        if not node.reads:
            raise fail(NOWHERE, f"{graph.name} has no map of features before its head", "name one with --layer")
        value = node.reads[0]


def selected(graph: Graph, text: str) -> str:
    """The value that an output, a value, a selector or a scope means: of several nodes the last. Raises `SpecError`."""
    ports = dict(graph.outputs)
    if text in ports or text in graph.types:
        return ports.get(text, text)
    try:
        nodes = select(graph, text)
    except BadSelector as error:
        raise fail(NOWHERE, str(error)) from None
    found = nodes or tuple(n for n in graph.nodes if n.name.startswith(text + "."))
    if not found:
        raise fail(NOWHERE, f"no node matches '{text}'", "`graphwright show` lists the names")
    return found[-1].name


def _before(graph: Graph, pooling: Node) -> FeatureMap:
    """The map that the head's pooling reads; where a class token is read, what the last attention reads."""
    value = pooling.reads[0]
    kind = graph.types[value]
    if kind.rank == 4:
        dims = getattr(pooling.op, "dims", None)
        last = isinstance(dims, tuple) and tuple(d % 4 for d in dims) == (1, 2)
        return _map(graph, value, "channels last" if last else "channels first")
    if pooling.op.name == "select":  # only the class token goes on, so that places count one block earlier
        value = _last_attention(graph) or value
    return _laid_out(graph, value)


def _last_attention(graph: Graph) -> str | None:
    """The tokens that the last attention reads, after their norm."""
    for node in reversed(graph.nodes):
        if node.op.name not in ("attention", "softmax", "multi_head_attention"):
            continue
        value = node.reads[0]
        while (maker := graph.by_name.get(graph.producer(value))) is not None:
            if maker.op.name == "layer_norm" and graph.types[maker.name].rank == 3:
                return maker.name
            if not maker.reads:
                break
            value = maker.reads[0]
    return None


def _laid_out(graph: Graph, value: str) -> FeatureMap:
    kind = graph.types[value]
    if kind.rank == 3:
        return _tokens(graph, value)
    if kind.rank != 4:
        raise fail(NOWHERE, f"'{value}' is {kind}, which is no map of features", "it needs 3 or 4 dimensions")
    node = graph.by_name[graph.producer(value)]
    last = node.op.name in ("linear", "layer_norm") and getattr(node.op, "dim", -1) == -1
    return _map(graph, value, "channels last" if last else "channels first")


def _map(graph: Graph, value: str, layout: Layout) -> FeatureMap:
    shape = graph.types[value].shape
    grid = shape[2:] if layout == "channels first" else shape[1:3]
    return FeatureMap(value, layout, (grid[0], grid[1]))


def _tokens(graph: Graph, value: str) -> FeatureMap:
    """Tokens are the places of the first convolution's map, after `extra` others."""
    count = graph.types[value].shape[1]
    for node in graph.nodes:
        if node.op.name == "conv2d":
            height, width = graph.types[node.name].shape[2:]
            extra = count - height * width
            if isinstance(extra, int) and extra >= 0:
                return FeatureMap(value, "tokens", (height, width), extra)
    raise fail(NOWHERE, f"'{value}' is {graph.types[value]}, tokens that are not the places of a picture", "")
