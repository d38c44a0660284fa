"""Accuracy and intersection over union against torchmetrics."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from graphwright.training.metrics.confusion import ClassTally, PixelTally
from tests.oracles import reference_module

CPU = torch.device("cpu")


def test_pixels() -> None:
    metrics = reference_module("torchmetrics.functional.classification")
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (6, 9, 7), generator=draw)
    labels[torch.rand(labels.shape, generator=draw) < 0.1] = -100
    logits = torch.randn(6, 5, 9, 7, generator=draw) + 1.5 * F.one_hot(labels.clamp_min(0), 5).movedim(-1, 1)
    logits[:, 4] = -9  # a class that occurs nowhere
    tally = PixelTally(5, CPU)
    for rows in torch.split(torch.arange(6), 4):
        tally.add(logits[rows], labels[rows])
    options = {"num_classes": 5, "ignore_index": -100}
    assert torch.equal(tally.table, metrics.multiclass_confusion_matrix(logits, labels, **options))
    figures = tally.figures()
    micro = metrics.multiclass_accuracy(logits, labels, average="micro", **options)
    assert figures["accuracy"] == pytest.approx(micro.item(), rel=1e-6)
    assert figures["mean_iou"] == pytest.approx(metrics.multiclass_jaccard_index(logits, labels, **options).item())
    each = metrics.multiclass_jaccard_index(logits, labels, average="none", **options)
    report = tally.report("abcde")["classes"]
    assert [report[k]["iou"] for k in "abcd"] == pytest.approx(each[:4].tolist(), rel=1e-6)
    assert report["e"] == {"iou": None, "pixels": 0}
    assert sum(r["pixels"] for r in report.values()) == int((labels >= 0).sum())


def test_samples() -> None:
    tally = ClassTally(3, CPU)
    tally.add(torch.eye(3)[[0, 1, 1, 2]], torch.tensor([0, 1, 2, 2]))
    assert tally.figures() == {"accuracy": 0.75}
    assert tally.report("xyz") == {
        "classes": {
            "x": {"accuracy": 1.0, "samples": 1},
            "y": {"accuracy": 1.0, "samples": 1},
            "z": {"accuracy": 0.5, "samples": 2},
        },
        "confusion": [[1, 0, 0], [0, 1, 0], [0, 1, 1]],
    }


def test_nothing_known_is_no_figure() -> None:
    tally = PixelTally(2, CPU)
    tally.add(torch.zeros(1, 2, 3, 3), torch.full((1, 3, 3), -100))
    assert math.isnan(tally.figures()["mean_iou"])
