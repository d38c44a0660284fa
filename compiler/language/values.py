"""Values of fields: a tree with its expressions filled in, read by the type of the field it fills."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.language import limits
from graphwright.compiler.language.bounds import ExpressionError
from graphwright.compiler.language.expressions import Names, fill
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.places import Place, fail, suggest


class Filled(dict[str, Any]):
    """A mapping with its expressions filled in; the tree and names are kept for what must be read as a node."""

    def __init__(self, values: Mapping[str, Any], tree: Map, names: Names) -> None:
        super().__init__(values)
        self.tree, self.names = tree, names


@dataclass(frozen=True)
class Argument:
    """A value on its way into a field, with its place."""

    value: Any
    place: Place


def evaluate(tree: Tree, names: Names) -> Any:
    """The tree with expressions filled in; what is still plain text stays a `Scalar`, to be read by type."""
    if isinstance(tree, Scalar):
        if "$" not in tree.text:
            return tree
        value = evaluate_text(tree, names)
        return Scalar(value, tree.place, tree.plain) if isinstance(value, str) and _mixed(tree.text) else value
    if isinstance(tree, Seq):
        return [evaluate(item, names) for item in tree.items]
    return Filled({str(evaluate_text(k, names)): evaluate(v, names) for k, v in tree}, tree, names)


def _mixed(text: str) -> bool:
    """Whether a template has literal text beside its expressions."""
    return not (text.startswith("$") and (text[1:].isidentifier() or text.startswith("$(")))


def evaluate_text(scalar: Scalar, names: Names) -> Any:
    """A template's value, with errors placed inside the scalar."""
    try:
        return fill(scalar.text, names)
    except ExpressionError as error:
        shift = error.offset + (0 if scalar.plain else 1)
        place = Place(scalar.place.file, scalar.place.line, scalar.place.column + shift, error.width)
        raise fail(place, error.message, error.hint) from None


