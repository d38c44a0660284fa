"""`evaluate` and `predict`: a run folder's trained model on a test part, or on single pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.charts import draw_confusion
from graphwright.training.checkpoint import newest, write_file
from graphwright.training.data.batches import Feed
from graphwright.training.data.part import Files, Part
from graphwright.training.data.source import match_classes, open_data
from graphwright.training.data.split import adapt
from graphwright.training.engine import engine
from graphwright.training.progress import view_of
from graphwright.training.run import Run
from graphwright.training.step import Job, Score
from graphwright.training.step import evaluate as score_split
from graphwright.training.tasks import TASKS

#: Top-5 accuracy is reported from so many classes on.
TOP = 5


def trained_weights(run: Run) -> dict[str, Tensor]:
    """The weights of a run: of its end, or of its newest checkpoint where it did not come to an end."""
    if run.weights.is_file():
        try:
            return safetensors.torch.load(run.weights.read_bytes())
        except (OSError, SafetensorError) as error:
            raise fail(NOWHERE, f"{run.weights} cannot be read: {error}", "go on with the run by --resume") from None
    checkpoint, _ = newest(run.checkpoints)
    if checkpoint is None:
        raise fail(NOWHERE, f"'{run.path}' holds no trained weights and no sound checkpoint", "train it first")
    return checkpoint.tensors.get("average", checkpoint.tensors["model"])


def evaluate(run: str | Path, data: str | None = None) -> dict[str, Any]:
    """The trained model on the test part of its data, or of other data with the same classes.

    Leaves `evaluation.json` and `confusion.png` in the run folder and returns what the first says: accuracy, loss
    (the training objective), samples, accuracy by class, and the confusion matrix (a row for each true class).
    """
    folder = Run(Path(run))
    record = folder.record()
    accelerator = engine()
    source = data or record.data
    parts = open_data(source, record.recipe.validation)
    match_classes(parts, record.classes, source)
    assert parts.test is not None
    view = view_of(accelerator.process_index)
    try:
        split = adapt(parts.test, record.want, record.recipe.workers, partial(view.advance, "reading test pictures"))
    finally:
        view.close()
    task = TASKS[record.task]
    graph = task.with_losses(folder.graph(), record.recipe)
    rank, world, device = accelerator.process_index, accelerator.num_processes, accelerator.device
    feed = Feed(split, record.want, record.scaling, record.recipe, device, rank, world)
    module = lower(graph, cone="train", device=device)
    module.load_state_dict(trained_weights(folder))
    job = Job(graph, task, record.recipe, feed, split, accelerator)
    result = _summary(score_split(job, module, None, split, job.num_steps), record.classes, source)
    if rank == 0:
        write_file(folder.path / "evaluation.json", json.dumps(result, indent=1).encode())
        title = f"{record.spec} on {source}: {result['accuracy']:.2%} of {result['samples']}"
        draw_confusion(folder.path / "confusion.png", result["confusion"], record.classes, title)
    return result


def _summary(score: Score, classes: Sequence[str], source: str) -> dict[str, Any]:
    right, totals = score.confusion.diagonal().tolist(), score.confusion.sum(1).tolist()
    by_class = {
        name: {"accuracy": hits / total if total else None, "samples": total}
        for name, hits, total in zip(classes, right, totals, strict=True)
    }
    return {
        "data": source,
        "accuracy": score.accuracy,
        "loss": score.mean_loss,
        "samples": score.samples,
        "classes": by_class,
        "confusion": score.confusion.tolist(),
    }


@torch.no_grad()
def predict(run: str | Path, files: Sequence[str | Path], top: int = TOP) -> list[dict[str, Any]]:
    """The classes that the trained model gives pictures: `{"file", "class", "probability", "top": [...]}` for each."""
    folder = Run(Path(run))
    record, graph = folder.record(), folder.graph()
    names = tuple(str(f) for f in files)
    missing = [n for n in names if not Path(n).is_file()]
    if missing:
        raise fail(NOWHERE, f"no file '{missing[0]}'", "predict takes picture files")
    part = Part(Files(names, lambda name: Path(name).read_bytes()), torch.zeros(len(names), dtype=torch.int64))
    split = adapt(part, record.want, record.recipe.workers, lambda done, total: None)
    module = lower(graph, cone="deploy")
    weights, wanted = trained_weights(folder), module.state_dict()
    module.load_state_dict({k: v for k, v in weights.items() if k in wanted})
    module.eval()
    found = []
    for rows in torch.split(torch.arange(len(names)), 64):
        output = module(record.scaling(split.read(rows), record.want))
        logits = next(iter(output.values())) if isinstance(output, dict) else output
        best = logits.softmax(1).topk(min(top, len(record.classes)))
        found += [
            _guess(names[row], values, indices, record.classes)
            for row, values, indices in zip(rows.tolist(), best.values.tolist(), best.indices.tolist(), strict=True)
        ]
    return found


def _guess(file: str, values: Sequence[float], indices: Sequence[int], classes: Sequence[str]) -> dict[str, Any]:
    top = [{"class": classes[k], "probability": p} for k, p in zip(indices, values, strict=True)]
    return {"file": file, **top[0], "top": top}
