"""Arguments while a graph is folded: what each use has, and how that comes to be written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Union

from graphwright.compiler.ir.dims import Dim, Floor
from graphwright.compiler.outline.form import Argument, Expression


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


#: Stands where a use has no such argument, so that any value will do.
ABSENT: Any = _Absent()


@dataclass(eq=False)
class Word:
    """A name to be: of a param, an index or a list bound by `repeat`. It gets its text when its block is closed."""

    hint: str
    text: str = ""


@dataclass(eq=False)
class Bound:
    """The names that one `repeat` binds, and those bound inside of it, which must be others."""

    words: list[Word]
    inside: list[Bound]


@dataclass(eq=False)
class Constant:
    """The same value everywhere."""

    value: Any


#: Text with words and holes in it; several pieces are an expression that wants parentheses inside another.
Pieces = tuple[Union[str, Word, "Hole"], ...]
Form = Constant | Word | Pieces


@dataclass(eq=False)
class Hole:
    """One argument: its value in every member of the structure it stands in, and its form once that is known."""

    values: list[Any]
    name: str
    owner: str
    #: A tuple of one value a copy, not the value of one argument.
    listed: bool = False
    form: Form | None = None
    #: What it may be where no use has a value.
    spare: Any = None
    items: list[Hole] | None = field(default=None)

    @property
    def known(self) -> list[Any]:
        """The values where there are any."""
        return [v for v in self.values if v is not ABSENT]

    def leaves(self) -> Iterator[Hole]:
        """The holes that are still without a form."""
        if self.items is not None:
            for item in self.items:
                yield from item.leaves()
        elif isinstance(self.form, tuple):
            for piece in self.form:
                if isinstance(piece, Hole):
                    yield from piece.leaves()
        elif self.form is None:
            yield self


@dataclass(eq=False)
class Column:
    """A param in the making, or a size of an input: a value for every use of the block."""

    word: Word
    values: list[Any]
    holes: list[Hole] = field(default_factory=list)
    #: What it is where no use needs it.
    spare: Any = None


def same(a: Any, b: Any) -> bool:
    """Equal values of one type: 1, 1.0 and true are three values."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and bool(a == b)


def alike(a: list[Any], b: list[Any]) -> bool:
    """Whether two columns agree wherever both have values."""
    return all(x is ABSENT or y is ABSENT or same(x, y) for x, y in zip(a, b, strict=True))


def constant(values: list[Any]) -> bool:
    """Whether a column has one value, or none."""
    return all(same(v, values[0]) for v in values[1:])


def free(value: Any) -> bool:
    """Whether a value holds a size left free."""
    return any(map(free, value)) if isinstance(value, tuple) else isinstance(value, Dim)


def written(hole: Hole) -> Argument:
    """The argument as the outline has it."""
    if hole.items is not None:
        return tuple(written(item) for item in hole.items)
    if isinstance(hole.form, Constant):
        return hole.form.value
    return Expression(_inner(hole, whole=True))


def _inner(piece: str | Word | Hole, *, whole: bool = False) -> str:
    """A piece of an expression, with parentheses unless it stands alone."""
    if isinstance(piece, str):
        return piece
    if isinstance(piece, Word):
        return piece.text
    if isinstance(piece.form, Constant):
        return literal(piece.form.value)
    if isinstance(piece.form, Word):
        return piece.form.text
    if piece.items is not None:
        return "[" + ", ".join(_inner(item, whole=True) for item in piece.items) + "]"
    assert piece.form is not None, piece
    text = "".join(_inner(p, whole=len(piece.form) == 1) for p in piece.form)
    return text if whole or text.isidentifier() else f"({text})"


def literal(value: Any) -> str:
    """A value inside an expression."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "none"
    if isinstance(value, Dim):
        return size_text(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    return number(value) if isinstance(value, float) else repr(value)


def number(value: float) -> str:
    """A float as people write it: 1e-6, 0.1."""
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text


def size_text(size: Any) -> str:
    """A size as an expression of the language, where sizes divide with `//`."""
    if not isinstance(size, Dim):
        return str(size)
    parts: list[str] = []
    for monomial, factor in sorted(size.terms.items(), key=lambda t: (not t[0], [str(a) for a in t[0]])):
        atoms = [a if isinstance(a, str) else _floor(a) for a in monomial]
        factors = ([str(abs(factor))] if abs(factor) != 1 or not atoms else []) + atoms
        if len(factors) > 1:
            factors = [f"({f})" if "//" in f else f for f in factors]
        body = " * ".join(factors)
        if factor < 0 and len(factors) == 1 and "//" in body:
            body = f"({body})"
        parts.append(("- " if factor < 0 else "+ ") + body)
    text = " ".join(parts)
    return text[2:] if text.startswith("+ ") else "-" + text[2:]


def _floor(atom: Floor) -> str:
    top = size_text(atom.top)
    return f"{top if top.isidentifier() else f'({top})'} // {atom.by}"
