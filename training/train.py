"""`train`: a graph, data and a folder to a trained model, from the beginning or from where a run was killed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from graphwright.analyses.alignment.guide import Guide
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.budget import fitted
from graphwright.training.charts import draw_curves
from graphwright.training.checkpoint import Checkpoint, newest, pack, write_file
from graphwright.training.data.batches import Feed
from graphwright.training.data.source import open_data
from graphwright.training.data.split import adapt, measure, wanted
from graphwright.training.engine import engine, together
from graphwright.training.evaluate import evaluate
from graphwright.training.guidance import Guided, guided
from graphwright.training.lean import without_outputs
from graphwright.training.loop import Logs, final_weights, fit, restore_state
from graphwright.training.optimise import averaged, optimizer_of
from graphwright.training.predict import predict
from graphwright.training.progress import View, view_of
from graphwright.training.recipe import Recipe
from graphwright.training.run import Record, Run, read_metrics, truncate_metrics
from graphwright.training.step import NEVER, Job, Score, State, computing
from graphwright.training.tasks import task_of
from graphwright.training.undisturbed import undisturbed
from graphwright.training.whole import WholeStep

__all__ = ["TrainResult", "evaluate", "predict", "train"]

#: Keys of the recipe that may differ between a run and its resumption: they don't change what is learnt.
FREE = ("workers", "log_every", "checkpoint_every")


@dataclass(frozen=True)
class TrainResult:
    """What a run came to. `figures` (those of its task) and `loss` are of the test part, after the last epoch."""

    run: Path
    figures: Mapping[str, float]
    loss: float
    epochs: int
    steps: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """The share of right classes, of samples or of pixels."""
        if "accuracy" not in self.figures:
            raise AttributeError(f"this run has {', '.join(self.figures)}, no accuracy")
        return self.figures["accuracy"]

    def as_json(self) -> dict[str, Any]:
        """Plain data, the figures among the rest."""
        rest = {"loss": self.loss, "epochs": self.epochs, "steps": self.steps, "seconds": self.seconds}
        return {"run": str(self.run), **self.figures, **rest}


def train(
    graph: Graph,
    data: str,
    out: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    spec: Path | None = None,
) -> TrainResult:
    """Train a graph on `data` (as on the command line, `mnist:DIR`) and leave everything in the folder `out`.

    `overrides` are keys of the recipe, `resume` goes on with the run in `out`, `force` does so although the spec or
    the recipe changed, and `spec` is the YAML file to keep a copy of.
    """
    began = time.monotonic()
    accelerator = engine()
    run, view = Run(Path(out)), view_of(accelerator.process_index)
    with torch.random.fork_rng(devices=[]), together(accelerator):
        try:
            stored = _stored(run, resume)
            accelerator.wait_for_everyone()  # nobody looks into the folder after the first process has begun to write
            recipe = _recipe(graph, overrides or {}, stored, force)
            job, record = _job(graph, data, recipe, run, stored, accelerator, view)
            state = _state(job)
            with run.held() if accelerator.process_index == 0 else nullcontext():
                _check_unused(run, stored)
                score = _trained(job, state, record, graph, run, view, stored, force, spec)
        finally:
            view.close()
    seconds = time.monotonic() - began
    return TrainResult(run.path, score.figures, score.loss, recipe.epochs, job.num_steps, seconds)


# -- what there was before --------------------------------------------------------------------
def _stored(run: Run, resume: bool) -> Record | None:
    """The record of the run to go on with, if there is one."""
    if not resume:
        _check_unused(run, None)
    return run.record() if run.exists else None


def _check_unused(run: Run, stored: Record | None) -> None:
    """Another process may have begun a run here meanwhile."""
    if run.exists and stored is None:
        raise fail(NOWHERE, f"'{run.path}' already holds a run", "go on with it by --resume, or choose another -o")


def _recipe(graph: Graph, overrides: Mapping[str, Any], stored: Record | None, force: bool) -> Recipe:
    """The recipe: of the spec and the command line, or on resumption the stored one."""
    if stored is None:
        return Recipe.from_settings(graph.train, overrides)
    given = Recipe.from_settings({}, overrides)
    recipe = replace(stored.recipe, **{k: getattr(given, k) for k in overrides})
    before, after = stored.recipe.as_dict(), recipe.as_dict()
    changed = [f"{k}={after[k]} (was {before[k]})" for k in after if after[k] != before[k] and k not in FREE]
    if changed and not force:
        raise fail(NOWHERE, f"the recipe of this run was another: {', '.join(changed)}", "leave it, or add --force")
    return recipe


def _check_same(record: Record, stored: Record, force: bool) -> None:
    """Refuses to go on with another graph or other data than the run began with."""
    if (record.classes, record.samples) != (stored.classes, stored.samples):
        rule = f"the data is not what this run began with: {stored.data}, {stored.samples[0]} training samples"
        raise fail(NOWHERE, f"{rule}; now {record.data}, {record.samples[0]}", "give --data as before")
    if record.structure != stored.structure and not force:
        rule = f"the spec changed since this run began (structure {stored.structure[:12]}, now {record.structure[:12]})"
        raise fail(NOWHERE, rule, "see `graphwright diff`; --force goes on with the weights that still fit")


# -- what is run ------------------------------------------------------------------------------
def _job(
    graph: Graph, data: str, recipe: Recipe, run: Run, stored: Record | None, accelerator: Accelerator, view: View
) -> tuple[Job, Record]:
    """The job and its record; everything that can be wrong with the data is found here."""
    task = task_of(graph)
    trained = task.with_losses(graph, recipe)
    want = wanted(graph, recipe.resize)
    parts = open_data(data, recipe.validation, task.labels)
    task.check(trained, recipe, parts)
    assert parts.test is not None
    split = adapt(parts.train, want, recipe.workers, partial(view.advance, "reading training pictures"))
    test = adapt(parts.test, want, recipe.workers, partial(view.advance, "reading test pictures"))
    scaling = stored.scaling if stored else measure(split, want)
    rank, world = accelerator.process_index, accelerator.num_processes
    feed = Feed(split, want, scaling, recipe, accelerator.device, rank, world)
    _check_batch(feed)
    if recipe.memory:
        found = fitted(trained, recipe, want.shape, world)
        view.say(f"memory: {found}")
        trained = found.graph
    job = Job(trained, task, recipe, feed, test, accelerator, _guided(trained, recipe, run, stored))
    samples = (len(split), len(test))
    structure = structural_hash(trained)
    return job, Record(graph.name, structure, task.name, recipe, data, parts.classes, samples, scaling, want)


def _guided(graph: Graph, recipe: Recipe, run: Run, stored: Record | None) -> Guided | None:
    """The graph with the recipe's guide in it; a run that goes on has kept its guide."""
    guidance, before = recipe.guidance, stored.recipe.guidance if stored else None
    if guidance is None:
        return None
    kept = before is not None and before.align == guidance.align
    return guided(graph, guidance, run.guide() if kept else guidance.align.opened)


