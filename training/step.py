"""One optimiser step, and one pass of evaluation. What they read is a `Job`, what they change a `State`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from graphwright.compiler.ir.graph import Graph, Term
from graphwright.compiler.ops.schedule import StepCount
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.batches import Batch, Feed
from graphwright.training.data.split import Split
from graphwright.training.guidance import TERM, Guided
from graphwright.training.metrics.tally import Tally
from graphwright.training.optimise import learning_rate, set_learning_rate, update_average
from graphwright.training.recipe import Recipe
from graphwright.training.seeds import mix
from graphwright.training.tasks.task import Task, first_output
from graphwright.training.whole import Forward, WholeStep

#: The value of `State.bad` while every loss was finite.
NEVER = 1 << 62
#: Most samples in a batch of evaluation.
EVALUATED = 256


@dataclass(frozen=True)
class Job:
    """What stays the same during a run."""

    graph: Graph
    task: Task
    recipe: Recipe
    feed: Feed
    test: Split
    accelerator: Accelerator
    guided: Guided | None = None

    @property
    def num_steps(self) -> int:
        return self.recipe.epochs * self.feed.steps_per_epoch

    @property
    def port(self) -> str:
        """The output that is scored."""
        return first_output(self.graph)[0]

    @property
    def evaluated(self) -> int:
        """Samples in a batch of evaluation: no more than twice a part in training, whose memory must do."""
        return min(EVALUATED, max(1, 2 * self.recipe.batch // (self.recipe.accumulate * self.feed.world)))


@dataclass
class State:
    """What changes: the module under the spec's names, and what a checkpoint holds besides.

    `model` is what is called for a step: the module, or `lean`, which shares its state and computes the losses alone.
    `meters` are (sum of losses, right, samples) since the last line of metrics and since the epoch began; with a guide,
    also the sum of its term, and of how many samples. `beside` is the model with its guide, `module` and more, and
    `both` what is called for it. `whole` and `whole_both` are the same as one compiled graph with the optimiser's step,
    where the recipe compiles and torch can.
    """

    module: nn.Module
    model: Callable[..., Any]
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor] | None
    meters: Tensor
    bad: Tensor
    lean: nn.Module | None = None
    beside: nn.Module | None = None
    both: Callable[..., Any] | None = None
    whole: WholeStep | None = None
    whole_both: WholeStep | None = None
    step: int = 0
    best: dict[str, float] = field(default_factory=dict)


class NotFiniteError(Exception):
    """The loss of a step was NaN or infinite."""

    def __init__(self, step: int) -> None:
        super().__init__(step)
        self.step = step


def term_weight(term: Term, step: int) -> float:
    """The weight of a loss term at a step: its number, or between the steps of a schedule {step: weight} a line."""
    if isinstance(term.weight, (int, float)):
        return float(term.weight)
    try:
        points = sorted((float(k), float(v)) for k, v in dict(term.weight).items())
        return float(np.interp(step, [k for k, _ in points], [v for _, v in points]))
    except (TypeError, ValueError):
        rule = f"the weight of loss '{term.name}' is {term.weight!r}"
        raise fail(NOWHERE, rule, "give a number, or a schedule {step: weight, …}") from None


def objective(losses: Mapping[str, Tensor], terms: Sequence[Term], weights: Sequence[float | Tensor]) -> Tensor:
    """The weighted sum of the loss terms."""
    total = torch.zeros(())
    for k, (term, weight) in enumerate(zip(terms, weights, strict=True)):
        weighted = losses[term.name] * weight
        total = weighted if k == 0 else total + weighted
    return total


def arithmetic(job: Job) -> AbstractContextManager[Any]:
    """The precision of the forward pass."""
    return _precision(job.recipe.precision, job.feed.device.type)


def _precision(name: str, device: str) -> AbstractContextManager[Any]:
    return torch.autocast(device, torch.bfloat16) if name == "bf16" else nullcontext()


def guide_is_on(job: Job, step: int) -> bool:
    """Whether a guide takes part in a step."""
    guiding = job.recipe.guidance
    return guiding is not None and guiding.on(step)


def forward(
    job: Job, model: Callable[..., Any], batch: Batch, step: int, graph: Graph | None = None
) -> tuple[Tensor | None, Tensor, Mapping[str, Tensor]]:
    """(first output if the model gives it, objective, its terms) of a batch; `graph` is what the model computes, if
    not the job's.
    """
    terms = (graph or job.graph).losses
    weights = [term_weight(term, step) for term in terms]
    return computing(job, model, terms)(batch.inputs, _targets(job, batch), weights)


def computing(job: Job, model: Callable[..., Any], terms: Sequence[Term]) -> Forward:
    """`forward` of tensors alone. A compiler looks into what it closes over, so that is plain data, not the job."""
    precision, device, port = job.recipe.precision, job.feed.device.type, job.port

    def run(
        inputs: Tensor, targets: Sequence[Tensor], weights: Sequence[float | Tensor]
    ) -> tuple[Tensor | None, Tensor, Mapping[str, Tensor]]:
        with _precision(precision, device):
            result = model(inputs, *targets)
        return result["outputs"].get(port), objective(result["losses"], terms, weights), result["losses"]

    return run


def _targets(job: Job, batch: Batch) -> tuple[Tensor, ...]:
    return tuple(job.task.target(job.graph, batch.labels, batch.partners, batch.weight))


def reseed(job: Job, step: int) -> None:
    """Dropout and its like draw from torch's global generators, which each step starts anew."""
    torch.manual_seed(mix("noise", job.recipe.seed, step, job.feed.rank))


