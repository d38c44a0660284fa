"""The constructor and the calls of a class: what makes each attribute, in terms of the class's arguments."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from graphwright.backends.source.arguments import Argument, Copies, Solver, Tidy
from graphwright.backends.source.classes import Class, copies
from graphwright.backends.source.kinds import Chain, Layer, Use
from graphwright.backends.source.layers import constructed
from graphwright.backends.source.merging import ABSENT, Slot, merged


def solve(kind: Class) -> Tidy:
    """Finds the arguments of a class and writes its numbers in terms of them; its objects learn their values."""
    made = Tidy(kind)
    members = kind.members
    for key in kind.state:
        made.state[key] = _attribute([m.state[key][0] if key in m.state else None for m in members], key)
    for key in kind.steps:
        steps = [m.steps.get(key) for m in members]
        tree = merged([s and s.tree for s in steps], key, kind.otherwise)
        count = len(kind.step(key).temporaries)
        labels = [n for n, _ in kind.step(key).temporaries]
        temporaries = tuple(
            (labels[k], merged([s and s.temporaries[k][1] for s in steps], key, kind.otherwise)) for k in range(count)
        )
        made.steps[key] = (tree, temporaries)
    for key in (*kind.state, *kind.steps):
        there = tuple(key in m.state or key in m.steps for m in members)
        if not all(there) and key not in made.present:
            made.present[key] = Slot(there, key)
    Solver(made).run()
    for place, member in enumerate(members):
        member.arguments = {a.name: a.values[place] for a in made.arguments}
    kind.arguments = made.arguments
    return made


def _attribute(mades: Sequence[Any], hint: str) -> Any:
    """What makes an attribute in all objects: a tree, copies, or a list of these in a container."""
    present = [m for m in mades if m is not None]
    first = present[0]
    if isinstance(first, Layer):
        return merged([m and m.tree for m in mades], hint)
    if isinstance(first, Use):
        return merged([m and construction(m) for m in mades], hint)
    kind = copies(first)
    if kind is not None and (len(mades) > 1 or not _spelt_out(first)):
        return _copies(first.container, kind, mades)
    return first.container, [
        _attribute([m and m.elements[k] for m in mades], f"{hint}_{k}") for k in range(len(first.elements))
    ]


def construction(use: Use) -> ast.Call:
    """The call that makes an object."""
    values, arguments = use.program.arguments, use.kind.arguments
    required = {a.name: _or_default(values[a.name], a) for a in arguments if a.default is ABSENT}
    options = {a.name: (_or_default(values[a.name], a), a.default) for a in arguments if a.default is not ABSENT}
    made = constructed(use.kind.name, required, options)
    if use.loop is None:
        return made
    looped = ast.Call(use.loop.func, [made, *use.loop.args], use.loop.keywords)
    looped.names = ("step", *use.loop.names)  # type: ignore[attr-defined]
    return looped


def _or_default(value: Any, argument: Argument) -> Any:
    """The value of an argument; where the object has no use for it, its default or what others take."""
    if value is not ABSENT:
        return value
    return next(v for v in (argument.default, *argument.values) if v is not ABSENT)


def _spelt_out(chain: Chain) -> bool:
    """Whether copies in one place are few enough kinds to be written one by one."""
    return len(chain.elements) <= 6 or len(runs([_key(e) for e in chain.elements])) <= 3


def _key(use: Use) -> str:
    return ast.dump(construction(use))


def runs(keys: Sequence[Any]) -> list[tuple[int, int]]:
    """Stretches of equal keys: first position and length."""
    found: list[tuple[int, int]] = []
    for place, key in enumerate(keys):
        if found and keys[found[-1][0]] == key:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((place, 1))
    return found


def _copies(container: str, kind: Class, mades: Sequence[Any]) -> Copies:
    shared: dict[str, ast.expr] = {}
    each: dict[str, ast.expr] = {}
    for argument in kind.arguments:
        rows: list[Any] = [
            None if m is None else tuple(_or_default(e.program.arguments[argument.name], argument) for e in m.elements)
            for m in mades
        ]
        alike = all(row is None or (len(set(map(repr, row))) <= 1 and row) for row in rows)
        trees = [None if row is None else ast.Constant(row[0] if alike else row) for row in rows]
        (shared if alike else each)[argument.name] = merged(trees, argument.name)
    count = merged([None if m is None else ast.Constant(len(m.elements)) for m in mades], "count")
    return Copies(container, kind, count, shared, each)
