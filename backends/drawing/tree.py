"""The tree of scopes of a graph, and the copies in it that can be drawn once.

Two sibling scopes are copies when their names differ in numbers only and their nodes agree in relative names,
ops, arguments (real numbers such as drop rates left out: they change no structure), wiring and types. A run of
copies, or of a period of up to four siblings, becomes one `Fold`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graphwright.compiler.ir.graph import Graph, Node

LONGEST_PERIOD = 4


@dataclass(frozen=True)
class Part:
    """A node, or a scope with its parts in order."""

    name: str
    node: Node | None = None
    parts: tuple[Part, ...] = ()

    @property
    def label(self) -> str:
        """The last segment of the name."""
        return self.name.rpartition(".")[2]

    def nodes(self) -> Iterator[Node]:
        """All nodes of the part, in order within each scope."""
        if self.node is not None:
            yield self.node
        for part in self.parts:
            yield from part.nodes()


@dataclass(frozen=True)
class Fold:
    """Copies of one or more siblings; the first copy is drawn for all."""

    copies: tuple[tuple[Part, ...], ...]


def grow(graph: Graph) -> tuple[Part, ...]:
    """The parts at the top of the graph, from the dotted names of its nodes. A scope that is left and entered again
    would be drawn with arrows in circles, so its parts stand in the scope around it."""
    root: dict[str, Any] = {}
    for node in graph.nodes:
        level = root
        *path, last = node.name.split(".")
        for segment in path:
            level = level.setdefault(f"{segment}.", {})
        level[last] = node
    return _parts(root, "", graph, {n.name: k for k, n in enumerate(graph.nodes)})


def _parts(level: dict[str, Any], prefix: str, graph: Graph, order: dict[str, int]) -> tuple[Part, ...]:
    parts: list[Part] = []
    dissolved = False
    for key, value in level.items():
        name = prefix + key.rstrip(".")
        if isinstance(value, Node):
            parts.append(Part(name, value))
            continue
        part = Part(name, None, _parts(value, name + ".", graph, order))
        whole = _convex(part, graph, order)
        parts += [part] if whole else part.parts
        dissolved |= not whole
    return tuple(sorted(parts, key=lambda p: order[next(p.nodes()).name]) if dissolved else parts)


def _convex(part: Part, graph: Graph, order: dict[str, int]) -> bool:
    """Whether no path leaves the part and comes back."""
    inside = {n.name for n in part.nodes()}
    places = [order[name] for name in inside]
    outside: set[str] = set()  # what depends on the part, in the stretch of the graph that the part covers
    if max(places) - min(places) + 1 == len(places):
        return True
    for node in graph.nodes[min(places) : max(places) + 1]:
        producers = {graph.producer(v) for v in node.reads}
        if node.name in inside and producers & outside:
            return False
        if node.name not in inside and (producers & outside or producers & inside):
            outside.add(node.name)
    return True


def height(parts: Sequence[Part]) -> int:
    """How many levels of scopes there are."""
    return max((1 + height(p.parts) for p in parts if p.node is None), default=0)


def fold(parts: Sequence[Part], graph: Graph) -> Iterator[Part | Fold]:
    """The parts in order, with every run of copies as one `Fold`."""
    keys = [_key(p, graph) for p in parts]
    order = {n.name: k for k, n in enumerate(graph.nodes)}
    start = 0
    while start < len(parts):
        period, count = _longest(keys, start)
        copies = tuple(tuple(parts[i : i + period]) for i in range(start, start + period * count, period))
        copies = copies[: _foldable(copies, graph, order)]
        yield Fold(copies) if len(copies) > 1 else parts[start]
        start += len(copies) * period if len(copies) > 1 else 1


def _longest(keys: Sequence[Any], start: int) -> tuple[int, int]:
    """The period and the number of copies that cover most siblings from `start`."""
    best = (1, 1)
    for period in range(1, LONGEST_PERIOD + 1):
        unit, count = keys[start : start + period], 1
        if None in unit:
            break
        while keys[start + period * count : start + period * (count + 1)] == unit:
            count += 1
        if count > 1 and period * count > best[0] * best[1]:
            best = (period, count)
    return best


def _key(part: Part, graph: Graph) -> Any:
    """What copies have in common; `None` for what is never folded (a single node whose name is no number)."""
    if part.node is not None and not part.label.isdigit():
        return None
    stem = re.sub(r"\d+", "#", part.label)
    return (stem, _digest((part,), graph)) if "#" in stem else None


def _digest(parts: Sequence[Part], graph: Graph) -> int:
    """A number that is equal for parts of the same structure. Values from outside are told apart by type and order."""
    inside = {n.name: (i, n.name[len(p.name) :]) for i, p in enumerate(parts) for n in p.nodes()}
    outside: dict[str, int] = {}
    rows = []
    for part in parts:
        for node in part.nodes():
            reads: list[tuple[object, ...]] = []
            for port, value in node.inputs:
                producer = graph.producer(value)
                if producer in inside:
                    reads.append((port, inside[producer], value[len(producer) :]))
                else:
                    reads.append((port, outside.setdefault(value, len(outside)), graph.types.get(value)))
            fixed = tuple((k, repr(v)) for k, v in node.op.arguments().items() if not isinstance(v, float))
            marks = (node.marks.train_only, node.marks.tie is None)
            rows.append((inside[node.name], node.op.name, fixed, tuple(reads), node.outputs, marks))
    return hash(tuple(rows))


def _foldable(copies: Sequence[Sequence[Part]], graph: Graph, order: dict[str, int]) -> int:
    """For how many copies the first can be drawn: the wiring is kept and every arrow points onwards."""
    if len(copies) == 1:
        return 1
    unit = _digest(copies[0], graph)
    first = min(order[n.name] for part in copies[0] for n in part.nodes())
    inside: set[str] = set()
    for count, copy in enumerate(copies):
        nodes = [n for part in copy for n in part.nodes()]
        inside |= {n.name for n in nodes}
        producers = {graph.producer(v) for n in nodes for v in n.reads} - inside
        if any(order.get(p, -1) >= first for p in producers) or (len(copy) > 1 and _digest(copy, graph) != unit):
            return max(count, 1)
    return len(copies)
