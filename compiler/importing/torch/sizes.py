"""Sizes of an exported program (sympy expressions over torch's symbols) as sizes of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
import torch
from torch.utils._sympy import functions as symbolic

from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.types import DTYPE_NAMES, Type

#: Names of the dimensions of an input, by its rank; channels are not free, so they have no name of their own.
AXES = {
    1: ("L",),
    2: ("N", "L"),
    3: ("N", "L", "C"),
    4: ("N", "C", "H", "W"),
    5: ("N", "C", "D", "H", "W"),
}


class UnknownSize(ValueError):
    """A size that depends on data, or on an operation that sizes of a graph do not have."""


def symbol_names(inputs: Mapping[str, Any]) -> tuple[dict[sympy.Symbol, Dim], dict[str, int]]:
    """The free sizes of the inputs under readable names, and the numbers they had in the example.

    Dimensions that torch found to be equal share a symbol, so they share a name.
    """
    names: dict[sympy.Symbol, Dim] = {}
    defaults: dict[str, int] = {}
    for value in inputs.values():
        if not isinstance(value, torch.Tensor):
            continue
        axes = AXES.get(value.ndim, tuple("ABCDEFGHIJ"))
        for axis, size in enumerate(value.shape):
            if isinstance(size, int):
                continue
            expression = size.node.expr
            if not isinstance(expression, sympy.Symbol) or expression in names:
                continue
            name, count = axes[axis], 2
            while name in defaults:
                name, count = f"{axes[axis]}{count}", count + 1
            names[expression] = Dim.symbol(name)
            defaults[name] = int(size.node.hint)
    return names, defaults


def read_size(value: Any, names: Mapping[sympy.Symbol, Dim]) -> Size:
    """A number, or torch's symbolic integer, as a size."""
    if isinstance(value, int):
        return int(value)
    return _size(value.node.expr, names)


def _size(expression: Any, names: Mapping[sympy.Symbol, Dim]) -> Size:
    def inner(position: int) -> Size:
        return _size(expression.args[position], names)

    match expression:
        case sympy.Integer():
            return int(expression)
        case sympy.Symbol() if expression in names:
            return names[expression]
        case sympy.Add():
            return sum((_size(a, names) for a in expression.args), start=0)
        case sympy.Mul() if all(_whole(a) for a in expression.args):
            total: Size = 1
            for part in expression.args:
                total = total * _size(part, names)
            return total
        case sympy.Mul():  # an exact quotient, `Rational * x`
            top, bottom = sympy.fraction(expression)
            return quotient(_size(sympy.expand(top), names), _size(bottom, names))
        case sympy.Pow() if isinstance(expression.exp, sympy.Integer) and expression.exp > 0:
            result: Size = 1
            for _ in range(int(expression.exp)):
                result = result * inner(0)
            return result
        case symbolic.FloorDiv() | symbolic.CleanDiv() | symbolic.PythonMod() | symbolic.Mod() if (
            len(expression.args) == 2
        ):
            a, b = inner(0), inner(1)
            whole = quotient(a, b)
            return whole if isinstance(expression, (symbolic.FloorDiv, symbolic.CleanDiv)) else a - whole * b
        case symbolic.ModularIndexing():
            whole = quotient(inner(0), inner(1))
            return whole - quotient(whole, inner(2)) * inner(2)
        case symbolic.CeilToInt() | symbolic.FloorToInt() | symbolic.TruncToInt() if isinstance(
            expression.args[0], symbolic.IntTrueDiv
        ):
            a, b = (_size(p, names) for p in expression.args[0].args)
            return -quotient(-a, b) if isinstance(expression, symbolic.CeilToInt) else quotient(a, b)
        case _:
            raise UnknownSize(f"the size {expression} is no sum, product or whole quotient of input sizes")


def quotient(a: Size, b: Size) -> Size:
    """`a // b`; a divisor that is free must divide every term exactly."""
    if isinstance(b, int):
        return a // b
    if isinstance(a, int) or len(b.terms) != 1:
        if a == b:
            return 1
        raise UnknownSize(f"the size ({a}) // ({b}) divides by a size left free")
    ((divisor, factor),) = b.terms.items()
    total: Size = 0
    for monomial, count in a.terms.items():
        rest = list(monomial)
        for atom in divisor:
            if atom not in rest:
                raise UnknownSize(f"the size ({a}) // ({b}) divides by a size left free")
            rest.remove(atom)
        if count % factor:
            raise UnknownSize(f"the size ({a}) // ({b}) is not whole")
        total = total + (Dim({tuple(rest): count // factor}) if rest else count // factor)
    return total


def _whole(expression: Any) -> bool:
    return not isinstance(expression, sympy.Rational) or isinstance(expression, sympy.Integer)


def type_of(value: torch.Tensor, names: Mapping[sympy.Symbol, Dim]) -> Type:
    """The type of a tensor of the exported program."""
    return Type(tuple(read_size(s, names) for s in value.shape), DTYPE_NAMES[value.dtype])
