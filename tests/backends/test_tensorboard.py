"""What TensorBoard reads: names that inputs find, shapes, attributes; and the graph in the events of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.graph_pb2 import GraphDef

import graphwright as gw
from graphwright.backends.drawing import write
from graphwright.backends.drawing.tensorboard import definition
from graphwright.compiler.ir.graph import Graph
from tests.backends.graphs import with_losses
from tests.backends.specs import TIED, graph_of


def checked(graph: Graph) -> dict[str, object]:
    """The nodes by name, after checking what holds for every graph."""
    found = definition(graph)
    nodes = {n.name: n for n in found.node}
    assert len(nodes) == len(found.node)
    for node in found.node:
        for name in node.input:
            source, _, place = name.rpartition(":") if name.rpartition(":")[2].isdigit() else (name, "", "0")
            assert int(place) < max(1, len(nodes[source].attr["_output_shapes"].list.shape))
    for node in graph.nodes:
        shapes = nodes[node.name.replace(".", "/")].attr["_output_shapes"].list.shape
        assert [[d.size for d in s.dim] for s in shapes] == [
            [s if isinstance(s, int) else -1 for s in kind.shape] for kind in node.outputs
        ]
    return nodes


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "unet", "lstm_classifier"])
def test_models_of_the_library(name: str) -> None:
    checked(gw.load(name))


def test_losses_targets_and_ties(tmp_path: Path) -> None:
    nodes = checked(with_losses())
    assert any(name.startswith("loss: ") for name in nodes)
    checked(graph_of(TIED, tmp_path))


def test_the_file_is_text_that_reads_back(tmp_path: Path) -> None:
    graph = gw.load("digits")
    write(graph, tmp_path / "digits.pbtxt")
    found = text_format.Parse((tmp_path / "digits.pbtxt").read_text(), GraphDef())
    assert found == definition(graph)
    conv = next(n for n in found.node if n.name == "conv1")
    assert conv.op == "conv2d"
    assert conv.attr["kernel"].s == b"3"
    assert list(conv.input) == ["image"]


def test_a_run_has_the_graph_in_its_events(tmp_path: Path) -> None:
    graph = gw.load("digits")
    gw.train(graph, "digits", tmp_path / "run", epochs=1)
    events = EventAccumulator(str(tmp_path / "run")).Reload()
    names = {n.name for n in events.Graph().node}
    assert {n.name.replace(".", "/") for n in graph.nodes} <= names
