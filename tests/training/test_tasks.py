"""Default losses, and what is refused before the first step."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.training.recipe import Recipe
from graphwright.training.step import term_weight
from graphwright.training.tasks import task_of
from graphwright.training.train import train

HEAD = "graphwright: 1\nname: net\ninputs: {x: [N, 4]}\n"


def spec(tmp_path, body):
    path = tmp_path / "net.yaml"
    path.write_text(HEAD + body)
    return load(path)


def test_a_classifier_gets_cross_entropy(tiny):
    task = task_of(tiny)
    graph = verify(task.with_losses(tiny, Recipe(smoothing=0.1)))
    assert task.name == "classification"
    assert [str(t.type) for t in graph.targets] == ["int64[N]"]
    module = lower(graph, cone="train").eval()
    x, labels = torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    result = module(x, labels)
    expected = F.cross_entropy(result["outputs"]["logits"], labels, label_smoothing=0.1)
    torch.testing.assert_close(result["losses"]["main"], expected)
    assert set(lower(tiny).state_dict()) == set(module.state_dict())


def test_mixup_makes_the_target_a_distribution(tiny):
    task = task_of(tiny)
    graph = verify(task.with_losses(tiny, Recipe(mixup=0.2)))
    assert [str(t.type) for t in graph.targets] == ["float32[N, 3]"]
    (target,) = task.target(graph, torch.tensor([0, 2]), torch.tensor([1, 2]), 0.75)
    assert target.tolist() == [[0.75, 0.25, 0], [0, 0, 1]]


OWN = """\
nodes: {fc: {op: linear, out: 3}}
outputs: {logits: fc}
targets:
  label: int64[N]
losses:
  main: {op: cross_entropy, in: [fc, label], weight: 2.0}
"""


def test_losses_of_the_spec_are_kept(tmp_path):
    graph = spec(tmp_path, OWN)
    assert task_of(graph).with_losses(graph, Recipe()) is graph
    assert term_weight(graph.losses[0], 7) == 2.0


def test_weights_follow_their_schedule(tmp_path):
    (term,) = spec(tmp_path, OWN).losses
    scheduled = type(term)(term.name, term.value, {0: 1.0, "100": 0.0})
    assert [term_weight(scheduled, step) for step in (0, 25, 100, 500)] == [1.0, 0.75, 0.0, 0.0]
    with pytest.raises(SpecError, match="the weight of loss 'main' is 'high'"):
        term_weight(type(term)(term.name, term.value, "high"), 0)


@pytest.mark.parametrize(
    ("body", "recipe", "message"),
    [
        ("nodes: {fc: {op: linear, out: 5}}\noutputs: {logits: fc}\n", {}, "the data has 3 classes, but 'fc' gives 5"),
        ("nodes: {fc: {op: linear, out: 3}, s: {op: sum, dims: 1}}\noutputs: {y: s}\n", {}, "no training task fits"),
        (OWN, {"mixup": 0.2}, "mixup=0.2 mixes labels, but target 'label' is int64"),
        (OWN.replace("int64[N]", "int64[N]\n  other: int64[N]"), {}, "the spec has label, other"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_training(tmp_path, tiny_data, body, recipe, message):
    with pytest.raises(SpecError, match=message) as caught:
        train(spec(tmp_path, body), tiny_data, tmp_path / "run", recipe)
    assert caught.value.problems[0].place.line > 0
    assert not (tmp_path / "run").exists()


def test_samples_of_another_size_are_refused(tmp_path, tiny_data):
    graph = spec(tmp_path, "nodes: {fc: {op: linear, out: 3}}\noutputs: {logits: fc}\n")
    with pytest.raises(SpecError, match=r"a sample of the data is \[8, 8\], the model's input \[4\]"):
        train(graph, tiny_data, tmp_path / "run")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [({"batch": 16, "accumulate": 3}, "does not divide"), ({"batch": 1, "epochs": 0}, "outside")],
)
def test_recipes_are_refused_before_training(tiny, tiny_data, tmp_path, recipe, message):
    with pytest.raises(SpecError, match=message):
        train(tiny, tiny_data, tmp_path / "run", recipe)
