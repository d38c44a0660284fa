"""Tasks: what a model is trained for, read off its deployed outputs. A file each, and a row of `TASKS`."""

from __future__ import annotations

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import fail
from graphwright.training.tasks.classification import Classification
from graphwright.training.tasks.detection import Detection
from graphwright.training.tasks.segmentation import Segmentation
from graphwright.training.tasks.task import Task, place_of

#: Every task, by name; the first that fits is taken.
TASKS: dict[str, Task] = {t.name: t for t in (Classification(), Segmentation(), Detection())}


def task_of(graph: Graph) -> Task:
    """The task of a graph, by its deployed outputs."""
    deployed = graph.deployed()
    for task in TASKS.values() if deployed.outputs else ():
        if task.fits(deployed):
            return task
    shown = ", ".join(f"{port}: {deployed.types[value]}" for port, value in deployed.outputs)
    asked = "; ".join(task.asks for task in TASKS.values())
    raise fail(place_of(graph), f"no training task fits the outputs of {graph.name} ({shown})", asked)
