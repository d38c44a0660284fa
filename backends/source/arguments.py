"""The arguments of a class: which numbers are its arguments, what they are called, and how the others follow.

Every number that differs between the objects of a class is a vector, one entry an object. Equal vectors are one
argument; a vector that is a multiple of another is computed from it (`4 * width`); widths are arguments even where all
are equal.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphwright.backends.source.classes import Class
from graphwright.backends.source.merging import ABSENT, Slot
from graphwright.backends.source.syntax import identifier, name

#: Widths: arguments of a class that is used more than once, whether or not they differ.
WIDTHS = {"in_channels": "in_channels", "in_features": "dim", "normalized_shape": "dim", "num_features": "channels",
          "embed_dim": "dim", "num_channels": "channels"}  # fmt: skip
#: Numbers that are written in terms of a width where they are a multiple of it.
RELATED = frozenset(("out_channels", "out_features", "groups", "shape", "width", "hidden", *WIDTHS, *WIDTHS.values()))
#: What an argument is called, by the name of the number that it is first used for.
NAMES = {**WIDTHS, "rate": "drop_path", "p": "dropout", "kernel_size": "kernel", "count": "depth"}
#: Defaults of arguments by their names, where some object takes them.
DEFAULTS = {"stride": 1, "dilation": 1, "groups": 1, "drop_path": 0.0, "dropout": 0.0}
FACTORS = (2, 3, 4, 5, 6, 7, 8)
#: The largest number that is added to an argument.
SHIFT = 16


@dataclass
class Argument:
    """An argument of a constructor. `stored` says that `forward` reads it too."""

    name: str
    values: tuple[Any, ...]
    default: Any = ABSENT
    stored: bool = False

    @property
    def kind(self) -> str:
        """The type hint."""
        kinds = {type(v) for v in self.values if v is not ABSENT}
        if tuple in kinds:
            inner = {type(v).__name__ for t in self.values if isinstance(t, tuple) for v in t}
            return f"tuple[{' | '.join(sorted(inner)) or 'int'}, ...]"
        return " | ".join(sorted("None" if k is type(None) else k.__name__ for k in kinds)) or "int"


@dataclass
class Copies:
    """Objects of one class in a container: a number for all of them, or one each."""

    container: str
    kind: Class
    count: ast.expr
    shared: dict[str, ast.expr]
    each: dict[str, ast.expr]


@dataclass
class Tidy:
    """What makes the attributes of a class, and what its steps compute, for all of its objects at once."""

    kind: Class
    arguments: list[Argument] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    present: dict[str, ast.expr] = field(default_factory=dict)
    steps: dict[str, tuple[ast.expr, tuple[tuple[str, ast.expr], ...]]] = field(default_factory=dict)


class Solver:
    """Turns the slots of a class into arguments and expressions of them."""

    def __init__(self, made: Tidy) -> None:
        self.made, self.many = made, len(made.kind.members) > 1
        self.found: list[Argument] = []
        trees = [*made.state.values(), *(t for row in made.steps.values() for t in (row[0], *(t for _, t in row[1])))]
        self.hints = [(s.values, s.term) for tree in trees for s in _slots(tree) if s.term]

    def run(self) -> None:
        for key, tree in self.made.state.items():
            if key in self.made.present:
                self.made.present[key] = self._expressed(self.made.present[key], key, False)
            self.made.state[key] = self._resolved(tree, key, False)
        for key, (tree, temporaries) in self.made.steps.items():
            if key in self.made.present and key not in self.made.state:
                self.made.present[key] = self._expressed(self.made.present[key], key, True)
            self.made.steps[key] = (
                self._resolved(tree, key, True), tuple((n, self._resolved(t, key, True)) for n, t in temporaries)
            )  # fmt: skip
        for argument in self.found:
            argument.default = _default(argument)
        self.made.arguments = sorted(self.found, key=lambda a: a.default is not ABSENT)

    def _resolved(self, tree: Any, key: str, stored: bool) -> Any:
        if isinstance(tree, Slot):
            return self._expressed(tree, key, stored)
        if isinstance(tree, ast.Constant):
            return tree
        if isinstance(tree, Copies):
            tree.shared = {k: self._number(v, k, key, stored) for k, v in tree.shared.items()}
            tree.each = {k: self._resolved(v, key, stored) for k, v in tree.each.items()}
            tree.count = tree.count if tree.each else self._resolved(tree.count, key, stored)
            return tree
        if isinstance(tree, tuple):
            return tree[0], [self._resolved(t, key, stored) for t in tree[1]]
        if isinstance(tree, ast.Call) and self.many and not stored:
            tree.func = self._resolved(tree.func, key, stored)
            names = list(getattr(tree, "names", ["shape" if _is_tensor(tree) else key] * len(tree.args)))
            tree.args = [self._number(a, n, key, stored) for a, n in zip(tree.args, names, strict=True)]
            for word in tree.keywords:
                word.value = self._number(word.value, word.arg or "", key, stored)
            return tree
        if isinstance(tree, ast.AST):
            for one in tree._fields:
                setattr(tree, one, self._resolved(getattr(tree, one, None), key, stored))
            return tree
        if isinstance(tree, list):
            return [self._resolved(t, key, stored) for t in tree]
        return tree

    def _number(self, tree: Any, hint: str, key: str, stored: bool) -> Any:
        """An argument of a layer: a width, if it is one, in terms of the widths known."""
        fixed = (
            isinstance(tree, ast.Constant) and type(tree.value) is int and tree.value > 1 and not isinstance(tree, Slot)
        )
        if fixed and self.many and hint in RELATED:
            slot = Slot((tree.value,) * len(self.made.kind.members), hint)
            if hint in {*WIDTHS, *WIDTHS.values()} or self._known(slot.values) is not None:
                return self._expressed(slot, key, stored)
        return self._resolved(tree, key, stored)

    def _expressed(self, slot: Any, key: str, stored: bool) -> ast.expr:
        known = self._known(slot.values)
        if known is None and (shifted := self._shifted(slot, stored)) is not None:
            return shifted
        if known is None:
            label = key.rpartition(".")[2]
            wanted = self._called(slot, label).rpartition(".")[2]
            flag = key in self.made.present and slot.hint == key
            wanted = f"with_{wanted}" if flag and key not in self.made.state else wanted
            held = set() if flag else {k.partition(".")[0] for k in self.made.state}
            taken = {a.name for a in self.found} | {"self"} | held
            if any(isinstance(v, tuple) for v in slot.values) and not wanted.endswith("_values"):
                flags = any(type(v) is bool for row in slot.values if isinstance(row, tuple) for v in row)
                wanted = f"each_{wanted}" if flags or wanted.endswith("s") else f"{wanted}s"
            if wanted in taken:
                wanted = f"{label}_{wanted}" if wanted != label else f"{label}_size"
            wanted = self._better(slot.values, taken) or wanted
            argument = Argument(identifier(wanted.replace(".", "_"), taken), slot.values)
            self.found.append(argument)
            return self._written(argument, stored)
        argument, factor, divided = known
        pairs = zip(argument.values, slot.values, strict=True)
        argument.values = tuple(_scaled(s, factor, divided) if v is ABSENT else v for v, s in pairs)
        tree = self._written(argument, stored)
        if factor == 1 or isinstance(tree, ast.Compare):
            return tree
        if divided:
            return ast.BinOp(tree, ast.FloorDiv(), ast.Constant(factor))
        return ast.BinOp(ast.Constant(factor), ast.Mult(), tree)

    def _shifted(self, slot: Any, stored: bool) -> ast.expr | None:
        """A number that is an argument plus or minus the same in all objects: `size - 7`."""
        for argument in self.found:
            both = list(_pairs(slot.values, argument.values))
            if any(type(v) is not int or type(o) is not int for v, o in both) or len({v for v, _ in both}) < 2:
                continue
            shifts = {v - o for v, o in both}
            lone = any(v is not ABSENT and o is ABSENT for v, o in zip(slot.values, argument.values, strict=True))
            if len(shifts) == 1 and not lone and 0 < abs(shift := shifts.pop()) <= SHIFT:
                sign = ast.Add() if shift > 0 else ast.Sub()
                return ast.BinOp(self._written(argument, stored), sign, ast.Constant(abs(shift)))
        return None

    def _written(self, argument: Argument, stored: bool) -> ast.expr:
        """An argument as the constructor reads it, or as `forward` does."""
        if not stored:
            return name(argument.name)
        if argument.name in self.made.state:
            return ast.Compare(ast.Attribute(name("self"), argument.name), [ast.IsNot()], [ast.Constant(None)])
        argument.stored = True
        return ast.Attribute(name("self"), argument.name)

    def _called(self, slot: Any, label: str) -> str:
        """The name of an argument, by what it is first used for; an output that is not the last is a width."""
        if slot.hint in ("out_channels", "out_features"):
            ends = [w for t in self.made.state.values() for w in _outputs_of(t, slot.hint)]
            if not ends or not isinstance(ends[-1], Slot) or ends[-1].values != slot.values:
                return "width" if slot.hint == "out_channels" else "hidden"
        return NAMES.get(slot.hint, slot.hint or label)

    def _better(self, values: tuple[Any, ...], taken: set[str]) -> str:
        """A name that the spec has for numbers which are always equal to these, if any."""
        names = (n for v, n in self.hints if n not in taken and _follows(values, v, 1, False))
        return next(names, "")

    def _known(self, values: tuple[Any, ...]) -> tuple[Argument, int, bool] | None:
        """The argument, factor and direction that give these values."""
        for factor, divided in ((1, False), *((f, False) for f in FACTORS), *((f, True) for f in FACTORS)):
            for argument in self.found:
                if _follows(values, argument.values, factor, divided):
                    return argument, factor, divided
        return None


def _slots(tree: Any) -> Iterator[Slot]:
    """The numbers that differ, anywhere in a tree."""
    if isinstance(tree, Slot):
        yield tree
    elif isinstance(tree, ast.AST):
        for one in tree._fields:
            yield from _slots(getattr(tree, one, None))
    elif isinstance(tree, (list, tuple)):
        for one in tree:
            yield from _slots(one)


def _is_tensor(tree: ast.Call) -> bool:
    """Whether a call makes a tensor of zeros, whose arguments are sizes."""
    return isinstance(tree.func, ast.Attribute) and tree.func.attr == "zeros"


def _outputs_of(tree: Any, hint: str) -> Iterator[Any]:
    """The numbers of a name in the calls that make an attribute."""
    if isinstance(tree, tuple):
        for element in tree[1]:
            yield from _outputs_of(element, hint)
    elif isinstance(tree, ast.Call):
        yield from (a for a, n in zip(tree.args, getattr(tree, "names", ()), strict=False) if n == hint)


def _scaled(value: Any, factor: int, divided: bool) -> Any:
    """The argument from which a value is computed."""
    if value is ABSENT or factor == 1:
        return value
    return value * factor if divided else value // factor


def _pairs(values: tuple[Any, ...], others: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
    """The entries of two vectors in the objects that have both."""
    return ((v, o) for v, o in zip(values, others, strict=True) if v is not ABSENT and o is not ABSENT)


def _follows(values: tuple[Any, ...], others: tuple[Any, ...], factor: int, divided: bool) -> bool:
    both = list(_pairs(values, others))
    if not both or any(type(v) is not type(o) for v, o in both):
        return False
    if factor == 1:
        return all(v == o for v, o in both)
    if not all(type(v) is int and v > 0 and o > 0 for v, o in both):
        return False
    rest = [v for v, o in zip(values, others, strict=True) if v is not ABSENT and o is ABSENT]
    if any(v % factor for v in rest) and not divided:
        return False
    return all(v * factor == o if divided else v == o * factor for v, o in both)


def _default(argument: Argument) -> Any:
    """What an argument is where nothing is said; `ABSENT` where it must be said."""
    there = [v for v in argument.values if v is not ABSENT]
    if all(type(v) is bool for v in there):
        return False not in there
    if argument.name in DEFAULTS and any(
        v == DEFAULTS[argument.name] and type(v) is type(DEFAULTS[argument.name]) for v in there
    ):
        return DEFAULTS[argument.name]
    return ABSENT