def advance(job: Job, state: State, parts: Sequence[Batch], watchful: bool) -> None:
    """One optimiser step. `watchful` waits for the device and raises before a loss that isn't finite moves a weight;
    a step compiled whole never waits.
    """
    recipe = job.recipe
    reseed(job, state.step)
    set_learning_rate(state.optimizer, learning_rate(recipe, state.step, job.feed.steps_per_epoch))
    for module in (state.module, state.lean):
        if module is not None and not module.training:
            module.train()
    model, graph, whole = state.model, job.graph, state.whole
    if job.guided is not None and state.both is not None and guide_is_on(job, state.step):
        model, graph, whole = state.both, job.guided.graph, state.whole_both
    if whole is None or not _advance_whole(job, state, whole, graph, parts[0]):
        _advance_parts(job, state, model, graph, parts, watchful)
    if state.average is not None:
        update_average(state.average, state.module, recipe.ema, state.step)
    state.step += 1


def _advance_whole(job: Job, state: State, whole: WholeStep, graph: Graph, part: Batch) -> bool:
    """One step as one compiled graph; false, with nothing done but a word to the reader, where torch cannot trace it.

    Weights of terms that follow a schedule are tensors, not to compile anew.
    """
    weights = [
        term_weight(term, state.step)
        if isinstance(term.weight, (int, float))
        else torch.tensor(term_weight(term, state.step), device=job.feed.device)
        for term in graph.losses
    ]
    _count(state.module, state.step)
    rate = learning_rate(job.recipe, state.step, job.feed.steps_per_epoch)
    try:
        output, loss, terms = whole(part.inputs, _targets(job, part), weights, rate)
    except torch._dynamo.exc.TorchDynamoException as error:
        reason = str(error).strip().partition("\n")[0]
        print(f"the step is not compiled whole, only its losses are: {reason}", file=sys.stderr)
        state.whole = state.whole_both = None
        for name in ("model", "both"):
            if (called := getattr(state, name)) is not None:
                setattr(state, name, torch.compile(called, fullgraph=True, backend=whole.backend))
        reseed(job, state.step)
        return False
    _record(job, state, output, loss, part, terms.get(TERM) if graph is not job.graph else None)
    return True


