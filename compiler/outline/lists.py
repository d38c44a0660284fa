"""Inputs that are lists: values that a scope reads in a row, where like scopes read more or fewer of them.

The layers of a dense block are one structure: each concatenates all that came before it, and so has another number of
inputs. With the row as one input, `xs*`, they all have the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from graphwright.compiler.outline.scopes import Many, Part


def gather(group: Sequence[Part]) -> None:
    """Make the row of values that each scope reads one input, if the scopes differ in how many there are."""
    rows = [_row(part) for part in group]
    if len({len(row[1]) for row in rows if row}) < 2:
        return
    for part, row in zip(group, rows, strict=True):
        if row is not None:
            child, values = row
            if values not in child.feeds:
                _replace(child, values)
            _replace(part, values)


def _row(part: Part) -> tuple[Part, Many] | None:
    """The longest row of values from outside that are read nowhere else in the scope, and what reads it."""
    times = Counter(v for child in part.parts for v in _flat(child))
    once = {v for v in _flat(part) if times[v] == 1}
    rows = [(child, row) for child in part.parts for row in _rows(child, once)]
    return max(rows, key=lambda r: len(r[1]), default=None)


def _flat(part: Part) -> Iterator[str]:
    for feed in part.feeds:
        yield from feed if isinstance(feed, Many) else (feed,)


def _rows(child: Part, once: set[str]) -> Iterator[Many]:
    """The rows that a part reads: at a port `x*` of a node, or as a list already."""
    if child.node is None:
        yield from (f for f in child.feeds if isinstance(f, Many) and once.issuperset(f))
        return
    many = {p.name for p in child.node.op.ports if p.many}
    row: list[str] = []
    for port, value in child.node.inputs:
        if port in many and value in once:
            row.append(value)
        elif row:
            yield Many(row)
            row = []
    if row:
        yield Many(row)


def _replace(part: Part, values: Many) -> None:
    """Put the row in the place of its first value."""
    at = part.feeds.index(values[0])
    part.feeds = [*(f for f in part.feeds[:at] if f not in values), values,
                  *(f for f in part.feeds[at:] if f not in values)]  # fmt: skip
