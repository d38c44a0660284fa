"""The params of a block: arguments that differ from use to use, as few as will do, named after what they set.

An argument is written as a constant, as a size of the inputs (`C`, `4 * C`), as a param or a multiple of one.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import OPS
from graphwright.compiler.outline.arguments import (
    ABSENT,
    Bound,
    Column,
    Constant,
    Form,
    Hole,
    Word,
    alike,
    constant,
    free,
)
from graphwright.compiler.outline.sizes import halves, input_sizes, multiple, ratio, times

#: Words that a param cannot have for a name: the language's own, and its functions.
_TAKEN = {
    "in", "repeat", "each", "loop", "if", "else", "tie", "train_only", "freeze", "init", "tags", "doc", "checkpoint",
    "reversible", "backward", "weight", "nodes", "inputs", "outputs", "op", "params", "true", "false", "none", "and",
    "or", "not", "for", "len", "min", "max", "sum", "round", "ceil", "floor", "range", "abs", "int", "float", "zip",
    "sqrt", "exp", "log", "sin", "cos", "x",
}  # fmt: skip
#: Longer lists are not looked into.
_ITEMS = 8
#: Fields whose names say more than those of others that have the same value.
_TELLING = ("out", "kernel", "stride", "groups")
#: A default is worth writing where so many of the uses have it.
_USUAL = 0.6


@dataclass(eq=False)
class Closed:
    """What a block asks of those who use it."""

    params: list[Column] = field(default_factory=list)
    defaults: dict[str, Any] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    #: For each input, the names of its sizes, or None where none is used.
    sizes: list[tuple[str, ...] | None] = field(default_factory=list)


class Closing:
    """Gives every hole of a block its form."""

    def __init__(self, inputs: list[list[Type]], result: list[Type]) -> None:
        self.inputs, self.result = inputs, result
        self.sizes = list(input_sizes(inputs))
        self.used: set[int] = set()
        #: The sizes in the list at hand: a square is H by W, not H by H.
        self.row: set[int] = set()
        self.params: list[Column] = []

    def close(self, holes: list[Hole], conditions: list[Hole], bound: list[Bound]) -> Closed:
        """The block's params; `bound` are the names bound inside, which get their texts here."""
        for hole in holes:
            self._settle(hole)
        for hole in conditions:
            self._condition(hole)
        closed = Closed(self.params)
        self._name(bound)
        for column in self.params:
            self._default(column, closed)
        used = [c for k, c in enumerate(self.sizes) if k in self.used]
        for port, _ in enumerate(self.inputs):
            names = [c.word.text for c in self.sizes if c.port == port]
            needed = any(c.port == port for c in used)
            shown = names if port == 0 else [c.word.text if c in used else "_" for c in self.sizes if c.port == port]
            closed.sizes.append(tuple(shown) if needed else None)
        return closed

    # -- forms --------------------------------------------------------------------------------
    def _settle(self, hole: Hole) -> None:
        known = hole.known
        if constant(known) and not any(map(free, known)):
            hole.form = Constant(known[0] if known else hole.spare)
        elif self._splits(hole):
            hole.items = [self._element(hole, known, k) for k in range(len(known[0]))]
            self.row = set()
            for item in hole.items:
                self._settle(item)
            self.row = set()
        else:
            hole.form = self._of_sizes(hole) or self._param(hole)

    def _element(self, hole: Hole, known: list[Any], k: int) -> Hole:
        """One element of an argument that is a list; the value of a pair is called what the pair calls it."""
        first = known[0][0]
        pair = k == 1 and len(known[0]) == 2 and isinstance(first, str) and all(v[0] == first for v in known)
        name = first if pair else hole.name
        return Hole([v if v is ABSENT else v[k] for v in hole.values], name, hole.owner)

    def _splits(self, hole: Hole) -> bool:
        known = hole.known
        if hole.listed or not isinstance(known[0], tuple):
            return False
        if len(known[0]) > _ITEMS and not isinstance(known[0][0], tuple):
            return False
        return all(isinstance(v, tuple) and len(v) == len(known[0]) for v in known)

    def _of_sizes(self, hole: Hole) -> Form | None:
        """A size of an input, a multiple or part of it, or the product of two."""
        values = hole.values
        for k, size in sorted(enumerate(self.sizes), key=lambda pair: pair[1].word.text != hole.name):
            if alike(values, size.values):
                return self._use(k)
        for k, size in enumerate(self.sizes):
            if (text := ratio(values, size.values)) is not None:
                return (text[0], self._use(k), text[1])
        for j, a in enumerate(self.sizes):
            for k, b in enumerate(self.sizes[j + 1 :], j + 1):
                if a.port == b.port and (product := times(a.values, b.values)) is not None:
                    text = ("", "") if alike(values, product) else ratio(values, product)
                    if text is not None:
                        self.used |= {j, k}
                        return (text[0], a.word, " * ", b.word, text[1])
        return None

    def _use(self, k: int) -> Word:
        """A size, or the next of the input's if that is the same everywhere and the list has the first already."""
        size, after = self.sizes[k], self.sizes[k + 1] if k + 1 < len(self.sizes) else None
        if k in self.row and after and after.port == size.port and not (size.channels or after.channels):
            k += after.values == size.values
        self.used.add(k)
        self.row.add(k)
        return self.sizes[k].word

    def _param(self, hole: Hole) -> Form:
        for column in self.params:
            if alike(hole.values, column.values):
                column.values = [v if v is not ABSENT else w for v, w in zip(column.values, hole.values, strict=True)]
                column.holes.append(hole)
                return column.word
        for column in self.params:
            if (text := ratio(hole.values, column.values)) is not None:
                return (text[0], column.word, text[1])
            if (hole.name, column.holes[0].name) == ("padding", "kernel") and halves(hole.values, column.values):
                return (column.word, " // 2")
        column = Column(Word(hole.name), list(hole.values), [hole])
        self.params.append(column)
        return column.word

    # -- conditions ---------------------------------------------------------------------------
    def _condition(self, hole: Hole) -> None:
        """A comparison of sizes and params that holds for just the uses that have the node; else a flag."""
        if constant(hole.known):
            hole.form = Constant(hole.known[0])
            return
        if any(alike(hole.values, c.values) for c in self.params):
            hole.form = self._param(hole)
            return
        atoms = list(self._tests())
        for form, values, sizes in (*atoms, *_pairs(atoms)):
            if values == hole.values:
                self.used |= sizes
                hole.form = form
                return
        hole.form = self._param(hole)

    def _tests(self) -> Iterator[tuple[Any, list[bool], set[int]]]:
        """Comparisons that people write: `C != width`, `stride > 1`, a flag or its opposite."""
        whole = [c for c in self.params if all(type(v) is int for v in c.values)]
        for column in whole:
            if constant_but_some(column.values, 1):
                yield (column.word, " > 1"), [v > 1 for v in column.values], set()
                yield (column.word, " == 1"), [v == 1 for v in column.values], set()
        for k, size in enumerate(self.sizes):
            if not size.channels or not all(type(v) is int for v in size.values):
                continue
            for column in whole:
                for factor in self._factors(column):
                    texts: tuple[Any, ...] = (f"{factor} * ", column.word) if factor > 1 else (column.word,)
                    pairs = list(zip(size.values, column.values, strict=True))
                    yield (size.word, " != ", *texts), [a != factor * b for a, b in pairs], {k}
                    yield (size.word, " == ", *texts), [a == factor * b for a, b in pairs], {k}
        for column in self.params:
            if all(type(v) is bool for v in column.values):
                yield (column.word,), list(column.values), set()
                yield ("not ", column.word), [not v for v in column.values], set()
            if all(type(v) is float for v in column.values):
                yield (column.word, " > 0"), [v > 0 for v in column.values], set()

    def _factors(self, column: Column) -> list[int]:
        """What the param is multiplied by where the block's result has so many channels."""
        found = [1]
        for axis in (1, -1):
            sizes = [t.shape[axis] for t in self.result if t.rank > 1]
            if len(sizes) == len(column.values) and all(type(s) is int for s in sizes):
                factor = multiple(sizes, column.values)
                found += [factor] if factor else []
        return list(dict.fromkeys(found))

    # -- names --------------------------------------------------------------------------------
    def _name(self, bound: list[Bound]) -> None:
        taken = {c.word.text for c in self.sizes}
        wishes = [self._wish(c) for c in self.params]
        for column, wish in zip(self.params, wishes, strict=True):
            first = column.holes[0]
            options = [wish] if wishes.count(wish) == 1 else []
            both = (first.name, first.owner) if first.owner[:1].isdigit() else (first.owner, first.name)
            column.word.text = _unused([*options, _spelt("_".join(both))], taken)
        _name_bound(bound, taken)

    def _wish(self, column: Column) -> str:
        """The field's name; for channels, whether they are those of the result."""
        names = list(dict.fromkeys(h.name for h in column.holes))
        if names[0] == "if":
            return _spelt(_flag([h.owner for h in column.holes]))
        name = next((n for n in _TELLING if n in names), names[0])
        if name != "out":
            return _spelt(name)
        kinds = self.result
        axes = (1, -1) if kinds and all(k.rank > 1 for k in kinds) else ()
        ends = any(alike(column.values, [k.shape[axis] for k in kinds]) for axis in axes)
        return "out" if ends else "width"

    def _default(self, column: Column, closed: Closed) -> None:
        name, known = column.word.text, [v for v in column.values if v is not ABSENT]
        closed.types[name] = _type_word(known, column.holes[0].listed)
        usual, uses = Counter(map(_key, known)).most_common(1)[0]
        value = next(v for v in known if _key(v) == usual)
        flag = isinstance(value, bool) or any(v is ABSENT for v in column.values)
        scalar = value is None or isinstance(value, (bool, int, float, str))
        if scalar and uses > 1 and (flag or uses >= _USUAL * len(known)):
            closed.defaults[name] = value
        column.spare = value


