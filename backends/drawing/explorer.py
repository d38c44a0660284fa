"""A graph as the JSON of Google's Model Explorer (github.com/google-ai-edge/model-explorer), every node on its own.

`collection` is its GraphCollection: scopes are namespaces, nodes carry arguments, places, output types and counts.
`overlay` is its node data, one figure per node, which colours the graph; the format wants a file for each figure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from graphwright.backends.drawing.drawing import Kind
from graphwright.backends.drawing.palette import paint
from graphwright.backends.drawing.text import clean
from graphwright.compiler.ir.graph import Entry, Graph, Marks, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.cost import Cost, count
from graphwright.compiler.places import Place

#: Figures of a node, as fields of `Cost`, and what they are called.
FIGURES = {"parameters": "parameters", "macs": "MACs", "flops": "FLOPs", "bytes": "activation bytes"}
#: From the least to the greatest value of an overlay.
GRADIENT = [{"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#e58e73"}]


def text(graph: Graph) -> str:
    """The graph collection as JSON."""
    return json.dumps(collection(graph), indent=1, ensure_ascii=False) + "\n"


def overlay_text(graph: Graph, figure: str) -> str:
    """The node data of one figure as JSON."""
    return json.dumps(overlay(graph, figure), indent=1, ensure_ascii=False) + "\n"


def overlay(graph: Graph, figure: str) -> dict[str, Any]:
    """The node data for `collection(graph)`: one of `FIGURES` for every node that has any of it."""
    values = {name: getattr(cost, figure) for name, cost in count(graph).nodes.items()}
    results = {name: {"value": value} for name, value in values.items() if value}
    return {clean(graph.name): {"name": FIGURES[figure], "results": results, "gradient": GRADIENT}}


def collection(graph: Graph) -> dict[str, Any]:
    """The graph collection: one graph, with its inputs, targets, nodes and outputs."""
    costs = count(graph).nodes
    nodes = [_entry(e, "input") for e in graph.inputs]
    nodes += [_entry(e, "target") for e in graph.targets]
    nodes += [_node(graph, n, costs[n.name]) for n in graph.nodes]
    nodes += [_result(graph, f":{name}", value, "output", name) for name, value in graph.outputs]
    nodes += [_result(graph, f":loss:{t.name}", t.value, "loss", f"{t.name} × {t.weight}") for t in graph.losses]
    made = {"id": clean(graph.name), "nodes": nodes, "groupNodeAttributes": dict(_groups(graph, costs))}
    return {"label": clean(graph.name), "graphs": [made]}


def _entry(entry: Entry, kind: Kind) -> dict[str, Any]:
    return {
        "id": entry.name, "label": clean(entry.name), "namespace": "", "style": _style(kind),
        "attrs": _pairs({"kind": kind, "doc": entry.doc, "place": _brief(entry.place)}),
        "outputsMetadata": [_metadata("0", "", entry.type)],
    }  # fmt: skip


def _node(graph: Graph, node: Node, cost: Cost) -> dict[str, Any]:
    scope, _, leaf = node.name.rpartition(".")
    names = node.op.outputs() if len(node.op.outputs()) == len(node.outputs) else map(str, range(len(node.outputs)))
    metadata = [_metadata(str(k), name, kind) for k, (name, kind) in enumerate(zip(names, node.outputs, strict=True))]
    metadata += [_metadata(name, name, kind) for name, kind in (*node.parameters, *node.buffers)]
    return {
        "id": node.name, "label": leaf if node.op.name in leaf else f"{leaf} ({node.op.name})",
        "namespace": scope.replace(".", "/"), "style": _style("op", node.op.family),
        "attrs": _pairs(facts(node, cost)),
        "incomingEdges": [_edge(graph, value, str(k)) for k, value in enumerate(node.reads)],
        "inputsMetadata": [
            {"id": str(k), "attrs": _pairs({"__tensor_tag": port})} for k, (port, _) in enumerate(node.inputs)
        ],
        "outputsMetadata": metadata,
    }  # fmt: skip


def facts(node: Node, cost: Cost) -> dict[str, str]:
    """What is told of a node: op, arguments, counts, marks, and where it stands."""
    told = {"op": node.op.name, **_arguments(node), **_counts([cost]), **_marks(node.marks)}
    return {**told, "place": _brief(node.place)}


def _result(graph: Graph, name: str, value: str, kind: Kind, label: str) -> dict[str, Any]:
    return {
        "id": name, "label": clean(label), "namespace": "", "style": _style(kind), "attrs": _pairs({"kind": kind}),
        "incomingEdges": [_edge(graph, value, "0")],
    }  # fmt: skip


def _edge(graph: Graph, value: str, into: str) -> dict[str, str]:
    """The edge of a value; a parameter that is read as a value leaves its node by its own name."""
    source = graph.producer(value)
    return {"sourceNodeId": source, "sourceNodeOutputId": value[len(source) + 1 :] or "0", "targetNodeInputId": into}


def _groups(graph: Graph, costs: dict[str, Cost]) -> Iterator[tuple[str, dict[str, str]]]:
    """Facts about the graph (the namespace `""`) and about every scope, with the sums of what is inside."""
    yield "", _words({"doc": graph.doc, "source": graph.source, **_counts(list(costs.values()))})
    inside: dict[str, list[Cost]] = {}
    for name, cost in costs.items():
        while name := name.rpartition(".")[0]:
            inside.setdefault(name, []).append(cost)
    scopes = {s.name: s for s in graph.scopes}
    for name, group in inside.items():
        scope = scopes.get(name)
        facts = {"block": scope.block, **_marks(scope.marks), "place": _brief(scope.place)} if scope else {}
        yield name.replace(".", "/"), _words({**facts, "nodes": len(group), **_counts(group)})


def _counts(costs: list[Cost]) -> dict[str, str]:
    sums = {label: sum(getattr(c, field) or 0 for c in costs) for field, label in FIGURES.items()}
    return {label: f"{value:,}" for label, value in sums.items() if value}


def _arguments(node: Node) -> dict[str, Any]:
    """The arguments that say something: required ones, and those that differ from their default."""
    values = {f.name: (getattr(node.op, f.name), f) for f in node.op.fields()}
    told = {name: value for name, (value, f) in values.items() if f.required or value != f.default}
    return {k: f"a graph of {len(v.nodes)} nodes" if isinstance(v, Graph) else str(v) for k, v in told.items()}


def _marks(marks: Marks) -> dict[str, Any]:
    flags = [name for name in ("freeze", "train_only", "checkpoint", "reversible") if getattr(marks, name)]
    return {"marks": ", ".join(flags), "tie": marks.tie, "tags": ", ".join(marks.tags), "doc": marks.doc}


def _metadata(number: str, name: str, kind: Type) -> dict[str, Any]:
    return {"id": number, "attrs": _pairs({"__tensor_tag": name, "tensor_shape": kind})}


def _style(kind: Kind, family: str = "") -> dict[str, str]:
    chosen = paint(kind, family)
    return {"backgroundColor": chosen.fill, "borderColor": chosen.line}


def _brief(place: Place) -> str:
    """The file and line, without folders of the machine."""
    return f"{place.file.replace(chr(92), '/').rpartition('/')[2]}:{place.line}" if place.line else ""


def _words(facts: dict[str, Any]) -> dict[str, str]:
    return {key: clean(value, 400) for key, value in facts.items() if value}


def _pairs(facts: dict[str, Any]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in _words(facts).items()]
