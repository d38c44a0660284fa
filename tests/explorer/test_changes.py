"""A page that compares a model with another one: what was added, removed and changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphwright.backends.explorer import write
from graphwright.commands.exploring import explore
from graphwright.compiler.ir.diff import diff
from graphwright.compiler.language.load import load
from graphwright.compiler.places import SpecError
from tests.explorer.browser import Browser
from tests.explorer.conftest import HERE
from tests.explorer.test_command import told
from tests.explorer.test_page import open_all

#: One block more, wider convolutions, another pooling, and a norm before the head.
NEW = (
    HERE.replace("repeat: {k: 3}", "repeat: {k: 4}")
    .replace("out: 8", "out: 12")
    .replace("  pool: {op: adaptive_avg_pool2d, size: 1}\n", "  mean: {op: adaptive_avg_pool2d, size: 1}\n")
    .replace("  flatten: flatten\n", "  flatten: flatten\n  norm: layer_norm\n")
)


@pytest.fixture
def specs(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(HERE.replace("name: tiny", "name: former"))
    new.write_text(NEW)
    return old, new


def test_the_page_has_what_diff_finds(tmp_path: Path, specs: tuple[Path, Path]) -> None:
    explore(str(specs[1]), output=tmp_path / "x.html", compare=str(specs[0]))
    found = told(tmp_path / "x.html")["changes"]
    expected = diff(load(specs[0]), load(specs[1]))
    assert found["other"] == "former"
    assert [(c["kind"], c["name"], c["op"]) for c in found["list"]] == [(c.kind, c.name, c.op) for c in expected]
    conv = next(c for c in found["list"] if c["name"] == "stage.0.conv")
    assert conv["details"][0] == ["out", "8", "12"]
    with pytest.raises(SpecError, match="no spec 'gone'"):
        explore(str(specs[1]), output=tmp_path / "y.html", compare="gone")
    assert not (tmp_path / "y.html").exists()


def test_changes_are_told_and_coloured(browser: Browser, tmp_path: Path, specs: tuple[Path, Path]) -> None:
    write(load(specs[1]), tmp_path / "x.html", old=load(specs[0]))
    with browser.open(tmp_path / "x.html") as seen:
        panel = seen.panel()
        for words in ("ADDED SINCE FORMER: 4", "REMOVED SINCE FORMER: 1", "stage.3.conv", "pool"):
            assert words in panel, words
        assert seen.page.get_by_label("Colours").input_value() == "Colour: changes"
        legends = [found.split() for found in seen.page.locator(".legend").all_inner_texts()]
        assert legends == [["removed", "changed", "in", "tiny"], ["added", "changed", "since", "former"]]
        seen.page.locator(".panel").get_by_role("button", name="norm", exact=True).first.click()
        assert seen.shown()["selected"] == "norm"
        assert "ADDED SINCE FORMER" in seen.panel()
        open_all(seen)
        seen.search("stage.0.conv")
        assert seen.page.locator(".difference").first.inner_text().split() == ["out", "8", "12"]
        seen.search("image")
        assert seen.page.locator(".difference").count() == 0


def test_side_by_side(browser: Browser, tmp_path: Path, specs: tuple[Path, Path]) -> None:
    write(load(specs[1]), tmp_path / "x.html", old=load(specs[0]))
    with browser.open(tmp_path / "x.html") as seen:

        def former(question: str) -> Any:
            return seen.page.evaluate(f"explorer.{question}")

        def click(name: str) -> None:
            at = former(f"where('{name}', true)")
            seen.page.mouse.click(at["x"], at["y"])

        assert seen.page.locator(".whose").all_inner_texts() == ["former", "tiny"]
        left, right = former("where('head', true)"), seen.where("head")
        assert left["x"] < right["x"], "the former one is on the left"
        # what is selected in one is selected in the other, and the panel is that of the one that was touched
        click("head")
        assert [former("shown(true)")["selected"], seen.shown()["selected"]] == ["head", "head"]
        click("pool")
        assert [former("shown(true)")["selected"], seen.shown()["selected"]] == ["pool", None]
        assert "REMOVED IN TINY" in seen.panel()
        assert "name: former" in seen.page.locator(".spec .code").inner_text()
        # blocks open in both
        before = former("shown(true)")["boxes"], seen.shown()["boxes"]
        seen.page.keyboard.press("]")
        assert former("shown(true)")["boxes"] >= before[0]
        # from the list of what was removed to where it was
        seen.page.locator(".brand").click()
        seen.page.keyboard.press("b")
        assert not seen.page.locator(".stage.former").is_visible()
        seen.page.locator(".panel").get_by_role("button", name="pool", exact=True).click()
        assert seen.page.locator(".stage.former").is_visible()
        assert former("shown(true)")["selected"] == "pool"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 800)])
def test_nothing_serious_for_axe(
    browser: Browser, tmp_path: Path, specs: tuple[Path, Path], scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    script = (Path(axe.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")
    write(load(specs[1]), tmp_path / "x.html", old=load(specs[0]))
    with browser.open(tmp_path / "x.html", scheme=scheme, width=width) as seen:
        if not seen.page.locator(".stage.former").is_visible():
            seen.page.keyboard.press("b")
        seen.search("head")
        seen.page.evaluate(script)
        found = seen.page.evaluate("axe.run()")["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []


def test_blocks_open_in_both(browser: Browser, tmp_path: Path, specs: tuple[Path, Path]) -> None:
    write(load(specs[1]), tmp_path / "x.html", old=load(specs[0]))
    with browser.open(tmp_path / "x.html") as seen:
        seen.search("stage.0")
        shown = [seen.shown()["boxes"], seen.page.evaluate("explorer.shown(true).boxes")]
        seen.page.locator(".panel").get_by_role("button", name="Close", exact=True).click()
        closed = [seen.shown()["boxes"], seen.page.evaluate("explorer.shown(true).boxes")]
        assert closed[0] < shown[0]
        assert closed[1] < shown[1]


def test_equal_models(browser: Browser, tmp_path: Path, specs: tuple[Path, Path]) -> None:
    write(load(specs[1]), tmp_path / "x.html", old=load(specs[1]))
    with browser.open(tmp_path / "x.html") as seen:
        assert "Nothing differs from tiny." in seen.panel()
