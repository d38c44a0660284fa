"""The static estimate, beside what is measured: exact in what autograd keeps, close at the peak."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphwright.compiler.language.load import load
from graphwright.compiler.memory.estimate import estimate, training
from graphwright.compiler.memory.tracking import batched
from graphwright.compiler.places import SpecError
from tests.lowering.checkpoint.nets import net, plain
from tests.lowering.reversible.nets import revnet
from tests.memory.measured import measured

#: Models of the library, at sizes that run in a moment.
MODELS = {
    "lenet": {"N": 64}, "digits": {"N": 64}, "resnet18": {"N": 4, "H": 128, "W": 128}, "unet": {"H": 32, "W": 32},
    "mobilenetv2_035": {"N": 4, "H": 64, "W": 64}, "vit_tiny_patch16_224": {},
}  # fmt: skip
#: Those in which the memory that convolutions take for themselves, some of their weights', is not most of all.
WIDE = MODELS.keys() - {"lenet", "unet"}


@pytest.mark.parametrize("name", MODELS)
def test_what_autograd_keeps_is_foretold_to_the_byte_and_the_peak_closely(name: str) -> None:
    graph = load(name)
    sizes = {**batched(graph, 2), **MODELS[name]}
    saved, peak = measured(graph, sizes)
    found = training(graph, sizes)
    assert found["saved"] == saved
    if name in WIDE:
        assert found["peak"] == pytest.approx(peak, rel=0.05)


@pytest.mark.parametrize("marked", [True, False])
def test_regions_that_run_again_are_foretold_too(tmp_path: Path, marked: bool) -> None:
    graph = net(tmp_path) if marked else plain(net(tmp_path))
    sizes = batched(graph, 8)
    assert training(graph, sizes)["saved"] == measured(graph, sizes)[0]


def test_so_are_reversible_ones(tmp_path: Path) -> None:
    graph = revnet(tmp_path, depth=2)
    sizes = batched(graph, 8)
    assert training(graph, sizes)["saved"] == measured(graph, sizes)[0]


def test_a_convolution_by_hand(tmp_path: Path) -> None:
    """Of conv -> relu: the image (read by the convolution) and the map (written by relu, in place)."""
    path = tmp_path / "small.yaml"
    path.write_text(
        "graphwright: 1\nname: small\ninputs: {image: [N, 3, 8, 8]}\nnodes:\n"
        "  conv: {op: conv2d, out: 4, kernel: 3, padding: 1}\n  act: relu\n"
    )
    found = estimate(load(path), 5, optimizer="sgd")
    weights, image, filtered = 4 * (4 * 3 * 9 + 4), 4 * 5 * 3 * 64, 4 * 5 * 4 * 64
    assert (found.parameters, found.gradients, found.optimizer, found.buffers) == (weights, weights, weights, 0)
    assert found.saved == image + filtered
    assert found.inference == weights + image + filtered
    # weights, their gradients and momentum; the map, and the gradients of it and of what relu reads
    assert found.training == 3 * weights + image + 3 * filtered


def test_half_the_arithmetic_keeps_less() -> None:
    graph = load("vit_tiny_patch16_224")
    sizes = batched(graph, 2)
    assert training(graph, sizes, "bf16")["saved"] < training(graph, sizes)["saved"]


def test_a_batch_that_torch_refuses_is_a_mistake() -> None:
    """One value a channel has no variance."""
    with pytest.raises(SpecError, match="'resnet18' cannot be run at these sizes: Expected more than 1 value"):
        training(load("resnet18"), {"N": 1, "H": 32, "W": 32})
