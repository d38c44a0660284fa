"""How fast a device can be, measured, and how far from that a model runs: the roofline of Williams, Waterman and
Patterson (doi:10.1145/1498765.1498785).

A model with F FLOPs that moves B bytes can run at min(peak, F / B * bandwidth) FLOP/s. F is the static count of
`compiler.lowering.cost`. B is a static estimate: every node reads its inputs and its parameters and buffers and writes
its outputs, once each. A compiler that fuses nodes moves less than that, so a share above 1 is fusion, not a mistake;
`least` bytes (inputs, outputs and state of the whole model, once each) bound what fusing can save. A backward pass is
counted as two forward passes more, in FLOPs and in bytes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from graphwright.backends.options import DTYPES, Options
from graphwright.compiler.ir.graph import Entry, Graph, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.cost import count

#: Rows of the square matrices that are multiplied, and elements of the vectors of the triad, by kind of device.
ROWS = {"cuda": 8192}
ELEMENTS = {"cuda": 1 << 28}
BACKWARD = 2
#: Seconds after which no call is repeated.
PATIENCE = 3.0


@dataclass(frozen=True)
class Device:
    """What a device was measured to do: FLOP/s of a large matrix product, bytes/s of a large triad a = b + s c."""

    flops_per_second: float
    bytes_per_second: float

    def attainable(self, work: Work) -> float:
        """FLOP/s that the roofline allows."""
        return min(self.flops_per_second, work.intensity * self.bytes_per_second)


@dataclass(frozen=True)
class Work:
    """The FLOPs of a step, the bytes that its nodes move one by one, and the bytes that cannot be saved."""

    flops: int
    bytes: int
    least: int
    uncounted: int = 0

    @property
    def intensity(self) -> float:
        """FLOPs a byte."""
        return self.flops / max(1, self.bytes)


def measured(device: str | torch.device, options: Options, repeats: int = 5) -> Device:
    """Both figures, the best of some repeats, in the precision of the options."""
    place = torch.device(device)
    rows, elements = ROWS.get(place.type, 1024), ELEMENTS.get(place.type, 1 << 24)
    with options.running(place), torch.no_grad():
        a, b = (torch.randn(rows, rows, device=place, dtype=DTYPES[options.dtype]) for _ in range(2))
        product = _best(lambda: torch.mm(a, b), place, repeats)
        x, y, z = (torch.ones(elements, device=place) for _ in range(3))
        triad = _best(lambda: torch.add(y, z, alpha=0.5, out=x), place, repeats)
    return Device(2 * rows**3 / product, 3 * elements * x.element_size() / triad)


def _best(call: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Seconds of the fastest call, the first, which sets up, left out where calls are quick."""
    found: list[float] = []
    while len(found) <= repeats and sum(found) < PATIENCE:
        wait(device)
        start = time.perf_counter()
        call()
        wait(device)
        found.append(time.perf_counter() - start)
    return min(found[1:] or found)


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def work(graph: Graph, sizes: Mapping[str, int], backward: bool = False) -> Work:
    """The work of a step of the deployed graph at these sizes."""
    deployed = at_sizes(graph.deployed(), sizes)
    chosen = deployed.sizes
    types = deployed.types
    report = count(deployed)
    moved = sum(_bytes(_touched(deployed, node, types), chosen) for node in deployed.nodes)
    state = (kind for node in deployed.nodes for _, kind in (*node.owned, *node.buffers))
    ends = (types[name] for name in (*(e.name for e in deployed.inputs), *(v for _, v in deployed.outputs)))
    least = _bytes((*state, *ends), chosen)
    times = 1 + BACKWARD * backward
    return Work(times * report.flops, times * moved, times * least, len(report.uncounted))


def at_sizes(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """The graph whose reports take these numbers for its free sizes."""

    def entry(found: Entry) -> Entry:
        names = {str(symbol) for symbol in found.type.symbols}
        return replace(found, defaults={**found.defaults, **{k: v for k, v in sizes.items() if k in names}})

    return graph.with_(inputs=tuple(entry(e) for e in graph.inputs))


def _touched(graph: Graph, node: Node, types: Mapping[str, Type]) -> Iterable[Type]:
    """What a node reads and writes; inputs that are parameters of other nodes are among its reads."""
    state = (kind for _, kind in (*node.parameters, *node.buffers))
    return (*(types[value] for value in node.reads), *state, *node.outputs)


def _bytes(kinds: Iterable[Type], sizes: Mapping[str, int]) -> int:
    return sum(int(kind.at(sizes).nbytes()) for kind in kinds)


def summary(seconds: Iterable[float]) -> dict[str, float]:
    """Median and the tenth and ninetieth percentiles."""
    found = sorted(seconds)
    deciles = statistics.quantiles(found, n=10, method="inclusive") if len(found) > 1 else [found[0]] * 9
    return {"median": statistics.median(found), "p10": deciles[0], "p90": deciles[-1]}
