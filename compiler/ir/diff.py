"""The difference of two graphs, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphwright.compiler.ir.graph import Graph, Node


@dataclass(frozen=True)
class Change:
    """One name that differs: `kind` is added, removed or changed; `details` say what, old and new."""

    kind: str
    name: str
    op: str
    details: tuple[tuple[str, str, str], ...] = ()

    def __str__(self) -> str:
        sign = {"added": "+", "removed": "-", "changed": "~"}[self.kind]
        notes = "; ".join(f"{what}: {old} -> {new}" for what, old, new in self.details)
        return f"{sign} {self.name} ({self.op})" + (f": {notes}" if notes else "")


def diff(old: Graph, new: Graph) -> tuple[Change, ...]:
    """What was removed, added and changed; empty for equal graphs. Places and documentation do not count."""
    changes = [_entries(word, a, b) for word, a, b in (
        ("input", old.inputs, new.inputs), ("target", old.targets, new.targets),
    )]  # fmt: skip
    found = [change for group in changes for change in group]
    before, after = old.by_name, new.by_name
    found += [Change("removed", n.name, n.op.name) for n in old.nodes if n.name not in after]
    for node in new.nodes:
        if node.name not in before:
            found.append(Change("added", node.name, node.op.name))
        elif details := _details(before[node.name], node):
            found.append(Change("changed", node.name, node.op.name, details))
    for word, a, b in (
        ("output", dict(old.outputs), dict(new.outputs)),
        ("loss", {t.name: (t.value, t.weight) for t in old.losses}, {t.name: (t.value, t.weight) for t in new.losses}),
        ("train", {k: s.value for k, s in old.train.items()}, {k: s.value for k, s in new.train.items()}),
    ):
        found += _mapping(word, a, b)
    return tuple(found)


def _entries(word: str, old: Any, new: Any) -> list[Change]:
    return _mapping(word, {e.name: str(e.type) for e in old}, {e.name: str(e.type) for e in new})


def _mapping(word: str, old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    found = [Change("removed", name, word) for name in old if name not in new]
    for name, value in new.items():
        if name not in old:
            found.append(Change("added", name, word))
        elif old[name] != value:
            found.append(Change("changed", name, word, ((word, str(old[name]), str(value)),)))
    return found


def _details(a: Node, b: Node) -> tuple[tuple[str, str, str], ...]:
    rows: list[tuple[str, Any, Any]] = []
    if a.op.name != b.op.name:
        rows.append(("op", a.op.name, b.op.name))
    else:
        rows += [(f.name, getattr(a.op, f.name), getattr(b.op, f.name)) for f in a.op.fields()]
    rows.append(("inputs", ", ".join(f"{p}={v}" for p, v in a.inputs), ", ".join(f"{p}={v}" for p, v in b.inputs)))
    rows.append(("type", "; ".join(map(str, a.outputs)), "; ".join(map(str, b.outputs))))
    rows += [(word, getattr(a.marks, word), getattr(b.marks, word)) for word in ("tie", "freeze", "train_only", "init")]
    return tuple((what, str(x), str(y)) for what, x, y in rows if x != y)
