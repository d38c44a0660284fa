"""The places of a value where its neurons live: cut out, put back, and met by what is said about each neuron."""

from __future__ import annotations

from collections.abc import Sequence

from graphwright.analyses.paths.neurons import Layer
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ops.join import Concat, Select, Slice
from graphwright.compiler.ops.reduce import Mean
from graphwright.compiler.ops.shape import Unsqueeze
from graphwright.compiler.places import fail
from graphwright.compiler.transforms.counterfactual import Counterfactual
from graphwright.compiler.transforms.instrument import Rewriter


def part_of(made: Rewriter, layer: Layer, value: str) -> str:
    """The places of the value where the layer's neurons live."""
    if not layer.partial:
        return value
    return made.add(layer.node, "places", Slice((1,), layer.start, layer.stop), (value,))


def spliced(made: Rewriter, changed: Counterfactual, layer: Layer, part: str) -> str:
    """The live value with its places replaced."""
    if not layer.partial:
        return part
    live, parts = changed.now(layer.value), [part]
    if layer.start:
        parts.insert(0, made.add(layer.node, "before", Slice((1,), 0, layer.start), (live,)))
    if layer.stop is not None:
        parts.append(made.add(layer.node, "after", Slice((1,), layer.stop), (live,)))
    return made.add(layer.node, "spliced", Concat(1), parts)


def columns(made: Rewriter, layer: Layer, knob: str, first: int) -> str:
    """What [N, U] or [N, T, U] says about the layer's units, shaped to meet its value."""
    rank = made.types[knob].rank
    own = made.add(layer.node, "own", Slice((rank - 1,), first, first + layer.width), (knob,))
    if rank == 3 and (layer.rank == 2 or layer.axis == 1):
        own, rank = made.add(layer.node, "own", Select(1, 0), (own,)), 2
    for _ in range(layer.rank - rank):
        own = made.add(layer.node, "own", Unsqueeze(-1 if layer.axis == 1 else 1), (own,))
    return own


def clean_part(made: Rewriter, layer: Layer) -> str:
    """They as they are in the unperturbed model."""
    return part_of(made, layer, made.now(layer.value))


def mean_of(made: Rewriter, layer: Layer, part: str) -> str:
    """The mean over places, [N, D]."""
    return made.add(layer.node, "unit", Mean(layer.spatial), (part,)) if layer.spatial else part


def per_place(made: Rewriter, layer: Layer, part: str) -> str:
    """[N, T, D]; one place for a value without any."""
    return made.add(layer.node, "unit_places", Unsqueeze(1), (part,)) if layer.rank == 2 else part


def token_count(graph: Graph, layers: Sequence[Layer]) -> int:
    """How many places each unit of the layers has; they must agree, since the official score sums over layers first."""
    counts = []
    for layer in layers:
        count = graph.types[layer.value].shape[1] if layer.rank == 3 else 1
        if layer.rank > 3 or not isinstance(count, int):
            kind = graph.types[layer.value]
            raise fail(layer.node.place, f"the official score is of tokens; '{layer.value}' ({layer.node.op.name}) is "
                       f"{kind}", "score=complete")  # fmt: skip
        counts.append(len(range(count)[layer.start : layer.stop]) if layer.rank == 3 else 1)
        if counts[-1] != counts[0]:
            raise fail(layer.node.place, f"'{layer.value}' ({layer.node.op.name}) has {counts[-1]} tokens, the first "
                       f"layer {counts[0]}; the official score pairs them", "score=complete")  # fmt: skip
    return counts[0]
