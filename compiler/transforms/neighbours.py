"""The layers before and after a value whose channels lie in one dimension, and where those channels go in between.

A map `a x + c` per channel can be folded into these layers: what stands between them and the value commutes with it.
"""

from __future__ import annotations

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ops.activation import Identity
from graphwright.compiler.ops.convolution import Conv1d, Conv2d, Conv3d
from graphwright.compiler.ops.join import Select, Slice
from graphwright.compiler.ops.linear import Linear
from graphwright.compiler.ops.op import spread
from graphwright.compiler.ops.pattern import DOTS, Pattern, Side
from graphwright.compiler.ops.pooling import AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d
from graphwright.compiler.ops.rearrange import Rearrange
from graphwright.compiler.ops.reduce import Mean
from graphwright.compiler.ops.shape import Contiguous, Flatten, Roll


def layers_after(
    graph: Graph, value: str, axis: int, *, grouped: bool = False, padded: bool = False
) -> tuple[Node, ...] | None:
    """The layers that read a value whose channels lie in dimension `axis`; None if anything else reads it.

    Convolutions with groups and with padding, which also read zeros that nothing has shifted, are layers if asked for.
    """
    if is_needed(graph, value):
        return None
    found: list[Node] = []
    for node in (graph.by_name[name] for name in graph.readers.get(graph.producer(value), ())):
        if value not in node.reads:
            continue
        if is_layer(graph, node, axis, grouped) and (padded or not _pads(node)):
            found.append(node)
        elif len(node.values) == 1 and (moved := _moved(graph, node, axis)) is not None:
            beyond = layers_after(graph, node.name, moved, grouped=grouped, padded=padded)
            if beyond is None:
                return None
            found += beyond
        else:
            return None
    return tuple(found) or None


def is_needed(graph: Graph, value: str) -> bool:
    """Whether a value is an output or a term of the losses."""
    return any(v == value for _, v in graph.outputs) or any(t.value == value for t in graph.losses)


def is_shared(graph: Graph, node: Node) -> bool:
    """Whether a node's parameters are another's too, or read as values."""
    return bool(node.marks.tie) or node.name in graph.lenders


def is_layer(graph: Graph, node: Node, axis: int, grouped: bool = False) -> bool:
    """Whether a node is a layer of its own over the channels in dimension `axis`."""
    if len(node.inputs) != 1 or is_shared(graph, node):
        return False
    if isinstance(node.op, Conv1d | Conv2d | Conv3d):
        return axis == 1 and (grouped or node.op.groups == 1)
    return isinstance(node.op, Linear) and axis == node.outputs[0].rank - 1


def _pads(node: Node) -> bool:
    """Whether a layer also reads zeros, which no norm has shifted."""
    op = node.op
    if not isinstance(op, Conv1d | Conv2d | Conv3d) or op.padding == "valid":
        return False
    if op.padding == "same":
        return any(k != 1 for k in spread(op.kernel, op.rank))
    return any(p != 0 for p in spread(op.padding, op.rank))


def _moved(graph: Graph, node: Node, axis: int) -> int | None:
    """Where channels of dimension `axis` are after a node that commutes with scaling and shifting each of them."""
    op, kind = node.op, graph.types[node.reads[0]]
    rank = kind.rank
    match op:
        case Identity() | Contiguous():
            return axis
        case AdaptiveAvgPool1d() | AdaptiveAvgPool2d() | AdaptiveAvgPool3d():
            return axis if axis == 1 else None
        case Flatten(start=start, end=end):
            merged = range(start % rank, end % rank + 1)
            alone = axis == merged[0] and all(kind.shape[d] == 1 for d in merged if d != axis)
            return axis if axis < merged[0] or alone else None
        case Rearrange():
            return followed(op.parsed, axis, rank, node.outputs[0].rank)
        case Roll() | Slice():
            return None if axis in _dims(op.dims, rank) else axis
        case Mean():
            dims = _dims(op.dims if op.dims is not None else tuple(range(rank)), rank)
            return None if axis in dims else axis - (0 if op.keep else sum(d < axis for d in dims))
        case Select():
            dim = op.dim % rank
            return None if dim == axis else axis - (dim < axis)
    return None


def _dims(dims: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    return tuple(d % rank for d in ((dims,) if isinstance(dims, int) else dims))


def followed(pattern: Pattern, axis: int, rank: int, to: int, forward: bool = True) -> int | None:
    """The dimension that an axis becomes by a pattern, if it stays one by itself; backward: that it was."""
    left, right = _spread(pattern.left, rank if forward else to), _spread(pattern.right, to if forward else rank)
    if pattern.flat:
        return None
    here, there = (left, right) if forward else (right, left)
    group = here[axis]
    return there.index(group) if len(group) == 1 and group != (DOTS,) and group in there else None


def _spread(side: Side, rank: int) -> Side:
    """One group a dimension."""
    if (DOTS,) not in side:
        return side
    at = side.index((DOTS,))
    return side[:at] + ((DOTS,),) * (rank - len(side) + 1) + side[at + 1 :]
