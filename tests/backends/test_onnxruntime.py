"""Backends that run an exported program compute what the module computes, and `auto` chooses by the device."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from graphwright.backends import BACKENDS, auto, backend, onnx, resolve
from graphwright.backends.compare import compare
from graphwright.backends.examples import example_inputs
from graphwright.backends.proof import prove
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.backends.specs import CONVNET, TIED, graph_of


@pytest.mark.parametrize("spec", [CONVNET, TIED], ids=["convnet", "tied"])
def test_onnxruntime_is_the_module(spec: str, tmp_path: Path) -> None:
    graph = graph_of(spec, tmp_path)
    module, inputs = lower(graph, seed=3).eval(), example_inputs(graph)
    run = backend("onnxruntime")(module, inputs, graph)
    for sizes in ({}, {"N": 5}):
        given = example_inputs(graph, sizes, seed=1)
        found = compare(run(*given), module(*given))
        assert found.within
        assert found.absolute < 1e-5


def test_the_package_is_the_module(tmp_path: Path) -> None:
    graph = graph_of(CONVNET, tmp_path)
    report = prove(graph, "aot", steps=1)
    assert report.equal
    assert (report.graphs, report.backend) == (0, "aot")  # nothing is left for torch's tracer when it runs
    assert report.compile_seconds > 0.1


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, real = graph_of(CONVNET, tmp_path), importlib.import_module

    def missing(name: str) -> object:
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(onnx.importlib, "import_module", missing)
    with pytest.raises(SpecError, match="ONNX needs the package 'onnxruntime'") as error:
        prove(graph, "onnxruntime")
    assert error.value.problems[0].hint == "pip install 'graphwright[onnx]'"


def test_the_rule_of_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    assert auto.best("cuda", fixed=True)[0] == "cudagraphs"
    assert auto.best("cuda:1", fixed=False)[0] == "inductor"
    monkeypatch.setattr(auto, "has_compiler", lambda: True)
    assert resolve("auto", "cpu") == ("inductor", "there is a C++ compiler")
    monkeypatch.setattr(auto, "has_compiler", lambda: False)
    assert resolve("auto", "cpu")[0] == "onnxruntime"
    monkeypatch.setattr(auto.importlib.util, "find_spec", lambda name: None)
    assert resolve("auto", "cpu")[0] == "eager"
    assert resolve("aot", "cpu") == ("aot", "")


def test_auto_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "has_compiler", lambda: False)
    graph = graph_of(CONVNET, tmp_path)
    report = prove(graph, "auto", steps=1)
    assert (report.backend, report.equal) == ("onnxruntime", True)
    assert report.reason == "there is no C++ compiler, but onnxruntime"
    module, inputs = lower(graph).eval(), example_inputs(graph)
    assert compare(backend("auto")(module, inputs, graph)(*inputs), module(*inputs)).within


def test_every_backend_is_in_the_table() -> None:
    files = {p.stem for p in Path(auto.__file__).parent.glob("*.py") if "\ndef compile(" in p.read_text()}
    assert files == set(BACKENDS) - {"inductor_whole", "inductor_regional"}  # inductor's two ways, by name


MASKS = """
graphwright: 1
name: masks
inputs: {x: [N, 4], mask: "bool[N, 4]"}
nodes:
  hidden: {op: logical_not, in: mask}
  act: {op: sigmoid, in: x}
outputs: {hidden: hidden, act: act}
"""


def test_masks_stay_masks(tmp_path: Path) -> None:
    """In and out: DLPack has no dtype of its own for them."""
    graph = graph_of(MASKS, tmp_path)
    module, inputs = lower(graph).eval(), example_inputs(graph)
    found = backend("onnxruntime")(module, inputs, graph)(*inputs)
    assert found["hidden"].dtype == torch.bool
    assert compare(found, module(*inputs)).within
