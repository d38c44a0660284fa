"""The search: planted and permuted paths, batches, exact candidates against brute force; neurons of any model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import graphwright as gw
from graphwright.analyses.neuron_path import NeuronPath
from graphwright.analyses.paths.neurons import layers_of
from graphwright.analyses.paths.quadrature import rule
from graphwright.analyses.paths.search import Model
from graphwright.compiler.language.load import load
from graphwright.compiler.places import SpecError
from tests.analyses.test_neuron_path import RESIDUAL, ready, sharing, spec, vit


def planted(neurons: tuple[int, int]) -> Any:
    """Weights in which one neuron of each layer writes the first class; the others write next to nothing."""

    def change(base: Any) -> None:
        for name, neuron in zip("ab", neurons, strict=True):
            one, two = base.get_submodule(f"fc1{name}"), base.get_submodule(f"fc2{name}")
            for parameter in (one.weight, two.weight, two.bias):
                parameter.mul_(0.05)
            one.bias.fill_(0.5)
            one.bias[neuron] = 2
            two.weight[0, neuron] = 1.5
        head = base.get_submodule("head")
        head.weight.zero_()
        head.weight[0, 0] = 1
        head.bias.zero_()

    return change


@pytest.mark.parametrize("score", ["complete", "official"])
@pytest.mark.parametrize("candidates", ["parallel", "exact", "shortlist:3"])
def test_a_planted_path_is_found(score: str, candidates: str, tmp_path: Path) -> None:
    graph = spec(RESIDUAL, tmp_path)
    options = {"score": score, "candidates": candidates}
    for neurons in ((2, 8), (6, 0)):
        model = ready(graph, sharing(graph, planted(neurons)), classes=1, **options)
        found = NeuronPath(**options).find(model)  # type: ignore[arg-type]
        assert found.paths.tolist() == [list(neurons)] * 2
        assert float(found.margins.min()) > 0.01


def test_permuting_neurons_permutes_the_path(tmp_path: Path) -> None:
    graph = spec(RESIDUAL, tmp_path)
    order = torch.tensor([4, 7, 1, 0, 8, 3, 6, 2, 5])

    def permute(base: Any) -> None:
        one, two = base.get_submodule("fc1b"), base.get_submodule("fc2b")
        one.weight.copy_(one.weight[order].clone())
        one.bias.copy_(one.bias[order].clone())
        two.weight.copy_(two.weight[:, order].clone())

    analysis = NeuronPath()
    plain = analysis.find(ready(graph, sharing(graph), count=4)).paths
    moved = analysis.find(ready(graph, sharing(graph, permute), count=4)).paths
    assert torch.equal(plain[:, 0], moved[:, 0])
    assert torch.equal(plain[:, 1], order[moved[:, 1]])


def test_a_batch_is_its_pictures_and_a_shortlist_of_all_is_exact() -> None:
    graph = vit(2)
    build = sharing(graph)
    for score in ("complete", "official"):
        options = {"score": score, "quadrature": "gauss:4"}
        model = ready(graph, build, count=3, **options)
        analysis = NeuronPath(**options)  # type: ignore[arg-type]
        together = analysis.find(model)
        apart = [analysis.find(model.of(slice(n, n + 1))).paths for n in range(3)]
        assert torch.equal(together.paths, torch.cat(apart))
        exact, listed = (NeuronPath(candidates=c, **options).find(model).paths for c in ("exact", "shortlist:99"))  # type: ignore[arg-type]
        assert torch.equal(exact, listed)
    brute = _greedy_falls(ready(graph, build, count=3))
    assert NeuronPath(candidates="exact").find(ready(graph, build, count=3)).paths.tolist() == brute


def _greedy_falls(model: Model) -> list[list[int]]:
    """Layer by layer, the neuron without which, and without the path so far, the probability is least."""
    paths: list[list[int]] = []
    for n in range(len(model.images)):
        path: list[int] = []
        for layer, width in enumerate(model.widths):
            chances = []
            for i in range(width):
                units = model.of(slice(n, n + 1)).units(torch.tensor([[*path, i]]))
                chances.append(float(model.of(slice(n, n + 1)).chance(1 - units, layer + 1)))
            path.append(int(np.argmin(chances)))
        paths.append(path)
    return paths


# -- any model --------------------------------------------------------------------------------
class Block(nn.Module):
    def __init__(self, gated: bool) -> None:
        super().__init__()
        self.one, self.gate, self.two = nn.Linear(8, 12), nn.Linear(8, 12), nn.Linear(12, 8)
        self.gated = gated

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = nn.functional.silu(self.one(x))
        return x + self.two(nn.functional.dropout(hidden * self.gate(x) if self.gated else hidden, 0.1, self.training))


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks, self.head = nn.Sequential(Block(False), Block(True)), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(x)[:, 0])


def test_imported_models_have_their_neurons_found() -> None:
    module = Tokens().eval()
    graph, weights = gw.from_torch(module, (torch.randn(2, 4, 8),))
    layers = layers_of(graph.deployed(), "", "auto")
    assert [x.width for x in layers] == [12, 12]
    assert [x.node.op.name for x in layers] == ["silu", "mul"]
    assert all((x.start, x.stop) == (0, 1) for x in layers)
    result = gw.analyze("neuron-path", graph, torch.randn(2, 4, 8), weights=weights)
    assert all(law.holds for law in result.laws)
    assert len(result.laws) == 3


def test_mistakes_have_a_place(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"digits.yaml:16:3.*official score is of tokens; 'relu1' \(relu\)"):
        NeuronPath(score="official")(load("digits"))
    with pytest.raises(SpecError, match=r"no node matches 'blocks\.9'"):
        NeuronPath(layers="blocks.9")(vit())
    with pytest.raises(SpecError, match="no candidates 'shortlist:x'"):
        NeuronPath(candidates="shortlist:x")(vit())
    with pytest.raises(SpecError, match=r"reads no class token, so 'layers.0.blocks.0.mlp.act'|has no tokens"):
        NeuronPath(places="class")(load("swin_tiny_patch4_window7_224"))
    with pytest.raises(SpecError, match="neither feed-forward blocks nor activations"):
        NeuronPath()(load("lstm_classifier"))
    mixing = RESIDUAL.replace("  head:", "  across: {op: mean, dims: 0, keep: true}\n  head:")
    with pytest.raises(SpecError, match=r"spec.yaml:15:3.*'across' \(mean\) gives .* no row for each sample"):
        NeuronPath()(spec(mixing, tmp_path))
    for text in ("gauss", "left:0", "left:4/9", "simpson:3", "gauss:4/2"):
        with pytest.raises(SpecError, match="no quadrature"):
            rule(text)
