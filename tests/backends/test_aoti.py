"""Packages compiled ahead of time compute the same, at other sizes too, and say what they lack."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphwright.backends import pt2
from graphwright.backends.compare import compare
from graphwright.backends.examples import example_inputs
from graphwright.backends.exporting import export
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.backends.specs import AUXILIARY, graph_of


def test_package(tmp_path: Path) -> None:
    graph = graph_of(AUXILIARY, tmp_path)
    module, path = lower(graph).eval(), tmp_path / "x.aoti.pt2"
    report = export(graph, module, path)
    assert report["free"] == ["N"]
    with pt2.quiet():
        loaded = torch._inductor.aoti_load_package(str(path))
    for batch in (1, 2, 7):
        (inputs,) = example_inputs(graph, {"N": batch})
        assert compare(loaded(inputs), module(inputs)).within
    assert sorted(p.name for p in tmp_path.iterdir()) == ["spec.yaml", "x.aoti.pt2"]


def test_a_missing_compiler_is_named(tmp_path: Path) -> None:
    graph = graph_of(AUXILIARY, tmp_path)
    none = torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",)})  # not monkeypatch: its undoing deletes
    with none, pytest.raises(SpecError, match=r"needs a C\+\+ compiler") as error:
        export(graph, lower(graph), tmp_path / "x.aoti.pt2")
    assert error.value.problems[0].hint.startswith("install g++")
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]
