"""Shipped specs with a few bytes, tokens, values or branches changed: `graphwright check` accepts or refuses each.

Always the same ones here, by their seeds; `benchmarks/mutants.py` goes on from there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from graphwright.compiler.language.library import shipped
from tests.hostile.mutators import KINDS, hosts, mutant
from tests.hostile.runner import judge, judge_mutant, warm

CHUNKS, EACH = 4, 25
#: Seeds that found a defect.
FOUND = (503, 600, 1662, 1723, 1806, 2528, 5197)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_mutants(chunk: int, tmp_path: Path) -> None:
    outcomes = set()
    for seed in range(100_000 + chunk * EACH, 100_000 + (chunk + 1) * EACH):
        verdict = judge_mutant(mutant(seed), tmp_path)
        assert verdict.sound, f"seed {seed}: {verdict.outcome} {verdict.detail}"
        outcomes.add(verdict.outcome)
    assert outcomes == {"accepted", "refused"}


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found(seed: int, tmp_path: Path) -> None:
    verdict = judge_mutant(mutant(seed), tmp_path)
    assert verdict.sound, f"{verdict.outcome} {verdict.detail}"


def test_mutants_are_the_same_again() -> None:
    assert [mutant(k) for k in range(40)] == [mutant(k) for k in range(40)]
    assert {mutant(k).kind for k in range(40)} == set(KINDS)
    assert any(mutant(k).host for k in range(40))
    assert len(hosts()) > 8


def test_the_judge_finds_what_it_looks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect put into the compiler is found: an exception, a call, a file, a hang, memory, a lie about the place."""
    warm()
    path = tmp_path / "s.yaml"
    path.write_bytes(shipped()["lenet"].read_bytes())
    assert judge(path, tmp_path).outcome == "accepted"
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    bad = {
        "ZeroDivisionError": lambda *_: 1 // 0,
        "did something": lambda *_: outside.write_text("x") and [],
        "TooSlowError": lambda *_: [k for k in iter(int, 1) if k],
        "MemoryError": lambda *_: bytearray(1 << 31) and [],
    }
    for outcome, defect in bad.items():
        with monkeypatch.context() as patch:
            patch.setattr("graphwright.commands.checking.unmet", defect)
            assert judge(path, tmp_path, seconds=0.5, further=False).outcome == outcome
    outside.unlink()
