"""Pieces of the text of a module: heads of methods, notes, arguments, comprehensions."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from graphwright.backends.source.arguments import Argument, Copies
from graphwright.backends.source.merging import ABSENT
from graphwright.backends.source.syntax import INDENT, WIDTH, call, data, flat, identifier, name
from graphwright.compiler.places import Place

INNER = 2 * INDENT


def head(function: str, arguments: Sequence[str], result: str) -> list[str]:
    """The line, or lines, that begin a method."""
    joined = ", ".join(arguments)
    if len(one := f"{INDENT}def {function}({joined}) -> {result}:") <= WIDTH:
        return [one]
    inside = [INNER + joined] if len(INNER + joined) <= WIDTH else [f"{INNER}{a}," for a in arguments]
    return [f"{INDENT}def {function}(", *inside, f"{INDENT}) -> {result}:"]


def wrapped(text: str, indent: int = 0) -> list[str]:
    """Text of a docstring in lines: the first sentence of a long one on its own."""
    if len(text) + indent + 6 <= WIDTH:
        return [text]
    return textwrap.wrap(text, WIDTH - indent - 6)


def file(place: Place) -> str:
    """The name of the file alone, whichever system wrote the path."""
    return PurePath(place.file.replace("\\", "/")).name


def note_of(places: list[Place]) -> str:
    """`model.yaml:12`."""
    return f"{file(places[0])}:{places[0].line}"


def declared(argument: Argument) -> str:
    """An argument as a constructor declares it."""
    if argument.default is ABSENT:
        return f"{argument.name}: {argument.kind}"
    return f"{argument.name}: {argument.kind} = {flat(data(argument.default))}"


def without_defaults(tree: Any) -> Any:
    """A tree in which calls leave out the named arguments that are their defaults."""
    if isinstance(tree, ast.Call):
        words = [w for w in tree.keywords if not _is_default(w)]
        func = tree.func
        if isinstance(func, ast.Attribute):
            func = ast.Attribute(without_defaults(func.value), func.attr)
        return ast.Call(func, [without_defaults(a) for a in tree.args],
                        [ast.keyword(w.arg, without_defaults(w.value)) for w in words])  # fmt: skip
    return data(tree.value) if isinstance(tree, ast.Constant) else tree


def _is_default(word: ast.keyword) -> bool:
    default = getattr(word, "default", ABSENT)
    return (
        isinstance(word.value, ast.Constant) and type(word.value.value) is type(default) and word.value.value == default
    )


def comprehension(copies: Copies) -> ast.GeneratorExp:
    """`Block(dim, drop_path=rate) for rate in (0.0, 0.1)`."""
    taken: list[str] = []
    loops: list[ast.expr] = []
    values = dict(copies.shared)
    for label, tree in copies.each.items():
        taken.append(identifier(label, taken))
        values[label] = name(taken[-1])
        loops.append(data(tree.value) if isinstance(tree, ast.Constant) else tree)
    arguments = copies.kind.arguments
    required = [values[a.name] for a in arguments if a.default is ABSENT]
    made = call(copies.kind.name, *required, **{a.name: values[a.name] for a in arguments if a.default is not ABSENT})
    defaults = {a.name: a.default for a in arguments}
    for word in made.keywords:
        word.default = defaults[word.arg or ""]  # type: ignore[attr-defined]
    made = without_defaults(made)
    if not loops:
        return loop(made, name("_"), call("range", copies.count))
    if len(loops) == 1:
        return loop(made, name(taken[0]), loops[0])
    return loop(made, ast.Tuple([name(t) for t in taken]), call("zip", *loops, strict=True))


def loop(element: ast.expr, target: ast.expr, values: ast.expr) -> ast.GeneratorExp:
    return ast.GeneratorExp(element, [ast.comprehension(target, values, [], 0)])
