"""`evaluate`: a run folder's trained model on a test part."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from graphwright.backends.weights import load as load_weights
from graphwright.backends.weights import read as read_weights
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.charts import draw_confusion
from graphwright.training.checkpoint import newest, write_file
from graphwright.training.data.batches import Batch, Feed
from graphwright.training.data.source import match_classes, open_data
from graphwright.training.data.split import adapt
from graphwright.training.drawing import draw_sheet, enlarged
from graphwright.training.engine import engine
from graphwright.training.progress import view_of
from graphwright.training.run import Run
from graphwright.training.step import Job, forward
from graphwright.training.step import evaluate as score_split
from graphwright.training.tasks import TASKS
from graphwright.training.tasks.task import Drawable

#: So many test pictures are drawn.
DRAWN = 16


def trained_weights(run: Run) -> dict[str, Tensor]:
    """The weights of a run: of its end, or of its newest checkpoint where it did not come to an end."""
    if run.weights.is_file():
        return read_weights(run.weights)
    checkpoint, _ = newest(run.checkpoints)
    if checkpoint is None:
        raise fail(NOWHERE, f"'{run.path}' holds no trained weights and no sound checkpoint", "train it first")
    return checkpoint.tensors.get("average", checkpoint.tensors["model"])


def evaluate(run: str | Path, data: str | None = None) -> dict[str, Any]:
    """The trained model on the test part of its data, or of other data with the same classes.

    Leaves `evaluation.json` in the run folder and returns what it says: the task's figures, loss (the training
    objective), samples, and figures by class; of classes the confusion matrix too (a row for each true class), which is
    drawn as `confusion.png`. Boxes and masks of some pictures are drawn beside the true ones as `predictions.png`.
    """
    folder = Run(Path(run))
    record = folder.record()
    accelerator = engine()
    source, task = data or record.data, TASKS[record.task]
    parts = open_data(source, record.recipe.validation, task.labels)
    match_classes(parts, record.classes, source)
    assert parts.test is not None
    view = view_of(accelerator.process_index)
    try:
        split = adapt(parts.test, record.want, record.recipe.workers, partial(view.advance, "reading test pictures"))
    finally:
        view.close()
    graph = task.with_losses(folder.graph(), record.recipe)
    rank, world, device = accelerator.process_index, accelerator.num_processes, accelerator.device
    feed = Feed(split, record.want, record.scaling, record.recipe, device, rank, world)
    module = lower(graph, cone="train", device=device)
    load_weights(module, trained_weights(folder), folder.weights)
    job = Job(graph, task, record.recipe, feed, split, accelerator)
    score = score_split(job, module, None, split, job.num_steps)
    report = score.tally.report(record.classes)
    result = {"data": source, **score.figures, "loss": score.loss, "samples": score.samples, **report}
    if rank == 0:
        write_file(folder.path / "evaluation.json", json.dumps(result, indent=1).encode())
        shown = "  ".join(f"{name.replace('_', ' ')} {value:.2%}" for name, value in score.figures.items())
        title = f"{record.spec} on {source}: {shown} of {score.samples} samples"
        if "confusion" in result:
            draw_confusion(folder.path / "confusion.png", result["confusion"], record.classes, title)
        if task.draws:
            draw_sheet(folder.path / "predictions.png", _pairs(job, module, record.classes), title)
    return result


@torch.no_grad()
def _pairs(job: Job, module: nn.Module, classes: Sequence[str]) -> list[tuple[Image.Image, Image.Image]]:
    """Some test pictures with what is true, and what the model says, drawn on them."""
    split, want = job.test, job.feed.want
    rows = torch.arange(min(DRAWN, len(split)))
    labels, pictures = split.labels[rows], split.read(rows)
    truths = job.task.truths(labels, want, classes)
    batch = Batch(job.feed.scaling(pictures.to(job.feed.device), want), labels.to(job.feed.device), None, 1.0)
    module.eval()
    output, _, _ = forward(job, module, batch, job.num_steps)
    assert output is not None
    pairs = []
    for picture, truth, answer in zip(pictures, truths, job.task.answers(output, want, classes), strict=True):
        assert isinstance(truth, Drawable)
        assert isinstance(answer, Drawable)
        image = enlarged(picture)
        pairs.append((truth.drawn(image), answer.drawn(image)))
    return pairs
