"""Syntax trees of equal shape as one, with a slot where their numbers differ."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

#: The value of a number in an object that has not the part it belongs to.
ABSENT = object()


class Slot(ast.Constant):
    """A number that differs between the objects of a class: one value each, `ABSENT` where the part is left out."""

    def __init__(self, values: tuple[Any, ...], hint: str, term: str = "") -> None:
        super().__init__(None)
        self.values, self.hint, self.term = values, hint, term


def fullest(names: Sequence[str], otherwise: Mapping[str, str]) -> str:
    """The name, among those that objects read at one place, that all others stand in for."""

    def length(value: str) -> int:
        count = 0
        while value in otherwise:
            value, count = otherwise[value], count + 1
        return count

    return max(names, key=length)


def merged(trees: Sequence[Any], hint: str = "", otherwise: Mapping[str, str] = MappingProxyType({})) -> Any:
    """One tree for the trees of all objects (`None` where absent), with a `Slot` where their numbers differ."""
    present = [t for t in trees if t is not None]
    first = present[0]
    if isinstance(first, ast.Name):
        return ast.Name(fullest([t.id for t in present], otherwise))
    if isinstance(first, ast.Constant):
        values = tuple(ABSENT if t is None else t.value for t in trees)
        there = [v for v in values if v is not ABSENT]
        if all(type(v) is type(there[0]) and v == there[0] for v in there):
            return first
        return Slot(values, hint, next((t.term for t in present if hasattr(t, "term")), ""))
    if isinstance(first, ast.Tuple) and _differing(present) > 1:
        rows = tuple(ABSENT if t is None else tuple(e.value for e in t.elts) for t in trees)
        return Slot(rows, f"{hint}_values")
    if isinstance(first, ast.Call):
        label = hint
        names = getattr(first, "names", None) or ()
        arguments = [
            merged([None if t is None else t.args[k] for t in trees], names[k] if k < len(names) else label, otherwise)
            for k in range(len(first.args))
        ]
        keywords = [
            keyword(
                first.keywords[k],
                merged(
                    [None if t is None else t.keywords[k].value for t in trees], first.keywords[k].arg or "", otherwise
                ),
            )
            for k in range(len(first.keywords))
        ]
        made = ast.Call(merged([None if t is None else t.func for t in trees], hint, otherwise), arguments, keywords)
        if names:
            made.names = names  # type: ignore[attr-defined]
        return made
    if isinstance(first, ast.AST):
        copy = type(first)()
        for one in first._fields:
            parts = [None if t is None else getattr(t, one, None) for t in trees]
            setattr(
                copy,
                one,
                merged(parts, hint, otherwise)
                if any(isinstance(p, (ast.AST, list)) for p in parts)
                else getattr(first, one, None),
            )
        return copy
    if isinstance(first, list):
        return [merged([None if t is None else t[k] for t in trees], hint, otherwise) for k in range(len(first))]
    return first


def _differing(tuples: Sequence[ast.Tuple]) -> int:
    """How many of the numbers of tuples differ, where there are more than two, all of them literals."""
    if not all(len(t.elts) > 2 and all(isinstance(e, ast.Constant) for e in t.elts) for t in tuples):
        return 0
    rows = [[repr(e.value) for e in t.elts] for t in tuples]  # type: ignore[attr-defined]
    return sum(len(set(column)) > 1 for column in zip(*rows, strict=False))


def keyword(old: ast.keyword, value: ast.expr) -> ast.keyword:
    """A named argument with another value; it knows its default still."""
    made = ast.keyword(old.arg, value)
    made.default = getattr(old, "default", ABSENT)  # type: ignore[attr-defined]
    return made
