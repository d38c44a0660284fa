"""The page of the library names every shipped model, with the parameters that its spec claims."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphwright.compiler.language.catalogue import facts
from graphwright.compiler.language.library import shipped_models

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """What the page says of the parameters of each model."""
    page = (DOCS / "library.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| \[`([\w-]+)`\]\([^)]*\) \| ([\d,]*) \|", page, flags=re.M))


def test_every_model_has_a_row(rows: dict[str, str]) -> None:
    assert sorted(rows) == shipped_models()


@pytest.mark.parametrize("name", shipped_models())
def test_the_parameters_are_those_of_the_spec(rows: dict[str, str], name: str) -> None:
    assert int(rows[name].replace(",", "")) == facts(name).parameters


def test_every_family_has_its_picture() -> None:
    families = {facts(name).family for name in shipped_models()}
    assert families == {path.stem for path in (DOCS / "library").glob("*.svg")}
