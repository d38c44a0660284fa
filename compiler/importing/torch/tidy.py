"""Patterns that exporters spell out, as the one op they are. Values stay bitwise the same."""

from __future__ import annotations

from dataclasses import replace

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ops.join import Concat
from graphwright.compiler.ops.norm import LayerNorm
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.shape import Permute


def tidied(graph: Graph) -> Graph:
    """The graph with each pattern below as what it is."""
    return _grown(_norms(graph))


def _grown(graph: Graph) -> Graph:
    """A concatenation that begins with all that an earlier one joined takes the earlier one's result."""
    known: dict[tuple[Op, tuple[str, ...]], str] = {}
    nodes = []
    for node in graph.nodes:
        if isinstance(node.op, Concat):
            read = tuple(v for _, v in node.inputs)
            for length in range(len(read) - 1, 1, -1):
                if earlier := known.get((node.op, read[:length])):
                    port = node.inputs[0][0]
                    node = replace(node, inputs=((port, earlier), *node.inputs[length:]))
                    break
            known.setdefault((node.op, read), node.name)
        nodes.append(node)
    return graph.with_(nodes=tuple(nodes))


def _norms(graph: Graph) -> Graph:
    """`permute, layer_norm, permute back` is `layer_norm` over that dimension."""
    found = {n.name: f for n in graph.nodes if (f := _norm_at(graph, n)) is not None}
    if not found:
        return graph
    gone = {name for _, before, after in found.values() for name in (before, after)}
    moved = {after: name for name, (_, _, after) in found.items()}
    nodes = []
    for node in graph.nodes:
        if node.name in gone:
            continue
        if node.name in found:
            op, before, after = found[node.name]
            source = graph.by_name[before].inputs[0][1]
            node = replace(node, op=op, inputs=(("x", source), *node.inputs[1:]), outputs=graph.by_name[after].outputs)
        inputs = tuple((p, moved.get(v, v)) for p, v in node.inputs)
        nodes.append(replace(node, inputs=inputs))
    outputs = tuple((p, moved.get(v, v)) for p, v in graph.outputs)
    return graph.with_(nodes=tuple(nodes), outputs=outputs)


def _norm_at(graph: Graph, node: Node) -> tuple[LayerNorm, str, str] | None:
    """The norm over an inner dimension that a node is together with the permutations around it, and their names."""
    if not isinstance(node.op, LayerNorm) or node.op.dims != 1 or node.op.dim != -1 or len(node.outputs) != 1:
        return None
    before = graph.by_name.get(node.inputs[0][1])
    readers = graph.readers.get(node.name, ())
    after = graph.by_name.get(readers[0]) if len(readers) == 1 else None
    if before is None or after is None or not isinstance(before.op, Permute) or not isinstance(after.op, Permute):
        return None
    if graph.readers[before.name] != (node.name,) or node.name in {v for _, v in graph.outputs}:
        return None
    rank = len(before.op.dims)
    for dim in range(rank - 1):
        there = (*(d for d in range(rank) if d != dim), dim)
        if before.op.dims == there and all(after.op.dims[d] == k for k, d in enumerate(there)):
            return replace(node.op, dim=dim), before.name, after.name
    return None
