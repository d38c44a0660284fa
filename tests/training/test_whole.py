"""A step compiled whole is one graph, never compiled again, and learns what the uncompiled step learns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch._dynamo.utils import counters

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.training import train as training
from graphwright.training.optimise import optimizer_of, set_learning_rate
from graphwright.training.recipe import Recipe
from graphwright.training.run import Run
from graphwright.training.tasks import task_of
from graphwright.training.whole import WholeStep

pytestmark = pytest.mark.skipif(not WholeStep.possible(), reason="this torch traces no backward pass")
RATES = (0.02, 0.01, 0.003, 0.001, 0.001, 0.0005)


def learnt(
    recipe: Recipe, batches: tuple[int, ...], whole: bool, see: Callable[[], Any] = lambda: None
) -> dict[str, Tensor]:
    """The state after a step on each batch of random digits, in double precision."""
    spec = load("digits")
    graph = task_of(spec).with_losses(spec, recipe)
    module = lower(graph, cone="train").double().train()
    optimizer = optimizer_of(module, recipe)
    generator = torch.Generator().manual_seed(0)

    def forward(x: Tensor, targets: Any, weights: Any) -> Any:
        losses = module(x, *targets)["losses"]
        return None, sum(losses.values()), losses

    step = WholeStep(forward, optimizer, recipe.clip, "aot_eager")
    for size, rate in zip(batches, RATES, strict=False):
        x = torch.randn(size, 1, 8, 8, generator=generator, dtype=torch.float64)
        label = torch.randint(0, 10, (size,), generator=generator)
        torch.manual_seed(size)
        if whole:
            step(x, (label,), (), rate)
            see()
            continue
        set_learning_rate(optimizer, rate)
        forward(x, (label,), ())[1].backward()
        if recipe.clip:
            torch.nn.utils.clip_grad_norm_(module.parameters(), recipe.clip)
        optimizer.step()
        optimizer.zero_grad()
    return dict(module.state_dict())


def test_one_graph_and_none_anew() -> None:
    torch._dynamo.reset()
    counters.clear()
    graphs: list[int] = []
    learnt(Recipe(clip=0.5), (8, 8, 8, 5, 6, 8), True, lambda: graphs.append(counters["stats"]["unique_graphs"]))
    assert graphs == [1, 1, 1, 2, 2, 2]  # another size is compiled once, for all sizes
    assert not counters["graph_break"]


@pytest.mark.parametrize(
    "recipe",
    [Recipe(clip=0.5), Recipe(optimizer="sgd"), Recipe(optimizer="sgd", momentum=0.0, weight_decay=0.0)],
    ids=["adamw", "sgd", "plain"],
)
def test_the_same_weights_as_uncompiled(recipe: Recipe) -> None:
    torch._dynamo.reset()
    expected, found = (learnt(recipe, (8, 8, 8), whole) for whole in (False, True))
    start = learnt(recipe, (), False)
    assert max((start[k] - expected[k]).abs().max() for k in start if start[k].is_floating_point()) > 1e-3
    for name, value in expected.items():
        assert (found[name] - value).abs().max() <= 1e-6, name


def test_a_parameter_without_a_gradient_stays() -> None:
    torch._dynamo.reset()
    module = torch.nn.ModuleDict({"used": torch.nn.Linear(2, 2), "idle": torch.nn.Linear(2, 2)})
    before = {name: value.clone() for name, value in module.state_dict().items()}

    def forward(x: Tensor, targets: Any, weights: Any) -> Any:
        loss = module["used"](x).square().sum()
        return None, loss, {"loss": loss}

    WholeStep(forward, optimizer_of(module, Recipe(clip=1.0)), 1.0, "aot_eager")(torch.ones(3, 2), (), (), 0.1)
    changed = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"used.weight", "used.bias"}


def weights_of(graph: Graph, data: str, out: Path, **recipe: Any) -> dict[str, Tensor]:
    torch._dynamo.reset()
    training.train(graph, data, out, {"epochs": 2, "batch": 12, "lr": 0.01, "optimizer": "sgd", **recipe})
    return load_file(Run(out).weights)


def test_training_with_compile(
    tiny: Graph, tiny_data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = weights_of(tiny, tiny_data, tmp_path / "plain", ema=0.9)
    monkeypatch.setattr(training, "WholeStep", type("Quick", (WholeStep,), {"__init__": partial_init}))
    counters.clear()
    found = weights_of(tiny, tiny_data, tmp_path / "whole", ema=0.9, compile=True)
    assert counters["stats"]["unique_graphs"] == 1
    assert all(torch.allclose(found[k], v, atol=1e-5) for k, v in expected.items())

    monkeypatch.setattr(WholeStep, "__call__", refuse)
    found = weights_of(tiny, tiny_data, tmp_path / "parts", ema=0.9, compile=True)
    assert all(torch.allclose(found[k], v, atol=1e-5) for k, v in expected.items())
    assert "the step is not compiled whole, only its losses are: cannot trace this" in capsys.readouterr().err


def partial_init(self: WholeStep, *arguments: Any) -> None:
    WholeStep.__init__(self, *arguments, "aot_eager")


def refuse(self: WholeStep, *_: Any) -> Any:
    raise torch._dynamo.exc.Unsupported("cannot trace this")
