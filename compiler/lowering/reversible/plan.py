"""Which values of reversible scopes are computed back from which, found in the graph.

A state is what comes into a reversible scope. If the last node that reads it is `new = a old + b`, a and b made of
other values, the old state can be computed back from the new one: that is a step, whose own nodes compute a and b.
Neighbouring scopes are one region. Its backward pass undoes the steps from the last to the first, so that of all that
the scopes hand on to each other it keeps the last states alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.lowering.reversible.inverse import inverse
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.op import FLOATING
from graphwright.compiler.places import Problem, SpecError


@dataclass(frozen=True)
class Back:
    """The state that a step replaces, and its formula in the new one and the step's other inputs."""

    old: str
    formula: Formula


@dataclass(frozen=True)
class Step:
    """A value that is computed, and the way back from it, if there is one."""

    new: str
    back: Back | None = None


@dataclass(frozen=True)
class Region:
    """Reversible scopes that follow each other: their nodes, steps in order, and what the backward pass has to keep."""

    scopes: tuple[str, ...]
    nodes: frozenset[str]
    steps: tuple[Step, ...]
    kept: frozenset[str]


def regions(graph: Graph) -> tuple[Region, ...]:
    """The reversible regions of a graph; `SpecError` with every value that would have to be kept within one."""
    marked = [s.name for s in graph.scopes if s.marks.reversible]
    marked += [n.name for n in graph.nodes if n.marks.reversible]
    outer = [s for s in marked if not any(_within(s, o) and s != o for o in marked)]
    plans = [_Plan(graph, scopes) for scopes in _neighbours(graph, outer)]
    if problems := [problem for plan in plans for problem in plan.problems()]:
        raise SpecError(problems)
    return tuple(plan.region() for plan in plans)


def _within(name: str, scope: str) -> bool:
    return name == scope or name.startswith(f"{scope}.")


def _is_held(node: Node) -> bool:
    """Whether a node names what is there without any input: a parameter, a buffer, a constant."""
    return node.op.bare or (node.op.is_constant and not node.inputs)


def _neighbours(graph: Graph, scopes: list[str]) -> Iterator[tuple[str, ...]]:
    """Scopes in runs: each reads scopes before it, and nothing that other nodes made of what these put out."""
    inside = {s: {n.name for n in graph.nodes if _within(n.name, s)} for s in scopes}
    first = {s: next((k for k, n in enumerate(graph.nodes) if n.name in inside[s]), -1) for s in scopes}
    run: list[str] = []
    for scope in sorted((s for s in scopes if inside[s]), key=first.__getitem__):
        before = set[str]().union(*(inside[s] for s in run))
        sources = {graph.producer(v) for name in inside[scope] for v in graph.by_name[name].reads} - inside[scope]
        if run and (not sources & before or sources & (_dependents(graph, before) - before)):
            yield tuple(run)
            run = []
        run.append(scope)
    if run:
        yield tuple(run)


def _dependents(graph: Graph, names: set[str]) -> set[str]:
    """The nodes that depend on any of these, and these."""
    found = set(names)
    for node in graph.nodes:
        if any(graph.producer(v) in found for v in node.reads):
            found.add(node.name)
    return found