def _check_batch(feed: Feed) -> None:
    parts = feed.recipe.accumulate * feed.world
    if feed.recipe.batch % parts:
        rule = f"{feed.world} processes with accumulate={feed.recipe.accumulate}"
        raise fail(NOWHERE, f"batch={feed.recipe.batch} does not divide among {rule}", f"choose a multiple of {parts}")
    if not feed.steps_per_epoch:
        raise fail(NOWHERE, f"{len(feed.split)} training samples do not fill one batch of {parts} parts", "")


def _state(job: Job) -> State:
    """The state before the first step."""
    recipe, device = job.recipe, job.feed.device
    module = lower(job.graph, cone="train", seed=recipe.seed, device=str(device))
    lean = None if job.task.scores_training else without_outputs(module)
    model: Any = job.accelerator.prepare_model(module if lean is None else lean)
    optimizer = optimizer_of(module, recipe)
    whole = _whole(job, model, job.graph, optimizer)
    if recipe.compile and whole is None:
        model = torch.compile(model, fullgraph=True)
    beside = job.guided.beside(module, device) if job.guided else None
    both: Any = job.accelerator.prepare_model(beside) if beside is not None else None
    whole_both = _whole(job, both, job.guided.graph, optimizer) if job.guided else None
    if recipe.compile and both is not None and whole_both is None:
        both = torch.compile(both, fullgraph=True)
    return State(
        module=module,
        model=model,
        optimizer=optimizer,
        average=averaged(module) if recipe.ema else None,
        meters=torch.zeros(2, 5 if job.guided else 3, dtype=torch.float64, device=device),
        bad=torch.tensor(NEVER, device=device),
        lean=lean,
        beside=beside,
        both=both,
        whole=whole,
        whole_both=whole_both,
    )


def _whole(job: Job, model: Any, graph: Graph, optimizer: torch.optim.Optimizer) -> WholeStep | None:
    """The whole step as one compiled graph: in one process, whose batches are one part, where torch can trace it."""
    recipe = job.recipe
    if not recipe.compile or job.feed.world > 1 or recipe.accumulate > 1 or not WholeStep.possible():
        return None
    return WholeStep(computing(job, model, graph.losses), optimizer, recipe.clip)


