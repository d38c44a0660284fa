"""The README's examples run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from graphwright.cli import COMMANDS
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower

README = Path(__file__).parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.S)


def test_the_spec_loads_and_lowers(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(blocks("yaml")[0])
    graph = load(path)
    assert [n.name for n in graph.nodes][:3] == ["stage.0.conv", "stage.0.norm", "stage.0.relu"]
    assert lower(graph, device="meta") is not None


def test_the_python_prints_what_it_says() -> None:
    code = blocks("python")[0]
    names: dict[str, object] = {}
    exec(code, names)
    import graphwright as gw

    assert f"{gw.count(names['graph']).parameters:,}" in code


def test_the_commands_exist() -> None:
    for line in blocks("sh")[1].splitlines():
        for words in re.findall(r"graphwright (\w+)", line):
            assert words in COMMANDS


def test_its_links_and_pictures_exist() -> None:
    text = README.read_text()
    for target in (*re.findall(r"\]\(([\w/.]+)\)", text), *re.findall(r'src="([^"]+)"', text)):
        assert (README.parent / target).exists(), target


def test_the_generated_pages_are_current() -> None:
    from graphwright.docs import ops_page, training_page

    docs = README.parent / "docs"
    assert (docs / "ops.md").read_text() == ops_page()
    page = (docs / "training.md").read_text()
    assert training_page(page) == page
    assert "| `epochs` |" in page


def test_training_in_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (README.parent / "docs" / "training.md").read_text()
    code = re.findall(r"```python\n(.*?)```", page, re.S)[0]
    names: dict[str, Any] = {}
    exec(code.replace("epochs=3", "epochs=1"), names)
    assert names["result"].accuracy > 0.5
    assert (tmp_path / "runs" / "digits" / "model.safetensors").exists()
