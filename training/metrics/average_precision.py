"""Average precision of boxes, as COCO counts it (cocodataset.org, "Detection Evaluation").

In each class the detections of all pictures are gone through by falling score. One is right if, in its picture, it
overlaps a box of its class that no better one has taken, by an IoU of at least a threshold; of several, the box it
overlaps most. A crowd makes those that fall into it count for nothing. Average precision is the mean, over 101 levels
of recall, of the best precision at that recall or a higher one; `map50` is its mean over classes at the threshold 0.5,
`map` that over the ten thresholds 0.5, 0.55, ..., 0.95 as well. Classes without a box don't count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor

from graphwright.training.data.labels import Labels, Objects

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
#: So many detections of a class are looked at in a picture.
LIMIT = 100
#: Two equal numbers may differ by this much.
EPSILON = 1e-10

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Picture(NamedTuple):
    """Scores [D] and labels [D] of a picture's detections, whether each is right at each threshold [T, D], and whether
    it counts for nothing [T, D]; and the labels of its boxes that are no crowd.
    """

    scores: Floats
    labels: NDArray[np.int64]
    right: Bools
    void: Bools
    wanted: NDArray[np.int64]


class BoxTally:
    """Of detections: average precision."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []

    def add(self, output: Tensor, labels: Labels) -> None:
        """Detections [B, R, 6], rows x1 y1 x2 y2 score label with label -1 where there is none; and the objects."""
        assert isinstance(labels, Objects)
        truth = labels.to(torch.device("cpu"))
        for rows, boxes, kinds, crowd in zip(
            output.detach().double().cpu().numpy(), truth.boxes.double().numpy(), truth.labels.numpy(),
            truth.crowd.numpy(), strict=True,
        ):  # fmt: skip
            there = kinds >= 0
            self.pictures.append(judge(rows[rows[:, 5] >= 0], boxes[there], kinds[there], crowd[there]))

    def pool(self, accelerator: Accelerator) -> None:
        """Gather the pictures of all processes."""
        if accelerator.num_processes > 1:
            everyone: list[Any] = [None] * accelerator.num_processes
            torch.distributed.all_gather_object(everyone, self.pictures)
            self.pictures = [picture for part in everyone for picture in part]

    def average_precision(self, label: int) -> Floats | None:
        """Of a class at each threshold, [T]; None if no picture has a box of it."""
        return average_precision(self.pictures, label)

    def figures(self) -> dict[str, float]:
        """The means over the classes; NaN if there are no boxes at all."""
        labels = sorted({int(k) for p in self.pictures for k in p.wanted})
        if not labels:
            return {"map50": float("nan"), "map": float("nan")}
        found = (average_precision(self.pictures, k) for k in labels)
        table = np.stack([row for row in found if row is not None])
        return {"map50": float(table[:, 0].mean()), "map": float(table.mean())}

    def report(self, classes: Sequence[str]) -> dict[str, Any]:
        """Average precision of each class."""
        by_class = {}
        for k, name in enumerate(classes):
            found, count = self.average_precision(k), sum(int((p.wanted == k).sum()) for p in self.pictures)
            ap50, ap = (None, None) if found is None else (float(found[0]), float(found.mean()))
            by_class[name] = {"ap50": ap50, "ap": ap, "boxes": count}
        return {"classes": by_class}


def judge(rows: Floats, boxes: Floats, kinds: NDArray[np.int64], crowd: Bools) -> Picture:
    """Which detections [D, 6] of a picture are right, given its boxes [G, 4] and their labels."""
    rows = _best(rows[np.argsort(-rows[:, 4], kind="stable")])
    labels = rows[:, 5].astype(np.int64)
    overlaps = np.where(labels[:, None] == kinds, _overlaps(rows[:, :4], boxes, crowd), -1.0)
    right, void = (np.zeros((len(THRESHOLDS), len(rows)), bool) for _ in range(2))
    free = np.repeat(~crowd[None], len(THRESHOLDS), 0)
    each = np.arange(len(THRESHOLDS))
    for d, overlap in enumerate(overlaps if len(boxes) else ()):
        enough = overlap >= np.minimum(THRESHOLDS, 1 - EPSILON)[:, None]
        which = np.where(enough & free, overlap, -1.0).argmax(1)
        right[:, d] = (enough & free)[each, which]
        free[each, which] &= ~right[:, d]
        void[:, d] = ~right[:, d] & (enough & crowd).any(1)
    return Picture(rows[:, 4], labels, right, void, kinds[~crowd])


def _best(rows: Floats) -> Floats:
    """The first rows of each class, by falling score already."""
    labels = rows[:, 5]
    rank = np.tril(labels[:, None] == labels, -1).sum(1)
    best: Floats = rows[rank < LIMIT]
    return best


def _overlaps(found: Floats, boxes: Floats, crowd: Bools) -> Floats:
    """IoU [D, G]; with a crowd, the share of the detection that lies in it."""
    low = np.maximum(found[:, None, :2], boxes[None, :, :2])
    high = np.minimum(found[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clip(0).prod(-1)
    own, other = ((b[:, 2:] - b[:, :2]).clip(0).prod(-1) for b in (found, boxes))
    whole = np.where(crowd, own[:, None], own[:, None] + other - shared)
    share: Floats = shared / np.maximum(whole, EPSILON)
    return share


def average_precision(pictures: Sequence[Picture], label: int) -> Floats | None:
    """Of a class at each threshold, [T]; None if no picture has a box of it."""
    wanted = sum(int((p.wanted == label).sum()) for p in pictures)
    if not wanted:
        return None
    chosen = [p.labels == label for p in pictures]
    order = np.argsort(-np.concatenate([p.scores[c] for p, c in zip(pictures, chosen, strict=True)]), kind="stable")
    right, void = (
        np.concatenate([table[:, c] for table, c in zip(tables, chosen, strict=True)], 1)[:, order]
        for tables in ([p.right for p in pictures], [p.void for p in pictures])
    )
    hits, misses = right.cumsum(1), (~right & ~void).cumsum(1)
    precision = hits / np.maximum(hits + misses, 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    found = np.zeros((len(THRESHOLDS), len(RECALLS)))
    for row, recall, best in zip(found, hits / wanted, envelope, strict=True):
        place = np.searchsorted(recall, RECALLS, side="left")
        row[place < len(recall)] = best[place[place < len(recall)]]
    mean: Floats = found.mean(1)
    return mean