def _trained(
    job: Job, state: State, record: Record, graph: Graph, run: Run, view: View,
    stored: Record | None, force: bool, spec: Path | None,
) -> Score:  # fmt: skip
    """Train from the newest sound checkpoint, or from the beginning, and leave the results in the folder."""
    first = job.feed.rank == 0
    if stored:
        _check_same(record, stored, force)
    checkpoint, refused = newest(run.checkpoints)
    for line in refused if first else []:
        view.say(line)
    if checkpoint is not None:
        _restore(job, state, checkpoint, force, view)
    job.accelerator.wait_for_everyone()
    if first:
        _open_folder(run, record, graph, job.guided.guide if job.guided else None, spec, stored, state.step, force)
    board = _board(run, graph, state.step) if first else None
    if first:
        view.say(_greeting(job, record, state, run))
    try:
        score = fit(job, state, Logs(run, view, board), lambda found: _restore(job, state, found, force, view))
        if first:
            write_file(run.weights, pack(final_weights(state)))
            draw_curves(run.path / "curves.png", read_metrics(run.metrics), record.spec, job.task.figures[0])
    finally:
        if board is not None:
            with undisturbed():
                board.close()
    return score


def _open_folder(
    run: Run, record: Record, graph: Graph, guide: Guide | None, spec: Path | None, stored: Record | None, step: int,
    force: bool,
) -> None:  # fmt: skip
    if stored is None or force:
        run.create(record, graph, guide, spec, keep_metrics=stored is not None)
    truncate_metrics(run.metrics, step)


def _board(run: Run, graph: Graph, step: int) -> Any:
    """Where TensorBoard looks: figures, and, from the beginning, the graph."""
    from tensorboard.compat.proto.config_pb2 import RunMetadata
    from torch.utils.tensorboard import SummaryWriter

    from graphwright.backends.drawing.tensorboard import definition

    with undisturbed():
        board = SummaryWriter(str(run.path), purge_step=step + 1 if step else None)
        if not step:
            board._get_file_writer().add_graph((definition(graph), RunMetadata()))  # type: ignore[no-untyped-call]
    return board


def _restore(job: Job, state: State, checkpoint: Checkpoint, force: bool, view: View) -> None:
    """Put a checkpoint's state back; with `force`, as much of it as fits."""
    checkpoint, strange = fitting(state, checkpoint)
    if strange and not force:
        shown = ", ".join(strange[:5])
        raise fail(NOWHERE, f"the spec's parameters changed since this run began: {shown}", "see --force")
    if strange:
        view.say(f"{len(strange)} tensors changed with the spec and start anew: {', '.join(strange[:5])}")
    restore_state(state, checkpoint, job.feed.rank)
    if strange and state.step >= job.num_steps:  # new tensors that no step would train must not pass for a result
        rule = f"the spec changed, and no steps are left to train what is new ({state.step} of {job.num_steps} done)"
        raise fail(NOWHERE, rule, "raise epochs=, or train into another folder")


def fitting(state: State, checkpoint: Checkpoint) -> tuple[Checkpoint, list[str]]:
    """The checkpoint with the present state in place of what doesn't fit, and the names of what doesn't."""
    now, model = state.module.state_dict(), checkpoint.tensors["model"]
    fits = {k for k, v in now.items() if k in model and model[k].shape == v.shape}
    strange = sorted({*now, *model} - fits)
    if not strange and (state.average is None) == ("average" not in checkpoint.tensors):
        return checkpoint, []
    average = checkpoint.tensors.get("average", model)
    tensors = {
        "model": {k: model[k] if k in fits else v for k, v in now.items()},
        "average": {k: average[k] if k in fits else v for k, v in now.items()},
        "optimizer": {k: v for k, v in checkpoint.tensors["optimizer"].items() if k.rpartition(":")[0] in fits},
    }
    return replace(checkpoint, tensors=tensors), strange


def _greeting(job: Job, record: Record, state: State, run: Run) -> str:
    recipe, feed = job.recipe, job.feed
    where = f"{feed.device}" + (f" on {feed.world} processes" if feed.world > 1 else "")
    start = f"going on after step {state.step} of {job.num_steps}" if state.step else f"{job.num_steps} steps"
    return (
        f"{record.spec} on {record.data} ({record.samples[0]} training, {record.samples[1]} test samples): "
        f"{recipe.epochs} epochs, {start} of {feed.batch} with {recipe.optimizer}, {where}; run folder {run.path}"
    )
