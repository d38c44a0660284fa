"""A graph as plain data for the page: what is drawn, what is told of it, and the text it was written as.

Nodes, types and files are numbered; everything refers to them by number, so that thousands of nodes stay small.
The front end's `model.ts` has the same fields as types.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from graphwright.backends.drawing.sketch import COMFORTABLE, draw
from graphwright.backends.drawing.text import argument, clean, shape
from graphwright.backends.explorer.overlays import Overlay
from graphwright.backends.explorer.picturing import describe_run
from graphwright.backends.explorer.recording import Pictures, sized
from graphwright.backends.explorer.structure import structure
from graphwright.backends.explorer.tensors import filters, statistics
from graphwright.backends.explorer.theme import theme
from graphwright.backends.explorer.values import BUDGET
from graphwright.backends.explorer.writing import Writings
from graphwright.compiler.ir.diff import Change, diff
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph, Marks, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.cost import Cost, count
from graphwright.compiler.ops.op import Op

#: The version of the description; the page reads no other.
VERSION = 1
#: The longest doc and argument that is told.
LONG = 2_000
#: The part of a value's name that stands for the first output of a node; a parameter has its name in place of it.
Output = int | str


def describe(
    graph: Graph, weights: Mapping[str, torch.Tensor] | None = None, texts: Mapping[str, str] | None = None,
    pictures: Pictures | None = None, budget: int = BUDGET, old: Graph | None = None,
    overlays: Sequence[Overlay] = (),
) -> dict[str, Any]:  # fmt: skip
    """All that the page knows of a graph.

    With `weights`, a `state_dict` under the graph's names, every parameter has its distribution, and convolutions
    that read the picture have their filters as a picture. `texts` are spec files by the name places give them. With
    `pictures`, `run` tells what the model makes of them, and free sizes are theirs. With `old`,
    `changes` tells what was added to that graph, removed from it and changed, and has its own description in `former`.
    `overlays` are numbers that colour nodes.
    """
    graph = graph if pictures is None else sized(graph, pictures)
    describer = _Describer(graph, dict(weights or {}), Writings(dict(texts or {})))
    told = describer.described()
    if old is not None:
        former = describe(old)
        del former["theme"]
        told["changes"] = {
            "other": clean(old.name), "side": "new", "list": [_change(found) for found in diff(old, graph)],
            "former": former,
        }  # fmt: skip
    if pictures is not None:
        told["run"], sparse = describe_run(graph, weights or {}, pictures, budget)
        overlays = (*overlays, sparse)
    if overlays:
        told["overlays"] = [overlay.described(describer.numbers) for overlay in overlays]
    return told


def _change(found: Change) -> dict[str, Any]:
    details = [[clean(word) for word in words] for words in found.details]
    return {"kind": found.kind, "name": clean(found.name, LONG), "op": clean(found.op), "details": details}


@dataclass
class _Describer:
    """The tables that fill while a graph is described."""

    graph: Graph
    weights: dict[str, torch.Tensor]
    writings: Writings
    types: dict[Type, int] = field(default_factory=dict)
    ops: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        graph, costs = self.graph, count(self.graph)
        self.deployed = {n.name for n in graph.deployed().nodes}
        self.terms = {graph.producer(t.value): t for t in graph.losses}
        defaults = {k: v for e in (*graph.inputs, *graph.targets) for k, v in e.defaults.items()}
        free: frozenset[str] = frozenset().union(*(t.symbols for t in graph.types.values()))
        self.known: dict[str, Any] = {s: defaults.get(s, Dim.symbol(s)) for s in sorted(free)}
        nodes = [self._entry(e, "input") for e in graph.inputs]
        nodes += [self._entry(e, "target") for e in (graph.targets if graph.losses else ())]
        self.numbers = {n["name"]: k for k, n in enumerate(nodes)}
        self.numbers |= {n.name: len(nodes) + k for k, n in enumerate(graph.nodes)}
        nodes += [self._node(n, costs.nodes[n.name]) for n in graph.nodes]
        nodes += [self._result(name, value) for name, value in graph.outputs]
        return {
            "version": VERSION,
            "name": clean(graph.name),
            "doc": clean(graph.doc, LONG),
            "source": clean(graph.source, LONG),
            "sizes": {s: v for s, v in self.known.items() if isinstance(v, int)},
            "totals": {
                "parameters": costs.parameters, "frozen": costs.frozen, "buffers": costs.buffers,
                "macs": costs.macs, "flops": costs.flops, "bytes": costs.bytes, "uncounted": len(costs.uncounted),
            },
            "nodes": nodes,
            "tree": structure(graph, self.numbers, self._place),
            "depth": draw(graph).depth if len(graph.nodes) > COMFORTABLE else 99,
            "types": [{"text": str(t), "sizes": shape(t, self.known)} for t in self.types],
            "ops": self.ops,
            "theme": theme(),
            "files": self.writings.files(graph),
            "statistics": statistics(graph, self.weights),
            "filters": filters(graph, self.weights),
        }  # fmt: skip

    def _type(self, kind: Type) -> int:
        return self.types.setdefault(kind, len(self.types))

    def _place(self, place: Any) -> list[int] | None:
        """File, line, column, and the last line of what begins there."""
        return self.writings.place(place)

    def _entry(self, entry: Entry, kind: str) -> dict[str, Any]:
        return {
            "name": entry.name, "kind": kind, "out": [[entry.name, self._type(entry.type)]],
            "doc": clean(entry.doc, LONG), "place": self._place(entry.place), "training": kind == "target",
        }  # fmt: skip

    def _node(self, node: Node, cost: Cost) -> dict[str, Any]:
        names = node.op.outputs()
        if len(names) != len(node.outputs):
            names = tuple(map(str, range(len(node.outputs))))
        self._op(type(node.op))
        told: dict[str, Any] = {
            "name": node.name,
            "kind": "loss" if node.name in self.terms else "op",
            "op": node.op.name,
            "in": [[port, *self._value(value)] for port, value in node.inputs],
            "out": [[clean(name), self._type(t)] for name, t in zip(names, node.outputs, strict=True)],
            "cost": [cost.parameters, cost.macs, cost.flops, cost.bytes],
        }
        more = {
            "args": {name: _told(value, name) for name, value in node.op.arguments().items()},
            "place": self._place(node.place),
            "training": node.name not in self.deployed,
            "parameters": [[n, self._type(t)] for n, t in node.parameters],
            "buffers": [[n, self._type(t)] for n, t in node.buffers],
            "doc": clean(node.marks.doc, LONG),
            "marks": marks(node.marks),
        }
        return told | {k: v for k, v in more.items() if v}

    def _value(self, value: str) -> tuple[int, Output, int]:
        """The number of a value's producer, which of its outputs or parameters it is, and its type."""
        producer = self.graph.producer(value)
        rest = value[len(producer) + 1 :]
        return self.numbers[producer], int(rest) if rest.isdigit() else rest or 0, self._type(self.graph.types[value])

    def _result(self, name: str, value: str) -> dict[str, Any]:
        training = self.graph.producer(value) not in self.deployed | {e.name for e in self.graph.inputs}
        return {"name": name, "kind": "output", "in": [["", *self._value(value)]], "out": [], "training": training}

    def _op(self, cls: type[Op]) -> None:
        if cls.name not in self.ops:
            told = (inspect.getdoc(cls) or "") if cls.__doc__ else ""
            self.ops[cls.name] = {
                "family": cls.family,
                "doc": told,
                "args": [
                    [f.name, None if f.required else _told(f.default, f.name), clean(f.doc)]
                    for f in cls.fields()
                    if f.name not in cls.filled
                ],
            }


def _told(value: Any, name: str) -> str:
    if isinstance(value, Graph):
        return clean(argument(name, value).removeprefix(f"{name} "))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, tuple):
        return clean(f"({', '.join(_told(v, name) for v in value)})", LONG)
    return clean(f"{value:.6g}" if isinstance(value, float) else value, LONG)


def marks(said: Marks) -> list[str]:
    """What is marked, in the words of the language."""
    found = [word for word in ("freeze", "train_only", "reversible") if getattr(said, word)]
    found += [
        f"{word}: {value}" for word in ("tie", "checkpoint", "backward", "init") if (value := getattr(said, word))
    ]
    return [clean(word, 300) for word in (*found, *said.tags)]
