"""The security page names tests that exist, and the bill of materials names a licence for everything."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[f"{f}::{t}" for f, t in NAMED])
def test_named_tests_exist(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert test in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}


def test_every_claim_names_a_test() -> None:
    rows = [row for row in PAGE.splitlines() if row.startswith("| ") and "held by" not in row and "---" not in row]
    assert len(rows) > 12
    assert all("::test_" in row for row in rows)


def test_limits_are_linked() -> None:
    assert "## Limits" in (ROOT / "docs" / "language.md").read_text(encoding="utf-8")


def test_dependencies_have_licences() -> None:
    location = importlib.util.spec_from_file_location("sbom", ROOT / ".ci" / "sbom.py")
    assert location is not None
    assert location.loader is not None
    sbom: Any = importlib.util.module_from_spec(location)
    location.loader.exec_module(sbom)
    parts = {p["name"]: p for p in sbom.bill()["components"]}
    known = {"torch", "numpy", "pyyaml", "safetensors", "pillow", "typer", "networkx", "onnxruntime-web", "d3-zoom"}
    assert known <= parts.keys()
    unknown = [name for name, part in parts.items() if not part["licenses"][0]["license"]["name"]]
    assert not unknown
