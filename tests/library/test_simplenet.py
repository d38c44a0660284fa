"""SimpleNet: counts for other numbers of classes, where its strides and dropouts are, and that it learns."""

from __future__ import annotations

from math import sqrt

import pytest
import torch

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import integers, signed
from tests.library.descent import descent


@pytest.mark.parametrize(("name", "ten", "hundred"), [
    ("simplenet_cifar_310k", 312_362, 318_212), ("simplenet_cifar_460k", 385_790, 394_880),
    ("simplenet_cifar_5m", 5_498_378, 5_521_508),
])  # fmt: skip
def test_parameters_for_ten_and_a_hundred_classes(name: str, ten: int, hundred: int) -> None:
    assert [count(load(name, {"classes": k})).parameters for k in (10, 100)] == [ten, hundred]


def test_dropout_follows_each_layer_but_those_before_a_pool_on_small_images() -> None:
    rates = [round(0.01 * k, 2) for k in range(1, 19)]
    graph = load("simplenet_cifar_310k", {"drops": rates})
    found = [node.op.p for node in graph.nodes if node.op.name == "dropout2d"]
    last_of_a_stage = [3, 7, 10, 14, 16]  # layers 0, 1 ... with the pools among them
    assert found == [rate for k, rate in enumerate(rates) if k not in last_of_a_stage]
    rates = rates[:16]
    graph = load("simplenetv1_small_m1_05", {"drops": rates})
    assert [node.op.p for node in graph.nodes if node.op.name == "dropout2d"] == rates


def test_kernels_start_as_xavier_with_the_gain_of_relu() -> None:
    kernel = lower(load("simplenet_cifar_310k")).get_parameter("features.4.weight")
    bound = sqrt(2) * sqrt(6 / (9 * (64 + 32)))
    assert kernel.abs().max() <= bound
    assert kernel.std().item() == pytest.approx(bound / sqrt(3), rel=0.02)


def test_it_learns() -> None:
    batch = signed("pictures", (8, 3, 32, 32)).float(), integers("labels", (8,), 10)
    losses = descent(load("simplenet_cifar_310k"), *batch, rate=0.01)
    assert losses[0] > losses[1] > losses[2]


def test_the_maximum_of_the_last_map_is_read() -> None:
    """Whatever the size: one large value anywhere in the map is what the classifier sees."""
    graph = load("simplenet_cifar_310k")
    assert str(graph.by_name["pool"].op) == "adaptive_max_pool2d(size=1)"
    model = lower(graph).eval()
    assert model(torch.zeros(1, 3, 48, 40)).shape == (1, 10)
