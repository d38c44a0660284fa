"""Specs that no installed library has, against plain torch: the same names, counts and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from graphwright.compiler.language.library import shipped_models
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.expectations import unmet
from graphwright.compiler.lowering.lower import lower
from tests.oracles import distance, randomise, reference_module
from tests.parity import independent


def cifar_resnet() -> nn.Module:
    """torchvision's basic blocks behind a stem of one small convolution."""
    resnet = reference_module("torchvision.models.resnet")

    def stage(before: int, after: int, stride: int) -> nn.Sequential:
        shortcut = None
        if stride > 1:
            shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        first = resnet.BasicBlock(before, after, stride, shortcut)
        return nn.Sequential(first, *(resnet.BasicBlock(after, after) for _ in range(2)))

    return independent.named(
        conv1=nn.Conv2d(3, 16, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(16), relu=nn.ReLU(),
        layer1=stage(16, 16, 1), layer2=stage(16, 32, 2), layer3=stage(32, 64, 2),
        avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(64, 10),
    )  # fmt: skip


def image(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


CASES: dict[str, tuple[Callable[[], nn.Module], dict[str, Any], torch.Tensor]] = {
    "lenet": (independent.lenet, {}, image(3, 1, 28, 28)),
    "digits": (independent.digits, {}, image(3, 1, 8, 8)),
    "cifar_resnet": (cifar_resnet, {}, image(3, 3, 32, 32)),
    "unet": (independent.UNet, {}, image(1, 3, 64, 48)),
    "lstm_classifier": (independent.LstmClassifier, {}, torch.arange(42).view(2, 21) * 17),
}


@pytest.mark.parametrize("name", CASES)
def test_it_equals_plain_torch(name: str) -> None:
    build, params, inputs = CASES[name]
    torch.manual_seed(0)
    theirs = build().eval()
    randomise(theirs)
    graph = load(name, params)
    ours = lower(graph).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    with torch.no_grad():
        found, expected = ours(inputs), theirs(inputs)
    count = sum(p.numel() for p in theirs.parameters())
    assert sum(p.numel() for p in ours.parameters()) == count
    if not params:
        assert graph.expect["parameters"].value == count
    assert distance(found, expected) < 1e-5


@pytest.mark.parametrize("name", shipped_models())
def test_what_a_spec_expects_holds(name: str) -> None:
    """Counts as published, of the deployed and of the training graph, and multiply-accumulates.

    That modules have the parameters that graphs say is held by `tests/language/test_shipped.py`.
    """
    graph = load(name)
    assert "parameters" in graph.expect
    assert not unmet(graph)
