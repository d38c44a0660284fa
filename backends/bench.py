"""A model on several backends, on this machine: latency and throughput over batches, compile time, memory, roofline."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import fx

from graphwright.backends import resolve
from graphwright.backends.examples import example_inputs
from graphwright.backends.fresh import CACHES, first_steps, reason
from graphwright.backends.options import Options
from graphwright.backends.roofline import Device, Work, summary, work
from graphwright.backends.stepping import Step, interleaved, sizes_at
from graphwright.compiler.ir.graph import Graph

ORACLE = "eager"


@dataclass(frozen=True)
class Plan:
    """What is measured. `fresh` adds compile times cold and warm, and memory, each in processes of their own."""

    backends: Sequence[str]
    batches: Sequence[int] = (1,)
    backward: bool = False
    device: str = "cpu"
    threads: int = 1
    steps: int = 30
    options: Options = field(default_factory=Options)
    fresh: bool = True

    @property
    def names(self) -> dict[str, str]:
        """The backends, eager first, each with the reason why it was chosen (empty where the user chose it)."""
        return {ORACLE: "", **dict(resolve(name, self.device, fixed=True) for name in self.backends)}

    @property
    def ticks(self) -> int:
        """How often `bench` tells of its progress for a model."""
        return (2 * len(self.names) - 1) * self.fresh + (len(self.names) + 1) * len(self.batches)


@dataclass
class Row:
    """A backend at a batch size: seconds of a step, of compiling and the first step, bytes, and the relative difference
    from float32 eager. `error` says why the rest is missing.
    """

    backend: str
    batch: int
    error: str = ""
    median: float | None = None
    p10: float | None = None
    p90: float | None = None
    over_eager: float | None = None
    cold: float | None = None
    warm: float | None = None
    memory: int | None = None
    cost: float | None = None
    flops_per_second: float | None = None
    share: float | None = None

    @property
    def throughput(self) -> float | None:
        """Samples a second."""
        return self.batch / self.median if self.median else None

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "throughput": self.throughput}


@dataclass(frozen=True)
class Bench:
    """What was found of a model: its work at each batch size, and the rows."""

    name: str
    work: dict[int, Work]
    rows: list[Row]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        works = {batch: {**asdict(w), "intensity": w.intensity} for batch, w in self.work.items()}
        return {"name": self.name, "work": works, "rows": [row.as_dict() for row in self.rows]}


def bench(
    graph: Graph, module: fx.GraphModule, plan: Plan, device: Device, tick: Callable[[str], None] = lambda what: None
) -> Bench:
    """Measures a module of `graph`, which lies on the plan's device."""
    works = {batch: work(graph, sizes_at(graph, batch), plan.backward) for batch in plan.batches}
    rows = {(name, batch): Row(name, batch) for batch in plan.batches for name in plan.names}
    references = {batch: _reference(graph, module, batch, plan) for batch in plan.batches}
    with tempfile.TemporaryDirectory(prefix="graphwright-") as folder:
        if plan.fresh:
            _measure_fresh(graph, plan, rows, Path(folder), tick)
        for batch in plan.batches:
            _measure_steps(graph, module, plan, batch, references[batch], rows, Path(folder), tick)
    for row in rows.values():
        if row.median:
            eager = rows[ORACLE, row.batch].median
            row.over_eager = row.median / eager if eager else None
            row.flops_per_second = works[row.batch].flops / row.median
            row.share = row.flops_per_second / device.attainable(works[row.batch])
    return Bench(graph.name, works, list(rows.values()))


def _reference(graph: Graph, module: fx.GraphModule, batch: int, plan: Plan) -> Any:
    """What eager gives in exact float32, on the example's inputs; None where the model draws random numbers."""
    inputs = example_inputs(graph, sizes_at(graph, batch), device=plan.device)
    found = []
    module.train(plan.backward)
    with Options().running(plan.device), torch.no_grad(), torch.random.fork_rng():
        for seed in (0, 1) if plan.backward else (0,):
            torch.manual_seed(seed)
            found.append(module(*inputs))
    if len(found) == 2 and Options().cost(*found).absolute > 0:
        return None
    return found[0]


def _measure_fresh(
    graph: Graph, plan: Plan, rows: dict[tuple[str, int], Row], folder: Path, tick: Callable[[str], None]
) -> None:
    """Compile times and memory: twice a process for each backend, the second with the caches of the first."""
    for name in plan.names:
        for kind in ("cold", "warm") if name != ORACLE else ("cold",):  # eager compiles nothing
            tick(f"{graph.name}: {name}, {kind} start")
            found = first_steps(
                graph, name, plan.batches, plan.backward, plan.device, plan.threads, plan.options, folder / name
            )
            for batch, figures in zip(plan.batches, found, strict=True):
                row = rows[name, batch]
                row.error = figures.get("error", "")
                setattr(row, kind, figures.get("seconds"))
                row.memory = figures.get("memory")


def _measure_steps(
    graph: Graph, module: fx.GraphModule, plan: Plan, batch: int, reference: Any, rows: dict[tuple[str, int], Row],
    folder: Path, tick: Callable[[str], None],
) -> None:  # fmt: skip
    """The steps of all backends in turn. Each size is compiled on its own, as one that will not change."""
    torch._dynamo.reset()
    inputs = example_inputs(graph, sizes_at(graph, batch), device=plan.device)
    placed, inputs = plan.options.place(module, inputs)
    steps: dict[str, Step] = {}
    for name in plan.names:
        row = rows[name, batch]
        tick(f"{graph.name}: {name}, batch {batch}")
        try:
            with _caching(folder / name):
                steps[name] = step = Step(name, placed, inputs, graph, plan.options, plan.backward)
        except Exception as error:  # whatever it is, it is this backend's answer
            row.error = reason(error)
            continue
        row.error = ""
        if reference is not None:
            row.cost = plan.options.cost(step.result, reference).relative
    tick(f"{graph.name}: steps of batch {batch}")
    for name, seconds in interleaved(steps, plan.steps).items():
        for key, value in summary(seconds).items():
            setattr(rows[name, batch], key, value)


@contextmanager
def _caching(folder: Path) -> Iterator[None]:
    """Keeps compiled code in the folder that the backend's fresh processes used."""
    before = {key: os.environ.get(key) for key in CACHES}
    os.environ.update({key: str(folder / key.lower()) for key in CACHES})
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
