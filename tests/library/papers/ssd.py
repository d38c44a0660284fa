"""SSD under torchvision's names, arXiv:1512.02325; the networks that torchvision lacks are made of its parts."""

from __future__ import annotations

from functools import partial
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from tests.library.case import Boxes, Case, Input, picture
from tests.oracles import reference_model, reference_module

#: The boxes of the authors' caffe models for Pascal VOC: size, sides, steps, aspect ratios.
VOC = {
    300: ([30, 60, 111, 162, 213, 264, 315], [8, 16, 32, 64, 100, 300], [[2], [2, 3], [2, 3], [2, 3], [2], [2]]),
    512: (
        [35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6],
        [8, 16, 32, 64, 128, 256, 512],
        [[2], [2, 3], [2, 3], [2, 3], [2, 3], [2], [2]],
    ),
}


def coco() -> nn.Module:
    """torchvision's own."""
    model = reference_model("torchvision", "ssd300_vgg16", weights=None, weights_backbone=None)
    return answering(model)


def voc(size: int) -> nn.Module:
    """torchvision's classes with the authors' boxes, and for 512 their strides and padding."""
    ssd = reference_module("torchvision.models.detection.ssd")
    boxes = reference_module("torchvision.models.detection.anchor_utils")
    sides, steps, ratios = VOC[size]
    extractor = ssd._vgg_extractor(reference_model("torchvision", "vgg16"), highres=size == 512, trainable_layers=5)
    if size == 512:
        for layer in (3, 4):
            extractor.extra[layer][2].stride, extractor.extra[layer][2].padding = (2, 2), (1, 1)
        extractor.extra[5][2].padding = (1, 1)
    generator = boxes.DefaultBoxGenerator(ratios, scales=[side / size for side in sides], steps=steps, clip=False)
    return answering(ssd.SSD(extractor, generator, (size, size), num_classes=21))


def answering(model: nn.Module) -> nn.Module:
    """The model, giving `answers` instead of what survives suppression."""
    model.forward = MethodType(answers, model)  # type: ignore[method-assign]
    return model.eval()


def answers(model: Any, image: Tensor, objects: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
    """Boxes and the objects' class probabilities before suppression, the default boxes, and the two losses."""
    maps = list(model.backbone(image).values())
    size = tuple(image.shape[-2:])
    pictures = reference_module("torchvision.models.detection.image_list").ImageList(image, [size] * len(image))
    found, defaults = model.head(maps), model.anchor_generator(pictures, maps)
    operations = reference_module("torchvision.ops.boxes")
    targets = [{"boxes": o[k >= 0], "labels": k[k >= 0] + 1} for o, k in zip(objects, labels, strict=True)]
    matched = [
        model.proposal_matcher(operations.box_iou(t["boxes"], d)) for t, d in zip(targets, defaults, strict=True)
    ]
    losses = model.compute_loss(targets, found, defaults, matched)
    boxes = [
        operations.clip_boxes_to_image(model.box_coder.decode_single(offsets, d), size)
        for offsets, d in zip(found["bbox_regression"], defaults, strict=True)
    ]
    scores = found["cls_logits"].softmax(-1)[..., 1:].transpose(1, 2)
    return torch.stack(boxes), scores, losses["classification"], losses["bbox_regression"]


def case(name: str, size: int, reference: Any, classes: int, run: bool) -> Case:
    """One image with five objects."""
    inputs = (*picture(size), Boxes((1, 5, 4), size), Input((1, 5), classes))
    return Case(name, reference, inputs, answers=ours, cone="train", run=run)


def ours(found: dict[str, Any]) -> list[Tensor]:
    """The same of the spec."""
    outputs, losses = found["outputs"], found["losses"]
    return [outputs["boxes"], outputs["scores"], losses["classification"], losses["bbox_regression"]]


CASES = [
    case("ssd300_vgg16", 300, coco, 90, run=True),
    case("ssd300_vgg16_voc", 300, partial(voc, 300), 20, run=False),
    case("ssd512_vgg16", 512, partial(voc, 512), 20, run=False),
]
