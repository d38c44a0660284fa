"""A graph written as YAML loads as the same graph: shipped specs, their variants, random graphs; and how it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphwright as gw
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.language.library import shipped_families
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import write
from graphwright.compiler.places import SpecError
from tests.language.conftest import shipped_graph
from tests.random_graphs import differences, random_graph

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("resnet18", {"classes": 10, "depths": [1, 2, 3, 1]}),
    ("resnet50", {"depths": [2, 2, 2, 2]}),
    ("resnet50", {"block": "basic_block", "widths": [8, 16, 16, 8]}),
    ("cifar_resnet", {"depth": 1}),
    ("vit_tiny_patch16_224", {"drop_path": 0.1, "depth": 3}),
    ("swin_tiny_patch4_window7_224", {"size": 256, "depths": [2, 2, 2, 2]}),
    ("swin_tiny_patch4_window7_224", {"drop_path": 0.0}),
    ("convnext_tiny", {"drop_path": 0.3, "depths": [1, 2, 3, 1]}),
    ("mobilenetv2_100", {"width": 0.35}),
    ("densenet121", {"depths": [2, 3, 4, 2], "growth": 12}),
]


def again(graph: Graph, folder: Path) -> Graph:
    path = folder / "written.yaml"
    path.write_text(write(graph))
    return load(path)


#: Models that transforms make of others.
REWRITTEN = ("resnet18_ibn_b", "densenet121_ibn_a", "resnetv2_50d_evos", "slab_deit_tiny")


@pytest.mark.parametrize("name", [*shipped_families(), *REWRITTEN])
def test_shipped_specs_come_back(name: str, tmp_path: Path) -> None:
    graph = shipped_graph(name)
    assert differences(graph, again(graph, tmp_path)) == []


@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_variants_come_back(name: str, params: dict[str, Any], tmp_path: Path) -> None:
    graph = load(name, params)
    assert differences(graph, again(graph, tmp_path)) == []


@given(seed=st.integers(0, 2**32), size=st.integers(1, 12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_graphs_come_back(seed: int, size: int, tmp_path: Path) -> None:
    graph = random_graph(seed, size)
    assert differences(graph, again(graph, tmp_path)) == []


LINES = {
    "resnet50": 60, "vit_base_patch16_224": 60, "swin_tiny_patch4_window7_224": 110, "convnext_tiny": 60,
    "mobilenetv2_100": 60, "densenet121": 60, "yolov9_c": 340,
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_files_are_short_and_narrow(name: str) -> None:
    lines = write(shipped_graph(name)).splitlines()
    assert len(lines) <= LINES[name]
    assert max(map(len, lines)) <= 122


def test_a_written_spec_is_written_the_same_again(tmp_path: Path) -> None:
    for name in ("resnet50", "swin_tiny_patch4_window7_224", "densenet121"):
        text = write(shipped_graph(name))
        (tmp_path / "once.yaml").write_text(text)
        assert write(load(tmp_path / "once.yaml")) == text


def test_text_that_yaml_would_misread(tmp_path: Path) -> None:
    graph = shipped_graph("lenet")
    for text in ("no", "1e-5", "a: b", "{x}", "$classes and $$", "- a", "null", 'say "hi" #1', "ö ü", "12", "true"):
        changed = graph.with_(source=text, name="m" + text[:1].strip("-{$"))
        assert differences(changed, again(changed, tmp_path)) == []


def test_what_has_no_words_is_an_error() -> None:
    graph = shipped_graph("lenet")
    twice = Entry("image", Type((2 * Dim.symbol("N"), *graph.inputs[0].type.shape[1:])))  # type: ignore[operator]
    with pytest.raises(SpecError, match=r"the size 2\*N"):
        write(replace(graph, inputs=(twice,)))


def test_a_name_is_a_node_or_a_scope() -> None:
    graph = shipped_graph("lenet")
    first = graph.nodes[0]
    inner = replace(first, name=f"{first.name}.inner")
    with pytest.raises(SpecError, match="is a node and a scope"):
        write(replace(graph, nodes=(*graph.nodes, inner)))


def test_losses_are_nodes_that_nothing_reads() -> None:
    graph = shipped_graph("scnn_vgg16")
    with pytest.raises(SpecError, match="which is no node of its own"):
        write(replace(graph, losses=tuple(replace(t, name=f"{t.name}_loss") for t in graph.losses)))
    with pytest.raises(SpecError, match="is no loss"):
        write(replace(graph, losses=graph.losses[:1]))


def test_marks_of_a_torn_scope_are_not_lost() -> None:
    graph = load("resnet18")
    inside = [n for n in graph.nodes if n.name.startswith("layer1.")]
    rest = [n for n in graph.nodes if n not in inside]
    marked = tuple(replace(s, marks=replace(s.marks, checkpoint=True)) for s in graph.scopes)
    side = replace(graph.nodes[2], name="side", inputs=(("x", inside[3].name),))
    at = graph.nodes.index(inside[0])
    torn = replace(graph, nodes=(*rest[:at], *inside[:4], side, *inside[4:], *rest[at:]), scopes=marked)
    with pytest.raises(SpecError, match="marked checkpoint, but its nodes do not stand together"):
        write(torn)


def test_the_front_door() -> None:
    assert gw.write(gw.load("lenet")).startswith("graphwright: 1\nname: lenet\n")
    assert gw.outline(gw.load("lenet")).blocks == ()
