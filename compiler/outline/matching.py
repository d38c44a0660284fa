"""Which scopes have one structure: exactly, or with entries that some of them leave out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from graphwright.compiler.outline.form import Steps
from graphwright.compiler.outline.lists import gather
from graphwright.compiler.outline.scopes import Many, Part, Values, prefixes
from graphwright.compiler.outline.shapes import Entry, Ref, Run, Shape, kind, outputs, own_marks, runs

#: Containers of torch, whose class says nothing about what is inside.
_CONTAINERS = ("", "Sequential", "ModuleList", "ModuleDict", "Module")

#: With how many others a structure is compared, to be one with them: scopes of so many kinds have little in common.
_TRIES = 32


def match_scopes(root: Part, values: Values, steps: Steps) -> list[Shape]:
    """Give every scope its structure, the inner ones first; the last structure is the root's."""
    shapes: list[Shape] = []
    _hint(root, "")
    for group in _groups(root) if steps.blocks else [[part] for part in root.walk()]:
        found: dict[Any, list[Shape]] = {}
        if steps.blocks:
            gather(group)
        for part in group:
            _sort_in(describe(part, values, steps), found)
        exact = [shape for alike in found.values() for shape in alike]
        for shape in _merged(exact) if steps.optional else exact:
            shapes.append(shape)
            _assign(shape)
    return shapes


def _hint(part: Part, around: str) -> None:
    """What scopes of one structure can be known by: the block they come from, or their place but for numbers.

    The place is that within the block around them, so that uses of a block have the same places inside.
    """
    block = part.scope.block if part.scope else ""
    if block not in _CONTAINERS:
        part.hint = block
    elif part.name:
        part.hint = f".{around.lstrip('.')}." + re.sub(r"\d+", "#", part.name)
    for child in part.parts:
        if child.node is None:
            _hint(child, part.hint)


def _groups(root: Part) -> list[list[Part]]:
    """Scopes that may be alike, together; a group comes after those of the scopes inside its own."""
    scopes = list(root.walk())
    keys = {id(p): p.hint for p in scopes}
    level = dict.fromkeys(keys.values(), 0)
    for _ in range(len(level) + 1):
        before = dict(level)
        for part in scopes:
            inner = [level[keys[id(c)]] + 1 for c in part.parts if c.node is None]
            level[keys[id(part)]] = max([level[keys[id(part)]], *inner])
        if level == before:
            break
    else:  # a block inside itself: scopes of one depth only
        depth: dict[int, int] = {}
        for part in scopes:
            depth[id(part)] = max((depth[id(c)] + 1 for c in part.parts if c.node is None), default=0)
            keys[id(part)] = f"{depth[id(part)]:09} {keys[id(part)]}"
        level = {key: int(key.split()[0]) for key in keys.values()}
    groups: dict[str, list[Part]] = {}
    for part in scopes:
        groups.setdefault(keys[id(part)], []).append(part)
    return [group for _, group in sorted(groups.items(), key=lambda g: level[g[0]])]


def describe(part: Part, values: Values, steps: Steps) -> Shape:
    """The structure of one scope."""
    where: dict[str, Ref] = {v: (-1, k) for k, v in enumerate(part.feeds)}
    shape = Shape(part.hint, len(part.feeds), [part])
    for run in runs(part, values) if steps.blocks else [Run([p], p.name, None) for p in part.parts]:
        first, last = run.parts[0], run.parts[-1]
        feeds = [where[v] if v in where else Many(where[u] for u in v) for v in first.feeds]
        ports = first.ports if first.node else ()
        shape.entries.append(
            Entry(
                run.prefix,
                run.number,
                [run.parts],
                feeds,
                ports,
                kind(first, part),
                type(first.node.op) if first.node else None,
                first.shape,
                run.carried,
                own_marks(first, part),
            )
        )
        for value, out in outputs(last):
            where.setdefault(value, (len(shape.entries) - 1, out))
    shape.outs = [where[v] for v in part.outs]
    return shape


def _sort_in(shape: Shape, found: dict[Any, list[Shape]]) -> None:
    """Add a scope to the structure it has, or as one of its own."""
    alike = found.setdefault((shape.ports, *(e.key for e in shape.entries)), [])
    for other in alike:
        if _equal(shape, other):
            other.members += shape.members
            for entry, more in zip(other.entries, shape.entries, strict=True):
                entry.copies += more.copies
                entry.carried = entry.carried or more.carried
            other.outs += [ref for ref in shape.outs if ref not in other.outs]
            return
    alike.append(shape)


def _equal(a: Shape, b: Shape) -> bool:
    """Whether like entries are wired alike."""
    return all(x.feeds == y.feeds and _fit(x, y) for x, y in zip(a.entries, b.entries, strict=True))


def _fit(a: Entry, b: Entry) -> bool:
    return a.carried is None or b.carried is None or a.carried == b.carried


def _assign(shape: Shape) -> None:
    """Tell the members of a structure that they have it, and put their outputs in its order."""
    if not shape.outs:
        shape.outs = [(max(k for k, e in enumerate(shape.entries) if not e.optional), 0)]
    last = len(shape.entries) - 1
    shape.outs.sort(key=lambda ref: ref != (last, 0))  # what comes last is the output, unless said otherwise
    for index, part in enumerate(shape.members):
        part.shape, part.index = shape, index
    for index, part in enumerate(shape.members):
        part.outs = [shape.value(ref, index) for ref in shape.outs]


def _merged(found: list[Shape]) -> list[Shape]:
    """As few structures as possible, those that differ by what can be left out being one."""
    done: list[Shape] = []
    for shape in sorted(found, key=lambda s: -len(s.entries)):
        for k in range(max(0, len(done) - _TRIES), len(done)):
            if (union := merge(done[k], shape)) is not None:
                done[k] = union
                break
        else:
            done.append(shape)
    return done


