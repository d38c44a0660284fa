"""MobileNetV2 at any width, and what is built on it: dilation in place of strides, the detector's loss, training."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from tests.library.case import shapes
from tests.library.counter import fill, integers, signed, uniform
from tests.library.descent import descent
from tests.library.papers.mobilenetv2 import Detector, ours_in_ssdlite, torchvision_mobilenet

#: The backbone alone, without the layers that a segmenter leaves out.
BACKBONE = """\
graphwright: 1
name: backbone
extends: mobilenetv2_050
params: {{output_stride: {stride}}}
nodes:
  {{conv_head: none, bn2: none, act2: none, global_pool: none, flatten: none, dropout: none, classifier: none}}
outputs: {{map: blocks}}
expect: {{parameters: none, macs: none, source: none}}
"""


@pytest.mark.parametrize("width", [0.1, 0.22, 0.97, 1.37, 2.0])
def test_channels_are_rounded_as_in_torchvision_at_any_width(width: float) -> None:
    with torch.device("meta"):
        expected = sum(p.numel() for p in torchvision_mobilenet(width).parameters())
    assert count(load("mobilenetv2_100", {"width": width})).parameters == expected


def backbone(folder: Path, stride: int) -> nn.Module:
    path = folder / f"stride{stride}.yaml"
    path.write_text(BACKBONE.format(stride=stride))
    return fill(lower(load(path))).eval()


def test_dilated_kernels_see_what_strides_leave_out(tmp_path: Path) -> None:
    """At stride 16 or 8, every second or fourth value is that of the network that halves the map."""
    coarse, fine, finest = (backbone(tmp_path, stride) for stride in (32, 16, 8))
    for size in (97, 128):
        x = signed("x", (1, 3, size, size)).float()
        with torch.no_grad():
            expected = coarse(x)
            torch.testing.assert_close(fine(x)[..., ::2, ::2], expected)
            torch.testing.assert_close(finest(x)[..., ::4, ::4], expected)


@pytest.mark.parametrize("name", ["ssdlite320_mobilenetv2", "deeplabv3_mobilenetv2"])
def test_weights_of_the_classifier_are_weights_of_the_backbone(name: str) -> None:
    classifier, other = (shapes(lower(load(n), device="meta")) for n in ("mobilenetv2_100", name))
    shared = {key: shape for key, shape in classifier.items() if key in other}
    assert all(other[key] == shape for key, shape in shared.items())
    left_out = ("classifier",) if "ssdlite" in name else ("classifier", "conv_head", "bn2")
    assert {key.partition(".")[0] for key in classifier.keys() - shared.keys()} == set(left_out)


# -- the detector -----------------------------------------------------------------------------
def objects(size: int, batch: int, rows: int, classes: int) -> tuple[Tensor, Tensor]:
    """Boxes at least a tenth of the picture large, and their classes; the last row of each picture is empty."""
    low = uniform("low", (batch, rows, 2)).float() * 0.6 * size
    high = low + (uniform("extent", (batch, rows, 2)).float() * 0.3 + 0.1) * size
    labels = integers("labels", (batch, rows), classes)
    labels[:, -1] = -1
    return torch.cat([low, high], 2), labels


def losses(model: nn.Module, *batch: Tensor) -> dict[str, Tensor]:
    """The terms by name."""
    with torch.no_grad():
        found: dict[str, Tensor] = model(*batch)["losses"]
    return found


def test_the_detectors_loss_is_torchvisions() -> None:
    """In training mode, with statistics of the batch."""
    ours, theirs = fill(lower(load("ssdlite320_mobilenetv2"), cone="train")), Detector()
    state = ours.state_dict()
    theirs.load_state_dict({name: state[ours_in_ssdlite(name)] for name in theirs.state_dict()})
    images, (boxes, labels) = signed("x", (2, 3, 320, 320)).float(), objects(320, 2, 5, classes=90)
    wanted = [{"boxes": b[:-1], "labels": k[:-1] + 1} for b, k in zip(boxes, labels, strict=True)]
    found = losses(ours.train(), images, boxes, labels)
    with torch.no_grad():
        expected = theirs.train().model(list(images), wanted)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=0)


def test_a_picture_without_objects_has_a_loss() -> None:
    model = fill(lower(load("ssdlite320_mobilenetv2", {"size": 64, "classes": 4}), cone="train")).eval()
    nothing = torch.zeros(1, 3, 4), torch.full((1, 3), -1)
    found = losses(model, signed("x", (1, 3, 64, 64)).float(), *nothing)
    assert {name: value.item() for name, value in found.items()} == {"classification": 0.0, "bbox_regression": 0.0}


# -- training ---------------------------------------------------------------------------------
def falls(found: list[float]) -> bool:
    return all(after < before for before, after in pairwise(found))


def test_the_classifier_trains() -> None:
    batch = signed("x", (2, 3, 32, 32)).float(), torch.tensor([0, 1])
    found = descent(load("mobilenetv2_035", {"classes": 2}), *batch, rate=0.1)
    assert falls(found), found


def test_the_detector_trains() -> None:
    graph = load("ssdlite320_mobilenetv2", {"size": 96, "classes": 4})
    found = descent(graph, signed("x", (2, 3, 96, 96)).float(), *objects(96, 2, 3, classes=4), rate=0.01)
    assert falls(found), found


def test_the_segmenter_trains() -> None:
    graph = load("deeplabv3_mobilenetv2", {"classes": 3, "dropout": 0.0})
    batch = signed("x", (2, 3, 65, 65)).float(), integers("mask", (2, 65, 65), 6).clamp(max=2)
    found = descent(graph, *batch, rate=0.1)
    assert falls(found), found
