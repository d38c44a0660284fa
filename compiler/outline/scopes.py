"""The tree of scopes of a flat graph, with what each scope reads from outside and gives to the outside.

A scope whose nodes do not stand together in the list, or that is tied to something out of its sight, dissolves into
the scope around it: its entries then have dotted names there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphwright.compiler.ir.graph import Graph, Marks, Node, Scope
from graphwright.compiler.places import fail

if TYPE_CHECKING:
    from graphwright.compiler.outline.shapes import Shape


class Many(tuple[Any, ...]):
    """Values that are read in a row, as one list."""


@dataclass(eq=False)
class Part:
    """A node, or a scope of parts. `start` and `stop` bound its nodes in the list of the graph."""

    name: str
    path: str
    start: int
    stop: int
    node: Node | None = None
    parts: list[Part] = field(default_factory=list)
    scope: Scope | None = None
    #: Values read from outside (of a node: all its reads), in order; and values that are read outside.
    feeds: list[Any] = field(default_factory=list)
    outs: list[str] = field(default_factory=list)
    hint: str = ""
    tie: str | None = None
    freeze: bool = False
    train_only: bool = False
    #: The structure it shares with others, and its number among them.
    shape: Shape | None = None
    index: int = 0

    @property
    def ports(self) -> tuple[str, ...]:
        """Of a node: the port of each feed, a list being one."""
        names = iter(p for p, _ in self.node.inputs) if self.node else iter(())
        found = []
        for feed in self.feeds:
            found.append(next(names))
            for _ in feed[1:] if isinstance(feed, Many) else ():
                next(names)
        return tuple(found)

    @property
    def marks(self) -> Marks:
        """What is said about it beyond its computation."""
        return self.node.marks if self.node else self.scope.marks if self.scope else Marks()

    def walk(self) -> Iterator[Part]:
        """The scopes inside and itself, the inner ones first."""
        for part in self.parts:
            if part.node is None:
                yield from part.walk()
        yield self

    def nodes(self) -> Iterator[Node]:
        """Its nodes, in order."""
        if self.node is not None:
            yield self.node
        for part in self.parts:
            yield from part.nodes()


class Values:
    """Where each value comes from and who reads it last, as positions in the list of nodes."""

    def __init__(self, graph: Graph, nodes: Sequence[Node], kept: Sequence[str]) -> None:
        self.graph = graph
        self.position = {n.name: k for k, n in enumerate(nodes)}
        self.last: dict[str, float] = {}
        for k, node in enumerate(nodes):
            self.last.update(dict.fromkeys(node.reads, k))
        self.last.update(dict.fromkeys(kept, math.inf))

    def made_in(self, value: str, part: Part) -> bool:
        """Whether a value is computed inside."""
        return part.start <= self.position.get(self.graph.producer(value), -1) < part.stop

    def read_after(self, value: str, stop: int) -> bool:
        """Whether a value is read from the position `stop` on, or leaves the graph."""
        return self.last.get(value, -1) >= stop


def scope_tree(
    graph: Graph, nodes: Sequence[Node], kept: Sequence[str], prefix: str = "", apart: Iterable[str] = ()
) -> tuple[Part, Values]:
    """The root of the tree of `nodes`, whose names begin with `prefix`.

    `kept` are the values that leave them, and the scopes around the nodes `apart` dissolve.
    """
    values = Values(graph, nodes, kept)
    dissolved = _torn(nodes) | {scope for name in apart for scope in prefixes(name)}
    while True:
        root = Part("", prefix.rstrip("."), 0, len(nodes))
        scopes = {s.name: s for s in graph.scopes}
        root.parts = _parts(nodes, 0, prefix, "", dissolved, scopes)
        _fill(root, values)
        pinned = set(_out_of_sight(root, root.path))
        if not pinned:
            _keep_marks(dissolved, scopes)
            return root, values
        dissolved |= pinned


def _keep_marks(dissolved: set[str], scopes: dict[str, Scope]) -> None:
    """An error for a mark of a scope that has nowhere to stand."""
    for name in sorted(dissolved & scopes.keys()):
        marks = scopes[name].marks
        if lost := [w for w in ("checkpoint", "reversible", "backward", "tags") if getattr(marks, w)]:
            raise fail(scopes[name].place, f"'{name}' is marked {lost[0]}, but its nodes do not stand together")


def prefixes(name: str) -> Iterator[str]:
    """The scopes that a dotted name stands in, the outer ones first."""
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)


def _torn(nodes: Sequence[Node]) -> set[str]:
    """Scopes whose nodes do not stand together."""
    first: dict[str, int] = {}
    count: dict[str, int] = {}
    torn: set[str] = set()
    for k, node in enumerate(nodes):
        for name in prefixes(node.name):
            if k - first.setdefault(name, k) != count.get(name, 0):
                torn.add(name)
            count[name] = count.get(name, 0) + 1
    for node in nodes:
        if node.name in count:
            raise fail(node.place, f"'{node.name}' is a node and a scope of others", "a spec has one of them by a name")
    return torn


def _parts(
    nodes: Sequence[Node], offset: int, prefix: str, shown: str, dissolved: set[str], scopes: dict[str, Scope]
) -> list[Part]:
    """The entries of one scope. `shown` is what the names of entries of a dissolved scope begin with."""
    found: list[Part] = []
    at = 0
    while at < len(nodes):
        word, dot, _ = nodes[at].name[len(prefix) :].partition(".")
        path = prefix + word
        stop = at + 1
        if not dot:
            found.append(Part(shown + word, path, offset + at, offset + stop, nodes[at]))
        else:
            while stop < len(nodes) and nodes[stop].name.startswith(path + "."):
                stop += 1
            inside = nodes[at:stop]
            if path in dissolved:
                found += _parts(inside, offset + at, path + ".", f"{shown}{word}.", dissolved, scopes)
            else:
                part = Part(shown + word, path, offset + at, offset + stop, scope=scopes.get(path))
                part.parts = _parts(inside, offset + at, path + ".", "", dissolved, scopes)
                found.append(part)
        at = stop
    return found


def _fill(part: Part, values: Values) -> None:
    """What crosses the border of every scope, and what all of its nodes are marked with."""
    if part.node is not None:
        part.feeds = list(part.node.reads)
        state = [f"{part.path}.{n}" for n, _ in (*part.node.parameters, *part.node.buffers)]
        part.outs = [v for v in (*part.node.values, *state) if values.read_after(v, part.stop)]
        part.tie, part.freeze, part.train_only = part.marks.tie, part.marks.freeze, part.marks.train_only
        return
    for child in part.parts:
        _fill(child, values)
    feeds = (v for child in part.parts for v in child.feeds)
    part.feeds = list(dict.fromkeys(v for v in feeds if not values.made_in(v, part)))
    part.outs = [v for child in part.parts for v in child.outs if values.read_after(v, part.stop)]
    part.freeze = all(child.freeze for child in part.parts)
    part.train_only = all(child.train_only for child in part.parts)
    part.tie = _common_tie(part)


def _common_tie(part: Part) -> str | None:
    """The scope that all parameters of this one are tied to, each to its namesake there."""
    bases: set[str | None] = set()
    for child in part.parts:
        if child.tie and child.tie.endswith("." + child.name):
            bases.add(child.tie[: -len(child.name) - 1])
        elif child.tie or any(n.parameters for n in child.nodes()):
            return None
    base = bases.pop() if len(bases) == 1 else None
    outside = base and not f"{base}.".startswith(part.path + ".")
    return base if outside else None


def _out_of_sight(part: Part, root: str) -> Iterator[str]:
    """Scopes that must dissolve, because a tie inside leads out of them."""
    for child in part.parts:
        if child.tie and not part.tie:
            scope = part.path
            while scope != root and not child.tie.startswith(scope + "."):
                yield scope
                scope = scope.rpartition(".")[0]
        if child.node is None:
            yield from _out_of_sight(child, root)
