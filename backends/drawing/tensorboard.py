"""A graph as TensorBoard's graph dashboard reads it: a `GraphDef`, every node on its own, scopes by `/` in names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf import text_format
from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

from graphwright.backends.drawing.explorer import facts
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.cost import count


def text(graph: Graph) -> str:
    """The definition as text, for the dashboard's upload."""
    return str(text_format.MessageToString(definition(graph)))


def definition(graph: Graph) -> GraphDef:
    """Inputs, targets, nodes, outputs and losses; sizes that are free are -1, arguments and counts are attributes."""
    costs = count(graph).nodes
    nodes = [
        _node(_path(e.name), kind, (), (e.type,))
        for kind, entries in (("input", graph.inputs), ("target", graph.targets))
        for e in entries
    ]
    nodes += [
        _node(_path(n.name), n.op.name, [_tensor(graph, v) for v in n.reads], n.outputs, facts(n, costs[n.name]))
        for n in graph.nodes
    ]
    ends = [
        *(("output", name, value) for name, value in graph.outputs),
        *(("loss", t.name, t.value) for t in graph.losses),
    ]
    nodes += [_node(f"{kind}: {name}", kind, [_tensor(graph, value)], ()) for kind, name, value in ends]
    return GraphDef(node=nodes)


def _node(
    name: str, op: str, inputs: Iterable[str], outputs: Iterable[Type], told: dict[str, str] | None = None
) -> Any:
    attributes = {key: AttrValue(s=value.encode()) for key, value in (told or {}).items() if key != "op" and value}
    shapes = [
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=s if isinstance(s, int) else -1) for s in kind.shape])
        for kind in outputs
    ]
    attributes["_output_shapes"] = AttrValue(list=AttrValue.ListValue(shape=shapes))
    return NodeDef(name=name, op=op, input=list(inputs), attr=attributes)


def _path(name: str) -> str:
    return name.replace(".", "/")


def _tensor(graph: Graph, value: str) -> str:
    """The value as an input: its node, and which of its outputs where that is not the first."""
    source = graph.producer(value)
    values = graph.by_name[source].values if source in graph.by_name else (source,)
    place = values.index(value) if value in values else 0  # a parameter leaves its node too
    return f"{_path(source)}:{place}" if place else _path(source)
