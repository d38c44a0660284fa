"""`graphwright explore`: specs, runs and imported models, whole pages and clear refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

import graphwright as gw
from graphwright.backends import weights
from graphwright.commands.exploring import explore
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.explorer.conftest import HERE


def told(path: Path) -> dict[str, Any]:
    """The description in a page."""
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])  # type: ignore[no-any-return]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(HERE)
    return path


def test_a_name_of_the_library_with_params_and_a_transform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    explore("resnet18", ["classes=7"], transform=["fold_batch_norm"])
    page = told(tmp_path / "resnet18.html")
    assert not [n for n in page["nodes"] if n.get("op") == "batch_norm"]
    assert next(n for n in page["nodes"] if n["name"] == "fc")["args"]["out"] == "7"
    assert page["files"][0]["name"] == "specs/models/resnet/resnet18.yaml"
    assert re.fullmatch(r"resnet18\.html: \d+ nodes, [\d,]+ bytes\n", capsys.readouterr().err)


def test_weights_are_those_of_the_file(tmp_path: Path, spec: Path) -> None:
    module = lower(load(spec))
    torch.nn.init.constant_(module.get_parameter("head.weight"), 0.25)
    weights.save(module, tmp_path / "w.safetensors")
    explore(str(spec), output=tmp_path / "x.html", weights=tmp_path / "w.safetensors")
    page = told(tmp_path / "x.html")
    assert page["statistics"]["head.weight"] | {"counts": []} == {
        "zeros": 0, "strange": 0, "low": 0.25, "high": 0.25, "mean": 0.25, "deviation": 0.0, "counts": [],
    }  # fmt: skip
    assert list(page["filters"]) == ["stage.0.conv"]


def test_a_run_brings_its_weights_and_its_spec(tmp_path: Path) -> None:
    spec = tmp_path / "mine.yaml"
    spec.write_text(
        "graphwright: 1\nname: mine\ninputs: {image: [N, 1, 8, 8]}\nnodes:\n  flatten: flatten\n"
        "  head: {op: linear, out: 10}\noutputs: {logits: head}\n"
    )
    gw.train(gw.load(spec), "digits", tmp_path / "run", epochs=1)
    (tmp_path / "run" / "spec.yaml").write_text(spec.read_text())
    spec.unlink()
    explore(str(tmp_path / "run"), output=tmp_path / "x.html")
    page = told(tmp_path / "x.html")
    state = weights.read(tmp_path / "run" / "model.safetensors")
    assert page["statistics"]["head.bias"]["mean"] == pytest.approx(float(state["head.bias"].mean()), rel=1e-3)
    assert "  head: {op: linear, out: 10}" in page["files"][0]["text"]
    head = next(n for n in page["nodes"] if n["name"] == "head")
    assert head["place"] == [0, 6, 3, 6]


def test_an_imported_model_has_the_spec_that_import_writes(tmp_path: Path, spec: Path) -> None:
    graph = load(spec)
    gw.export(graph, tmp_path / "other.pt2")
    explore(str(tmp_path / "other.pt2"), output=tmp_path / "x.html")
    page = told(tmp_path / "x.html")
    assert page["totals"]["parameters"] == gw.count(graph).parameters
    assert len(page["files"]) == 1
    lines = page["files"][0]["text"].split("\n")
    for node in page["nodes"]:
        if node["kind"] == "op":
            _, line, column, _ = node["place"]
            assert re.match(r"[\w$().+-]+:", lines[line - 1][column - 1 :])
    assert set(page["statistics"]) >= {"head.weight", "head.bias"}


def test_in_python(tmp_path: Path, spec: Path) -> None:
    assert gw.explore(gw.load(spec), tmp_path / "x.html") == tmp_path / "x.html"
    assert told(tmp_path / "x.html")["statistics"] == {}


def test_refusals(tmp_path: Path, spec: Path) -> None:
    with pytest.raises(SpecError, match=r"'\.pdf' is no format for pages"):
        explore(str(spec), output=tmp_path / "x.pdf")
    with pytest.raises(SpecError, match="no spec 'resnet81'"):
        explore("resnet81", output=tmp_path / "x.html")
    with pytest.raises(SpecError, match=r"no file .*gone\.onnx"):
        explore(str(tmp_path / "gone.onnx"), output=tmp_path / "x.html")
    assert list(tmp_path.glob("*.html")) == []
