"""What is done with paths: controls, influence patterns, utilisation, pruning, pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

import graphwright as gw
from graphwright.analyses.contract import figures
from graphwright.analyses.neuron_path import NeuronPath
from graphwright.analyses.paths import experiments
from graphwright.analyses.paths.interventions import SLOPES
from graphwright.compiler.language.load import load
from graphwright.doors import build
from tests.analyses.test_neuron_path import TINY, ready, sharing, vit


def test_influence_patterns_are_slopes_while_the_picture_dims() -> None:
    graph = vit(2)
    shared = sharing(graph)
    model = ready(graph, shared)
    found = shared(NeuronPath().influenced(graph))(model.images, model.targets)
    found = found if isinstance(found, torch.Tensor) else found[SLOPES]
    module = shared(graph.deployed())
    rows: list[torch.Tensor] = []

    def keep(_: object, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        rows.append(given[0].requires_grad_())
        return (rows[-1],)

    for k in range(2):
        module.get_submodule(f"blocks.{k}.mlp.fc2").register_forward_pre_hook(keep)
    for n in range(2):
        rows.clear()
        light = torch.arange(20, dtype=torch.float64)[:, None, None, None] / 20
        chance = torch.softmax(module(light * model.images[n]), 1)[:, model.targets[n]]
        slopes = [g[:, 0].mean(0) for g in torch.autograd.grad(chance.sum(), rows)]
        torch.testing.assert_close(found[n], torch.cat(slopes), rtol=1e-9, atol=1e-14)


def test_controls() -> None:
    units = torch.tensor([[0.1, -3.0, 2.5, 0.0, 1.0, 1.1]])
    assert experiments.strongest(units, (4, 2)).tolist() == [[2, 1]]
    assert experiments.as_large(units, (4, 2), torch.tensor([[1, 0]])).tolist() == [[2, 1]]
    drawn = experiments.at_random(500, (4, 2), 0)
    assert torch.equal(drawn, experiments.at_random(500, (4, 2), 0))
    assert sorted(set(drawn[:, 0].tolist())) == [0, 1, 2, 3]
    assert drawn[:, 1].max() == 1


def test_utilisation_and_similarity() -> None:
    paths = np.array([[0, 1], [0, 1], [2, 0], [0, 0]])
    counts = experiments.utilisation(paths, [7, 7, 3, 3], (3, 2))
    assert {k: v.tolist() for k, v in counts.items()} == {3: [1, 0, 1, 2, 0], 7: [2, 0, 0, 0, 2]}
    cosines = experiments.similarity(counts)
    np.testing.assert_allclose(np.diag(cosines), 1)
    np.testing.assert_allclose(cosines[0, 1], 2 / np.sqrt(6 * 8))
    assert experiments.modal(paths, (3, 2), 1).tolist() == [1, 0, 0, 1, 0]
    assert experiments.modal(paths, (3, 2), 5).tolist() == [1, 0, 1, 1, 1]


def test_pruning_keeps_what_it_is_told_to() -> None:
    graph = vit(2)
    model = ready(graph, sharing(graph))
    total = sum(model.widths)
    plain = model.chances(torch.ones(2, total, dtype=torch.float64))
    none = torch.zeros(total)
    assert torch.equal(experiments.pruned(model, none, 0.0, 2, 0), plain)
    assert torch.equal(experiments.pruned(model, torch.ones(total), 1.0, 2, 0), plain)
    assert torch.equal(experiments.pruned(model, none, 1.0, 0, 0), plain)
    gone = torch.ones(2, total, dtype=torch.float64)
    gone[:, : model.widths[0]] = 0
    assert torch.equal(experiments.pruned(model, none, 1.0, 1, 0), model.chances(gone))
    assert not torch.equal(experiments.pruned(model, none, 0.5, 2, 0), experiments.pruned(model, none, 0.5, 2, 1))


def test_effect_is_removal_and_enhancement() -> None:
    graph = vit(2)
    model = ready(graph, sharing(graph))
    paths = torch.tensor([[1, 2], [3, 4]])
    found = experiments.effect(model, paths)
    units = model.units(paths)
    assert torch.equal(found.removed, model.chance(1 - units))
    assert torch.equal(found.enhanced, model.chance(1 + units))
    torch.testing.assert_close(found.deviation("removed"), found.removed / found.base - 1)


def test_a_result_has_every_method_and_its_pictures(tmp_path: Path) -> None:
    graph = load("vit_tiny_patch16_224", {**TINY, "depth": 2})
    torch.manual_seed(0)
    images = torch.randn(3, 3, 16, 16)
    result = gw.analyze("neuron-path", graph, images, batch=2)
    assert all(law.holds for law in result.laws)
    for method in experiments.METHODS:
        assert np.array(result.numbers[f"{method} path"]).shape == (3, 2)
        assert len(result.numbers[f"{method} removed"]) == len(result.numbers[f"{method} score"]) == 3
    assert result.settings["quadrature"] == "gauss:8"
    drawn = figures(NeuronPath(), graph, result, ["a.png", "b.png", "c.png"])
    assert {"a.path.png", "c.path.png", "deviations.png", "utilisation.png"} <= set(drawn)
    assert all(isinstance(picture, Image.Image) for picture in drawn.values())
    module = build(graph)
    torch.save(module.state_dict(), tmp_path / "w.pt")
    same = gw.analyze("neuron-path", graph, images, weights=tmp_path / "w.pt", compare=False)
    assert same.numbers["found path"] == result.numbers["found path"]
    assert "random path" not in same.numbers
