"""Models of timm and torchvision: the same outputs, gradients and names, through a spec that a person would read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from graphwright.compiler.importing.torch.module import from_torch
from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.language.writing import write
from tests.importing.torch.parity import built, floats, reloaded, same
from tests.oracles import randomise, reference_model

SMALL: dict[str, tuple[dict[str, Any], int]] = {
    "resnet18": ({"layers": (1, 1, 1, 1), "channels": (8, 8, 16, 16)}, 64),
    "efficientnet_b0": ({}, 32),
    "convnext_atto": ({"depths": (1, 1, 2, 1), "dims": (8, 8, 16, 16)}, 64),
    "vit_tiny_patch16_224": ({"depth": 2, "embed_dim": 24, "num_heads": 2, "img_size": 64}, 64),
    "swin_tiny_patch4_window7_224": (
        {"depths": (2, 2), "num_heads": (1, 2), "embed_dim": 16, "img_size": 56, "drop_path_rate": 0.0}, 56,
    ),
    "densenet121": ({"growth_rate": 4, "block_config": (2, 2)}, 64),
    "test_byobnet": ({}, 32),
    "test_nfnet": ({}, 32),
    "test_mambaout": ({}, 64),
    "test_efficientnet_evos": ({}, 32),
}  # fmt: skip
FAMILIES = ("resnet18", "efficientnet_b0", "convnext_atto", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224",
            "densenet121")  # fmt: skip


def made(name: str) -> tuple[nn.Module, torch.Tensor]:
    options, size = SMALL[name]
    torch.manual_seed(1)
    net = reference_model("timm", name, num_classes=5, **options)
    randomise(net)
    return net, floats(2, 3, size, size)


@pytest.mark.parametrize("name", SMALL)
def test_through_a_spec_the_outputs_are_bitwise_the_same(name: str, tmp_path: Path) -> None:
    net, x = made(name)
    graph, weights = read_module(net, (x,), {}, name=name)
    again = reloaded(graph, tmp_path)
    same(built(again, weights).eval()(x), net.eval()(x))


def step(module: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Gradients, and running statistics, after one step of training."""
    module.train()
    torch.manual_seed(0)
    (module(x) * floats(2, 5, seed=9)).sum().backward()
    found = {k: p.grad for k, p in module.named_parameters() if p.grad is not None}
    return {**found, **{k: v for k, v in module.state_dict().items() if "running_" in k}}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_step_of_training_is_the_same(name: str) -> None:
    net, x = made(name)
    graph, weights = from_torch(net, x)
    mine, theirs = step(built(graph, weights), x), step(net, x)
    assert mine.keys() == theirs.keys()
    for key, expected in theirs.items():
        assert mine[key].shape == expected.shape, key
        far = (mine[key] - expected).abs().max()
        assert far <= 1e-6 * max(expected.abs().max(), 1e-3), f"{key}: {far}"


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "squeezenet1_1"])
def test_models_of_torchvision(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    net, x = reference_model("torchvision", name, num_classes=5), floats(2, 3, 32, 32)
    randomise(net)
    graph, weights = read_module(net, (x,), {}, name=name)
    same(built(reloaded(graph, tmp_path), weights).eval()(x), net.eval()(x))


@pytest.mark.parametrize(
    ("name", "size"),
    [("resnet50", 64), ("vit_base_patch16_224", 224), ("swin_tiny_patch4_window7_224", 224), ("efficientnet_b0", 64)],
)
def test_the_spec_of_a_known_model_is_short(name: str, size: int) -> None:
    device = "cpu" if name.startswith("swin") else "meta"  # its tables of positions have to be known
    with torch.device(device):
        net, x = reference_model("timm", name), torch.zeros(2, 3, size, size)
    graph, _ = read_module(net, (x,), {}, name=name)
    lines = write(graph).splitlines()
    assert len(lines) < 150
    assert not [line for line in lines if "_to_copy" in line or "aten" in line]


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto"])
def test_a_convolutional_net_keeps_its_sizes_free(name: str) -> None:
    net, x = made(name)
    graph, weights = read_module(net, (x,), {})
    assert [str(s) for s in graph.inputs[0].type.shape] == ["N", "3", "H", "W"]
    other = floats(3, 3, 96, 80)
    same(built(graph, weights).eval()(other), net.eval()(other))
