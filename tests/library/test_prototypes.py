"""The prototype network against numpy: its layers and the four terms of its loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import fx

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import fill, integers, uniform
from tests.library.descent import descent

Array = NDArray[np.float64]


def net(**params: Any) -> fx.GraphModule:
    made = lower(load("prototypes_mnist", params), cone="train").double()
    fill(made)
    return made


def padding(size: int) -> tuple[int, int]:
    """TensorFlow's SAME for a kernel of 3 and a stride of 2: rows before and after."""
    total = max((-(-size // 2) - 1) * 2 + 3 - size, 0)
    return total // 2, total - total // 2


def conv(x: Array, weight: Array, bias: Array) -> Array:
    """Stride 2, SAME: each output is a sum over its window."""
    count, _, size, _ = x.shape
    before, after = padding(size)
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    half = -(-size // 2)
    out = np.zeros((count, len(weight), half, half))
    for i in range(half):
        for j in range(half):
            window = padded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            out[:, :, i, j] = np.einsum("nchw,ochw->no", window, weight)
    return out + bias[:, None, None]


def grow(x: Array, weight: Array, bias: Array, size: int) -> Array:
    """The adjoint of `conv` from maps of `size`: each input is spread over its window, and the padding cut off."""
    count, _, half, _ = x.shape
    before, after = padding(size)
    padded = np.zeros((count, weight.shape[1], size + before + after, size + before + after))
    for i in range(half):
        for j in range(half):
            padded[:, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum("nc,cohw->nohw", x[:, :, i, j], weight)
    return padded[:, :, before : before + size, before : before + size] + bias[:, None, None]


def decoded(code: Array, state: dict[str, Array], sizes: list[int]) -> Array:
    x = code.reshape(len(code), sizes[-1], sizes[-1], -1).transpose(0, 3, 1, 2)
    for k, size in enumerate(reversed(sizes[:-1])):
        x = grow(x, state[f"decoder.{k}.conv.weight"], state[f"decoder.{k}.conv.bias"], size)
        x = np.maximum(x, 0) if k < 3 else 1 / (1 + np.exp(-x))
    return x


@pytest.mark.parametrize("size", [28, 8])
def test_outputs_and_losses_are_those_of_numpy(size: int) -> None:
    made = net(size=size)
    state = {name: tensor.numpy() for name, tensor in made.state_dict().items()}
    picture, label = uniform("picture", (5, 1, size, size)), integers("label", (5,), 10)
    with torch.no_grad():
        found = made(picture, label)
    sizes, x = [size], picture.numpy()
    for k in range(4):
        x = np.maximum(conv(x, state[f"encoder.{k}.conv.weight"], state[f"encoder.{k}.conv.bias"]), 0)
        sizes.append(x.shape[-1])
    code, cases = x.transpose(0, 2, 3, 1).reshape(5, -1), state["prototypes"]
    distances = ((code[:, None] - cases[None]) ** 2).sum(-1)
    logits = distances @ state["fc.weight"].T
    chosen = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    rebuilt = decoded(code, state, sizes)
    expected = {
        "logits": logits,
        "distances": distances,
        "cases": decoded(cases, state, sizes),
        "classified": -chosen[np.arange(5), label.numpy()].mean(),
        "copied": ((rebuilt - picture.numpy()) ** 2).sum((1, 2, 3)).mean(),
        "prototypes_like_codes": distances.min(0).mean(),
        "codes_like_prototypes": distances.min(1).mean(),
    }
    ours = {**found["outputs"], **found["losses"]}
    assert ours.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(ours[name].numpy(), value, rtol=1e-9, atol=1e-12)


def test_the_loss_weighs_classes_twenty_times_and_all_else_once() -> None:
    weights = {term.name: term.weight for term in load("prototypes_mnist").losses}
    rest = dict.fromkeys(("copied", "prototypes_like_codes", "codes_like_prototypes"), 1.0)
    assert weights == {"classified": 20, **rest}


def test_prototypes_and_pictures_go_through_one_decoder() -> None:
    deployed = lower(load("prototypes_mnist"))
    assert sum(p.numel() for p in deployed.parameters()) == sum(p.numel() for p in net().parameters()) == 44_153


def test_two_steps_of_its_own_loss_lower_it() -> None:
    batch = uniform("picture", (6, 1, 8, 8)).float(), integers("label", (6,), 10)
    found = descent(load("prototypes_mnist", {"size": 8}), *batch, rate=1e-4)
    assert found[0] > found[1] > found[2]
