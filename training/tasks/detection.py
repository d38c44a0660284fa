"""Detection: boxes of objects, float32[N, rows, 6], are the first output; boxes and their classes are the targets.

A row of the output is x1 y1 x2 y2 score label, best first, in pixels of the input; label -1 where there is no box. The
targets are boxes float32[N, M, 4] and labels int64[N, M], -1 in rows without an object. Losses are the spec's own. An
output `scores`, float32[N, classes, boxes], has the scores before suppression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.places import fail
from graphwright.training.data.labels import NOTHING, Labels, Objects
from graphwright.training.data.part import Parts
from graphwright.training.data.source import OBJECTS
from graphwright.training.data.split import Want
from graphwright.training.drawing import Box, Corners, draw_boxes
from graphwright.training.metrics.average_precision import BoxTally
from graphwright.training.recipe import Recipe
from graphwright.training.tasks.task import Answer, Drawable, Task, check_count, is_float, place_of

#: The output that has the scores of each class before suppression, [N, classes, boxes].
SCORES = "scores"
#: Boxes of a lower score are neither drawn nor told.
SHOWN = 0.3


class Detection(Task):
    """Boxes and their classes."""

    name, labels, figures = "detection", OBJECTS, ("map50", "map")
    asks = "detection boxes, float32[N, rows, 6]"
    scores_training, draws = False, True

    def fits(self, deployed: Graph) -> bool:
        rows = deployed.types[deployed.outputs[0][1]]
        return rows.rank == 3 and is_float(rows.dtype) and rows.shape[2] == 6

    def with_losses(self, graph: Graph, recipe: Recipe) -> Graph:
        """Refuses a graph without losses: what a detector learns depends on how its boxes are made."""
        if not graph.losses:
            hint = "state targets and losses, as the library's ssd300_vgg16 and gelan_t do"
            raise fail(place_of(graph), f"{graph.name} gives boxes, and has no losses to learn them by", hint)
        return graph

    def check(self, graph: Graph, recipe: Recipe, parts: Parts) -> None:
        outputs = dict(graph.deployed().outputs)
        scores = graph.types[outputs[SCORES]] if SCORES in outputs else None
        if scores is None or scores.rank != 3 or not isinstance(scores.shape[1], int):
            rule = f"no output '{SCORES}' says how many kinds of objects {graph.name} knows"
            raise fail(place_of(graph), rule, f"add the scores of its boxes, float32[N, {len(parts.classes)}, boxes]")
        check_count(graph, scores.shape[1], parts.classes, "kinds of objects")
        kinds = [_kind(t) for t in graph.targets]
        if sorted(kinds) != ["boxes", "labels"]:
            shown = ", ".join(f"{t.name}: {t.type}" for t in graph.targets) or "none"
            hint = "objects: [N, M, 4] and labels: int64[N, M]"
            raise fail(place_of(graph), f"detection data gives boxes and labels; the targets are {shown}", hint)
        _check_objects(graph, parts)
        if recipe.mixup:
            rule = f"mixup={recipe.mixup:g} mixes classes of whole pictures, not boxes"
            raise fail(place_of(graph), rule, "set mixup=0; crop and flip move the boxes with their picture")

    def target(self, graph: Graph, labels: Labels, partners: Labels | None, weight: float) -> tuple[Tensor, ...]:
        """Boxes and labels with as many rows as the spec says, if it does; a crowd is no object to learn."""
        assert isinstance(labels, Objects)
        count = _rows(graph)
        objects = labels if count is None else labels.with_rows(count)
        kinds = torch.where(objects.crowd, NOTHING, objects.labels)
        return tuple(kinds if _kind(t) == "labels" else objects.boxes for t in graph.targets)

    def tally(self, graph: Graph, device: torch.device) -> BoxTally:
        return BoxTally()

    def answers(self, output: Tensor, want: Want, classes: Sequence[str]) -> list[Answer]:
        found: list[Answer] = []
        for rows in output.float().cpu():
            rows = rows[(rows[:, 5] >= 0) & (rows[:, 4] >= SHOWN)]
            shares = _shares(rows[:, :4], want)
            found.append(Boxes(tuple(
                Box(classes[int(row[5])], int(row[5]), row[4], corners)
                for row, corners in zip(rows.tolist(), shares, strict=True)
            )))  # fmt: skip
        return found

    def truths(self, labels: Labels, want: Want, classes: Sequence[str]) -> list[Answer]:
        assert isinstance(labels, Objects)
        found: list[Answer] = []
        for boxes, kinds in zip(labels.boxes.cpu(), labels.labels.cpu(), strict=True):
            there = zip(_shares(boxes, want), kinds.tolist(), strict=True)
            found.append(Boxes(tuple(Box(classes[k], k, None, corners) for corners, k in there if k >= 0)))
        return found


@dataclass(frozen=True)
class Boxes(Drawable):
    """Boxes in shares of the picture, best first."""

    found: tuple[Box, ...]

    def as_json(self, size: tuple[int, int], shown: int) -> dict[str, Any]:
        """Class, score and corners x1 y1 x2 y2 in pixels of each box."""
        return {
            "boxes": [
                {"class": b.name, "score": b.score, "box": [s * n for s, n in zip(b.corners, size * 2, strict=True)]}
                for b in self.found
            ]
        }

    def drawn(self, image: Image.Image) -> Image.Image:
        """The boxes on the picture."""
        return draw_boxes(image, self.found)


def _kind(target: Entry) -> str:
    """Whether a target is the boxes or their labels; else nothing."""
    if target.type.rank == 2 and target.type.dtype == "int64":
        return "labels"
    return "boxes" if target.type.rank == 3 and is_float(target.type.dtype) and target.type.shape[2] == 4 else ""


def _rows(graph: Graph) -> int | None:
    """How many objects a picture has to have, as the targets say; None where their number is free."""
    count = next(t.type.shape[1] for t in graph.targets if _kind(t) == "labels")
    return count if isinstance(count, int) else None


def _check_objects(graph: Graph, parts: Parts) -> None:
    count = _rows(graph)
    for name, part in (("training", parts.train), ("test", parts.test)):
        if part is not None and isinstance(part.labels, Objects):
            most = int((part.labels.labels >= 0).sum(1).max())
            if not most:
                raise fail(place_of(graph), f"no {name} picture of the data has a box", "is it for detection?")
            if count is not None and most > count:
                rule = f"a picture of the data has {most} objects; '{graph.targets[0].name}' has room for {count}"
                raise fail(graph.targets[0].place, rule, "leave their number free: [N, M=100, 4]")


def _shares(boxes: Tensor, want: Want) -> list[Corners]:
    """Corners [n, 4] in pixels as shares of the picture."""
    height, width = want.shape[-2:]
    return [(a, b, c, d) for a, b, c, d in (boxes / torch.tensor([width, height, width, height])).tolist()]
