"""Compiles a model as one full graph and proves that it computes what the eager model computes."""

from __future__ import annotations

import dataclasses
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch._dynamo.utils import counters

from graphwright.backends import backend, resolve
from graphwright.backends.compare import compare_with
from graphwright.backends.examples import example_inputs
from graphwright.backends.options import Options
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.lowering.regional.module import Regional
from graphwright.compiler.places import NOWHERE, SpecError, fail

WARM_UP = 3


@dataclass(frozen=True)
class CompileReport:
    """What compiling gave. Times of a step are medians over `steps`, eager and compiled in turn."""

    name: str
    backend: str
    device: str
    inputs: dict[str, str]
    compile_seconds: float
    eager_milliseconds: float
    step_milliseconds: float
    steps: int
    graphs: int
    graph_breaks: int
    recompiles: int
    difference: float
    relative_difference: float
    equal: bool
    options: str = "fp32"
    reason: str = ""
    regions: tuple[str, ...] = ()
    compilations: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable twin that `--json` prints."""
        return dataclasses.asdict(self)


def prove(
    graph: Graph,
    backend_name: str = "inductor",
    module: fx.GraphModule | None = None,
    device: str = "cpu",
    seed: int = 0,
    steps: int = 10,
    options: Options | None = None,
) -> CompileReport:
    """Compiles the deployed graph and compares it with the eager one, in float32, on example inputs.

    `reason` is why `auto` chose its backend; with other precision than float32, equal is what it can explain.
    """
    backend_name, reason = resolve(backend_name, device, fixed=not graph.deployed().sizes)
    compile_, options = backend(backend_name), options or Options()
    options.check(device, backend_name)
    model = (module or lower(graph, seed=seed, device=device)).eval()
    inputs = example_inputs(graph, seed=seed, device=device)
    torch._dynamo.reset()
    counters.clear()
    with torch.inference_mode(False), torch.no_grad():
        with Options().running(device):
            reference = model(*inputs)
        placed, laid = options.place(model, inputs)

        made: list[Callable[..., Any]] = []

        def compiling() -> Callable[..., Any]:
            made.append(compile_(placed, laid, graph))
            return options.within(device, made[-1])

        with options.running(device):
            compiled, result, seconds = _first_call(compiling, laid, backend_name)
        result = _copied(result)
        difference = options.cost(result, reference)
        if not difference.within and options.exact:  # the model may enlarge rounding
            with Options().running(device):
                difference = compare_with(model, inputs, result)
        eager, compiled_step = _step_times(Options().within(device, model), compiled, laid, steps)
    graphs = int(counters["stats"]["unique_graphs"])
    by_regions = made[-1] if isinstance(made[-1], Regional) else None
    blocks = {scope.name: scope.block for scope in graph.scopes}
    regions = tuple(r.told(blocks.get(r.scopes[0], "")) for r in by_regions.regions) if by_regions else ()
    distinct = by_regions.distinct if by_regions else 1
    shapes = {e.name: str(list(x.shape)) for e, x in zip(graph.inputs, inputs, strict=True)}
    return CompileReport(
        graph.name, backend_name, device, shapes,
        seconds, eager * 1e3, compiled_step * 1e3, steps, graphs, sum(counters["graph_break"].values()),
        max(0, graphs - distinct), difference.absolute, difference.relative, difference.within, str(options), reason,
        regions, distinct,
    )  # fmt: skip


def _first_call(
    compiling: Callable[[], Callable[..., Any]], inputs: tuple[torch.Tensor, ...], name: str
) -> tuple[Callable[..., Any], Any, float]:
    """What was compiled, its first result and the seconds of both; what fails is told without torch's trace."""
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            # torch 2.13's compiler uses torch.jit where it is imported, and warns of that.
            warnings.filterwarnings("ignore", message=r"`torch\.jit", category=DeprecationWarning)
            compiled = compiling()
            result = compiled(*inputs)
    except SpecError:
        raise
    except (torch._dynamo.exc.TorchDynamoException, torch._inductor.exc.InductorError, RuntimeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.endswith("raised:")]
        first = lines[0] if lines else type(error).__name__
        hint = "inductor needs a working C++ compiler; --backend aot_eager needs none" if name == "inductor" else ""
        raise fail(NOWHERE, f"backend '{name}' cannot compile this as one graph: {first}", hint) from None
    _wait(inputs)
    return compiled, result, time.perf_counter() - start


def _step_times(
    eager: Callable[..., Any], compiled: Callable[..., Any], inputs: tuple[torch.Tensor, ...], steps: int
) -> tuple[float, float]:
    """Median seconds of a step, the two models in turn so that both see the same machine."""
    times: tuple[list[float], list[float]] = ([], [])
    for step in range(WARM_UP + steps):
        for model, found in zip((eager, compiled), times, strict=True):
            start = time.perf_counter()
            model(*inputs)
            _wait(inputs)
            if step >= WARM_UP:
                found.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def _copied(result: Any) -> Any:
    """The result in memory of its own: a CUDA graph writes over it."""
    return {k: v.clone() for k, v in result.items()} if isinstance(result, dict) else result.clone()


def _wait(inputs: tuple[torch.Tensor, ...]) -> None:
    if any(x.is_cuda for x in inputs):
        torch.cuda.synchronize()
