"""Structures that scopes share: the same entries, ops and wiring, whatever the values of the arguments.

A `Shape` is one structure and its `members` are the scopes that have it. Its entries are nodes or scopes, or runs of
them: numbered copies in series, of which each member may have another number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphwright.compiler.ir.graph import Marks
from graphwright.compiler.ops.op import Op
from graphwright.compiler.outline.scopes import Many, Part, Values

#: Something a structure reads: (-1, number of an input), (number of an entry, number or word of an output), or `Many`.
Ref = tuple[int, Any]
_NUMBERED = re.compile(r"((?:[A-Za-z0-9_-]*[A-Za-z_-])?)(0|[1-9][0-9]*)\Z")
#: Fewer copies of a primitive are written one by one.
_SERIES_OF_NODES = 3


@dataclass(eq=False)
class Run:
    """Copies in series within one scope; mostly just one."""

    parts: list[Part]
    prefix: str
    number: int | None
    #: Input -> output of the copy before, once there are two.
    carried: dict[int, int] | None = None


@dataclass(eq=False)
class Entry:
    """One entry of a structure: for each member its copies, none where it is left out there."""

    prefix: str
    number: int | None
    copies: list[list[Part]]
    feeds: list[Ref]
    ports: tuple[str, ...]
    kind: Any
    op: type[Op] | None = None
    shape: Shape | None = None
    carried: dict[int, int] | None = None
    marks: Marks = field(default_factory=Marks)
    optional: bool = False
    otherwise: Ref | None = None

    @property
    def name(self) -> str:
        """Its name, that of the first copy."""
        return self.prefix if self.number is None else f"{self.prefix}{self.number}"

    @property
    def series(self) -> bool:
        """Whether some member has more than one copy."""
        return any(len(c) > 1 for c in self.copies)

    @property
    def key(self) -> tuple[Any, ...]:
        """What two entries must share to be one."""
        return (self.prefix, self.number, self.kind, len(self.feeds))


@dataclass(eq=False)
class Shape:
    """A structure and the scopes that have it."""

    hint: str
    ports: int
    members: list[Part] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    outs: list[Ref] = field(default_factory=list)
    #: Input -> output that some series hands on.
    carried: dict[int, int] = field(default_factory=dict)

    @property
    def lists(self) -> set[int]:
        """The inputs that are lists of values."""
        return {k for k, feed in enumerate(self.members[0].feeds) if isinstance(feed, Many)}

    def value(self, ref: Ref, member: int) -> Any:
        """The value that a reference means in one member, or the list of values."""
        if isinstance(ref, Many):
            return Many(self.value(r, member) for r in ref)
        entry, out = ref
        if entry < 0:
            return self.members[member].feeds[out]
        copies = self.entries[entry].copies[member]
        if not copies:
            other = self.entries[entry].otherwise
            return "" if other is None else self.value(other, member)
        return output(copies[-1], out)


def output(part: Part, out: Any) -> str:
    """The value of a part's output: a number or, of a node, the name of a tensor of its state."""
    if part.node is None:
        value: str = part.outs[out]
        return value
    return f"{part.path}.{out}" if isinstance(out, str) else f"{part.path}:{out}" if out else part.path


def outputs(part: Part) -> Iterator[tuple[str, Any]]:
    """The values of a part that can be read outside, with the number or word of each."""
    if part.node is None:
        yield from ((v, k) for k, v in enumerate(part.outs))
        return
    for k, value in enumerate(part.node.values):
        yield value, k
    for name, _ in (*part.node.parameters, *part.node.buffers):
        yield f"{part.path}.{name}", name


def runs(part: Part, values: Values) -> list[Run]:
    """The entries of a scope, with numbered copies in series put together."""
    found: list[Run] = []
    for child in part.parts:
        match = _NUMBERED.match(child.name)
        prefix, number = (match[1], int(match[2])) if match else (child.name, None)
        if found and _joins(found[-1], child, prefix, number, part, values):
            found[-1].parts.append(child)
        else:
            found.append(Run([child], prefix, number))
    return [single for run in found for single in _short(run)]


