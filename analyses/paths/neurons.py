"""Which values of a graph have neurons, and at which of their places, read off the graph's structure.

In a transformer a neuron is a unit that the second linear layer of a feed-forward block reads; in a convolutional
network it is a channel after an activation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphwright.analyses.features import logits
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.select import BadSelector, select
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail

#: Which places of a value a neuron lives at: the class token, all other tokens, or all of them.
Places = Literal["auto", "class", "patches", "all"]

#: Ops of the activation family that are not elementwise, or do nothing.
_NOT_UNITS = ("softmax", "log_softmax", "identity", "softmin")


@dataclass(frozen=True)
class Layer:
    """The neurons of one value: `width` of them, along `axis`; `start:stop` of dimension 1 is where they live."""

    value: str
    node: Node
    width: int
    axis: int
    rank: int
    start: int = 0
    stop: int | None = None

    @property
    def partial(self) -> bool:
        """Whether other places of the value are left as they are."""
        return (self.start, self.stop) != (0, None)

    @property
    def spatial(self) -> tuple[int, ...]:
        """The dimensions that count places."""
        return tuple(d for d in range(1, self.rank) if d != self.axis)


def layers_of(graph: Graph, selector: str, places: Places) -> tuple[Layer, ...]:
    """The layers with neurons, in the order they are computed in.

    Raises `SpecError` where there are none, or where a value's neurons cannot be told from its type.
    """
    nodes = _selected(graph, selector) if selector else feed_forward(graph) or channels(graph)
    if not nodes:
        raise fail(NOWHERE, f"{graph.name} has neither feed-forward blocks nor activations of maps before its scores",
                   "name the values with layers=SELECTOR")  # fmt: skip
    found: list[Layer] = []
    problems = list[Problem]()
    for node in nodes:
        try:
            found.append(_layer(graph, node, places))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return tuple(found)


def feed_forward(graph: Graph) -> tuple[Node, ...]:
    """The nodes whose values the second linear layers of feed-forward blocks read.

    Walked back from a linear layer, through elementwise ops with an activation among them, every way ends in linear
    layers that read one and the same value.
    """
    found: dict[str, Node] = {}
    for node in graph.nodes:
        if node.op.name == "linear" and graph.types[node.name].rank > 2:
            reader = _before_dropout(graph, node.reads[0])
            if reader is not None and _is_hidden(graph, reader):
                found[reader.name] = reader
    return tuple(found.values())


def channels(graph: Graph) -> tuple[Node, ...]:
    """The activations of maps [N, C, H, W], of units [N, C] where there are no maps; gates of 1x1 are none."""
    units = [n for n in graph.nodes if _is_activation(n) and n.name not in _gates(graph)]
    maps = [n for n in units if graph.types[n.name].rank == 4 and graph.types[n.name].shape[2:] != (1, 1)]
    return tuple(maps or (n for n in units if graph.types[n.name].rank == 2 and n.name != logits(graph)))


def class_token(graph: Graph) -> int | None:
    """The position of the token that the head reads, if it reads one."""
    value = logits(graph)
    while (node := graph.by_name.get(graph.producer(value))) is not None and node.reads:
        read = graph.types[node.reads[0]]
        if node.op.name == "select" and read.rank == 3:
            index = getattr(node.op, "index", None)
            return index if isinstance(index, int) and getattr(node.op, "dim", None) in (1, -2) else None
        if node.op.name == "slice" and read.rank == 3 and graph.types[node.name].shape[1] == 1:
            start = getattr(node.op, "start", None)
            return start[0] if isinstance(start, tuple) and isinstance(start[0], int) else (
                start if isinstance(start, int) else 0)  # fmt: skip
        if read.rank > 3 or node.op.name in ("mean", "attention"):
            return None
        value = node.reads[0]
    return None


def _layer(graph: Graph, node: Node, places: Places) -> Layer:
    kind, value = graph.types[node.name], node.name
    if kind.rank not in (2, 3, 4) or not kind.dtype.startswith(("float", "bfloat")):
        raise fail(node.place, f"'{value}' ({node.op.name}) is {kind}, which has no neurons",
                   "neurons live in floating values of 2 to 4 dimensions")  # fmt: skip
    last = kind.rank < 4 or node.op.name in ("linear", "layer_norm") or _read_by_linear(graph, value)
    axis = kind.rank - 1 if last else 1
    width = kind.shape[axis]
    if not isinstance(width, int):
        raise fail(node.place, f"'{value}' ({node.op.name}) is {kind}: how many neurons it has is left free",
                   "give that size a number")  # fmt: skip
    token = class_token(graph) if kind.rank == 3 else None
    if places == "auto":
        places = "all" if token is None else "class"
    if places == "all":
        return Layer(value, node, width, axis, kind.rank)
    if kind.rank != 3:
        raise fail(node.place, f"'{value}' ({node.op.name}) is {kind}, which has no tokens", "places=all")
    if places == "patches":
        return Layer(value, node, width, axis, 3, (token if token is not None else -1) + 1)
    if token is None:
        raise fail(node.place, f"{graph.name} reads no class token, so '{value}' has none", "places=all or patches")
    count = kind.shape[1]
    start = token if token >= 0 or not isinstance(count, int) else token + count
    return Layer(value, node, width, axis, 3, start, start + 1)


def _selected(graph: Graph, selector: str) -> tuple[Node, ...]:
    try:
        nodes = select(graph, selector)
    except BadSelector as error:
        raise fail(NOWHERE, str(error)) from None
    if not nodes:
        raise fail(NOWHERE, f"no node matches '{selector}'", "`graphwright show` lists the names")
    return nodes


def _is_activation(node: Node) -> bool:
    return node.op.family == "activation" and node.op.name not in _NOT_UNITS


def _gates(graph: Graph) -> set[str]:
    """Activations that only scale another value: all their readers are products."""
    return {
        n.name for n in graph.nodes
        if _is_activation(n) and n.op.name in ("sigmoid", "hardsigmoid", "tanh")
        and all(graph.by_name[r].op.name == "mul" for r in graph.readers.get(n.name, ()))
    }  # fmt: skip


def _read_by_linear(graph: Graph, value: str) -> bool:
    """Whether a linear layer reads the value, so that its last dimension is that of the units."""
    readers = [graph.by_name[name] for name in graph.readers.get(value, ())]
    return any(r.op.name == "linear" or (r.op.name == "dropout" and _read_by_linear(graph, r.name)) for r in readers)


def _before_dropout(graph: Graph, value: str) -> Node | None:
    node = graph.by_name.get(graph.producer(value))
    while node is not None and node.op.name in ("dropout", "identity", "contiguous"):
        node = graph.by_name.get(graph.producer(node.reads[0]))
    return node


def _is_hidden(graph: Graph, node: Node) -> bool:
    """Whether a node is elementwise, down to linear layers that share their input, with an activation on the way."""
    pending, sources, curved = [node.name], set[str](), False
    while pending:
        at = graph.by_name.get(graph.producer(pending.pop()))
        if at is None:
            return False
        if at.op.name == "linear":
            sources.add(at.reads[0])
        elif _is_activation(at) or at.op.name in ("mul", "dropout", "identity", "contiguous", "chunk", "split"):
            curved |= _is_activation(at)
            pending += at.reads
        else:
            return False
    return curved and len(sources) == 1
