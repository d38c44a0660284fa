"""`doctor --determinism`: what would make two equal runs differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from graphwright.commands import determinism
from graphwright.compiler.language.load import load
from tests.cli.test_commands import cli as cli


def test_a_model_that_repeats_itself(cli: Any) -> None:
    code, out, _ = cli("doctor", "digits", "--determinism", "--json")
    found = {finding["name"]: finding for finding in json.loads(out)}
    assert code == 0
    assert found["twice"]["ok"]
    assert "bit for bit" in found["twice"]["found"]
    assert "threads" in found or "cublas" in found


def test_a_mistaken_name(cli: Any) -> None:
    code, _, said = cli("doctor", "no_such_model", "--determinism")
    assert code == 2
    assert "no spec 'no_such_model'" in said


def test_what_differs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    plain = determinism.example_inputs
    monkeypatch.setattr(determinism, "example_inputs", lambda graph, **how: plain(graph, seed=next(clock), **how))
    found = determinism.findings(load("lenet"))[0]
    assert (found.name, found.ok) == ("twice", False)
    assert "another run of it ends elsewhere: " in found.costs
