"""The contract of a task, and what all tasks ask of a graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, Place, fail
from graphwright.training.data.labels import Labels
from graphwright.training.data.part import Parts
from graphwright.training.data.split import Want
from graphwright.training.metrics.tally import Tally
from graphwright.training.recipe import Recipe


class Task(ABC):
    """What a model is trained for: which graphs it fits, its losses, targets, figures and answers."""

    name: str
    #: The kind of labels that it learns from, as in `data.source`.
    labels: str
    #: What it asks of a graph, in a sentence.
    asks: str
    #: The figures of its tally; the first, the larger the better, tells the best checkpoint.
    figures: tuple[str, ...]
    #: Whether `score` looks at the output of training steps. Otherwise it is not even computed there.
    scores_training = True
    #: Whether its answers can be drawn on pictures (`Drawable`).
    draws = False

    @abstractmethod
    def fits(self, deployed: Graph) -> bool:
        """Whether a deployed graph, which has an output, is one for this task."""

    @abstractmethod
    def with_losses(self, graph: Graph, recipe: Recipe) -> Graph:
        """The graph with the default losses, where it has none."""

    @abstractmethod
    def check(self, graph: Graph, recipe: Recipe, parts: Parts) -> None:
        """Raises where the data, or the recipe, don't fit the graph (with its losses)."""

    @abstractmethod
    def target(self, graph: Graph, labels: Labels, partners: Labels | None, weight: float) -> tuple[Tensor, ...]:
        """The values of the graph's targets for a batch, with mixup's partners and weight if there are any."""

    @abstractmethod
    def tally(self, graph: Graph, device: torch.device) -> Tally:
        """An empty tally of figures."""

    def score(self, output: Tensor, labels: Labels) -> Tensor:
        """How much of a training batch is right, summed over its samples, where `scores_training`."""
        raise NotImplementedError

    @abstractmethod
    def answers(self, output: Tensor, want: Want, classes: Sequence[str]) -> list[Answer]:
        """What a batch of the model's first output says of each sample."""

    @abstractmethod
    def truths(self, labels: Labels, want: Want, classes: Sequence[str]) -> list[Answer]:
        """Labels of a batch as answers, to be drawn beside the model's."""


class Answer(ABC):
    """What is said of one picture."""

    @abstractmethod
    def as_json(self, size: tuple[int, int], shown: int) -> dict[str, Any]:
        """Plain data, for a picture of this width and height; the best `shown` of classes."""


class Drawable(Answer):
    """An answer that can be drawn."""

    @abstractmethod
    def drawn(self, image: Image.Image) -> Image.Image:
        """A copy of the picture with the answer on it."""


def first_output(graph: Graph) -> tuple[str, str]:
    """(port, value) of the first deployed output."""
    return graph.deployed().outputs[0]


def place_of(graph: Graph) -> Place:
    """Where the node of the first output stands."""
    name = graph.producer(graph.outputs[0][1]) if graph.outputs else ""
    return graph.by_name[name].place if name in graph.by_name else NOWHERE


def is_float(dtype: str) -> bool:
    """Whether a type's numbers are floating ones."""
    return dtype.startswith(("float", "bfloat"))


def check_count(graph: Graph, count: int, classes: Sequence[str], what: str = "logits") -> None:
    """Refuses data with another number of classes than the model gives."""
    if count != len(classes):
        shown = f"'{first_output(graph)[1]}' gives {count} {what}"
        hint = f"set the spec's number of classes, for instance classes={len(classes)}"
        raise fail(place_of(graph), f"the data has {len(classes)} classes, but {shown}", hint)
