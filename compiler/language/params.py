"""Params of a block: their values from arguments and defaults, read by type and held to their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.language.body import Body, Parameter, suggest_key
from graphwright.compiler.language.expressions import Names
from graphwright.compiler.language.reading import Map, Scalar, Seq
from graphwright.compiler.language.values import (
    Argument,
    Filled,
    Mismatch,
    evaluate,
    natural,
    read_argument,
    show,
)
from graphwright.compiler.places import Place, fail, suggest

_HINTS: dict[str, Any] = {"int": int | Dim, "float": float | Dim, "bool": bool, "str": str}


def bind_params(body: Body, arguments: Mapping[str, Argument], names: Names, place: Place) -> dict[str, Any]:
    """`names` with every param of the body added; a default may use what comes before it."""
    known = {p.name for p in body.params}
    for name, argument in arguments.items():
        if name not in known:
            raise fail(argument.place, f"{body.name} has no argument '{name}'", suggest_key(name, known))
    bound = dict(names)
    for param in body.params:
        if param.name in arguments:
            bound[param.name] = _given(param, arguments[param.name], bound, body.name)
        elif param.default is None:
            at_top = place == body.place  # the spec itself, whose arguments come from outside
            raise fail(param.place if at_top else place, f"{body.name} needs the argument '{param.name}'",
                       f"set {param.name}=... from outside, or give it a default" if at_top
                       else f"{param.name}: {param.type}")  # fmt: skip
        else:
            bound[param.name] = _read(param, Argument(evaluate(param.default, bound), param.default.place))
        _check_bounds(param, bound, arguments.get(param.name))
    return bound


def _given(param: Parameter, argument: Argument, bound: Names, block: str) -> Any:
    try:
        return _read(param, argument, f"{block}'s argument '{param.name}'")
    except Mismatch as error:
        raise fail(argument.place, f"{block}'s argument '{param.name}' has the wrong type: {show(argument.value)}",
                   str(error)) from None  # fmt: skip


def _read(param: Parameter, argument: Argument, what: str = "") -> Any:
    kind = param.type or _natural_type(param)
    what = what or f"param '{param.name}'"
    if kind == "op":
        if isinstance(argument.value, Filled):
            return argument.value
        return read_argument(argument, str, what)
    if kind == "list":
        value = natural(argument.value)
        if not isinstance(value, (list, tuple)):
            raise fail(argument.place, f"{what} must be a list, got {show(argument.value)}", "write [ ... ]")
        return list(value)
    if kind == "any":
        return natural(argument.value)
    if kind == "int" and isinstance(argument.value, Scalar) and param.type is None and _is_float(argument.value):
        raise fail(argument.place, f"{what} must be an integer, got {show(argument.value)}",
                   "its default is an integer; write the default as 0.0, or give it type: float")  # fmt: skip
    return read_argument(argument, _HINTS[kind], what)


def _is_float(value: Scalar) -> bool:
    return isinstance(natural(value), float)


def _natural_type(param: Parameter) -> str:
    """The type word of a default: what it is written as; an expression may be anything."""
    if isinstance(param.default, Seq):
        return "list"
    if isinstance(param.default, Map):
        return "op"
    if not isinstance(param.default, Scalar) or "$" in param.default.text:
        return "any"
    value = natural(param.default)
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "any")


def _check_bounds(param: Parameter, bound: Names, argument: Argument | None) -> None:
    value = bound[param.name]
    place = argument.place if argument else param.default.place if param.default else param.place
    if isinstance(param.choices, Seq):
        choices = [c.text if isinstance(c, Scalar) and isinstance(value, str) and "$" not in c.text
                   else natural(evaluate(c, bound)) for c in param.choices.items]  # fmt: skip
        if value not in choices:
            raise fail(place, f"'{param.name}' must be one of {', '.join(map(str, choices))}, got {show(value)}",
                       near if (near := suggest(str(value), map(str, choices))).startswith("did") else "")  # fmt: skip
    if isinstance(value, (int, float)):
        for word, limit, sign in (("at least", param.min, -1), ("at most", param.max, 1)):
            if limit is not None:
                given = Argument(evaluate(limit, bound), limit.place)
                number = read_argument(given, float, f"a bound of '{param.name}'")
                if sign * value > sign * number:
                    raise fail(place, f"'{param.name}' must be {word} {number:g}, got {show(value)}")


def type_of(param: Parameter) -> str:
    """The type word shown in listings and errors."""
    return param.type or _natural_type(param)
