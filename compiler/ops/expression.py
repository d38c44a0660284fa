"""Elementwise expressions: what they may say.

The text is parsed by Python's `ast` and held against an allow-list; nothing is ever evaluated by Python itself.
"""

from __future__ import annotations

import ast
import math
from functools import cache

MAX_NODES = 1000
MAX_LENGTH = 10_000

RESERVED = {"pi": math.pi, "inf": math.inf, "True": True, "False": False}

#: Functions of one value, and of two or more.
FUNCTIONS = (
    "abs", "floor", "ceil", "round", "relu", "sqrt", "exp", "log", "sin", "cos", "tanh", "sigmoid", "erf", "softplus",
    "int", "float",
)  # fmt: skip
EXTREMES = ("min", "max")

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)

_ALLOWED = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Subscript, ast.Constant, ast.Name,
    ast.List, ast.Tuple, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip


class FormulaError(ValueError):
    """What is wrong with an expression, and at which column of its text (from 1)."""

    def __init__(self, message: str, text: str, column: int) -> None:
        super().__init__(f"{message}, at column {column} of '{text}'")
        self.message, self.text, self.column = message, text, column


@cache
def parse(text: str) -> ast.expr:
    """The syntax tree of an expression, with nothing in it that is not allowed."""
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the expression has {len(text)} characters, more than {MAX_LENGTH}", text[:40] + "...", 1)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = (error.offset or len(text.strip()) + 1) if isinstance(error, SyntaxError) else 1
        raise FormulaError("this is no expression", text.strip(), column) from None
    if (count := sum(1 for _ in ast.walk(tree))) > MAX_NODES:
        raise FormulaError(f"the expression has {count} parts, more than {MAX_NODES}", text[:40] + "...", 1)
    for node in ast.walk(tree):
        if problem := _problem(node):
            raise FormulaError(problem, text.strip(), getattr(node, "col_offset", 0) + 1)
    return tree


def _problem(node: ast.AST) -> str | None:
    """Why a part of the tree is not allowed, if so."""
    match node:
        case ast.Constant(value=bool() | int() | float()) | ast.Call(func=ast.Name(), keywords=[]):
            return _call_problem(node) if isinstance(node, ast.Call) else None
        case ast.Constant(value=value):
            return f"{value!r} is no number"
        case ast.Call():
            return "only plain calls of known functions are allowed"
        case ast.BinOp(op=op) if not isinstance(op, OPERATORS):
            return "this operator is not allowed; use + - * / // % **"
        case ast.UnaryOp(op=ast.Invert()):
            return "'~' is not allowed; use not"
        case ast.Compare(ops=ops) if len(ops) > 1 or not isinstance(ops[0], COMPARISONS):
            return "a comparison is one of < <= > >= == !=, and not chained; join two with 'and'"
        case ast.Subscript(slice=ast.Slice() | ast.Tuple()):
            return "an index is one position; write a[i][j]"
        case _ if not isinstance(node, _ALLOWED):
            return f"{type(node).__name__} is not allowed in a formula"
    return None


def _call_problem(call: ast.Call) -> str | None:
    assert isinstance(call.func, ast.Name)
    name, count = call.func.id, len(call.args)
    if name in EXTREMES:
        return None if count >= 2 else f"{name} needs at least two values, got {count}"
    if name in FUNCTIONS:
        return None if count == 1 else f"{name} needs one value, got {count}"
    return f"there is no function '{name}'; known: {', '.join(sorted((*FUNCTIONS, *EXTREMES)))}"


@cache
def names_in(text: str) -> frozenset[str]:
    """The names that an expression reads: inputs, indices and constants, not functions."""
    tree = parse(text)
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called}
    return frozenset(found - RESERVED.keys())


@cache
def counted_names(text: str) -> frozenset[str]:
    """The names that are operands of arithmetic, or arguments of functions, themselves."""
    operands: list[ast.expr] = []
    for node in ast.walk(parse(text)):
        match node:
            case ast.BinOp(left=left, right=right):
                operands += [left, right]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                operands.append(operand)
            case ast.Call(args=args):
                operands += args
    return frozenset(n.id for n in operands if isinstance(n, ast.Name))


@cache
def operations(text: str) -> int:
    """How many operators and functions an expression has."""
    steps = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Call)
    return sum(isinstance(n, steps) for n in ast.walk(parse(text)))
