"""What the documentation shows is true: specs load, fragments parse, generated pages and tables are current."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from graphwright.compiler.language import limits
from graphwright.compiler.language.body import MODIFIERS, SPEC_KEYS
from graphwright.compiler.language.expressions import FUNCTIONS
from graphwright.compiler.language.load import load
from graphwright.compiler.language.reading import read_text
from graphwright.compiler.lowering.expectations import FIGURES, unmet
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms import TRANSFORMS
from graphwright.docs import ops_page

DOCS = Path(__file__).parents[2] / "docs"
_FENCE = re.compile(r"^```yaml( fragment)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def examples(whole: bool) -> list[tuple[str, str]]:
    """The page and line, and the text, of every fenced YAML block of that kind."""
    found = []
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if (not match.group(1)) is whole:
                found.append((f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}", match.group(2)))
    return found


@pytest.mark.parametrize(("where", "text"), examples(True), ids=[w for w, _ in examples(True)])
def test_whole_specs_load_and_lower(where: str, text: str, tmp_path: Path) -> None:
    assert text.startswith("graphwright: 1\n"), (
        f"{where}: a whole spec begins with its version; else mark it `yaml fragment`"
    )
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    graph = load(path)
    assert unmet(graph) == []
    lower(graph, device="meta")
    if graph.losses:
        lower(graph, cone="train", device="meta")


@pytest.mark.parametrize(("where", "text"), examples(False), ids=[w for w, _ in examples(False)])
def test_fragments_are_yaml(where: str, text: str) -> None:
    assert read_text(text, where).entries


_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = [
    (f"{page.name}:{k}", text)
    for page in sorted(DOCS.rglob("*.md"))
    for k, text in enumerate(_PYTHON.findall(page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize(("where", "text"), PROGRAMS, ids=[w for w, _ in PROGRAMS])
def test_programs_run(where: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(text, where, "exec"), {})


def test_there_are_examples() -> None:
    assert len(examples(True)) >= 6
    assert len(examples(False)) >= 4


def test_ops_page_is_current() -> None:
    assert (DOCS / "ops.md").read_text(encoding="utf-8") == ops_page(), "run `python -m graphwright.docs`"


def test_language_page_names_every_word() -> None:
    page = (DOCS / "language.md").read_text(encoding="utf-8")
    for word in (*SPEC_KEYS, *MODIFIERS, *FUNCTIONS, *FIGURES):
        assert re.search(rf"\b{word}\b", page), word


def test_limits_on_the_page_are_the_limits() -> None:
    page = (DOCS / "language.md").read_text(encoding="utf-8").partition("<!-- limits -->")[2]
    shown = [int(n.replace(",", "")) for n in re.findall(r"\| ([\d,]+) \|$", page, re.MULTILINE)]
    assert shown == [value for name, value in vars(limits).items() if name.isupper()]


def test_transforms_page_lists_every_transform() -> None:
    page = (DOCS / "transforms.md").read_text(encoding="utf-8")
    for cls in TRANSFORMS.values():
        assert f"| `{cls.name}` |" in page
