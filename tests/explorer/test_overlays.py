"""Numbers of nodes that colour the page: time, zeros, and what analyses found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from graphwright.backends.explorer import Overlay, write
from graphwright.backends.explorer.overlays import read, times, zeros
from graphwright.cli import app
from graphwright.commands.exploring import explore
from graphwright.compiler.language.load import load
from graphwright.compiler.places import SpecError
from tests.explorer.browser import Browser
from tests.explorer.test_command import told
from tests.importing.torch.test_timm import floats


def test_every_node_that_runs_has_a_time() -> None:
    graph = load("digits")
    found = times(graph, {})
    assert found.values.keys() == {n.name for n in graph.deployed().nodes}
    assert all(value > 0 for value in found.values.values())
    assert (found.unit, found.adds) == ("ms", True)


def test_zeros_are_shares_over_pictures() -> None:
    half, none, whole = torch.tensor([0.0, 1.0]), torch.ones(3), torch.zeros(2, dtype=torch.int64)
    found = zeros([{"a": half, "b": none, "k": whole}, {"a": torch.zeros(4), "b": none, "k": whole}])
    assert found.values == {"a": 0.75, "b": 0.0}


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an analysis of `lenet`, as the command line writes it."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("masked")
    picture = (255 * floats(28, 28).sigmoid()).byte().numpy()
    Image.fromarray(picture).save(folder / "x.png")
    words = ["analyze", "layer-masking", "lenet", "--images", str(folder / "x.png"), "-o", str(folder / "report")]
    app("analyze")([*words, "--mean", "0.5", "--std", "0.5"], standalone_mode=False)
    return folder / "report"


def test_what_an_analysis_found_of_nodes(masked: Path, tmp_path: Path) -> None:
    shares = json.loads((masked / "result.json").read_text())["nodes"]["visible"]
    explore("lenet", output=tmp_path / "x.html", overlay=[masked], timed=True)
    description = told(tmp_path / "x.html")
    time, visible = description["overlays"]
    names = [node["name"] for node in description["nodes"]]
    assert (time["name"], visible["name"], visible["adds"]) == ("time", "visible", False)
    assert {names[k]: v for k, v in visible["values"]} == pytest.approx(
        {n: v for n, v in shares.items() if n in names}, rel=1e-4
    )


def test_mistakes(masked: Path, tmp_path: Path) -> None:
    graph = load("lenet")
    with pytest.raises(SpecError, match="cannot be read"):
        read(tmp_path / "gone", graph)
    for text in ("nonsense", "[]", "{}", '{"nodes": 3}', '{"nodes": {"x": {"conv1": "much"}}}'):
        (tmp_path / "x.json").write_text(text)
        with pytest.raises(SpecError, match=r"x\.json has no numbers of nodes"):
            read(tmp_path / "x.json", graph)
    with pytest.raises(SpecError, match="has no numbers of nodes of vit"):
        read(masked, load("vit_tiny_patch16_224"))
    with pytest.raises(SpecError):
        explore("lenet", output=tmp_path / "y.html", overlay=[tmp_path / "x.json"])
    assert not (tmp_path / "y.html").exists()


def test_colours_legend_and_panel(browser: Browser, tmp_path: Path) -> None:
    graph = load("lenet")
    first, second = (n.name for n in graph.nodes[:2])
    overlays = [
        Overlay("heat", {first: 0.25, second: float("nan")}),
        Overlay("time", {first: 2.0, second: 3.5}, "ms", True),
    ]
    write(graph, tmp_path / "x.html", overlays=overlays)
    with browser.open(tmp_path / "x.html") as seen:
        colours = seen.page.get_by_label("Colours")
        assert colours.locator("option").all_inner_texts()[-2:] == ["Colour: heat", "Colour: time"]
        colours.select_option("Colour: heat")
        assert seen.page.locator(".legend").inner_text().split() == ["0", "0.25", "heat"]
        colours.select_option("Colour: time")
        assert seen.page.locator(".legend").inner_text().split() == ["0", "3.5", "ms", "time"]
        seen.click(second)
        assert "3.5" in seen.panel()
        assert "MEASURED" in seen.panel()
        assert "heat" not in seen.panel()
