"""The graph: a frozen, ordered list of named, typed nodes, and the scopes it was expanded from.

Structure: `inputs` and `targets` name the values that enter; each node reads values defined before it;
`outputs` name the values that leave; `losses` are the terms of the training objective.
A value is written `node` (its first output), `node:1` (its second), or `node.weight` (a parameter).
Names are identity: they are module paths and `state_dict` prefixes, and no transform renumbers them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import NOWHERE, Place


@dataclass(frozen=True)
class Entry:
    """An input or a target of the graph: a name, a type, and the sizes its symbols take in reports."""

    name: str
    type: Type
    defaults: Mapping[str, int] = field(default_factory=dict)
    doc: str = ""
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class Marks:
    """What is said about a node or scope beyond its computation. Marks change no value."""

    tie: str | None = None
    freeze: bool = False
    train_only: bool = False
    #: True, or a word: what has the same word is recomputed together.
    checkpoint: bool | str = False
    reversible: bool = False
    backward: Any = None
    init: Any = None
    tags: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True)
class Node:
    """One application of an op. `inputs` are (port, value) pairs; a port `x*` occurs once per value.

    `parameters` and `buffers` are the op's state at these inputs, whether or not the node owns it (see `owned`).
    """

    name: str
    op: Op
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[Type, ...] = ()
    parameters: tuple[tuple[str, Type], ...] = ()
    buffers: tuple[tuple[str, Type], ...] = ()
    marks: Marks = Marks()
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def reads(self) -> tuple[str, ...]:
        """The values the node reads, in order."""
        return tuple(value for _, value in self.inputs)

    @property
    def values(self) -> tuple[str, ...]:
        """The values the node computes."""
        return (self.name, *(f"{self.name}:{k}" for k in range(1, len(self.outputs))))

    def arrange(self, table: Mapping[str, Any]) -> tuple[Any, ...]:
        """What `table` has for the inputs, in the order of the op's ports: a tuple for `x*`, None where not given."""
        if self.op.free_ports:
            return (tuple(table[v] for v in self.reads),)
        found: list[Any] = []
        for port in self.op.ports:
            items = tuple(table[v] for p, v in self.inputs if p == port.name)
            found.append(items if port.many else items[0] if items else None)
        return tuple(found)

    @property
    def owned(self) -> tuple[tuple[str, Type], ...]:
        """The parameters that are the node's own: neither tied to another node's nor given as an input."""
        ports = {p.name for p in self.op.ports}
        given = set() if self.op.free_ports else {p for p, _ in self.inputs if p not in ports}
        return () if self.marks.tie else tuple((n, t) for n, t in self.parameters if n not in given)


@dataclass(frozen=True)
class Scope:
    """A level of names: what block it came from, and its marks."""

    name: str
    block: str = ""
    marks: Marks = Marks()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class Setting:
    """A value of the `train` or `expect` section, as plain data (numbers, text, lists, mappings), with its place."""

    value: Any
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True)
class Term:
    """A term of the training objective: `weight * value`; `weight` is a number or a schedule (a mapping)."""

    name: str
    value: str
    weight: Any = 1.0


