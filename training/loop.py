"""The loop: steps, lines of metrics, evaluation, checkpoints, until the epochs are done.

Its one invariant: the state after step t is a function of the recipe, the data and t. Metrics, pictures and the
moment of a checkpoint change nothing, so a run that goes on from any checkpoint ends at the same weights.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graphwright.training import diagnose
from graphwright.training.checkpoint import Checkpoint, newest, path_of, prune, save
from graphwright.training.guidance import TERM
from graphwright.training.optimise import learning_rate, optimizer_state, set_optimizer_state
from graphwright.training.progress import View, memory
from graphwright.training.run import Run
from graphwright.training.step import NEVER, Job, NotFiniteError, Score, State, advance, evaluate
from graphwright.training.undisturbed import undisturbed

#: So many checkpoints are kept, besides the best one by the task's first figure.
KEPT = 2


@dataclass
class Logs:
    """Where figures go: `metrics.jsonl`, TensorBoard, the person watching."""

    run: Run
    view: View
    board: Any
    began: float = 0.0
    seen: int = 0

    def write(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """One line of metrics; only the first process has a board and writes."""
        if self.board is None:
            return
        with undisturbed():
            with self.run.metrics.open("a") as file:
                file.write(json.dumps({"kind": kind, "step": step, **figures}) + "\n")
            for name, value in figures.items():
                self.board.add_scalar(f"{kind}/{name}", value, step)


def fit(job: Job, state: State, logs: Logs, restore: Callable[[Checkpoint], None]) -> Score:
    """Train from `state.step` to the end; the last epoch's score. `restore` puts a checkpoint's state back."""
    try:
        return _run(job, state, logs)
    except NotFiniteError as found:
        raise _explained(job, state, logs, found.step, restore) from None


def _run(job: Job, state: State, logs: Logs) -> Score:
    recipe, per_epoch = job.recipe, job.feed.steps_per_epoch
    watchful = job.feed.device.type == "cpu" and job.feed.world == 1
    logs.began, logs.seen = time.monotonic(), state.step
    score: Score | None = None
    if state.step == 0:
        _keep(job, state, logs)
    for parts in job.feed.steps(state.step, job.num_steps):
        advance(job, state, parts, watchful)
        ends_epoch = state.step % per_epoch == 0
        due = recipe.checkpoint_every and state.step % recipe.checkpoint_every == 0
        if state.step % recipe.log_every == 0 or ends_epoch or due:
            _look(job, state)
        if state.step % recipe.log_every == 0 or ends_epoch:
            _report_steps(job, state, logs)
        if ends_epoch:
            score = _end_epoch(job, state, logs)
        if ends_epoch or due:
            _keep(job, state, logs)
        logs.view.advance("train", state.step, job.num_steps)
    return score or evaluate(job, state.module, state.average, job.test, state.step)


# -- losses that aren't finite ----------------------------------------------------------------
def _look(job: Job, state: State) -> None:
    """Wait for the device and raise if any process has met a loss that isn't finite."""
    bad = int(job.accelerator.gather(state.bad.view(1)).min())
    if bad != NEVER:
        raise NotFiniteError(bad)


