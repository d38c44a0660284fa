"""SSD's default boxes, matching, loss and suppression against torchvision and the authors' formulas."""

from __future__ import annotations

from math import sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.case import Boxes, picture
from tests.library.counter import fill, integers
from tests.library.descent import descent
from tests.library.papers.ssd import VOC
from tests.ops.test_detection import slow_nms
from tests.oracles import reference_module

TINY: dict[str, Any] = {
    "size": 96, "width": 0.125, "classes": 4, "extras": [[1024, 3, 1, 6], [512, 3, 2, 1]], "ratios": [[2], [2, 3], [2]],
    "sides": [16, 32, 48, 80], "steps": [8, 16, 32],
}  # fmt: skip
IMAGE = picture(96, 3)[0].tensor("image")
OBJECTS = Boxes((3, 4, 4), 96).tensor("objects")
LABELS = integers("labels", (3, 4), 4)
LABELS[1, 2:], LABELS[2] = -1, -1  # two objects, and none


def constant(graph: Graph, name: str, *inputs: Tensor) -> Tensor:
    """The value of a node."""
    return lower(graph.with_(outputs=((name, name),)), device="cpu")(*inputs)  # type: ignore[no-any-return]


def prior_boxes(maps: list[int], size: int) -> np.ndarray:
    """The layer PriorBox of the authors' caffe (flip, no clip, offset 0.5), box by box."""
    sides, steps, ratios = VOC[size]
    found = []
    for k, cells in enumerate(maps):
        shapes = [(sides[k], sides[k]), (sqrt(sides[k] * sides[k + 1]),) * 2]
        for ratio in ratios[k]:
            shapes += [(sides[k] * sqrt(r), sides[k] / sqrt(r)) for r in (ratio, 1 / ratio)]
        for y in range(cells):
            for x in range(cells):
                found += [((x + 0.5) * steps[k], (y + 0.5) * steps[k], *shape) for shape in shapes]
    return np.array(found)


@pytest.mark.parametrize(
    ("name", "maps", "count"),
    [
        ("ssd300_vgg16_voc", [38, 19, 10, 5, 3, 1], 8732),
        ("ssd512_vgg16", [64, 32, 16, 8, 4, 2, 1], 24564),
    ],
)
def test_default_boxes_are_the_authors(name: str, maps: list[int], count: int) -> None:
    graph = load(name, {"width": 0.0625})
    boxes = constant(
        graph, "defaults", torch.zeros(1, 3, maps[0] * 8 - 4 * (maps[0] == 38), maps[0] * 8 - 4 * (maps[0] == 38))
    )
    assert boxes.shape == (count, 4)
    np.testing.assert_allclose(boxes.numpy(), prior_boxes(maps, graph.inputs[0].type.shape[2]), rtol=1e-6)


def test_default_boxes_are_torchvisions() -> None:
    anchors = reference_module("torchvision.models.detection.anchor_utils")
    lists = reference_module("torchvision.models.detection.image_list")
    generator = anchors.DefaultBoxGenerator(
        [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
        scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        steps=[8, 16, 32, 64, 100, 300],
    )
    image = torch.zeros(1, 3, 300, 300)
    wanted = generator(lists.ImageList(image, [(300, 300)]), [torch.zeros(1, 1, k, k) for k in (38, 19, 10, 5, 3, 1)])
    found = constant(load("ssd300_vgg16", {"width": 0.0625}), "defaults", image)
    corners = torch.cat([found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2], 1)
    torch.testing.assert_close(corners, wanted[0], rtol=0, atol=1e-4)


def training_model() -> tuple[Any, Any]:
    """The training graph with the maps that its losses read as outputs."""
    graph = load("ssd300_vgg16", TINY)
    heads = {"cls_logits": "head.classification_head.cat", "bbox_regression": "head.regression_head.cat"}
    ports = (*graph.outputs, *heads.items(), ("defaults", "defaults"))
    return graph, fill(lower(graph.with_(outputs=ports), cone="train"), gain=0.5)


def test_the_loss_and_its_gradient_are_torchvisions() -> None:
    """With as many objects as images have room for, fewer, and none."""
    ssd = reference_module("torchvision.models.detection.ssd")
    tools = reference_module("torchvision.models.detection._utils")
    operations = reference_module("torchvision.ops.boxes")
    _, model = training_model()
    found = model(IMAGE, OBJECTS, LABELS)
    outputs, ours = found["outputs"], found["losses"]
    targets = [{"boxes": o[k >= 0], "labels": k[k >= 0] + 1} for o, k in zip(OBJECTS, LABELS, strict=True)]
    corners = operations.box_convert(outputs["defaults"], "cxcywh", "xyxy")
    matcher = tools.SSDMatcher(0.5)
    matched = [
        matcher(operations.box_iou(t["boxes"], corners))
        if len(t["boxes"])
        else torch.full((len(corners),), -1, dtype=torch.int64)
        for t in targets
    ]
    settings = SimpleNamespace(box_coder=tools.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0)), neg_to_pos_ratio=3)
    theirs = ssd.SSD.compute_loss(settings, targets, outputs, [corners] * 3, matched)
    weights = [p for p in model.parameters() if p.ndim > 1][-6:]
    for term in ("classification", "bbox_regression"):
        torch.testing.assert_close(ours[term], theirs[term])
        kept = {"retain_graph": True, "allow_unused": True}
        for a, b in zip(
            torch.autograd.grad(ours[term], weights, **kept),
            torch.autograd.grad(theirs[term], weights, **kept),
            strict=True,
        ):
            assert (a is None) == (b is None)
            if a is not None:
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_an_image_without_objects_has_no_loss() -> None:
    _, model = training_model()
    losses = model(IMAGE, OBJECTS, torch.full_like(LABELS, -1))["losses"]
    assert [losses[term].item() for term in ("classification", "bbox_regression")] == [0, 0]


@torch.no_grad()
def test_detections_are_the_greedy_ones() -> None:
    model = fill(lower(load("ssd300_vgg16", {**TINY, "score": 0.3, "keep": 60})).eval())
    found = model(IMAGE)
    for n in range(3):
        wanted = slow_nms(found["boxes"][n].numpy(), found["scores"][n].T.numpy(), None, 0.3, 0.45, 400, 60)
        kept = (found["detections"][n, :, 5] >= 0).sum()
        assert 0 < kept < (found["scores"][n] > 0.3).sum()
        torch.testing.assert_close(found["detections"][n], torch.from_numpy(wanted).float())


def test_two_steps_lower_the_objective() -> None:
    found = descent(load("ssd300_vgg16", TINY), IMAGE, OBJECTS, LABELS, rate=1e-3)
    assert found[0] > found[1] > found[2]