def _advance_parts(
    job: Job, state: State, model: Callable[..., Any], graph: Graph, parts: Sequence[Batch], watchful: bool
) -> None:
    """One step whose backward pass and update are torch's own calls, of a batch in one or several parts."""
    recipe, accelerator = job.recipe, job.accelerator
    for k, part in enumerate(parts):
        _count(state.module, state.step)
        together = k == len(parts) - 1  # gradients of the processes are summed in the last part's backward
        with nullcontext() if together else accelerator.no_sync(model):
            output, loss, terms = forward(job, model, part, state.step, graph)
            accelerator.backward(loss / len(parts))
        _record(job, state, output, loss, part, terms.get(TERM) if graph is not job.graph else None)
    if watchful and int(state.bad) != NEVER:
        raise NotFiniteError(state.step)
    if recipe.clip:
        nn.utils.clip_grad_norm_(state.module.parameters(), recipe.clip)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)


def _count(module: nn.Module, step: int) -> None:
    """Tell what counts steps which one this is: a batch in several parts is one."""
    for part in module.modules():
        if isinstance(part, StepCount):
            part.step.fill_(step)


@torch.no_grad()
def _record(job: Job, state: State, output: Tensor | None, loss: Tensor, part: Batch, guidance: Tensor | None) -> None:
    """Add to the meters and note a loss that isn't finite; nothing here waits for the device."""
    count = torch.full((), len(part.labels), dtype=torch.float64, device=loss.device)
    right = torch.zeros_like(count) if output is None else job.task.score(output, part.labels).double()
    figures = [loss.detach().double() * count, right, count]
    if guidance is not None:
        figures += [guidance.detach().double() * count, count]
    state.meters[:, : len(figures)] += torch.stack(figures)
    state.bad = torch.where(torch.isfinite(loss), state.bad, state.bad.clamp_max(state.step))


@dataclass(frozen=True)
class Score:
    """Of evaluated samples: the mean loss, their number, and the tally of the task's figures."""

    loss: float
    samples: int
    tally: Tally

    @cached_property
    def figures(self) -> dict[str, float]:
        """The task's figures."""
        return self.tally.figures()


@torch.no_grad()
def evaluate(job: Job, module: nn.Module, weights: dict[str, Tensor] | None, split: Split, step: int) -> Score:
    """The module on a split in evaluation mode, with `weights` in place of its own; the processes share the work.

    Statistics of batch norms are those of the first process, which is the one that keeps them.
    """
    feed, was_training = job.feed, module.training
    module.eval()
    if feed.world > 1:
        for value in (dict(module.named_buffers()) if weights is None else weights).values():
            torch.distributed.broadcast(value, 0)
    tally = job.task.tally(job.graph, feed.device)
    sums = torch.zeros(2, dtype=torch.float64, device=feed.device)
    call = module if weights is None else _Substituted(module, weights)
    for rows in torch.split(torch.arange(feed.rank, len(split), feed.world), job.evaluated):
        inputs = feed.scaling(split.read(rows).to(feed.device), feed.want)
        batch = Batch(inputs, split.labels[rows].to(feed.device), None, 1.0)
        output, loss, _ = forward(job, call, batch, step)
        assert output is not None
        size = torch.tensor(len(rows), device=feed.device)
        sums += torch.stack([loss.double() * size, size.double()])
        tally.add(output, batch.labels)
    module.train(was_training)
    tally.pool(job.accelerator)
    loss_sum, samples = job.accelerator.reduce(sums, reduction="sum").tolist()
    return Score(loss_sum / max(1, samples), int(samples), tally)


class _Substituted:
    """Calls a module with other weights; the module keeps its own."""

    def __init__(self, module: nn.Module, weights: dict[str, Tensor]) -> None:
        self.module, self.weights = module, weights

    def __call__(self, *arguments: Tensor) -> Any:
        return torch.func.functional_call(self.module, self.weights, arguments)
