"""Counts of every shipped family are what they were: a change that moves one says so by a new baseline."""

from __future__ import annotations

import pytest

from graphwright.compiler.language.library import shipped_families
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.counts.counting import BASELINE, COMMAND, GENERATED, baseline, counts, elements, kernels

STORED = baseline()
SAID = f"if that is meant, write {BASELINE.name} anew: {COMMAND}"
KERNELS = ("kernels", "optimised_kernels")


def test_the_baseline_has_every_family() -> None:
    assert set(STORED) == set(shipped_families()), SAID


@pytest.mark.parametrize("name", shipped_families())
def test_counts(name: str) -> None:
    found = counts(name)
    stored = {key: count for key, count in STORED.get(name, {}).items() if key not in KERNELS}
    assert found == stored, SAID
    assert found["optimised"] <= found["nodes"]


@pytest.mark.parametrize("name", GENERATED)
def test_kernels(name: str) -> None:
    found = kernels(name)
    assert found == {key: count for key, count in STORED[name].items() if key in KERNELS}, SAID
    assert 0 < found["optimised_kernels"] <= found["kernels"]


@pytest.mark.parametrize("name", ["lenet", "digits", "mobilenetv2_100", "lstm_classifier"])
def test_weights_are_those_of_the_module(name: str) -> None:
    graph = load(name).deployed()
    state = {t.data_ptr(): t.numel() for t in lower(graph).state_dict().values()}
    assert elements(graph) == sum(state.values())
