"""Spatial CNN: messages pass slice by slice, and each kernel is there once however often it is used."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.expectations import unmet
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops.loop import Loop
from tests.library.counter import signed
from tests.library.descent import descent
from tests.oracles import distance

#: The message passing alone, on a small map.
MESSAGES = """\
graphwright: 1
name: messages
extends: scnn_vgg16
inputs: {image: [N, 4, 6, 10]}
nodes:
  {backbone: none, layer1: none, layer2: none, segmentation: none, layer3: none, flatten: none, fc: none, exists: none}
outputs: message_passing
targets: {pixels: none, present: none}
losses:
  {pixel: none, share: none, weighted: none, pixel_sum: none, share_sum: none, segmentation: none, existence: none}
expect: {parameters: 576, macs: 34_560}
"""

PASSES = {"up_down": (2, False), "down_up": (2, True), "left_right": (3, False), "right_left": (3, True)}


@pytest.fixture
def messages(tmp_path: Path) -> Graph:
    path = tmp_path / "messages.yaml"
    path.write_text(MESSAGES)
    return load(path)


def passed(x: Tensor, weight: Tensor, dim: int, reverse: bool) -> Tensor:
    """x'(i) = x(i) + relu(K * x'(i - 1)), one slice after the other."""
    kernel = weight.squeeze(dim)
    slices = list(x.unbind(dim))[:: -1 if reverse else 1]
    for k in range(1, len(slices)):
        slices[k] = slices[k] + torch.conv1d(slices[k - 1], kernel, padding=4).relu()
    return torch.stack(slices[:: -1 if reverse else 1], dim)


def test_messages_pass_slice_by_slice(messages: Graph) -> None:
    assert not unmet(messages)
    ours = lower(messages).eval()
    x = expected = signed("x", (2, 4, 6, 10)).float()
    for name, (dim, reverse) in PASSES.items():
        weight = ours.get_parameter(f"message_passing.{name}.weight")
        torch.nn.init.normal_(weight, std=0.2)
        expected = passed(expected, weight, dim, reverse)
    with torch.no_grad():
        assert distance(ours(x), expected.detach()) < 1e-5


def test_a_message_travels_across_the_whole_map(messages: Graph) -> None:
    """One pixel is heard everywhere: no stack of as many convolutions has that reach."""
    ours = lower(messages).eval()
    for parameter in ours.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    x = torch.zeros(2, 4, 6, 10)
    x[1, 0, 5, 0] = 1.0
    with torch.no_grad():
        silent, heard = ours(x)
    assert not silent.any()
    assert (heard > 0).all()


def test_four_kernels_are_shared_by_all_slices() -> None:
    """2 * 36 + 2 * 100 slices, of which the first of each pass hears nothing; the parameters are those of four."""
    graph = load("scnn_vgg16")
    passes = [node for node in graph.nodes if isinstance(node.op, Loop)]
    trips = [graph.types[node.reads[0]].shape[node.op.dim] for node in passes if isinstance(node.op, Loop)]
    assert trips == [36, 36, 100, 100]
    assert sum(trips) - len(passes) == 268
    held = [t.numel() for n, t in graph.types.items() if n.startswith("message_passing") and n.endswith("weight")]
    assert sum(held) == 589_824


def test_it_trains() -> None:
    graph = load("scnn_vgg16", {"height": 32, "width": 64})
    pixels = (signed("pixels", (2, 32, 64)) * 2).long().clamp(0, 4)
    batch = signed("image", (2, 3, 32, 64)).float(), pixels, (signed("present", (2, 4)) > 0).float()
    losses = descent(graph, *batch, rate=0.01)
    assert all(after < before for before, after in pairwise(losses)), losses
