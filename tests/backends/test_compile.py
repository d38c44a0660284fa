"""Compiling is proved against the eager model, and the proof can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphwright.backends import BACKENDS, backend
from graphwright.backends.compare import compare, compare_with
from graphwright.backends.examples import example_inputs
from graphwright.backends.proof import prove
from graphwright.compiler.places import SpecError
from tests.backends.specs import CONVNET, TIED, graph_of


@pytest.mark.parametrize("name", ["eager", "aot_eager"])
@pytest.mark.parametrize("spec", [CONVNET, TIED], ids=["convnet", "tied"])
def test_proof(spec: str, name: str, tmp_path: Path) -> None:
    report = prove(graph_of(spec, tmp_path), name, steps=2)
    assert report.equal
    assert (report.graphs, report.graph_breaks, report.recompiles) == (1, 0, 0)
    assert report.difference <= 1e-6
    assert report.compile_seconds > 0
    assert report.step_milliseconds > 0
    assert report.as_dict()["backend"] == name


def test_a_wrong_backend_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "wrong", lambda module, inputs, graph: lambda *x: module(*x) + 1e-2)
    report = prove(graph_of(CONVNET, tmp_path), "wrong", steps=1)
    assert not report.equal
    assert report.difference == pytest.approx(1e-2, rel=1e-3)


def test_a_backend_that_breaks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*inputs: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no kernel\nlong trace")

    monkeypatch.setitem(BACKENDS, "broken", lambda module, inputs, graph: broken)
    with pytest.raises(SpecError, match="'broken' cannot compile this as one graph: no kernel"):
        prove(graph_of(CONVNET, tmp_path), "broken")


def test_unknown_backend() -> None:
    with pytest.raises(SpecError, match="no backend 'inducto'") as error:
        backend("inducto")
    assert error.value.problems[0].hint == "did you mean 'inductor'?"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_graphs_need_cuda(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="'cudagraphs' needs a CUDA device: this machine has none"):
        prove(graph_of(CONVNET, tmp_path), "cudagraphs")


def test_examples_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    graph = graph_of(CONVNET, tmp_path)
    (first,), (second,), (other,) = example_inputs(graph), example_inputs(graph), example_inputs(graph, seed=1)
    assert first.shape == (2, 2, 8, 8)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    (tokens,) = example_inputs(graph_of(TIED, tmp_path), {"N": 3})
    assert (tokens.dtype, tokens.shape, int(tokens.max())) == (torch.int64, (3, 5), 1)


@pytest.mark.parametrize(
    ("a", "b", "within"),
    [
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.00001]), True),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1]), False),
        (torch.tensor([1000.0]), torch.tensor([1000.05]), True),
        (torch.tensor([float("inf")]), torch.tensor([float("inf")]), True),
        (torch.tensor([float("inf")]), torch.tensor([float("-inf")]), False),
        (torch.tensor([float("nan"), 1.0]), torch.tensor([float("nan"), 1.0]), True),
        (torch.tensor([float("nan")]), torch.tensor([1.0]), False),
        (torch.tensor([1]), torch.tensor([2]), False),
        (torch.zeros(2), torch.zeros(3), False),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64), False),
        (torch.zeros(0), torch.zeros(0), True),
        ({"a": torch.zeros(1)}, {"b": torch.zeros(1)}, False),
    ],
)
def test_compare(a: object, b: object, within: bool) -> None:
    assert compare(a, b).within is within


class Logistic(torch.nn.Module):
    """x -> 4 x (1 - x), many times: each doubles what rounding leaves."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(14):
            x = 4 * x * (1 - x)
        return x


def test_what_a_model_makes_of_rounding_is_allowed_and_told() -> None:
    x = torch.linspace(0.1, 0.9, 50)
    near = Logistic()(x.nextafter(torch.ones(())))
    assert not compare(near, Logistic()(x)).within
    found = compare_with(Logistic(), (x,), near)
    assert found.within
    assert found.own is not None
    assert 1e-4 < found.own < found.relative * 20
    assert not compare_with(Logistic(), (x,), Logistic()(x * 1.001)).within


def test_a_wrong_result_of_a_plain_model_is_not_excused() -> None:
    torch.manual_seed(0)
    model, x = torch.nn.Linear(4, 4), torch.randn(2, 4)
    assert compare_with(model, (x,), model(x)).own is None
    assert not compare_with(model, (x,), model(x) * 1.001).within
