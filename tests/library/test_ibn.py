"""IBN-Net: what the transform puts where, and that a picture's own contrast is lost on the instance-normalised part."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.compiler.transforms.ibn import Ibn
from tests.language.conftest import spec  # noqa: F401 - a fixture
from tests.library.counter import fill, signed, uniform
from tests.library.descent import descent

Spec = Callable[..., Graph]
NET = """
inputs: {x: [N, 3, H=8, W=8]}
nodes:
  conv1: {op: conv2d, out: 10, kernel: 3, padding: 1, bias: false}
  bn1: {op: batch_norm, eps: 1e-3}
  relu1: relu
  block:
    nodes:
      conv: {op: conv2d, in: relu1, out: 10, kernel: 1}
      sum: {op: add, in: [conv, relu1]}
      relu: relu
  pool: {op: mean, dims: [2, 3]}
"""


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_part_of_the_channels_forgets_contrast(spec: Spec, batch_first: bool) -> None:  # noqa: F811
    graph = verify(Ibn("bn1", ratio=0.4, batch_first=batch_first)(spec(NET)))
    model = fill(lower(graph.with_(outputs=(("out", graph.by_name["relu1"].reads[0]),)))).double().eval()
    x = signed("x", (2, 3, 8, 8))
    kept = [bool(same) for same in (model(5 * x) - model(x)).abs().amax((0, 2, 3)) < 0.02]
    instance = [k >= 6 if batch_first else k < 4 for k in range(10)]
    assert kept == instance
    assert [graph.by_name[f"bn1.{n}"].op.arguments()["eps"] for n in ("IN", "BN")] == [1e-3, 1e-3]
    state = model.state_dict()
    assert state["bn1.IN.weight"].shape == (4,)
    assert state["bn1.BN.running_mean"].shape == (6,)


def test_variant_b_changes_norms_and_follows_sums(spec: Spec) -> None:  # noqa: F811
    graph = verify(Ibn("block.sum", "b")(Ibn("bn1", "b")(spec(NET))))
    assert graph.by_name["bn1"].op.arguments() == {"eps": 1e-3, "affine": True}
    assert graph.by_name["bn1"].op.name == graph.by_name["block.IN"].op.name == "instance_norm"
    assert graph.by_name["block.relu"].reads == ("block.IN",)
    assert graph.by_name["block.IN"].reads == ("block.sum",)


def test_every_takes_one_of_three() -> None:
    graph = load("densenet169_ibn_a")
    layers = [n.name.removesuffix(".norm1.IN").removeprefix("features.") for n in graph.nodes if n.name.endswith(".IN")]
    assert layers == [
        f"denseblock{b + 1}.denselayer{i + 1}" for b, depth in enumerate((6, 12, 32)) for i in range(0, depth, 3)
    ]


def test_no_multiplication_is_added() -> None:
    assert count(load("resnet50_ibn_a")).macs == count(load("resnet50")).macs == 4_089_184_256


@pytest.mark.parametrize(("transform", "message"), [
    (Ibn("relu1"), "'relu1' is relu, and variant a divides batch norms"),
    (Ibn("bn1", ratio=1.0), "a ratio of 1.0 of 10 channels leaves one of the norms of 'bn1' without any"),
    (Ibn("bn1", ratio=0.05), "a ratio of 0.05 of 10 channels leaves one of the norms of 'bn1' without any"),
    (Ibn("bn1", every=0), "every=0 takes no node"),
    (Ibn("bn[2-9]"), "no node matches"),
    (Ibn("bn1", count=2), "matches 1 node, not 2"),
])  # fmt: skip
def test_mistakes(spec: Spec, transform: Ibn, message: str) -> None:  # noqa: F811
    with pytest.raises(SpecError, match=message):
        transform(spec(NET))


@pytest.mark.parametrize("name", ["resnet18_ibn_a", "resnet18_ibn_b", "densenet121_ibn_a", "seresnet101_ibn_a"])
def test_training_lowers_the_loss(name: str) -> None:
    depths = [3, 3, 3, 1] if name.startswith("dense") else [1, 1, 1, 1]
    graph = load(name, {"depths": depths, "classes": 5})
    losses = descent(graph, uniform("image", (2, 3, 64, 64)).float(), torch.tensor([0, 1]), rate=0.01)
    assert losses[2] < losses[1] < losses[0]
