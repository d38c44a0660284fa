"""The description says of a graph what the graph says of itself, and the page holds it safely."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from graphwright.backends.drawing.palette import contrast
from graphwright.backends.explorer import describe, page, write
from graphwright.backends.explorer.page import bundled, inert
from graphwright.backends.explorer.tensors import BINS, summary
from graphwright.backends.explorer.theme import LEGIBLE, theme
from graphwright.backends.explorer.writing import last_line
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.explorer.conftest import HERE

ROOT = Path(__file__).parents[2]
#: The most a page may weigh without weights.
HEAVIEST = 1_500_000


@pytest.fixture(scope="module")
def resnet() -> Graph:
    return load("resnet18")


@pytest.fixture(scope="module")
def told(resnet: Graph) -> dict[str, Any]:
    return describe(resnet, lower(resnet).state_dict())


def leaves(items: list[Any]) -> list[int]:
    found: list[int] = []
    for item in items:
        if isinstance(item, int):
            found.append(item)
        else:
            found += [n for part in item.get("copies", [item.get("items")]) for n in leaves(part)]
    return found


def test_every_node_is_told_once_with_its_costs(resnet: Graph, told: dict[str, Any]) -> None:
    nodes = {n["name"]: n for n in told["nodes"] if n["kind"] == "op"}
    assert list(nodes) == [n.name for n in resnet.nodes]
    assert sorted(leaves(told["tree"])) == [k for k, n in enumerate(told["nodes"]) if n["kind"] == "op"]
    report = count(resnet)
    for name, node in nodes.items():
        cost = report.nodes[name]
        assert node["cost"] == [cost.parameters, cost.macs, cost.flops, cost.bytes]
    assert told["totals"]["parameters"] == sum(n["cost"][0] for n in nodes.values()) == 11_689_512


def test_every_wire_leads_where_it_does_in_the_graph(resnet: Graph, told: dict[str, Any]) -> None:
    for node in resnet.nodes:
        wires = next(n for n in told["nodes"] if n["name"] == node.name)["in"]
        for (port, value), (said, producer, output, kind) in zip(node.inputs, wires, strict=True):
            assert said == port
            assert told["nodes"][producer]["name"] == resnet.producer(value)
            assert output == 0
            assert told["types"][kind]["text"] == str(resnet.types[value])


def test_arguments_are_those_that_are_no_defaults(told: dict[str, Any]) -> None:
    conv = next(n for n in told["nodes"] if n["name"] == "conv1")
    assert conv["args"] == {"out": "64", "kernel": "7", "stride": "2", "padding": "3", "bias": "false"}
    known = {name: default for name, default, _ in told["ops"]["conv2d"]["args"]}
    assert known["groups"] == "1"
    assert known["out"] is None
    assert "weight[o, c, i, j]" in told["ops"]["conv2d"]["doc"]


def test_places_are_the_lines_that_define_the_nodes(told: dict[str, Any]) -> None:
    for node in told["nodes"]:
        if node["kind"] == "op":
            file, line, column, last = node["place"]
            text = told["files"][file]["text"].split("\n")[line - 1]
            assert text[column - 1 :].startswith(node["name"].rpartition(".")[2].rstrip("0123456789")), node["name"]
            assert last >= line
    assert {f["name"] for f in told["files"]} >= {"specs/models/resnet/resnet50.yaml", "specs/blocks/basic_block.yaml"}


def test_lines_of_a_node_end_where_its_text_ends() -> None:
    lines = HERE.split("\n")
    first = next(k for k, line in enumerate(lines, 1) if line.strip() == "conv:")
    assert [lines[k - 1].strip() for k in (first, last_line(lines, first))] == ["conv:", "padding: 1"]
    flow = ["a: {op: relu,", "    in: [x,", "]}", "b: relu"]
    assert last_line(flow, 1) == 3
    assert last_line(["a: 1", "", "# end"], 1) == 1


def test_copies_are_folded(told: dict[str, Any]) -> None:
    layer = next(item for item in told["tree"] if isinstance(item, dict) and item["scope"] == "layer1")
    assert [len(item["copies"]) for item in layer["items"]] == [2]


def test_distributions_are_numpys(told: dict[str, Any], resnet: Graph) -> None:
    values = torch.randn(5_000, generator=torch.Generator().manual_seed(0)).double()
    found = summary(values)
    assert found["counts"] == np.histogram(values.numpy(), BINS)[0].tolist()
    assert found["mean"] == pytest.approx(float(values.numpy().mean()), rel=1e-3)
    assert found["deviation"] == pytest.approx(float(values.numpy().std()), rel=1e-3)
    assert set(told["statistics"]) == {
        f"{n.name}.{name}" for n in resnet.nodes for name, _ in (*n.parameters, *n.buffers)
    }


def test_distributions_of_what_is_strange() -> None:
    found = summary(torch.tensor([float("nan"), float("inf"), 0.0, 2.0, 2.0]))
    assert (found["strange"], found["zeros"], sum(found["counts"])) == (2, 1, 3)
    assert summary(torch.tensor([float("nan")])) == {"zeros": 0, "strange": 1}
    assert summary(torch.zeros(4))["counts"] == [4]


def test_filters_are_the_weights(resnet: Graph, told: dict[str, Any]) -> None:
    assert list(told["filters"]) == ["conv1"]
    weight = torch.zeros(64, 3, 7, 7)
    weight[1, 0, 0, 0] = weight[1, 1, 0, 0] = 1.0
    sheet = describe(resnet, {"conv1.weight": weight})["filters"]["conv1"]
    picture = Image.open(io.BytesIO(base64.b64decode(sheet["picture"].partition(",")[2])))
    assert list(picture.size) == sheet["size"] == [8 * 28 + 7 * 2] * 2
    assert picture.getpixel((30, 0)) == (255, 255, 0, 255)  # the second filter: red and green
    assert picture.getpixel((28, 0))[3] == 0  # type: ignore[index]
    assert picture.getpixel((0, 0)) == (0, 0, 0, 255)


def test_pages_run_nothing_but_their_own_script(told: dict[str, Any]) -> None:
    text = page(told)
    rules = dict(
        rule.split(" ", 1)
        for rule in re.search(r'Policy" content="([^"]*)"', text)[1].split("; ")  # type: ignore[index]
    )
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]  # type: ignore[index]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]  # type: ignore[index]
    for rule, content in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert text.count("<script") == text.count("</script") == 2
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text


def test_data_cannot_leave_its_element() -> None:
    evil = {"name": "</script><script>alert(1)</script><!--", "more": ["&lt;", "\u2028", "'\""]}
    text = inert(evil)
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text) == evil


def test_colours_are_legible() -> None:
    for scheme, paints in theme().items():
        for name, paint in paints.items():
            assert contrast(paint["fill"], paint["text"]) >= LEGIBLE, (scheme, name)


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path, resnet: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match="no format for pages"):
        write(resnet, tmp_path / "x.svg")
    target = tmp_path / "x.html"
    target.write_text("before")
    monkeypatch.setattr(Path, "write_bytes", lambda self, data: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(SpecError, match="No space left"):
        write(resnet, target)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


# -- the bundle --------------------------------------------------------------------------------
def test_the_bundle_is_built_from_these_sources() -> None:
    front = ROOT / "explorer"
    files = sorted([*(f"src/{f.name}" for f in (front / "src").iterdir()), "package-lock.json", "vite.config.js"])
    hashed = hashlib.sha256()
    for file in files:
        hashed.update(f"{file}\n".encode() + (front / file).read_bytes() + b"\n")
    assert bundled("sources.sha256") == hashed.hexdigest(), "the bundle is not current: npm run build, in explorer/"


def test_the_bundle_is_light(resnet: Graph) -> None:
    assert len(bundled("explorer.js")) + len(bundled("explorer.css")) < 200_000
    assert len(page(describe(resnet))) < HEAVIEST / 8


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((ROOT / "explorer" / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