def merge(a: Shape, b: Shape) -> Shape | None:
    """One structure for both, with entries that are left out here or there; None if there is none."""
    pairs = _aligned(a, b)
    if pairs is None or a.ports != b.ports or a.lists != b.lists or len(a.outs) != len(b.outs):
        return None
    maps = [{side[k]: n for n, side in enumerate(pairs) if side[k] is not None} for k in (0, 1)]
    union = Shape(a.hint, a.ports, a.members + b.members, carried={**b.carried, **a.carried})
    for x, y in pairs:
        union.entries.append(_joined(a, b, x, y, maps))
    other: dict[int, Ref] = {n: e.otherwise for n, e in enumerate(union.entries) if e.otherwise is not None}
    for n, (x, y) in enumerate(pairs):
        if x is None or y is None:
            continue
        for port, (p, q) in enumerate(zip(a.entries[x].feeds, b.entries[y].feeds, strict=True)):
            ref = _agree(_moved(p, maps[0]), _moved(q, maps[1]), maps, other)
            if ref is None or (p != q and a.lists & {r[1] for r in (p, q) if r[0] == -1}):
                return None
            union.entries[n].feeds[port] = ref
    for p, q in zip(a.outs, b.outs, strict=True):
        ref = _agree(_moved(p, maps[0]), _moved(q, maps[1]), maps, other)
        if ref is None:
            return None
        union.outs.append(ref)
    for n, ref in other.items():
        union.entries[n].otherwise = ref
    return union if _true(union) else None


def _aligned(a: Shape, b: Shape) -> list[tuple[int | None, int | None]] | None:
    """Entries of both in one order, half of them common; None if there is none, or if a name stands for two things."""
    at = {e.key: k for k, e in enumerate(b.entries)}
    common = [(k, at[e.key]) for k, e in enumerate(a.entries) if e.key in at]
    if 3 * len(common) < len(a.entries) + len(b.entries):
        return None
    if [y for _, y in common] != sorted(y for _, y in common):
        return None
    if any(not _fit(a.entries[x], b.entries[y]) for x, y in common):
        return None
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    for x, y in [*common, (len(a.entries), len(b.entries))]:
        pairs += [(k, None) for k in range(i, x)] + [(None, k) for k in range(j, y)]
        if x < len(a.entries):
            pairs.append((x, y))
        i, j = x + 1, y + 1
    names = [n for x, y in pairs for n in _names([*_held(a, x), *_held(b, y)])]
    scopes = {scope for name in names for scope in prefixes(name)}
    return pairs if len({*names, *scopes}) == len(names) + len(scopes) else None


def _held(shape: Shape, k: int | None) -> list[Entry]:
    return [] if k is None else [shape.entries[k]]


def _names(entries: list[Entry]) -> Iterable[str]:
    """The names that entries which become one define, those of the longest series among them."""
    first, longest = entries[0], max(len(c) for e in entries for c in e.copies)
    return [first.name] if first.number is None else [f"{first.prefix}{first.number + k}" for k in range(longest)]


def _joined(a: Shape, b: Shape, x: int | None, y: int | None, maps: list[dict[Any, int]]) -> Entry:
    """The entry for one of each, or for one that the other side does not have."""
    if x is not None and y is not None:
        p, q = a.entries[x], b.entries[y]
        return replace(
            p, copies=p.copies + q.copies, carried=p.carried or q.carried, optional=p.optional or q.optional,
            feeds=list(p.feeds), otherwise=_moved(p.otherwise, maps[0]) or _moved(q.otherwise, maps[1]),
        )  # fmt: skip
    side, entry = (0, a.entries[x]) if x is not None else (1, b.entries[y])  # type: ignore[index]
    copies: list[list[Part]] = [[] for _ in (b if side == 0 else a).members]
    feeds = [ref for p in entry.feeds if (ref := _moved(p, maps[side])) is not None]
    return replace(
        entry, copies=entry.copies + copies if side == 0 else copies + entry.copies, feeds=feeds, optional=True,
        otherwise=_moved(entry.otherwise, maps[side]),
    )  # fmt: skip


def _moved(ref: Ref | None, places: dict[Any, int]) -> Ref | None:
    """A reference of one side, in the union's numbers."""
    if isinstance(ref, Many):
        return Many(_moved(r, places) for r in ref)
    return ref if ref is None or ref[0] < 0 else (places[ref[0]], ref[1])


def _agree(p: Ref | None, q: Ref | None, maps: list[dict[Any, int]], other: dict[int, Ref]) -> Ref | None:
    """The reference that means `p` where the first side's entries are, and `q` where the second's are."""
    if p is None or q is None or p == q:
        return p
    if isinstance(p, Many) or isinstance(q, Many):
        return None
    present = [set(m.values()) for m in maps]
    first, second, there = (p, q, present[1]) if p[0] > q[0] else (q, p, present[0])
    ref = first  # what comes later is read; where it is left out, what the other side reads must stand in for it
    while ref[0] >= 0 and ref[0] not in there:
        if ref[0] not in other:
            if ref[1] != 0 or second[0] >= ref[0]:
                return None
            other[ref[0]] = second
        ref = other[ref[0]]
    return first if ref == second else None


def _true(shape: Shape) -> bool:
    """Whether the structure says of every member exactly what it reads and puts out."""
    for index, part in enumerate(shape.members):
        for entry in shape.entries:
            copies = entry.copies[index]
            if copies and copies[0].feeds != [shape.value(ref, index) for ref in entry.feeds]:
                return False
        if part.outs and part.outs != [shape.value(ref, index) for ref in shape.outs]:
            return False
    return True
