"""The net under the writer: text that does not read back as the graph is written again, more plainly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language import writing
from graphwright.compiler.language.library import shipped_families
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import LEVELS, difference, faithful, proved, write
from graphwright.compiler.outline import fold, matching
from graphwright.compiler.outline.form import Steps
from graphwright.compiler.places import SpecError
from tests.language.conftest import shipped_graph
from tests.random_graphs import random_graph


def again(text: str, folder: Path) -> Graph:
    path = folder / "written.yaml"
    path.write_text(text)
    return load(path)


@pytest.mark.parametrize("steps", LEVELS[1:])
@given(seed=st.integers(0, 2**32), size=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_random_graphs_come_back_at_every_level(
    steps: Steps, seed: int, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graph = random_graph(seed, size)
    assert difference(graph, again(write(graph, steps), tmp_path_factory.mktemp("again"))) == ""


@pytest.mark.parametrize("steps", LEVELS[1:])
@pytest.mark.parametrize("name", ["resnet50", "swin_tiny_patch4_window7_224", "nasnet_a_mobile", "scnn_vgg16"])
def test_shipped_specs_come_back_at_every_level(name: str, steps: Steps, tmp_path: Path) -> None:
    assert difference(shipped_graph(name), again(write(shipped_graph(name), steps), tmp_path)) == ""


@pytest.mark.parametrize("name", shipped_families())
def test_nothing_shipped_needs_the_net(name: str) -> None:
    assert proved(shipped_graph(name)) == (write(shipped_graph(name)), Steps())


def test_the_levels_get_plainer() -> None:
    lengths = [write(shipped_graph("resnet50"), steps).count("\n") for steps in LEVELS]
    assert lengths[0] < lengths[1] < min(lengths[2:])
    assert "blocks:" not in write(shipped_graph("resnet50"), LEVELS[2])
    assert "nodes:\n  conv1:" in write(shipped_graph("resnet50"), LEVELS[3])
    assert "  layer1.0.conv1: " in write(shipped_graph("resnet50"), LEVELS[3])


def test_a_step_that_changes_the_graph_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Structures merged without regard to what stands in for the parts left out."""
    monkeypatch.setattr(matching, "_agree", lambda p, q, maps, other: p)
    monkeypatch.setattr(matching, "_true", lambda shape: True)
    text, steps = proved(shipped_graph("resnet50"))
    assert steps == LEVELS[1]
    assert text == write(shipped_graph("resnet50"), steps)


@pytest.mark.parametrize("error", [KeyError("x"), AssertionError("y"), SpecError([])])
def test_a_step_that_fails_is_left_out(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(fold.Folding, "_close", broken)
    text, steps = proved(shipped_graph("resnet50"))
    assert steps == LEVELS[2]
    assert text == write(shipped_graph("resnet50"), steps)


def test_text_with_mistakes_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = write(shipped_graph("lenet"), LEVELS[3])
    texts = {LEVELS[3]: plain}
    monkeypatch.setattr(writing, "write", lambda graph, steps: texts.get(steps, "graphwright: 1\nnodes: {a: reluu}\n"))
    assert faithful(shipped_graph("lenet")) == plain


def test_a_graph_without_a_spec_is_an_error_that_names_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    other = write(shipped_graph("lenet")).replace("out: 120", "out: 121")
    monkeypatch.setattr(writing, "write", lambda graph, steps: other)
    with pytest.raises(SpecError, match=r"the node 'c5': its op 'conv2d\(out=120, .*' read back as 'conv2d\(out=121"):
        faithful(shipped_graph("lenet"))
