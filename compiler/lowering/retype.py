"""Types of a graph after an edit: every node inferred again, in order."""

from __future__ import annotations

from dataclasses import replace

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.inference import InferenceError, infer
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.places import fail


def retype(graph: Graph, known: Graph | None = None) -> Graph:
    """The graph with the outputs and state of every node inferred anew; an edit that does not fit is an error.

    `known` is a typed graph: the very nodes of it keep their types where they read values of the same types.
    """
    types: dict[str, Type] = {e.name: e.type for e in (*graph.inputs, *graph.targets)}
    sizes = {k: v for e in (*graph.inputs, *graph.targets) for k, v in e.defaults.items()}
    nodes: list[Node] = []
    for node in graph.nodes:
        same = known is not None and known.by_name.get(node.name) is node
        if known is not None and same and all(types[v] == known.types[v] for v in node.reads):
            types.update({v: known.types[v] for v in node.values})
            types.update({f"{node.name}.{n}": t for n, t in (*node.parameters, *node.buffers)})
            nodes.append(node)
            continue
        if isinstance(node.op, Loop):
            node = replace(node, op=node.op.fitted(*node.arrange(types)))
        try:
            signature = infer(node.op, node.arrange(types), sizes)
        except InferenceError as error:
            reads = ", ".join(f"{v} is {types[v]}" for v in node.reads)
            text = str(error) if str(error).startswith(node.op.name) else f"{node.op.name}: {error}"
            raise fail(node.place, f"'{node.name}' after an edit: {text}", reads) from None
        made = replace(node, outputs=signature.outputs, parameters=signature.parameters, buffers=signature.buffers)
        types.update(zip(made.values, made.outputs, strict=True))
        types.update({f"{node.name}.{n}": t for n, t in (*made.parameters, *made.buffers)})
        nodes.append(made)
    return graph.with_(nodes=tuple(nodes))
