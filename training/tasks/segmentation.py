"""Segmentation: logits of each pixel, float32[N, classes, H, W], are the first output; a mask is the target.

A spec of its own losses may have, besides the mask int64[N, H, W] (-100 where the class is not known), a target
float32[N, classes - 1]: which classes but the first, the background, occur at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.places import fail
from graphwright.training.data.labels import Labels
from graphwright.training.data.part import Parts
from graphwright.training.data.source import MASKS
from graphwright.training.data.split import Want, sizes_at
from graphwright.training.drawing import overlay
from graphwright.training.metrics.confusion import PixelTally
from graphwright.training.recipe import Recipe
from graphwright.training.tasks.classification import num_classes, with_cross_entropy
from graphwright.training.tasks.task import Answer, Drawable, Task, check_count, first_output, is_float, place_of


class Segmentation(Task):
    """A class for each pixel."""

    name, labels, figures = "segmentation", MASKS, ("mean_iou", "accuracy")
    asks = "segmentation needs logits of each pixel, float32[N, classes, H, W]"
    draws = True

    def fits(self, deployed: Graph) -> bool:
        logits = deployed.types[deployed.outputs[0][1]]
        return logits.rank == 4 and is_float(logits.dtype) and isinstance(logits.shape[1], int)

    def with_losses(self, graph: Graph, recipe: Recipe) -> Graph:
        """A target `mask` and a term `main`, the cross entropy of the first output and the mask."""
        if graph.losses:
            return graph
        logits = graph.types[first_output(graph)[1]]
        mask = Type((logits.shape[0], *logits.shape[2:]), "int64")
        doc = "the class of each pixel; -100 where it is not known"
        return with_cross_entropy(graph, recipe, Entry("mask", mask, doc=doc, place=place_of(graph)))

    def check(self, graph: Graph, recipe: Recipe, parts: Parts) -> None:
        place, count = place_of(graph), num_classes(graph)
        check_count(graph, count, parts.classes)
        value, entry, sizes = first_output(graph)[1], graph.inputs[0], sizes_at(graph, recipe.resize)
        out, picture = graph.types[value].at(sizes).shape[2:], entry.type.at(sizes).shape[2:]
        if out != picture:
            found = f"'{value}' is {out[0]}x{out[1]}, and '{entry.name}' {'x'.join(map(str, picture))}"
            raise fail(place, f"a mask has the size of its picture: {found}", "add an upsample to that size")
        if recipe.mixup:
            rule = f"mixup={recipe.mixup:g} mixes classes of whole pictures, not masks"
            raise fail(place, rule, "set mixup=0; crop and flip move the mask with its picture")
        kinds = [_kind(t, count) for t in graph.targets]
        for target, kind in zip(graph.targets, kinds, strict=True):
            if kind == "":
                rule = f"segmentation data has no target like '{target.name}', {target.type}"
                hint = f"a mask is int64[N, H, W], and float32[N, {count - 1}] says which classes occur"
                raise fail(target.place, rule, hint)
        if "mask" not in kinds:
            raise fail(place, "the losses compare nothing with a mask", "add a target int64[N, H, W]")

    def target(self, graph: Graph, labels: Labels, partners: Labels | None, weight: float) -> tuple[Tensor, ...]:
        assert isinstance(labels, Tensor)
        count = num_classes(graph)
        return tuple(labels if _kind(t, count) == "mask" else _present(labels, count) for t in graph.targets)

    def tally(self, graph: Graph, device: torch.device) -> PixelTally:
        return PixelTally(num_classes(graph), device)

    def score(self, output: Tensor, labels: Labels) -> Tensor:
        """The share of right pixels of each picture, summed over the pictures."""
        assert isinstance(labels, Tensor)
        right = (output.argmax(1) == labels).flatten(1).sum(1)
        return (right / (labels >= 0).flatten(1).sum(1).clamp_min(1)).sum()

    def answers(self, output: Tensor, want: Want, classes: Sequence[str]) -> list[Answer]:
        return [Mask(mask, tuple(classes)) for mask in output.argmax(1).cpu()]

    def truths(self, labels: Labels, want: Want, classes: Sequence[str]) -> list[Answer]:
        assert isinstance(labels, Tensor)
        return [Mask(mask, tuple(classes)) for mask in labels.cpu()]


@dataclass(frozen=True)
class Mask(Drawable):
    """The class of each pixel, int64 [H, W]."""

    pixels: Tensor
    classes: tuple[str, ...]

    def shares(self, shown: int) -> dict[str, float]:
        """Which share of the picture each class has that occurs, the largest first."""
        counts = torch.bincount(self.pixels[self.pixels >= 0], minlength=len(self.classes)).double()
        pairs = zip(self.classes, (counts / counts.sum().clamp_min(1)).tolist(), strict=True)
        return dict([pair for pair in sorted(pairs, key=lambda pair: -pair[1]) if pair[1]][:shown])

    def as_json(self, size: tuple[int, int], shown: int) -> dict[str, Any]:
        """The shares of the classes."""
        return {"shares": self.shares(shown)}

    def drawn(self, image: Image.Image) -> Image.Image:
        """The classes but the first as colours over the picture in grey."""
        return overlay(image, self.pixels, self.classes)


def _kind(target: Entry, count: int) -> str:
    """Whether a target is the mask, or says which classes are present; else nothing."""
    if target.type.rank == 3 and target.type.dtype == "int64":
        return "mask"
    is_presence = target.type.rank == 2 and is_float(target.type.dtype) and target.type.shape[1] == count - 1
    return "present" if is_presence else ""


def _present(masks: Tensor, count: int) -> Tensor:
    """1.0 where a class but the first occurs, [B, count - 1]."""
    return torch.stack([(masks == k).flatten(1).any(1) for k in range(1, count)], 1).float()
