"""Numbers of nodes that colour the page: how long each takes, how much of it is zero, what an analysis found."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import fx

from graphwright.backends.drawing.text import clean
from graphwright.backends.examples import example_inputs
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail

#: Steps that are timed, after one that is not.
STEPS = 5


@dataclass(frozen=True)
class Overlay:
    """A number for some of the nodes. A block has the sum of its nodes' numbers if `adds`, else their mean."""

    name: str
    values: Mapping[str, float]
    unit: str = ""
    adds: bool = False

    def described(self, numbers: Mapping[str, int]) -> dict[str, Any]:
        """For the page, by the numbers of nodes; what is not finite is left out."""
        known = {numbers[n]: v for n, v in self.values.items() if n in numbers and math.isfinite(v)}
        values = [[k, float(f"{v:.5g}")] for k, v in known.items()]
        return {"name": clean(self.name, 40), "unit": self.unit, "adds": self.adds, "values": values}


def zeros(recorded: Sequence[Mapping[str, torch.Tensor]]) -> Overlay:
    """The share of each value that is zero, over all pictures."""
    found: dict[str, list[float]] = {}
    for values in recorded:
        for name, value in values.items():
            if value.is_floating_point() and value.numel():
                found.setdefault(name, []).append(float((value == 0).double().mean()))
    return Overlay("zeros", {name: statistics.fmean(shares) for name, shares in found.items()})


def times(graph: Graph, weights: Mapping[str, torch.Tensor], inputs: Sequence[torch.Tensor] | None = None) -> Overlay:
    """Milliseconds of each node of the deployed graph, one op after the other on this machine: medians of `STEPS`."""
    deployed = graph.deployed()
    module = lower(deployed).eval()
    module.load_state_dict({name: weights.get(name, tensor) for name, tensor in module.state_dict().items()})
    clock = _Clock(module)
    with torch.inference_mode():
        for _ in range(STEPS + 1):
            clock.run(*(example_inputs(deployed) if inputs is None else inputs))
    return Overlay("time", {n: 1e3 * statistics.median(s[1:]) for n, s in clock.seconds.items()}, "ms", True)


class _Clock(fx.Interpreter):
    """Runs a lowered graph op by op and keeps what each node of the spec took."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.seconds: dict[str, list[float]] = {}

    def run(self, *args: Any, **rest: Any) -> Any:
        self.step: dict[str, float] = {}
        result = super().run(*args, **rest)
        for name, seconds in self.step.items():
            self.seconds.setdefault(name, []).append(seconds)
        return result

    def run_node(self, n: fx.Node) -> Any:
        start = time.perf_counter()
        result = super().run_node(n)
        if name := n.meta.get("spec_node"):
            self.step[name] = self.step.get(name, 0.0) + time.perf_counter() - start
        return result


def read(path: Path, graph: Graph) -> list[Overlay]:
    """What an analysis found of the graph's nodes: its folder, or a file, `{"nodes": {word: {node: number}}}`."""
    file = path / "result.json" if path.is_dir() else path
    try:
        told = json.loads(file.read_text(encoding="utf-8"))["nodes"]
        found = [Overlay(str(word), {str(n): float(v) for n, v in values.items()}) for word, values in told.items()]
    except OSError as error:
        raise fail(NOWHERE, f"{file} cannot be read: {error.strerror}", _HINT) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise fail(NOWHERE, f"{file} has no numbers of nodes", _HINT) from None
    fitting = [overlay for overlay in found if any(_node(graph, n) in graph.by_name for n in overlay.values)]
    if not fitting:
        raise fail(NOWHERE, f"{file} has no numbers of nodes of {graph.name}", "it is of another model")
    return [Overlay(o.name, {_node(graph, n): v for n, v in o.values.items() if _node(graph, n)}) for o in fitting]


_HINT = "`graphwright analyze` writes a folder with them: linear-interpreter, layer-masking, neuron-path, guidance"


def _node(graph: Graph, value: str) -> str:
    """The node or input that a value is of; nothing where the graph has none."""
    producer = graph.producer(value) if value in graph.types else value
    return producer if producer in graph.by_name or any(e.name == producer for e in graph.inputs) else ""
