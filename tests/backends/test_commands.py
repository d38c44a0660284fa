"""`graph`, `compile` and `export` as functions of the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from graphwright.backends import weights
from graphwright.commands import building, graphing
from graphwright.commands.arguments import parse_overrides
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.backends.specs import AUXILIARY, CONVNET, graph_of


def test_overrides() -> None:
    assert parse_overrides(["a=1", "b=[2, 3]", "c="]) == {"a": "1", "b": "[2, 3]", "c": ""}
    with pytest.raises(SpecError) as error:
        parse_overrides(["a=1", "b", "=3", "a=2", "x-y=1"])
    assert [p.message for p in error.value.problems] == [
        "'b' is not key=value", "'=3' is not key=value", "'a' is given twice", "'x-y=1' is not key=value",
    ]  # fmt: skip


def test_graph_writes_and_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph_of(CONVNET, tmp_path)
    graphing.graph(str(tmp_path / "spec.yaml"), ["classes=5"], tmp_path / "x.svg", depth=0)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith("x.svg: 8 boxes for 6 nodes, 0 of 1 levels open (--depth opens more)\n")
    assert "N×5" in (tmp_path / "x.svg").read_text()


def test_graph_without_a_file_prints_dot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph_of(CONVNET, tmp_path)
    graphing.graph(str(tmp_path / "spec.yaml"))
    assert capsys.readouterr().out.startswith("digraph drawing {")


def test_compile_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph_of(CONVNET, tmp_path)
    output = tmp_path / "x.pt2"
    building.compile(str(tmp_path / "spec.yaml"), backend="eager", output=output, steps=1, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert (report["equal"], report["graph_breaks"], report["export"]["file"]) == (True, 0, str(output))
    building.compile(str(tmp_path / "spec.yaml"), backend="eager", steps=1)
    assert "convnet on cpu by eager: equal to eager" in capsys.readouterr().out


def test_export_takes_weights_of_the_training_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = graph_of(AUXILIARY, tmp_path)
    trained = lower(graph, cone="train", seed=5)
    weights.save(trained, tmp_path / "w.safetensors")
    output = tmp_path / "x.safetensors"
    building.export(str(tmp_path / "spec.yaml"), None, output, tmp_path / "w.safetensors", as_json=True)
    told = capsys.readouterr()
    assert json.loads(told.out)["tensors"] == 4
    assert told.err == ""
    found = weights.read(output)
    assert found.keys() == {"body.weight", "body.bias", "fc.weight", "fc.bias"}
    assert torch.equal(found["fc.weight"], trained.state_dict()["fc.weight"])


def test_export_says_that_weights_are_initial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph_of(CONVNET, tmp_path)
    building.export(str(tmp_path / "spec.yaml"), None, tmp_path / "x.safetensors")
    assert "the weights are initial values" in capsys.readouterr().err


def test_export_needs_a_known_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="export needs a file to write"):
        building.export("lenet")
    with pytest.raises(SpecError, match=r"'.h5' is no format"):
        building.export("no-such-spec", None, tmp_path / "x.h5")
