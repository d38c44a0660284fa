"""Classification: logits, float32[N, classes], are the first output; the class is the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph, Node, Term
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.loss import CrossEntropy
from graphwright.compiler.places import fail
from graphwright.training.data.labels import Labels
from graphwright.training.data.part import Parts
from graphwright.training.data.source import CLASSES
from graphwright.training.data.split import Want
from graphwright.training.metrics.confusion import ClassTally
from graphwright.training.recipe import Recipe
from graphwright.training.tasks.task import Answer, Task, check_count, first_output, is_float, place_of


class Classification(Task):
    """One class for each sample."""

    name, labels, figures = "classification", CLASSES, ("accuracy",)
    asks = "classification needs logits, float32[N, classes], as the first output"

    def fits(self, deployed: Graph) -> bool:
        logits = deployed.types[deployed.outputs[0][1]]
        return logits.rank == 2 and is_float(logits.dtype) and isinstance(logits.shape[1], int)

    def with_losses(self, graph: Graph, recipe: Recipe) -> Graph:
        """A target `label` and a term `main`, the cross entropy of the first output and the label.

        The label is int64[N]; with mixup it is float32[N, K], a distribution over the classes.
        """
        if graph.losses:
            return graph
        logits = graph.types[first_output(graph)[1]]
        label = Type(logits.shape) if recipe.mixup else Type((logits.shape[0],), "int64")
        return with_cross_entropy(graph, recipe, Entry("label", label, doc="the class", place=place_of(graph)))

    def check(self, graph: Graph, recipe: Recipe, parts: Parts) -> None:
        count = num_classes(graph)
        check_count(graph, count, parts.classes)
        if len(graph.targets) != 1:
            names = ", ".join(t.name for t in graph.targets) or "none"
            rule = f"classification data gives one target, the class; the spec has {names}"
            raise fail(place_of(graph), rule, "")
        target = graph.targets[0]
        if recipe.mixup and not _is_soft(graph):
            raise fail(
                target.place,
                f"mixup={recipe.mixup:g} mixes labels, but target '{target.name}' is {target.type}",
                f"make it float32[N, {count}] (cross_entropy takes that), or set mixup=0",
            )

    def target(self, graph: Graph, labels: Labels, partners: Labels | None, weight: float) -> tuple[Tensor]:
        assert isinstance(labels, Tensor)
        if not _is_soft(graph):
            return (labels,)
        count = num_classes(graph)
        target = F.one_hot(labels, count).float()
        if partners is None:
            return (target,)
        assert isinstance(partners, Tensor)
        return (torch.lerp(F.one_hot(partners, count).float(), target, weight),)

    def tally(self, graph: Graph, device: torch.device) -> ClassTally:
        return ClassTally(num_classes(graph), device)

    def score(self, output: Tensor, labels: Labels) -> Tensor:
        """How many are right."""
        assert isinstance(labels, Tensor)
        return (output.argmax(dim=1) == labels).sum()

    def answers(self, output: Tensor, want: Want, classes: Sequence[str]) -> list[Answer]:
        ranked = output.softmax(1).sort(1, descending=True)
        rows = zip(ranked.indices.tolist(), ranked.values.tolist(), strict=True)
        return [Guess(tuple((classes[k], p) for k, p in zip(*row, strict=True))) for row in rows]

    def truths(self, labels: Labels, want: Want, classes: Sequence[str]) -> list[Answer]:
        assert isinstance(labels, Tensor)
        return [Guess(((classes[k], 1.0),)) for k in labels.tolist()]


@dataclass(frozen=True)
class Guess(Answer):
    """Classes and their probabilities, best first."""

    ranked: tuple[tuple[str, float], ...]

    def as_json(self, size: tuple[int, int], shown: int) -> dict[str, Any]:
        """The best class, its probability, and the best few."""
        top = [{"class": name, "probability": p} for name, p in self.ranked[:shown]]
        return {**top[0], "top": top}


def num_classes(graph: Graph) -> int:
    """The number of logits, of samples [N, K] or pixels [N, K, H, W]."""
    return int(graph.types[first_output(graph)[1]].shape[1])


def with_cross_entropy(graph: Graph, recipe: Recipe, target: Entry) -> Graph:
    """The graph with a target, and with the cross entropy of the first output as the term `main`."""
    value = first_output(graph)[1]
    loss = Node(
        name="losses.main",
        op=CrossEntropy(smoothing=recipe.smoothing),
        inputs=(("pred", value), ("target", target.name)),
        outputs=(Type((), graph.types[value].dtype),),
        place=place_of(graph),
    )
    return graph.with_(
        targets=(*graph.targets, target), nodes=(*graph.nodes, loss), losses=(Term("main", "losses.main"),)
    )


def _is_soft(graph: Graph) -> bool:
    target = graph.targets[0].type
    return target.rank == 2 and is_float(target.dtype) and not isinstance(target.shape[1], Dim)
