"""A page that compares a model with another one: what was added, removed and changed."""

from __future__ import annotations

from pathlib import Path

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
    assert found["old"] == "former"
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
        assert seen.page.locator(".legend").inner_text().split() == ["added", "changed", "since", "former"]
        seen.page.locator(".panel").get_by_role("button", name="norm", exact=True).first.click()
        assert seen.shown()["selected"] == "norm"
        assert "ADDED SINCE FORMER" in seen.panel()
        open_all(seen)
        seen.search("stage.0.conv")
        assert seen.page.locator(".difference").first.inner_text().split() == ["out", "8", "12"]
        seen.search("image")
        assert seen.page.locator(".difference").count() == 0


def test_equal_models(browser: Browser, tmp_path: Path, specs: tuple[Path, Path]) -> None:
    write(load(specs[1]), tmp_path / "x.html", old=load(specs[1]))
    with browser.open(tmp_path / "x.html") as seen:
        assert "Nothing differs from tiny." in seen.panel()
