"""What an analysis is: a pass from graph to graph, a driver that runs it on pictures, and a result with its laws.

A pass is a frozen dataclass whose fields are its options; the graph it returns is an ordinary graph, which compiles in
one piece and exports like any other. A driver is given `build`, which turns a graph into something to call, so that it
runs on whatever backend the user chose.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import torch

from graphwright.compiler.ir.graph import Graph

#: A graph with the model's weights, ready to be called.
Build = Callable[[Graph], Callable[..., Any]]


@dataclass(frozen=True)
class Law:
    """An identity that was checked on this very run: it holds if `value` is at most `threshold`."""

    name: str
    value: float
    threshold: float

    @property
    def holds(self) -> bool:
        return self.value <= self.threshold

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "value": self.value, "threshold": self.threshold, "holds": self.holds}


@dataclass(frozen=True)
class Result:
    """What an analysis found: settings, laws, numbers for JSON, arrays for NPZ, maps [N, H, W] over the pictures.

    `nodes` has numbers of single nodes, by word; the explorer colours nodes by them.
    """

    analysis: str
    settings: Mapping[str, Any]
    laws: tuple[Law, ...]
    numbers: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    maps: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        nodes = {"nodes": {word: dict(found) for word, found in self.nodes.items()}} if self.nodes else {}
        return {"analysis": self.analysis, "settings": dict(self.settings), "laws": [w.as_dict() for w in self.laws],
                **self.numbers, **nodes}  # fmt: skip


def joined(parts: Sequence[Result]) -> Result:
    """The results of several batches as one: laws at their worst, lists and arrays one after the other,
    the means of what is known of nodes."""
    first = parts[0]
    laws = tuple(Law(law.name, max(p.laws[k].value for p in parts), law.threshold) for k, law in enumerate(first.laws))
    numbers = {
        key: [item for p in parts for item in p.numbers[key]] if isinstance(value, list) else value
        for key, value in first.numbers.items()
    }
    arrays, maps = (
        {key: np.concatenate([getattr(p, field_)[key] for p in parts]) for key in getattr(first, field_)}
        for field_ in ("arrays", "maps")
    )
    nodes = {
        word: {name: sum(p.nodes[word][name] for p in parts) / len(parts) for name in found}
        for word, found in first.nodes.items()
    }
    return Result(first.analysis, first.settings, laws, numbers, arrays, maps, nodes)


class Analysis(Protocol):
    """A pass with a driver. `source` is the paper it comes from."""

    name: ClassVar[str]
    source: ClassVar[str]

    def __call__(self, graph: Graph) -> Graph:
        """The instrumented graph."""
        ...

    def run(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Result:
        """Run on a batch of pictures; `targets` are the classes that are asked about, by default the predicted ones."""
        ...


def brought(analysis: Any, graph: Graph) -> Mapping[str, torch.Tensor]:
    """The weights that an analysis needs beside the model's own: of a guide, say. Most bring none."""
    found: Mapping[str, torch.Tensor] = getattr(analysis, "brought", lambda _: {})(graph)
    return found


def figures(analysis: Any, graph: Graph, result: Result, names: Sequence[str]) -> Mapping[str, Any]:
    """Pictures of a result beside its maps, by file name: of a path, say. Most analyses draw none."""
    found: Mapping[str, Any] = getattr(analysis, "figures", lambda *_: {})(graph, result, names)
    return found


def settings(analysis: Any) -> dict[str, Any]:
    """The options of an analysis, as they are recorded with its results."""
    return dataclasses.asdict(analysis)


def named(outputs: Any, graph: Graph) -> dict[str, torch.Tensor]:
    """What a built graph returned, by port."""
    return dict(outputs) if isinstance(outputs, Mapping) else {graph.outputs[0][0]: outputs}


def unharmed(
    base: Graph, instrumented: Graph, build: Build, inputs: Sequence[torch.Tensor], ports: Mapping[str, float]
) -> tuple[Mapping[str, torch.Tensor], tuple[Law, ...]]:
    """What an instrumented graph gives, with two laws: the model's own outputs are what they were, and a batch gives
    what its samples give alone, at these ports, within a threshold each. The first input is the model's."""
    call = build(instrumented)
    plain = named(build(base)(inputs[0]), base)
    found = named(call(*inputs), instrumented)
    alone = named(call(*(i[:1] for i in inputs)), instrumented)
    return found, (
        Law("outputs equal the base model's", max(apart(plain[p], found[p]) for p in plain), 0.0),
        *(Law("a batch equals its samples", apart(found[p][:1], alone[p]), within) for p, within in ports.items()),
    )


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference, relative to the largest value of the first; infinite where one is not a number."""
    if a.shape != b.shape:
        return float("inf")
    a, b = a.detach(), b.detach()
    if torch.equal(a, b):
        return 0.0
    difference = float((a.double() - b.double()).abs().max())
    scale = float(a.double().abs().max()) or 1.0
    return difference / scale if difference == difference else float("inf")
