"""What random graphs have found, each as the smallest spec: every law holds of it now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.case import Case
from tests.fuzz.laws import LAWS
from tests.fuzz.rewriting import REWRITING

FOUND = sorted((Path(__file__).parent / "found").glob("*.yaml"))


@pytest.mark.parametrize("path", FOUND, ids=lambda p: p.stem)
def test_found(path: Path) -> None:
    case = Case(path.read_text(encoding="utf-8"))
    assert case.outputs
    for law in {**LAWS, **REWRITING}.values():
        law(case)
