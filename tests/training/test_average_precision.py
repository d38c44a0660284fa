"""Average precision against COCO's own code and torchmetrics, and what must hold of it."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from graphwright.training.data.labels import Objects, padded
from graphwright.training.metrics.average_precision import RECALLS, THRESHOLDS, BoxTally
from tests.oracles import reference_module

NAMES = ("a", "b", "c", "d")


def random_case(seed: int, crowds: bool) -> tuple[Tensor, Objects]:
    """Detections [n, R, 6] and objects of some pictures: near hits, wrong classes, doubles, and boxes at random.

    The first picture has both, since pycocotools takes no empty results.
    """
    draw = np.random.default_rng(seed)
    count = int(draw.integers(1, 10))
    found, rows = [], torch.zeros(count, 140, 6, dtype=torch.float64)
    rows[..., 5] = -1
    for picture in range(count):
        objects = []
        for _ in range(draw.integers(picture == 0, 6)):
            low, size = draw.uniform(0, 60, 2), draw.uniform(5, 40, 2)
            objects.append(([*low, *(low + size)], int(draw.integers(3)), bool(crowds and draw.random() < 0.2)))
        found.append(objects)
        for k in range(int(draw.choice([5 * (picture == 0), 5, 40, 140]))):
            label = int(draw.integers(3))
            low = draw.uniform(0, 60, 2)
            box = np.array([*low, *(low + draw.uniform(5, 40, 2))])
            if objects and draw.random() < 0.7:
                corners, kind, _ = objects[draw.integers(len(objects))]
                box = np.array(corners) + draw.normal(0, draw.choice([0.3, 3]), 4)
                box[2:] = np.maximum(box[2:], box[:2] + 1)
                label = kind if draw.random() < 0.9 else label
            rows[picture, k] = torch.tensor([*box, draw.random(), label])
    objects_of_all = padded(found)
    return rows, Objects(objects_of_all.boxes.double(), objects_of_all.labels, objects_of_all.crowd)


def coco(rows: Tensor, objects: Objects) -> list[float]:
    """The twelve figures of pycocotools."""
    reference = reference_module("pycocotools.coco")
    evaluation = reference_module("pycocotools.cocoeval")
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for picture in range(len(rows)):
        for corners, label, crowd in zip(
            objects.boxes[picture].tolist(), objects.labels[picture].tolist(), objects.crowd[picture].tolist(),
            strict=True,
        ):  # fmt: skip
            width, height = corners[2] - corners[0], corners[3] - corners[1]
            if label >= 0:
                annotations.append({
                    "id": len(annotations) + 1, "image_id": picture, "category_id": label, "iscrowd": int(crowd),
                    "bbox": [*corners[:2], width, height], "area": width * height,
                })  # fmt: skip
        for x1, y1, x2, y2, score, label in rows[picture].tolist():
            if label >= 0:
                box = [x1, y1, x2 - x1, y2 - y1]
                results.append({"image_id": picture, "category_id": int(label), "bbox": box, "score": score})
    truth = reference.COCO()
    truth.dataset = {
        "images": [{"id": k, "width": 100, "height": 100} for k in range(len(rows))], "annotations": annotations,
        "categories": [{"id": k, "name": name} for k, name in enumerate(NAMES)], "info": {},
    }  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        judged = evaluation.COCOeval(truth, truth.loadRes(results), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return [float(v) for v in judged.stats]


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_pycocotools(seed: int) -> None:
    rows, objects = random_case(seed, crowds=seed % 2 == 1)
    tally = BoxTally()
    for part in torch.split(torch.arange(len(rows)), 3):
        tally.add(rows[part], objects[part])
    stats = coco(rows, objects)
    assert tally.figures()["map"] == pytest.approx(stats[0], abs=1e-12)
    assert tally.figures()["map50"] == pytest.approx(stats[1], abs=1e-12)


def test_equal_to_torchmetrics_class_by_class() -> None:
    metrics = reference_module("torchmetrics.detection.mean_ap")
    reference = metrics.MeanAveragePrecision(  # its own levels are single-precision: 0.2 > 1 / 5
        class_metrics=True, iou_thresholds=THRESHOLDS.tolist(), rec_thresholds=RECALLS.tolist()
    )
    reference.warn_on_many_detections = False
    tally = BoxTally()
    for seed in range(3):
        rows, objects = random_case(seed, crowds=True)
        tally.add(rows, objects)
        for picture in range(len(rows)):
            there, real = rows[picture, :, 5] >= 0, objects.labels[picture] >= 0
            answer = rows[picture][there]
            reference.update(
                [{"boxes": answer[:, :4], "scores": answer[:, 4], "labels": answer[:, 5].long()}],
                [{"boxes": objects.boxes[picture][real], "labels": objects.labels[picture][real],
                  "iscrowd": objects.crowd[picture][real].long()}],
            )  # fmt: skip
    expected = reference.compute()
    figures, report = tally.figures(), tally.report(NAMES)["classes"]
    assert figures["map"] == pytest.approx(float(expected["map"]), abs=1e-6)
    assert figures["map50"] == pytest.approx(float(expected["map_50"]), abs=1e-6)
    for label, value in zip(expected["classes"].tolist(), expected["map_per_class"].tolist(), strict=True):
        assert report[NAMES[label]]["ap"] == pytest.approx(value, abs=1e-6)
    assert report["d"] == {"ap50": None, "ap": None, "boxes": 0}


def answered(boxes: list[list[float]], scores: list[float], labels: list[int]) -> Tensor:
    rows = [[*b, s, k] for b, s, k in zip(boxes, scores, labels, strict=True)]
    return torch.tensor([rows], dtype=torch.float64)


BOXES = [[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 40.0, 50.0]]
TRUTH = padded([[(BOXES[0], 0, False), (BOXES[1], 1, False)]])


@pytest.mark.parametrize(
    ("rows", "map50", "whole"),
    [
        (answered(BOXES, [0.9, 0.2], [0, 1]), 1.0, 1.0),
        (answered(BOXES, [0.9, 0.2], [1, 0]), 0.0, 0.0),
        (answered([BOXES[0], BOXES[0], BOXES[1]], [0.9, 0.8, 0.2], [0, 0, 1]), 1.0, 1.0),  # a double after the hit
        (answered([[0, 0, 10, 6.2], BOXES[1]], [0.9, 0.2], [0, 1]), 1.0, (3 / 10 + 1) / 2),  # IoU 0.62
        (answered(BOXES, [0.9, 0.2], [0, -1]), 0.5, 0.5),
    ],
)  # fmt: skip
def test_small_cases_counted_by_hand(rows: Tensor, map50: float, whole: float) -> None:
    tally = BoxTally()
    tally.add(rows, TRUTH)
    assert tally.figures() == {"map50": pytest.approx(map50), "map": pytest.approx(whole)}


def test_scores_count_by_their_order_alone_and_scale_does_not_matter() -> None:
    rows, objects = random_case(5, crowds=False)
    tallies = BoxTally(), BoxTally()
    tallies[0].add(rows, objects)
    stretch = torch.tensor([3.0, 0.5, 3.0, 0.5], dtype=torch.float64)
    other = torch.cat([rows[..., :4] * stretch, rows[..., 4:5] ** 3, rows[..., 5:]], -1).flip(1)
    tallies[1].add(other, Objects(objects.boxes * stretch, objects.labels, objects.crowd))
    assert tallies[0].figures() == pytest.approx(tallies[1].figures(), abs=1e-12)