class _Plan:
    """The steps of one region. A pair (old, new) that turns out to be no step is banned, and all is found anew."""

    def __init__(self, graph: Graph, scopes: tuple[str, ...]) -> None:
        self.graph, self.scopes = graph, scopes
        self.home = {n.name: s for n in graph.nodes for s in scopes if _within(n.name, s) and not _is_held(n)}
        self.nodes = [n for n in graph.nodes if n.name in self.home]
        self.made = {v: None for n in self.nodes for v in n.values}
        self.crossing = [v for v in self.made if self._crosses(v)]
        self.last = {v: n for n in self.nodes for v in n.reads}
        self.banned: set[tuple[str, str]] = set()
        while True:
            self.olds = self._pairs()
            self.news = [v for v in self.made if v in {*self.crossing, *self.olds}]
            self.own = {new: self._own(new) for new in self.news}
            if not (wrong := {(old, new) for new, old in self.olds.items() if not self._is_step(old, new)}):
                break
            self.banned |= wrong

    # -- what is there ------------------------------------------------------------------------
    def _reads(self, value: str) -> tuple[str, ...]:
        return self.graph.by_name[self.graph.producer(value)].reads

    def _is_read(self, value: str, but: Callable[[str], bool]) -> bool:
        """Whether a value leaves the graph, or is read by a node for which `but` does not hold."""
        if value in self._wanted:
            return True
        names = self.graph.readers.get(self.graph.producer(value), ())
        return any(value in self.graph.by_name[name].reads and not but(name) for name in names)

    def _crosses(self, value: str) -> bool:
        """Whether a value is read outside the scope that computes it."""
        home = self.home[self.graph.producer(value)]
        return self._is_read(value, lambda name: self.home.get(name) == home)

    def _leaves(self, value: str) -> bool:
        """Whether a value is read outside the region."""
        return self._is_read(value, self.home.__contains__)

    @cached_property
    def _wanted(self) -> frozenset[str]:
        return frozenset([v for _, v in self.graph.outputs] + [t.value for t in self.graph.losses])

    def _is_parameter(self, value: str) -> bool:
        """Whether a value is a parameter, a buffer or a constant; those stay as they are."""
        owner = self.graph.by_name.get(self.graph.producer(value))
        return owner is not None and (value not in owner.values or _is_held(owner))

    # -- what is computed back ----------------------------------------------------------------
    def _pairs(self) -> dict[str, str]:
        """What replaces each state, and the state."""
        olds: dict[str, str] = {}
        pending = [v for v in self.last if v not in self.made and not self._is_parameter(v)] + self.crossing
        for old in pending:
            node = self.last.get(old)
            if node and node.name not in olds and (old, node.name) not in self.banned and self._undo(node, old):
                olds[node.name] = old
                if node.name not in self.crossing:
                    pending.append(node.name)
        return olds

    def _undo(self, node: Node, old: str) -> Formula | None:
        """The formula of `old` from what the node puts out and its other inputs."""
        types = [self.graph.types[v] for v in node.reads]
        fits = self.graph.types[old] == node.outputs[0] and all(t.dtype in FLOATING for t in types)
        if not fits or len(node.outputs) > 1 or node.reads.count(old) > 1:
            return None
        return inverse(node.op, len(node.reads), node.reads.index(old))

    def _own(self, new: str) -> set[str]:
        """The values that serve this step alone, and those that they read: new ones, and what comes from outside."""
        found: set[str] = set()
        pending = [v for v in self._reads(new) if v != self.olds.get(new)]
        while pending:
            value = pending.pop()
            if value not in found:
                found.add(value)
                pending += self._reads(value) if value in self.made and value not in self.news else ()
        return found

    def _is_step(self, old: str, new: str) -> bool:
        """Whether a step is not made of what it replaces; what comes from outside is only replaced by a state."""
        return old not in self.own[new] and (old in self.made or new in self.crossing or new in self.olds.values())

    # -- the result ---------------------------------------------------------------------------
    @cached_property
    def kept(self) -> frozenset[str]:
        """What the backward pass reads and no step gives back."""
        read = {v for own in self.own.values() for v in own if v in self.news or v not in self.made}
        return frozenset(v for v in read | self.olds.keys() if not self._is_parameter(v)) - {*self.olds.values()}

    def region(self) -> Region:
        """The steps in order."""
        return Region(self.scopes, frozenset(self.home), tuple(Step(v, self._back(v)) for v in self.news), self.kept)

    def _back(self, new: str) -> Back | None:
        old = self.olds.get(new)
        formula = old and self._undo(self.graph.by_name[self.graph.producer(new)], old)
        return Back(old, formula) if old and formula else None

    def problems(self) -> Iterator[Problem]:
        """States that would have to be kept, and values that would be computed twice."""
        for value in self.made:
            node = self.graph.by_name[self.graph.producer(value)]
            readers = [new for new in self.news if value in self.own[new]]
            if value in self.kept and self.home[node.name] != self.scopes[-1] and not self._leaves(value):
                yield Problem(node.place, f"'{value}' is handed on by a reversible scope, and not computed back", _HINT)
            elif len(readers) > 1 and value not in self.news and self._is_last_common(value, readers):
                two = " and ".join(f"'{new}'" for new in readers[:2])
                yield Problem(node.place, f"'{value}' is in a reversible scope, and in two of its steps, {two}", _HINT)
        if not self.olds:
            rule = f"'{self.scopes[0]}' is not reversible: nothing that it reads is computed back"
            yield Problem(self.nodes[0].place, rule, _HINT)

    def _is_last_common(self, value: str, steps: list[str]) -> bool:
        """Whether nothing else that two steps have in common was made of the value."""
        common = self.own[steps[0]] & self.own[steps[1]]
        return not any(value in self._reads(v) for v in common if v in self.made and v not in self.news)


_HINT = "the last node that reads a state must be new = a * state + b, where a and b are made of other values"
