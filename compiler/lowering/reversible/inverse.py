"""The inverse of a node in one of its inputs, where the node is affine in it: `y = a x + b` gives `x = (y - b) / a`."""

from __future__ import annotations

import ast
from collections.abc import Callable

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ops.expression import parse
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.op import Op

#: Slope and rest of an expression in one of its names; None is zero.
Affine = tuple[ast.expr | None, ast.expr | None]

#: The ops that are formulas by another name, from their inputs' names.
_TEXTS: dict[str, Callable[..., str]] = {
    "add": lambda op, xs: " + ".join([*xs, *_number(op.other)]),
    "sub": lambda op, xs: " - ".join([*xs, *_number(op.other)]),
    "mul": lambda op, xs: " * ".join(xs),
    "div": lambda op, xs: " / ".join([*xs, *_number(op.other)]),
    "scale": lambda op, xs: " * ".join([*xs, *_number(op.factor)]),
    "neg": lambda op, xs: f"-{xs[0]}",
}


def _number(value: float | None) -> list[str]:
    return [] if value is None else [f"({value!r})"]


def inverse(op: Op, count: int, at: int) -> Formula | None:
    """Input `at` of `count` as a formula of the output and the other inputs, in this order; None if there is none."""
    formula = _formula(op, count)
    if formula is None or not isinstance(formula.value, str):
        return None
    name = formula.names[at]
    slope, rest = affine(parse(formula.value), name) or (None, None)
    if slope is None:
        return None
    others = tuple(n for n in formula.names if n != name)
    made = next(word for k in range(count + 1) if (word := f"made{k}") not in formula.names)
    solved: ast.expr = ast.Name(made)
    if rest is not None:
        solved = ast.BinOp(solved, ast.Sub(), rest)
    if not _is_one(slope):
        solved = ast.BinOp(solved, ast.Div(), slope)
    return Formula(ast.unparse(solved), formula.over, (made, *others), formula.constants)


def _formula(op: Op, count: int) -> Formula | None:
    """The op as a formula whose sizes are known."""
    if isinstance(op, Formula):
        sizes = [v for _, v in (*op.over, *op.constants)]
        return None if any(isinstance(size, Dim) for size in sizes) else op
    names = tuple(f"x{k}" for k in range(count))
    return Formula(_TEXTS[op.name](op, names), names=names) if op.name in _TEXTS else None


def affine(tree: ast.expr, name: str) -> Affine | None:
    """(a, b) with `tree = a name + b`, where neither reads `name`; None if there is no such pair."""
    if not any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(tree)):
        return None, tree
    match tree:
        case ast.Name():
            return ast.Constant(1), None
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            found = affine(inner, name)
            return found and (_minus(found[0]), _minus(found[1]))
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            a, b = affine(left, name), affine(right, name)
            if a is None or b is None:
                return None
            first, second = (b if isinstance(sign, ast.Add) else (_minus(b[0]), _minus(b[1]))), a
            return _sum(second[0], first[0]), _sum(second[1], first[1])
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as factor, right=right):
            a, b = affine(left, name), affine(right, name)
            if a is not None and b is not None and b[0] is None:
                return _times(a[0], factor, right), _times(a[1], factor, right)
            if isinstance(factor, ast.Mult) and b is not None and a is not None and a[0] is None:
                return _times(b[0], factor, left), _times(b[1], factor, left)
    return None


def _is_one(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value == 1


def _minus(tree: ast.expr | None) -> ast.expr | None:
    return tree and ast.UnaryOp(ast.USub(), tree)


def _sum(a: ast.expr | None, b: ast.expr | None) -> ast.expr | None:
    return b if a is None else a if b is None else ast.BinOp(a, ast.Add(), b)


def _times(tree: ast.expr | None, factor: ast.operator, by: ast.expr) -> ast.expr | None:
    if tree is not None and _is_one(tree) and isinstance(factor, ast.Mult):
        return by
    return tree and ast.BinOp(tree, factor, by)
