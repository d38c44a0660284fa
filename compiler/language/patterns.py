"""Shapes as they are written in `inputs`: `[N, 3, H=224, W=224]`, `int64[N, L]`, `[..., C]`, `any`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.graph import Entry
from graphwright.compiler.ir.types import DTYPES, Type, split_sizes
from graphwright.compiler.language.expressions import Names
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.language.values import evaluate, natural, show
from graphwright.compiler.lowering.names import argument_problem
from graphwright.compiler.places import Place, fail, suggest

#: A size in a pattern: a number, a symbol, or one of `_` and `...`.
Slot = Size | str


@dataclass(frozen=True)
class Pattern:
    """One input as written. `slots` is None for `any`."""

    name: str
    place: Place
    many: bool
    slots: tuple[Slot, ...] | None
    dtype: str | None
    defaults: Mapping[str, int]
    doc: str = ""

    def __str__(self) -> str:
        return "any" if self.slots is None else f"{self.dtype or ''}[{', '.join(map(str, self.slots))}]"


def read_patterns(inputs: Map | None, names: Names | None) -> tuple[Pattern, ...]:
    """The inputs of a body; without a section, one input `x` of any type.

    With `names` None, before the params are known, a size that is an expression stands for any size.
    """
    if inputs is None:
        return (Pattern("x", Place("", 0, 0), False, None, None, {}),)
    return tuple(_pattern(key, tree, names) for key, tree in inputs)


def _pattern(key: Scalar, tree: Tree, names: Names | None) -> Pattern:
    doc = ""
    name = key.text.rstrip("*")
    if problem := argument_problem(name):
        raise fail(key.place, problem, "letters, digits and _; * for any number")
    if isinstance(tree, Map):
        note, shape = tree.get("doc"), tree.get("shape")
        if shape is None:
            raise fail(key.place, f"input '{name}' has no shape", "shape: [N, 3, H, W]")
        doc = note.text if isinstance(note, Scalar) else ""
        tree = shape
    dtype: str | None = None
    defaults: dict[str, int] = {}
    if isinstance(tree, Scalar):
        if tree.text == "any":
            return Pattern(name, key.place, key.text.endswith("*"), None, None, {}, doc)
        head, bracket, inside = tree.text.partition("[")
        if not bracket or not inside.endswith("]"):
            raise fail(tree.place, f"'{tree.text}' is not a shape", "write [N, 3, H, W], int64[N, L] or any")
        if head not in DTYPES:
            raise fail(tree.place, f"no dtype '{head}'", suggest(head, DTYPES))
        dtype = head
        items: list[Tree] = [Scalar(part, tree.place) for part in split_sizes(inside[:-1])]
    elif isinstance(tree, Seq):
        items = list(tree.items)
    else:
        raise fail(tree.place, f"the shape of '{name}' is a mapping", "write [N, 3, H, W], int64[N, L] or any")
    slots = tuple(_slot(item, names, defaults) for item in items)
    return Pattern(name, key.place, key.text.endswith("*"), slots, dtype, defaults, doc)


def _slot(item: Tree, names: Names | None, defaults: dict[str, int]) -> Slot:
    if names is None and isinstance(item, Scalar) and "$" in item.text:
        return "_"
    value = evaluate(item, names or {})
    if isinstance(value, Scalar):
        if value.text in ("_", "..."):
            return value.text
        symbol, equals, default = (p.strip() for p in value.text.partition("="))
        if symbol[:1].isupper() and symbol.isidentifier() and symbol.isascii():
            if equals:
                number = natural(Scalar(default, value.place)) if default else None
                if not isinstance(number, int) or number < 1:
                    raise fail(value.place, f"the default of {symbol} must be a whole number, got '{default}'")
                defaults[symbol] = number
            return Dim.symbol(symbol)
        value = natural(value)
    if isinstance(value, Dim) or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise fail(item.place, f"a size is a positive number or a capital name, got {show(value)}",
               "small names are params: write $name")  # fmt: skip


def entry_of(pattern: Pattern) -> Entry:
    """An input of a whole graph: every size a number or a symbol."""
    if pattern.slots is None or any(isinstance(s, str) for s in pattern.slots):
        raise fail(pattern.place, f"the shape of '{pattern.name}' must be known, got {pattern}",
                   "name every size: [N, 3, H, W]")  # fmt: skip
    if pattern.many:
        raise fail(pattern.place, "an input of a whole model is one tensor", "remove the *")
    shape: Any = pattern.slots
    return Entry(
        pattern.name, Type(shape, pattern.dtype or "float32"), dict(pattern.defaults), pattern.doc, pattern.place
    )


class Misfit(ValueError):
    """A type does not match a pattern."""


def match(pattern: Pattern, kind: Type, sizes: dict[str, Size]) -> None:
    """Bind the pattern's symbols to the sizes of `kind`; a size that contradicts one bound before is a `Misfit`."""
    if pattern.slots is None:
        return
    if pattern.dtype is not None and pattern.dtype != kind.dtype:
        raise Misfit(f"'{pattern.name}' is {pattern}, got {kind}")
    for slot, size in zip(_aligned(pattern, kind), kind.shape, strict=True):
        if isinstance(slot, str):
            continue
        if (isinstance(slot, Dim) and str(slot) in sizes) or not isinstance(slot, Dim):
            known = sizes[str(slot)] if isinstance(slot, Dim) else slot
            if isinstance(known, int) and isinstance(size, int) and known != size:
                where = f"{slot} is {known}" if isinstance(slot, Dim) else f"the size must be {known}"
                raise Misfit(f"'{pattern.name}' is {pattern}, got {kind}: {where}, not {size}")
        else:
            sizes[str(slot)] = size


def _aligned(pattern: Pattern, kind: Type) -> list[Slot]:
    slots = list(pattern.slots or ())
    if "..." in slots:
        at = slots.index("...")
        slots[at : at + 1] = ["_"] * (kind.rank - len(slots) + 1)
    if len(slots) != kind.rank:
        raise Misfit(f"'{pattern.name}' is {pattern}, got {kind}")
    return slots