def _short(run: Run) -> list[Run]:
    """A run as it is kept: a few nodes are written one by one."""
    if run.parts[0].node is None:
        return [run]
    if len(run.parts) < _SERIES_OF_NODES:
        return [Run([p], p.name, None) for p in run.parts]
    return [run]


def _joins(run: Run, child: Part, prefix: str, number: int | None, part: Part, values: Values) -> bool:
    """Whether a part is the next copy of a run: the same kind, fed by the copy before, which nobody else reads."""
    last = run.parts[-1]
    if number is None or run.number is None or prefix != run.prefix or number != run.number + len(run.parts):
        return False
    if kind(last, part) != kind(child, part) or len(last.feeds) != len(child.feeds):
        return False
    if any(values.read_after(v, child.stop) for v in last.outs):
        return False
    made = dict(reversed(list(outputs(last))))
    carried = {p: made[v] for p, v in enumerate(child.feeds) if v in made}
    same = all(p in carried or v == last.feeds[p] for p, v in enumerate(child.feeds))
    if not carried or not same or (run.carried is not None and run.carried != carried):
        return False
    if child.node is not None:
        if carried != {0: 0} or len(child.node.outputs) > 1 or child.node.op.free_ports or child.node.op.bare:
            return False
        names = child.ports
        if len(set(names)) != len(names) or set(names[1:]) & {*child.node.op.outputs()}:
            return False
    else:
        assert child.shape is not None
        known = child.shape.carried
        if any(known.get(p, j) != j or any(j == k and p != q for q, k in known.items()) for p, j in carried.items()):
            return False
        known.update(carried)
    run.carried = carried
    return True


def kind(part: Part, parent: Part) -> tuple[Any, ...]:
    """What two parts must have in common to be uses of one thing: the op or structure, and the marks."""
    marks = own_marks(part, parent)
    if part.node is None:
        return (id(part.shape), repr(replace(marks, doc="")))
    said = repr(replace(marks, init=_unnumbered(marks.init)))
    op = part.node.op
    ports = tuple(zip(part.ports, (isinstance(f, Many) for f in part.feeds), strict=True))
    fixed = repr(op) if hasattr(op, "body") else ""
    return (op.name, ports, said, len(part.node.outputs), fixed)


def initial_numbers(init: Any, path: tuple[str, ...] = ("init",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The numbers in an initial value, each with the words that lead to it."""
    if isinstance(init, Mapping):
        for word, inner in init.items():
            yield from initial_numbers(inner, (*path, word))
    elif type(init) in (int, float):
        yield path, init


def with_numbers(init: Any, numbers: Mapping[tuple[str, ...], Any], path: tuple[str, ...] = ("init",)) -> Any:
    """An initial value with other things in the place of some of its numbers."""
    if isinstance(init, Mapping):
        return {word: with_numbers(inner, numbers, (*path, word)) for word, inner in init.items()}
    return numbers.get(path, init)


def _unnumbered(init: Any) -> Any:
    return with_numbers(init, dict.fromkeys((path for path, _ in initial_numbers(init)), 0))


def own_marks(part: Part, parent: Part) -> Marks:
    """The marks to be written at a part: what its scope says already is left out."""
    marks = part.marks
    return Marks(
        _tie(part, parent), part.freeze and not (parent.freeze and parent.parts and parent.name != ""),
        part.train_only and not (parent.train_only and parent.name != ""),
        marks.checkpoint, marks.reversible, marks.backward, marks.init, marks.tags, marks.doc,
    )  # fmt: skip


def _tie(part: Part, parent: Part) -> str | None:
    """What a part is tied to, as its scope names it."""
    if not part.tie or parent.tie:
        return None
    return part.tie[len(parent.path) + 1 :] if parent.path else part.tie