def _name_bound(bound: list[Bound], taken: set[str]) -> None:
    for group in bound:
        here = set(taken)
        for word in group.words:
            word.text = _unused([_spelt(word.hint)], here)
        _name_bound(group.inside, here)


def constant_but_some(values: list[Any], usual: Any) -> bool:
    """Whether a column of numbers has a usual value and others."""
    return usual in values and all(v >= usual for v in values)


def _key(value: Any) -> tuple[str, Any]:
    return (type(value).__name__, value)


def _pairs(atoms: list[tuple[Any, list[bool], set[int]]]) -> Iterator[tuple[Any, list[bool], set[int]]]:
    """Two comparisons joined."""
    join: Callable[..., bool]
    for word, join in ((" or ", lambda x, y: x or y), (" and ", lambda x, y: x and y)):
        for k, (left, a, s) in enumerate(atoms[:16]):
            for right, b, t in atoms[k + 1 : 16]:
                yield (*left, word, *right), [join(x, y) for x, y in zip(a, b, strict=True)], s | t


def _flag(owners: list[str]) -> str:
    """What the parts that a flag decides about are known by: a name of its own rather than that of an op."""
    plain = [re.sub(r"_?\d+$", "", o.rpartition(".")[2]) or o for o in owners]
    return next((name for name in plain if name not in OPS), plain[0])


def _spelt(text: str) -> str:
    """A text as the name of a param: small letters."""
    text = "".join(c if c.isalnum() and c.isascii() else "_" for c in text.lower()).strip("_") or "value"
    return text if not text[0].isdigit() else f"n{text}"


def _unused(options: list[str], taken: set[str]) -> str:
    """The first name that is free, with a number if need be."""
    names = chain(options, (f"{options[-1]}{k}" for k in count(2)))
    name = next(n for n in names if n not in taken and n not in _TAKEN and not keyword.iskeyword(n))
    taken.add(name)
    return name


def _type_word(values: list[Any], listed: bool) -> str:
    """The type that the values of a param have in common."""
    if listed or all(isinstance(v, tuple) for v in values):
        return "list"
    for kinds, word in (((bool,), "bool"), ((int, Dim), "int"), ((float,), "float"), ((str,), "str")):
        if all(isinstance(v, kinds) and (word == "bool" or not isinstance(v, bool)) for v in values):
            return word
    return "any"
