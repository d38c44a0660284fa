"""Free sizes: batch, height and width are symbols where the model allows, and numbers elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.ir.graph import Graph
from tests.importing.torch.parity import Function, built, floats, same


def shape(graph: Graph, entry: int = 0) -> list[str]:
    return [str(s) for s in graph.inputs[entry].type.shape]


def pyramid(conv: nn.Module, x: torch.Tensor) -> torch.Tensor:
    down = conv(F.max_pool2d(x, 2, ceil_mode=True))
    return x + F.interpolate(down, size=x.shape[2:], mode="bilinear")


def attention(x: torch.Tensor) -> torch.Tensor:
    n, c, h, w = x.shape
    tokens = x.flatten(2).transpose(1, 2)
    mixed = (tokens @ tokens.transpose(1, 2) / (h * w)).softmax(-1) @ tokens
    return mixed.transpose(1, 2).reshape(n, c, h, w)


def squeeze(x: torch.Tensor) -> torch.Tensor:
    return x * (x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3]))


def halves(x: torch.Tensor) -> torch.Tensor:
    top, bottom = x[:, :, : x.shape[2] // 2], x[:, :, x.shape[2] // 2 :]
    return torch.cat([bottom, top], 2) + torch.arange(x.shape[3])


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1)),
        nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
        Function(pyramid, nn.Conv2d(3, 3, 3, padding=1)), Function(attention), Function(squeeze), Function(halves),
    ],
    ids=["conv", "classifier", "pyramid", "attention", "squeeze", "halves"],
)  # fmt: skip
def test_batch_height_and_width_stay_free(net: nn.Module) -> None:
    graph, weights = read_module(net, (floats(1, 3, 16, 24),), {})
    assert shape(graph) == ["N", "3", "H", "W"]
    assert graph.inputs[0].defaults == {"H": 16, "W": 24}
    made = built(graph, weights).eval()
    for sizes in ((1, 3, 16, 24), (3, 3, 16, 24), (2, 3, 20, 12)):
        same(made(floats(*sizes)), net.eval()(floats(*sizes)))


def test_a_model_of_one_size_keeps_its_numbers() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Flatten(), nn.Linear(4 * 8 * 8, 5))
    graph, weights = read_module(net, (floats(1, 3, 16, 16),), {})
    assert shape(graph) == ["N", "3", "16", "16"]
    same(built(graph, weights).eval()(floats(5, 3, 16, 16)), net.eval()(floats(5, 3, 16, 16)))


def test_a_batch_that_the_model_fixes_is_a_number() -> None:
    graph, _ = read_module(Function(lambda x: x.reshape(4, 6) * 2), (floats(2, 3, 4),), {})
    assert shape(graph)[0] == "2"


def test_what_the_user_wants_free_is_free() -> None:
    graph, _ = read_module(Function(lambda x: x.softmax(1)), (floats(2, 5, 4),), {}, free={0: (0, 1)})
    assert shape(graph) == ["N", "L", "4"]
    fixed, _ = read_module(Function(lambda x: x.softmax(1)), (floats(2, 5, 4),), {}, free={})
    assert shape(fixed) == ["2", "5", "4"]


def test_sizes_that_the_model_makes_equal_have_one_name() -> None:
    graph, _ = read_module(Function(lambda x, y: x + y), (floats(2, 3, 8, 8), floats(2, 3, 8, 8)), {})
    assert shape(graph, 0) == shape(graph, 1) == ["N", "3", "H", "W"]
    apart, _ = read_module(Function(lambda x, y: (x + 1, y + 1)), (floats(2, 3, 8, 8), floats(3, 3, 9, 9)), {})
    assert shape(apart, 1) == ["N2", "3", "H2", "W2"]


def test_a_size_without_a_word_for_it_is_a_number() -> None:
    """Torch divides by a free size here, which no size of a graph does."""

    def resized(x: torch.Tensor) -> torch.Tensor:
        side = int(x.shape[2] * 3 / 2) // x.shape[3]
        return x.flatten(1)[:, : side + 1]

    graph, weights = read_module(Function(resized), (floats(2, 3, 8, 8),), {})
    x = floats(2, 3, 8, 8)
    same(built(graph, weights)(x), resized(x))
