"""The value of an elementwise expression.

Values are Python numbers, computed at once; scalars that are numbers only when the model runs (free sizes, recorded
by lowering); and tensors.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch.nn import functional as F

from graphwright.compiler.ops.expression import EXTREMES, RESERVED, FormulaError, parse

MAX_EXPONENT = 1024
MAX_INTEGER = 2**63

DTYPES = {"bool": torch.bool, "int": torch.int64, "float": torch.float32}


@dataclass(frozen=True)
class Value:
    """A number, scalar or tensor. `kind` is bool, int or float where that is known, and `any` for an input."""

    data: Any
    form: str
    kind: str

    @property
    def known(self) -> bool:
        return self.form == "number"


def number(data: float) -> Value:
    """A Python number."""
    return Value(data, "number", "bool" if isinstance(data, bool) else "int" if isinstance(data, int) else "float")


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


#: Functions of one value: for numbers, for tensors, and whether integers stay integers.
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], bool]] = {
    "abs": (abs, torch.abs, True),
    "floor": (math.floor, torch.floor, True),
    "ceil": (math.ceil, torch.ceil, True),
    "round": (round, torch.round, True),
    "relu": (lambda x: max(x, 0), F.relu, True),
    "sqrt": (math.sqrt, torch.sqrt, False),
    "exp": (math.exp, torch.exp, False),
    "log": (math.log, torch.log, False),
    "sin": (math.sin, torch.sin, False),
    "cos": (math.cos, torch.cos, False),
    "tanh": (math.tanh, torch.tanh, False),
    "sigmoid": (_sigmoid, torch.sigmoid, False),
    "erf": (math.erf, torch.erf, False),
    "softplus": (_softplus, F.softplus, False),
    "int": (int, lambda x: x.to(torch.int64), True),
    "float": (float, lambda x: x.to(torch.float32), False),
}

ARITHMETIC: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add), ast.Sub: ("-", operator.sub), ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv), ast.FloorDiv: ("//", operator.floordiv), ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
}  # fmt: skip

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


def evaluate(text: str, names: Mapping[str, Any], anchor: Any) -> tuple[Value, set[str]]:
    """The value of an expression, and the names it depends on.

    `names` holds `Value`s and (nested) lists of numbers; `anchor` is a tensor that gives shape and device to scalars.
    """
    walk = _Walk(text.strip(), names, anchor, set())
    return walk.scalar(parse(text)), walk.read


@dataclass(frozen=True)
class _Walk:
    text: str
    names: Mapping[str, Any]
    anchor: Any
    read: set[str]

    def __call__(self, tree: ast.expr) -> Any:
        try:
            return self.visit(tree)
        except (ZeroDivisionError, OverflowError, IndexError, ValueError, TypeError) as error:
            if isinstance(error, FormulaError):
                raise
            raise FormulaError(str(error), self.text, tree.col_offset + 1) from None

    def visit(self, tree: ast.expr) -> Any:
        match tree:
            case ast.Constant(value=value):
                return number(value)  # type: ignore[arg-type]
            case ast.Name(id=name):
                return self.name(name, tree)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return tuple(_constant(self(p)) for p in parts)
            case ast.UnaryOp(op=op, operand=operand):
                return self.unary(op, self.scalar(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(op, self.scalar(left), self.scalar(right))
            case ast.Compare(left=left, ops=[sign], comparators=[right]):
                return _apply(COMPARISONS[type(sign)], self.scalar(left), self.scalar(right), "bool")
            case ast.BoolOp(op=op, values=parts):
                return self.logical(isinstance(op, ast.And), parts)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.choose(self.scalar(test), body, orelse)
            case ast.Call(func=ast.Name(id=name), args=args):
                return self.call(name, [self.scalar(a) for a in args])
            case ast.Subscript(value=value, slice=index):
                return self.look_up(self(value), self.scalar(index), tree)
        raise FormulaError("this is not allowed in a formula", self.text, tree.col_offset + 1)

    def name(self, name: str, tree: ast.expr) -> Any:
        if name in self.names:
            self.read.add(name)
            return self.names[name]
        if name in RESERVED:
            return number(RESERVED[name])
        known = ", ".join(sorted(self.names)) or "none"
        raise FormulaError(f"the name '{name}' is not known here (known: {known})", self.text, tree.col_offset + 1)

    def scalar(self, tree: ast.expr) -> Value:
        """A part that must be one value, not a list."""
        value = self(tree)
        if not isinstance(value, Value):
            raise FormulaError("a list stands where a number is needed", self.text, tree.col_offset + 1)
        return value

    def unary(self, op: ast.unaryop, x: Value) -> Value:
        if isinstance(op, ast.Not):
            return Value(not x.data, "number", "bool") if x.known else _tensor(torch.logical_not(self.lift(x)), "bool")
        x = _counted(x)
        return x if isinstance(op, ast.UAdd) else Value(-x.data, x.form, x.kind)

    def binary(self, op: ast.operator, x: Value, y: Value) -> Value:
        sign, function = ARITHMETIC[type(op)]
        x, y = _counted(x), _counted(y)
        if sign == "**" and x.known and y.known:
            _bounded(x.data, y.data)
        if sign == "**" and y.known and y.data < 0 and x.kind == "int":
            x = number(float(x.data)) if x.known else _tensor(self.lift(x).to(torch.float32), "float")
        kind = "float" if sign == "/" or "float" in (x.kind, y.kind) else "any" if "any" in (x.kind, y.kind) else "int"
        return _apply(function, x, y, kind)

    def logical(self, every: bool, parts: list[ast.expr]) -> Value:
        values = [self.scalar(p) for p in parts]
        known = [bool(v.data) for v in values if v.known]
        if any(k is not every for k in known) or len(known) == len(values):
            return number(every if all(k is every for k in known) else not every)
        combine = torch.logical_and if every else torch.logical_or
        return _tensor(reduce(combine, [self.lift(v) for v in values if not v.known]).to(torch.bool), "bool")

    def choose(self, test: Value, body: ast.expr, orelse: ast.expr) -> Value:
        if test.known:
            return self.scalar(body if test.data else orelse)
        x, y = self.scalar(body), self.scalar(orelse)
        condition = self.lift(test)
        condition = condition if test.kind == "bool" else condition != 0
        kind = x.kind if x.kind == y.kind else "any" if "any" in (x.kind, y.kind) else "float"
        if x.kind != y.kind:
            x, y = _counted(x), _counted(y)
            kind = "float" if "float" in (x.kind, y.kind) else kind
        return _tensor(torch.where(condition, x.data, y.data), kind)

    def call(self, name: str, args: list[Value]) -> Value:
        args = [_counted(a) for a in args]
        if name in EXTREMES:
            return reduce(lambda x, y: _extreme(name, x, y), args)
        plain, function, keeps = FUNCTIONS[name]
        x = args[0]
        if x.known:
            return number(plain(x.data))
        data = self.lift(x)
        if not keeps and x.kind == "int":
            data = data.to(torch.float32)
        return _tensor(function(data), "int" if name == "int" else x.kind if keeps else "float")

    def look_up(self, table: Any, index: Value, tree: ast.Subscript) -> Any:
        if isinstance(table, Value) or not isinstance(table, (tuple, _Table)):
            raise FormulaError("only a list of constants has positions", self.text, tree.col_offset + 1)
        index = _counted(index)
        if isinstance(table, tuple) and index.known:
            return _wrapped(table[operator.index(index.data)])
        lifted = Value(self.lift(index), "tensor", "int")
        found = _Table(table, (lifted,)) if isinstance(table, tuple) else _Table(table.rows, (*table.index, lifted))
        return found.value() if found.full() else found

    def lift(self, x: Value) -> Any:
        return lifted(x, self.anchor)


def lifted(x: Value, anchor: Any) -> Any:
    """A value as a tensor; a number or scalar takes shape and device of the anchor."""
    return x.data if x.form == "tensor" else torch.full_like(anchor, x.data, dtype=DTYPES[x.kind])


@dataclass(frozen=True)
class _Table:
    """A nested list that is being indexed by tensors, some of its levels still to come."""

    rows: tuple[Any, ...]
    index: tuple[Value, ...]

    def full(self) -> bool:
        depth, row = 0, self.rows
        while isinstance(row, tuple):
            depth, row = depth + 1, row[0]
        return depth == len(self.index)

    def value(self) -> Value:
        flat = _leaves(self.rows)
        kind = "int" if all(isinstance(v, int) for v in flat) else "float"
        table = self.index[0].data.new_tensor(self.rows, dtype=DTYPES[kind])
        return _tensor(table[tuple(i.data for i in self.index)], kind)


def _leaves(rows: Any) -> list[Any]:
    return [leaf for row in rows for leaf in _leaves(row)] if isinstance(rows, tuple) else [rows]


def _wrapped(value: Any) -> Any:
    return value if isinstance(value, tuple) else number(value)


def _constant(value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    if not value.known:
        raise ValueError("a list in a formula holds constants only")
    return value.data


def _tensor(data: Any, kind: str) -> Value:
    return Value(data, "tensor", kind)


def _counted(x: Value) -> Value:
    """A truth value as 0 or 1."""
    if x.kind != "bool":
        return x
    return _tensor(x.data.to(torch.int64), "int") if x.form == "tensor" else Value(x.data * 1, x.form, "int")


def _apply(function: Callable[[Any, Any], Any], x: Value, y: Value, kind: str) -> Value:
    """A binary operator, in Python for numbers; the kind of the result follows from torch's promotion."""
    if x.known and y.known:
        data = function(x.data, y.data)
        if isinstance(data, complex) or (isinstance(data, int) and abs(data) >= MAX_INTEGER):
            raise OverflowError(f"the result of {x.data} and {y.data} is no 64-bit number")
        return number(data)
    return Value(function(x.data, y.data), "tensor" if "tensor" in (x.form, y.form) else "scalar", kind)


def _bounded(base: float, exponent: float) -> None:
    """Refuse powers that only a very large number can hold, before they are computed."""
    if abs(exponent) > MAX_EXPONENT or (isinstance(base, int) and abs(base) > 1 and exponent > 63):
        raise OverflowError(f"{base} ** {exponent} is too large")


def _extreme(name: str, x: Value, y: Value) -> Value:
    """The smaller or larger of two values."""
    small = name == "min"
    if x.known and y.known:
        return number(min(x.data, y.data) if small else max(x.data, y.data))
    kind = "float" if "float" in (x.kind, y.kind) else "any" if "any" in (x.kind, y.kind) else "int"
    if x.form == y.form == "tensor":
        return _tensor((torch.minimum if small else torch.maximum)(x.data, y.data), kind)
    if "tensor" in (x.form, y.form):
        tensor, bound = (x, y) if x.form == "tensor" else (y, x)
        return _tensor(torch.clamp(tensor.data, **{"max" if small else "min": bound.data}), kind)
    extreme: Callable[[Any, Any], Any] = torch.sym_min if small else torch.sym_max
    return Value(extreme(x.data, y.data), "scalar", kind)