@dataclass(frozen=True)
class Rewrite:
    """How weights saved before a transform become those after it: a rule, and the names it uses."""

    rule: str
    names: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Graph:
    """A model as data. `train` and `expect` hold the spec's sections of these names, not interpreted here."""

    name: str
    inputs: tuple[Entry, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, str], ...]
    targets: tuple[Entry, ...] = ()
    losses: tuple[Term, ...] = ()
    scopes: tuple[Scope, ...] = ()
    doc: str = ""
    source: str = ""
    train: Mapping[str, Setting] = field(default_factory=dict)
    expect: Mapping[str, Setting] = field(default_factory=dict)
    #: What must be done to weights saved before a transform changed the graph.
    rewrites: tuple[Rewrite, ...] = ()

    #: How a graph shows itself in a notebook; set by the front door, since drawings know graphs and not the reverse.
    picture: ClassVar[Callable[[Graph], str] | None] = None

    def __str__(self) -> str:
        from graphwright.compiler.ir.text import dump  # the text form knows graphs, so it comes later

        return dump(self, places=False)

    def _repr_svg_(self) -> str | None:
        draw = type(self).picture
        return None if draw is None else draw(self)

    def __hash__(self) -> int:  # mappings among the fields have no hash
        return hash((self.name, tuple(n.name for n in self.nodes), self.outputs))

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by name."""
        return {n.name: n for n in self.nodes}

    @cached_property
    def types(self) -> dict[str, Type]:
        """The type of every value of inputs, targets and nodes, parameters included."""
        found = {e.name: e.type for e in (*self.inputs, *self.targets)}
        for node in self.nodes:
            found.update(zip(node.values, node.outputs, strict=True))
            found.update({f"{node.name}.{n}": t for n, t in (*node.parameters, *node.buffers)})
        return found

    @cached_property
    def readers(self) -> dict[str, tuple[str, ...]]:
        """The names of the nodes that read each node or entry (by any of its values)."""
        found: dict[str, dict[str, None]] = {}
        for node in self.nodes:
            for value in node.reads:
                found.setdefault(self.producer(value), {})[node.name] = None
        return {k: tuple(v) for k, v in found.items()}

    @cached_property
    def lenders(self) -> frozenset[str]:
        """The nodes whose parameters are others' too: tied to, or read as values."""
        read = (self.producer(v) for n in self.nodes for v in n.reads if "." in v and v not in self._computed)
        return frozenset(n.marks.tie for n in self.nodes if n.marks.tie) | frozenset(read)

    @cached_property
    def _computed(self) -> frozenset[str]:
        return frozenset(v for n in self.nodes for v in n.values)

    @cached_property
    def _entries(self) -> frozenset[str]:
        return frozenset(e.name for e in (*self.inputs, *self.targets))

    def producer(self, value: str) -> str:
        """The node or entry that a value comes from."""
        name = value.partition(":")[0]
        if name in self.by_name or name in self._entries:
            return name
        return name.rpartition(".")[0]

    def input_types(self, node: Node) -> tuple[Any, ...]:
        """The types of a node's inputs, as its op wants them."""
        return node.arrange(self.types)

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers that free sizes take in reports: their defaults, else 1."""
        found: dict[str, int] = {}
        for entry in (*self.inputs, *self.targets):
            found.update({s: 1 for s in sorted(entry.type.symbols) if s not in found})
            found.update(entry.defaults)
        return found

    def with_(self, **changes: Any) -> Graph:
        """A copy with some fields replaced."""
        return dataclasses.replace(self, **changes)

    def deployed(self) -> Graph:
        """The graph that the outputs need: what is `train_only`, the targets and the losses are gone.

        A node that reads what is `train_only` as an optional input does without it.
        """
        marked = {n.name for n in self.nodes if n.marks.train_only}
        outputs = tuple(o for o in self.outputs if self.producer(o[1]) not in marked)
        kept = tuple(n if n.name in marked else self._without(n, marked) for n in self.nodes)
        deployed = self.with_(nodes=kept)._needed(value for _, value in outputs)
        return self.with_(nodes=deployed, outputs=outputs, targets=(), losses=())

    def _without(self, node: Node, marked: set[str]) -> Node:
        """A node without the optional inputs that come from these nodes."""
        optional = {port.name for port in node.op.ports if port.optional}
        inputs = tuple((p, v) for p, v in node.inputs if p not in optional or self.producer(v) not in marked)
        return node if len(inputs) == len(node.inputs) else dataclasses.replace(node, inputs=inputs)

    def training(self) -> Graph:
        """The graph that outputs and losses need together."""
        return self.with_(nodes=self._needed([*(v for _, v in self.outputs), *(t.value for t in self.losses)]))

    def _needed(self, values: Iterable[str]) -> tuple[Node, ...]:
        needed = {self.producer(v) for v in values}
        for node in reversed(self.nodes):
            if node.name in needed:
                needed |= {self.producer(v) for v in node.reads}
                if node.marks.tie:
                    needed.add(node.marks.tie)
        return tuple(n for n in self.nodes if n.name in needed)