def _explained(job: Job, state: State, logs: Logs, step: int, restore: Callable[..., None]) -> Exception:
    """The error for it. Where the weights have moved on since, the run is repeated from the last good checkpoint."""
    checkpoint, _ = newest(logs.run.checkpoints)
    if state.step != step and checkpoint is not None:
        restore(checkpoint)
        for parts in job.feed.steps(state.step, step):
            advance(job, state, parts, watchful=False)
    culprit = diagnose.find(job, state)
    if job.feed.world > 1:
        everyone: list[Any] = [None] * job.feed.world
        torch.distributed.all_gather_object(everyone, culprit)
        culprit = next((c for c in everyone if c is not None), None)
    last_good = str(checkpoint.path) if checkpoint else "no checkpoint yet"
    return diagnose.refusal(step, step // job.feed.steps_per_epoch + 1, culprit, last_good)


# -- figures ----------------------------------------------------------------------------------
def _totals(job: Job, state: State, row: int) -> dict[str, float]:
    """Mean loss, accuracy where the task knows it in training, and the guide's term where there was one, of a row of
    the meters, over all processes.
    """
    loss, right, count, *guided = job.accelerator.reduce(state.meters[row], reduction="sum").tolist()
    figures = {"loss": loss / max(count, 1)}
    if job.task.scores_training:
        figures["accuracy"] = right / max(count, 1)
    return {**figures, TERM: guided[0] / guided[1]} if guided and guided[1] else figures


def _report_steps(job: Job, state: State, logs: Logs) -> None:
    totals = _totals(job, state, 0)
    state.meters[0] = 0
    now = time.monotonic()
    speed = (state.step - logs.seen) * job.feed.batch / max(now - logs.began, 1e-9)
    logs.began, logs.seen = now, state.step
    rate = learning_rate(job.recipe, state.step - 1, job.feed.steps_per_epoch)
    figures = {**totals, "lr": rate, "items_per_second": speed}
    logs.write("steps", state.step, figures)
    shown = {**figures, "memory": memory(job.feed.device)}
    logs.view.advance("train", state.step, job.num_steps, shown)


def _end_epoch(job: Job, state: State, logs: Logs) -> Score:
    began = time.monotonic()
    totals = _totals(job, state, 1)
    state.meters[1] = 0
    score = evaluate(job, state.module, state.average, job.test, state.step)
    epoch = state.step // job.feed.steps_per_epoch
    tested = {f"test_{name}": value for name, value in {"loss": score.loss, **score.figures}.items()}
    best = job.task.figures[0]
    if score.figures[best] > state.best.get(best, -1.0):
        state.best = {best: score.figures[best], "step": state.step}
    logs.write("epoch", state.step, {"epoch": epoch, **totals, **tested})
    said = "  ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in {**totals, **tested}.items())
    logs.view.say(f"epoch {epoch}/{job.recipe.epochs}  {said}")
    logs.began += time.monotonic() - began  # evaluation doesn't count in the speed of training
    return score


# -- checkpoints ------------------------------------------------------------------------------
def _keep(job: Job, state: State, logs: Logs) -> None:
    """Write a checkpoint (the first process does) and drop old ones."""
    began = time.monotonic()
    meters = job.accelerator.reduce(state.meters.clone(), reduction="sum")
    state.meters = meters if job.feed.rank == 0 else torch.zeros_like(meters)
    if job.feed.rank == 0:
        record = {
            "epoch": state.step // job.feed.steps_per_epoch,
            "position": state.step % job.feed.steps_per_epoch,
            "meters": meters.tolist(),
            "best": state.best,
            "recipe": job.recipe.as_dict(),
        }
        best = [path_of(logs.run.checkpoints, int(state.best["step"]))] if state.best else []
        with undisturbed():
            save(logs.run.checkpoints, state.step, tensors_of(state), record)
            prune(logs.run.checkpoints, KEPT, best)
    job.accelerator.wait_for_everyone()
    logs.began += time.monotonic() - began


def tensors_of(state: State) -> dict[str, Mapping[str, Tensor]]:
    """All tensors of the state, by group."""
    groups: dict[str, Mapping[str, Tensor]] = {
        "model": state.module.state_dict(),
        "optimizer": optimizer_state(state.optimizer, state.module),
    }
    return groups if state.average is None else {**groups, "average": state.average}


def restore_state(state: State, checkpoint: Checkpoint, rank: int) -> None:
    """Put the state of a checkpoint back."""
    state.module.load_state_dict(checkpoint.tensors["model"])
    set_optimizer_state(state.optimizer, state.module, checkpoint.tensors["optimizer"])
    if state.average is not None:
        for name, value in checkpoint.tensors["average"].items():
            state.average[name].copy_(value)
    meters = torch.tensor(checkpoint.state["meters"], dtype=torch.float64, device=state.meters.device)
    state.meters = torch.zeros_like(state.meters)
    if rank == 0:
        shared = min(meters.shape[1], state.meters.shape[1])  # they differ where a guide came or went by --force
        state.meters[:, :shared] = meters[:, :shared]
    state.bad = torch.full_like(state.bad, NEVER)
    state.step, state.best = checkpoint.step, dict(checkpoint.state["best"])


def final_weights(state: State) -> Mapping[str, Tensor]:
    """What a trained model is: the running average, if there is one."""
    return state.module.state_dict() if state.average is None else state.average
