"""Inception-v4 and Inception-ResNet: the maps of the paper's figures, what the residuals' scale does, training."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops.pooling import AvgPool2d
from tests.library.counter import fill, signed, uniform
from tests.library.descent import descent

#: Channels of the maps of 35, 17 and 8 pixels; of Inception-ResNet-v2 those of the released network.
MAPS = {
    "inception_v4": ("features.9", "features.17", "features.21", (384, 1024, 1536)),
    "inception_resnet_v1": ("features.stage1", "features.stage2", "features.stage3", (256, 896, 1792)),
    "inception_resnet_v2": ("repeat.9", "repeat_1.19", "block8", (320, 1088, 2080)),
}
#: One module of each kind.
SMALL = {"classes": 2, "modules": [1, 1, 1], "dropout": 0.0}


@pytest.mark.parametrize("name", MAPS)
def test_maps_have_the_sizes_of_the_figures(name: str) -> None:
    graph = load(name)
    *places, channels = MAPS[name]
    for place, width, size in zip(places, channels, (35, 17, 8), strict=True):
        last = [n for n in graph.nodes if n.name.startswith(f"{place}.")][-1]
        assert last.outputs[0].at(graph.sizes).shape == (1, width, size, size)


@pytest.mark.parametrize("name", ["inception_v4", "inception_resnet_v2"])
def test_averages_are_over_pixels_of_the_map_alone(name: str) -> None:
    """Of an even map they give the same map; zeros around it would darken its border."""
    pools = [node.op for node in load(name).nodes if isinstance(node.op, AvgPool2d)]
    assert len(pools) == {"inception_v4": 14, "inception_resnet_v2": 1}[name]
    for pool in pools:
        assert torch.equal(pool.forward(torch.ones(1, 1, 5, 5)), torch.ones(1, 1, 5, 5))


def scaled(name: str, modules: list[int], factor: float) -> Graph:
    return load(name, {**SMALL, "modules": modules, "scales": [factor] * 3})


@pytest.mark.parametrize("name", ["inception_resnet_v1", "inception_resnet_v2"])
def test_modules_of_scale_zero_change_nothing(name: str) -> None:
    """What they read is not negative, so that the ReLU behind the sum lets it pass: depth makes no difference then."""
    x = signed("x", (1, 3, 107, 107)).float()
    shallow, deep, alive = (
        fill(lower(scaled(name, *form))).eval() for form in (([1, 1, 1], 0.0), ([2, 3, 1], 0.0), ([1, 1, 1], 0.2))
    )
    with torch.no_grad():
        expected = shallow(x)
        assert torch.equal(deep(x), expected)
        assert not torch.allclose(alive(x), expected, rtol=1e-2)


@pytest.mark.parametrize("name", MAPS)
def test_it_trains(name: str) -> None:
    batch = uniform("x", (2, 3, 107, 107)).float(), torch.tensor([0, 1])
    found = descent(load(name, SMALL), *batch, rate=0.1)
    assert all(after < before for before, after in pairwise(found)), found
