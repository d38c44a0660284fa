"""What Model Explorer reads: the fields of its format, edges that lead somewhere, and the counts of the graph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graphwright.backends.drawing import write
from graphwright.backends.drawing.explorer import collection, overlay
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from tests.backends.graphs import with_losses
from tests.backends.specs import TIED, graph_of

#: The fields that `model_explorer.graph_builder` has, for each of its classes.
FIELDS = {
    "graph": {"id", "nodes", "groupNodeAttributes"},
    "node": {
        "id", "label", "namespace", "attrs", "incomingEdges", "inputsMetadata", "outputsMetadata", "style",
    },
    "edge": {"sourceNodeId", "sourceNodeOutputId", "targetNodeInputId"},
}  # fmt: skip


def pairs(attrs: list[dict[str, str]]) -> dict[str, str]:
    assert all(set(a) == {"key", "value"} and isinstance(a["value"], str) and a["value"] for a in attrs)
    return {a["key"]: a["value"] for a in attrs}


def checked(graph: Graph) -> dict[str, dict[str, Any]]:
    """The nodes by id, after checking what holds for every graph."""
    made = collection(graph)
    assert set(made) == {"label", "graphs"}
    (only,) = made["graphs"]
    assert set(only) == FIELDS["graph"]
    nodes = {n["id"]: n for n in only["nodes"]}
    assert len(nodes) == len(only["nodes"])
    assert nodes.keys() >= {n.name for n in graph.nodes} | {e.name for e in graph.inputs}
    for node in nodes.values():
        assert set(node) <= FIELDS["node"]
        pairs(node["attrs"])
        for edge in node.get("incomingEdges", ()):
            assert set(edge) == FIELDS["edge"]
            source = nodes[edge["sourceNodeId"]]
            assert edge["sourceNodeOutputId"] in {m["id"] for m in source["outputsMetadata"]}
    for spaces in only["groupNodeAttributes"].values():
        assert all(isinstance(v, str) for v in spaces.values())
    used = {
        "/".join(n["namespace"].split("/")[:k]) for n in nodes.values() for k in range(n["namespace"].count("/") + 2)
    }
    assert only["groupNodeAttributes"].keys() == used | {""}
    return nodes


@pytest.mark.parametrize("name", ["resnet18", "swin_tiny_patch4_window7_224", "lstm_classifier", "ssd300_vgg16"])
def test_library(name: str) -> None:
    graph = load(name)
    nodes = checked(graph)
    counts = count(graph)
    told = [int(pairs(n["attrs"]).get("parameters", "0").replace(",", "")) for n in nodes.values()]
    assert sum(told) == counts.parameters
    for figure in ("parameters", "macs", "flops", "bytes"):
        ((key, data),) = overlay(graph, figure).items()
        assert key == collection(graph)["graphs"][0]["id"]
        assert data["results"].keys() <= nodes.keys()
        assert sum(r["value"] for r in data["results"].values()) == getattr(counts, figure)


def test_a_node(tmp_path: Path) -> None:
    node = checked(load("resnet18"))["layer1.0.conv1"]
    assert (node["label"], node["namespace"]) == ("conv1 (conv2d)", "layer1/0")
    facts = pairs(node["attrs"])
    assert facts["kernel"] == "3"
    assert facts["MACs"] == f"{64 * 64 * 9 * 56 * 56:,}"
    assert facts["place"].startswith("basic_block.yaml:")
    assert node["incomingEdges"][0]["sourceNodeId"] == "maxpool"
    assert pairs(node["outputsMetadata"][0]["attrs"])["tensor_shape"].startswith("float32[N, 64,")
    assert pairs(checked(graph_of(TIED, tmp_path))["c"]["attrs"])["tie"] == "b"


def test_losses_and_files(tmp_path: Path) -> None:
    graph = with_losses()
    nodes = checked(graph)
    assert pairs(nodes["aux.fc"]["attrs"])["marks"] == "train_only"
    assert {":logits", ":loss:loss", ":loss:aux_loss", "label"} <= nodes.keys()
    write(graph, tmp_path / "x.explorer.json")
    assert json.loads((tmp_path / "x.explorer.json").read_text()) == collection(graph)
    write(graph, tmp_path / "x.flops.explorer.json")
    assert json.loads((tmp_path / "x.flops.explorer.json").read_text()) == overlay(graph, "flops")
    write(graph, tmp_path / "x.json")  # the plain drawing is another format
    assert json.loads((tmp_path / "x.json").read_text()).keys() >= {"clusters", "edges"}
