"""Every variant of every paper, against its reference: names, shapes, counts, outputs."""

from __future__ import annotations

import pytest
import torch

from graphwright.compiler.language.library import shipped_of
from tests.library.case import Case, counts, differences, digest, recording, shapes
from tests.library.papers import CASES


@pytest.mark.parametrize("case", CASES, ids=str)
def test_names_shapes_and_counts(case: Case) -> None:
    ours = case.ours("meta")
    found = {**counts(ours), "names": digest(shapes(ours)), "entries": len(shapes(ours))}
    if case.reference is None:
        expected = {key: recording(str(case))[key] for key in found}
    else:
        with torch.device("meta"):
            theirs = case.reference()
        names = shapes(theirs, case.rename)
        assert shapes(ours) == names
        expected = {**counts(theirs), "names": digest(names), "entries": len(names)}
    assert found == expected


@pytest.mark.parametrize("case", [case for case in CASES if case.run], ids=str)
def test_outputs(case: Case) -> None:
    """And in training, with the batch's own statistics, where nothing is random."""
    found = differences(case)
    assert found.keys() == set(case.modes)
    assert max(found.values()) < case.within, found


def test_every_case_is_of_a_shipped_model() -> None:
    assert {case.spec for case in CASES} <= set(shipped_of("models"))