def natural(value: Any) -> Any:
    """A value read without a type: numbers, true and false, none; anything else is text."""
    if isinstance(value, Filled):
        return {k: natural(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [natural(v) for v in value]
    if not isinstance(value, Scalar):
        return value
    if not value.plain:
        return value.text
    if value.empty:
        raise fail(value.place, "an empty value", "write none, or remove the key")
    words = {"true": True, "false": False, "none": None}
    if value.text in words:
        return words[value.text]
    for read in (_integer, _float):
        if (number := read(value.text)) is not None:
            return number
    return value.text


def _integer(text: str) -> int | None:
    digits = text.replace("_", "")
    if re.fullmatch(r"[+-]?[0-9]+(_[0-9]+)*", text) and len(digits) < 40:
        number = int(digits)
        return number if number.bit_length() <= limits.INTEGER_BITS else None
    return None


def _float(text: str) -> float | None:
    if not text or text[-1] not in "0123456789." or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


class Mismatch(ValueError):
    """A value is not of the field's type."""


def read_argument(argument: Argument, hint: Any, what: str) -> Any:
    """The argument's value as the field's type, or an error that names both."""
    try:
        return convert(argument.value, hint)
    except Mismatch as error:
        place = argument.value.place if isinstance(argument.value, Scalar) else argument.place
        if isinstance(argument.value, Scalar) and argument.value.empty:
            raise fail(place, f"{what} is empty", "give a value, or remove the key") from None
        raise fail(place, f"{what} must be {describe(hint)}, got {show(argument.value)}", str(error)) from None


def convert(value: Any, hint: Any) -> Any:
    """`value` as the type of `hint`; raises `Mismatch`, whose text is a hint, if it cannot be."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return _freeze(natural(value))
    if origin is Literal:
        return _literal(value, arguments)
    if origin in (typing.Union, types.UnionType):
        return _union(value, arguments)
    if origin is tuple:
        return _tuple(value, arguments)
    return _READ[hint](value)


def _freeze(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple((k, _freeze(v)) for k, v in value.items())
    return tuple(_freeze(v) for v in value) if isinstance(value, (list, tuple)) else value


def _literal(value: Any, choices: tuple[Any, ...]) -> Any:
    text = value.text if isinstance(value, Scalar) else value
    for choice in choices:
        if text == choice and type(text) is type(choice):
            return choice
        if not isinstance(choice, str) and natural(value) == choice:
            return choice
    near = suggest(str(text), [c for c in choices if isinstance(c, str)])
    raise Mismatch(near if near.startswith("did you mean") else "")


def _union(value: Any, options: tuple[Any, ...]) -> Any:
    hints = []
    for option in sorted(options, key=lambda o: o is str):  # text takes anything, so it comes last
        try:
            return convert(value, option)
        except Mismatch as error:
            hints.append(str(error))
    raise Mismatch(next((h for h in hints if h), ""))


def _tuple(value: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(value, dict):
        pairs = len(arguments) == 2 and arguments[1] is ... and typing.get_origin(arguments[0]) is tuple
        if not pairs:
            raise Mismatch("")
        kind = typing.get_args(arguments[0])[1]
        return tuple((k, convert(v, kind)) for k, v in value.items())
    if not isinstance(value, (list, tuple)):
        raise Mismatch("write it as a list, [ ... ]" if isinstance(value, Scalar) and "," in value.text else "")
    if len(arguments) == 2 and arguments[1] is ...:
        return tuple(convert(v, arguments[0]) for v in value)
    if len(value) != len(arguments):
        raise Mismatch(f"it has {len(value)} items")
    return tuple(convert(v, a) for v, a in zip(value, arguments, strict=True))


def _read_int(value: Any) -> int:
    if isinstance(value, Scalar):
        number = _integer(value.text)
        if number is None:
            raise Mismatch(_int_hint(_float(value.text)))
        return number
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Dim):
        raise Mismatch(f"{value} is a size left free; give it a number")
    raise Mismatch(_int_hint(value))


def _int_hint(value: Any) -> str:
    return "use // for whole-number division" if isinstance(value, float) and value.is_integer() else ""


_INFINITIES = {"inf": math.inf, "-inf": -math.inf}


def _read_float(value: Any) -> float:
    number = natural(value) if isinstance(value, Scalar) else value
    number = _INFINITIES.get(number, number) if isinstance(number, str) else number
    if isinstance(number, (int, float)) and not isinstance(number, bool):
        return float(number)
    raise Mismatch("")


def _read_bool(value: Any) -> bool:
    if isinstance(value, Scalar):
        words = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
        if value.text.lower() in words:
            return words[value.text.lower()]
    elif isinstance(value, (bool, int)):
        return bool(value)
    raise Mismatch("write true or false")


def _read_str(value: Any) -> str:
    if isinstance(value, Scalar):
        if value.empty:
            raise Mismatch("")
        return value.text
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise Mismatch("")


def _read_none(value: Any) -> None:
    if value is None or (isinstance(value, Scalar) and value.plain and value.text in ("none", "null", "~")):
        return
    raise Mismatch("")


def _read_dim(value: Any) -> Dim:
    if isinstance(value, Dim):
        return value
    raise Mismatch("")


_READ: dict[Any, Any] = {
    int: _read_int, float: _read_float, bool: _read_bool, str: _read_str, type(None): _read_none, Dim: _read_dim,
}  # fmt: skip
_WORDS: dict[Any, str] = {
    int: "an integer", float: "a number", bool: "true or false", str: "text", type(None): "none", Dim: "a size",
    Any: "a value",
}  # fmt: skip


def describe(hint: Any) -> str:
    """The type of a field in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " or ".join(f"'{a}'" for a in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(describe(a) for a in arguments if a is not Dim))
    if origin is tuple:
        if arguments and typing.get_origin(arguments[0]) is tuple and arguments[-1] is ...:
            return "a mapping"
        inner = describe(arguments[0]).removeprefix("an ").removeprefix("a ") if arguments else "value"
        return f"a list of {inner}s" if "or" not in inner else "a list"
    return _WORDS.get(hint, str(hint))


def show(value: Any) -> str:
    """A value as the reader wrote it, short."""
    if isinstance(value, Scalar):
        return f"'{value.text}'"
    if isinstance(value, Filled):
        return "a mapping"
    text = str([_plain(v) for v in value]) if isinstance(value, (list, tuple)) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(value: Any) -> Any:
    return natural(value) if isinstance(value, Scalar) and not value.empty else value
