"""Tasks: what a model is trained for, read off its deployed outputs. One row of `TASKS` per task says which graphs
it fits, which losses a graph without losses gets, what the data must look like, and how targets and scores are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph, Node, Term
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.loss import CrossEntropy
from graphwright.compiler.places import NOWHERE, Place, fail
from graphwright.training.recipe import Recipe


@dataclass(frozen=True)
class Task:
    """One row of the table."""

    name: str
    #: Whether a deployed graph is one for this task.
    fits: Callable[[Graph], bool]
    #: The graph with default losses, where it has none.
    with_losses: Callable[[Graph, Recipe], Graph]
    #: Raises where the classes of the data, or the recipe, don't fit the graph.
    check: Callable[[Graph, Recipe, Sequence[str]], None]
    #: (graph with losses, labels int64 [B], partners int64 [B] or None, mixing weight) -> the target's value.
    target: Callable[[Graph, Tensor, Tensor | None, float], Tensor]
    #: (first output, labels int64 [B]) -> how many are right, as a tensor.
    score: Callable[[Tensor, Tensor], Tensor]


def task_of(graph: Graph) -> Task:
    """The task of a graph, by its deployed outputs."""
    deployed = graph.deployed()
    for task in TASKS.values():
        if task.fits(deployed):
            return task
    shown = ", ".join(f"{port}: {deployed.types[value]}" for port, value in deployed.outputs)
    raise fail(
        _place(graph),
        f"no training task fits the outputs of {graph.name} ({shown})",
        "classification needs logits, float32[N, classes], as the first output",
    )


def first_output(graph: Graph) -> tuple[str, str]:
    """(port, value) of the first deployed output."""
    return graph.deployed().outputs[0]


def _place(graph: Graph) -> Place:
    """Where the node of the first output stands."""
    name = graph.producer(graph.outputs[0][1]) if graph.outputs else ""
    return graph.by_name[name].place if name in graph.by_name else NOWHERE


# -- classification ---------------------------------------------------------------------------
def _is_classifier(deployed: Graph) -> bool:
    if not deployed.outputs:
        return False
    logits = deployed.types[deployed.outputs[0][1]]
    return logits.rank == 2 and logits.dtype.startswith(("float", "bfloat")) and isinstance(logits.shape[1], int)


def num_classes(graph: Graph) -> int:
    """The number of logits."""
    return int(graph.types[first_output(graph)[1]].shape[1])


def with_cross_entropy(graph: Graph, recipe: Recipe) -> Graph:
    """The graph with a target `label` and a term `main`, the cross entropy of the first output and the label.

    The label is int64[N]; with mixup it is float32[N, K], a distribution over the classes.
    """
    if graph.losses:
        return graph
    value = first_output(graph)[1]
    logits = graph.types[value]
    batch = logits.shape[0]
    label = Type(logits.shape) if recipe.mixup else Type((batch,), "int64")
    loss = Node(
        name="losses.main",
        op=CrossEntropy(smoothing=recipe.smoothing),
        inputs=(("pred", value), ("target", "label")),
        outputs=(Type((), logits.dtype),),
        place=_place(graph),
    )
    target = Entry("label", label, doc="the class", place=_place(graph))
    return graph.with_(
        targets=(*graph.targets, target),
        nodes=(*graph.nodes, loss),
        losses=(Term("main", "losses.main"),),
    )


def _check_classes(graph: Graph, recipe: Recipe, classes: Sequence[str]) -> None:
    count, place = num_classes(graph), _place(graph)
    if count != len(classes):
        value = first_output(graph)[1]
        raise fail(
            place,
            f"the data has {len(classes)} classes, but '{value}' gives {count} logits",
            f"set the spec's number of classes, for instance classes={len(classes)}",
        )
    if len(graph.targets) != 1:
        names = ", ".join(t.name for t in graph.targets) or "none"
        raise fail(place, f"classification data gives one target, the class; the spec has {names}", "")
    target = graph.targets[0]
    if recipe.mixup and not _is_soft(graph):
        raise fail(
            target.place,
            f"mixup={recipe.mixup:g} mixes labels, but target '{target.name}' is {target.type}",
            f"make it float32[N, {count}] (cross_entropy takes that), or set mixup=0",
        )


def _is_soft(graph: Graph) -> bool:
    target = graph.targets[0].type
    return target.rank == 2 and target.dtype.startswith("float") and not isinstance(target.shape[1], Dim)


def _class_target(graph: Graph, labels: Tensor, partners: Tensor | None, weight: float) -> Tensor:
    if not _is_soft(graph):
        return labels
    count = num_classes(graph)
    target = F.one_hot(labels, count).float()
    return target if partners is None else torch.lerp(F.one_hot(partners, count).float(), target, weight)


def _num_right(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.argmax(dim=1) == labels).sum()


#: Every task, by name; the first that fits is taken.
TASKS: dict[str, Task] = {
    "classification": Task(
        name="classification",
        fits=_is_classifier,
        with_losses=with_cross_entropy,
        check=_check_classes,
        target=_class_target,
        score=_num_right,
    ),
}
