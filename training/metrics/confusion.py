"""The confusion matrix, of the classes of samples or of pixels, and what is read off it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from graphwright.training.data.labels import Labels


class Confusion:
    """Counts int64 [true class, given class]. The given class has the largest logit; labels below 0 don't count."""

    def __init__(self, num_classes: int, device: torch.device) -> None:
        self.table = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=device)

    def add(self, output: Tensor, labels: Labels) -> None:
        """Logits [B, K, ...] and labels int64 [B, ...]."""
        assert isinstance(labels, Tensor)
        count = len(self.table)
        pairs = (labels * count + output.argmax(1))[labels >= 0]
        self.table += torch.bincount(pairs, minlength=count * count).view(count, count)

    def pool(self, accelerator: Accelerator) -> None:
        """Sum over the processes."""
        self.table = accelerator.reduce(self.table, reduction="sum")

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(self.table.diagonal().sum()) / max(1, int(self.table.sum()))

    def intersection_over_union(self) -> Tensor:
        """For each class right / (true + given - right), float64 [K]; NaN for a class that occurs nowhere."""
        right = self.table.diagonal().double()
        return right / (self.table.sum(0) + self.table.sum(1) - right)


class ClassTally(Confusion):
    """Of samples of one class each: accuracy."""

    def figures(self) -> dict[str, float]:
        """The share of samples given their class."""
        return {"accuracy": self.accuracy}

    def report(self, classes: Sequence[str]) -> dict[str, Any]:
        """Accuracy of each class, and the matrix."""
        rows = zip(classes, self.table.diagonal().tolist(), self.table.sum(1).tolist(), strict=True)
        by_class = {name: {"accuracy": hits / n if n else None, "samples": n} for name, hits, n in rows}
        return {"classes": by_class, "confusion": self.table.tolist()}


class PixelTally(Confusion):
    """Of pixels: accuracy, and intersection over union."""

    def figures(self) -> dict[str, float]:
        """The mean of the classes' intersection over union, those that occur nowhere left out; accuracy of pixels."""
        return {"mean_iou": float(self.intersection_over_union().nanmean()), "accuracy": self.accuracy}

    def report(self, classes: Sequence[str]) -> dict[str, Any]:
        """Intersection over union of each class, and the matrix."""
        shares, pixels = self.intersection_over_union().tolist(), self.table.sum(1).tolist()
        rows = zip(classes, shares, pixels, strict=True)
        by_class = {name: {"iou": None if share != share else share, "pixels": n} for name, share, n in rows}
        return {"classes": by_class, "confusion": self.table.tolist()}
