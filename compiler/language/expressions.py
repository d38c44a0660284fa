"""Templates and expressions: `$name`, `$(...)`, `$$` in any text.

Evaluated by a walker over Python's `ast` with an allow-list and bounds. Never `eval`; no attributes,
no calls but those in `FUNCTIONS`, no names but those in scope.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphwright.compiler.ir.dims import Dim, FreeSize
from graphwright.compiler.language import limits
from graphwright.compiler.language.bounds import ExpressionError, Meter
from graphwright.compiler.places import suggest

Names = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """An expression inside a template, and where it starts in the text."""

    source: str
    offset: int


_START = re.compile(r"\$(\$|\(|[A-Za-z_][A-Za-z0-9_]*)?")


@lru_cache(maxsize=65536)
def parse_template(text: str) -> tuple[str | Part, ...]:
    """The literal pieces and the expressions of a text, in order."""
    if "$" not in text:
        return (text,)
    parts: list[str | Part] = []
    at = 0
    while match := _START.search(text, at):
        parts.append(text[at : match.start()])
        what = match.group(1)
        at = match.end()
        if what is None:
            raise ExpressionError("'$' without a name or (...)", match.start(), "write $$ for a dollar sign")
        if what == "$":
            parts.append("$")
        elif what == "(":
            end = _closing(text, at)
            parts.append(Part(text[at:end], at))
            at = end + 1
        else:
            parts.append(Part(what, match.start(1)))
    parts.append(text[at:])
    return tuple(p for p in parts if p != "")


def _closing(text: str, at: int) -> int:
    depth, quote = 1, ""
    for index in range(at, len(text)):
        char = text[index]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return index
    raise ExpressionError("'$(' is not closed", at - 2, "add ')'")


def fill(text: str, names: Names) -> Any:
    """A template's value: a lone expression keeps its type, anything else becomes text."""
    parts = parse_template(text)
    if len(parts) == 1 and isinstance(parts[0], Part):
        return value_of(parts[0], names)
    pieces, length = [], 0
    for part in parts:
        pieces.append(part if isinstance(part, str) else _as_text(value_of(part, names)))
        length += len(pieces[-1])
        if length > limits.LIST_ITEMS:
            raise ExpressionError(f"a text of more than {limits.LIST_ITEMS:,} characters")
    return "".join(pieces)


def _as_text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        raise ExpressionError("a list cannot stand inside text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def value_of(part: Part, names: Names) -> Any:
    """The value of one expression; errors are placed relative to the whole template."""
    if part.source in names:  # the common case, `$name`
        return names[part.source]
    try:
        return _Walker(names).run(_parse(part.source))
    except ExpressionError as error:
        blanks = len(part.source) - len(part.source.lstrip())
        raise ExpressionError(error.message, part.offset + blanks + error.offset, error.hint, error.width) from None


@lru_cache(maxsize=65536)
def _parse(source: str) -> ast.expr:
    if len(source) > limits.EXPRESSION_LENGTH:
        raise ExpressionError(f"an expression is longer than {limits.EXPRESSION_LENGTH} characters")
    stripped = source.lstrip()
    try:
        return ast.parse(stripped, mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"not an expression: {error.msg}", max(0, (error.offset or 1) - 1)) from None
    except (RecursionError, MemoryError, ValueError):
        raise ExpressionError("the expression is nested too deeply") from None


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip


def _zip(*lists: list[Any]) -> list[list[Any]]:
    return [list(row) for row in zip(*lists, strict=False)]


def _range(*bounds: int) -> list[int]:
    span = range(*bounds)
    if len(span) > limits.LIST_ITEMS:
        raise ExpressionError(f"a list of more than {limits.LIST_ITEMS:,} items")
    return list(span)


def _split(text: str, at: str) -> list[str]:
    parts = str.split(text, at)
    if len(parts) > limits.LIST_ITEMS:
        raise ExpressionError(f"a list of more than {limits.LIST_ITEMS:,} items")
    return parts


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len, "min": min, "max": max, "sum": sum, "round": round, "ceil": math.ceil, "floor": math.floor,
    "range": _range, "abs": abs, "int": int, "float": float, "zip": _zip, "split": _split,
    "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "sin": math.sin, "cos": math.cos,
}  # fmt: skip


def _width(tree: ast.expr) -> int:
    return (tree.end_col_offset or tree.col_offset + 1) - tree.col_offset


class _Walker:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.meter = Meter()

    def run(self, tree: ast.expr) -> Any:
        try:
            return self.visit(tree)
        except FreeSize as error:
            raise ExpressionError(str(error), hint="give the size a number, for instance by a param") from None
        except ExpressionError:
            raise
        except ZeroDivisionError:
            raise ExpressionError(
                f"division by zero in '{ast.unparse(tree)}'", tree.col_offset, width=_width(tree)
            ) from None
        except (ArithmeticError, TypeError, ValueError, IndexError, KeyError) as error:
            raise ExpressionError(f"cannot compute '{ast.unparse(tree)}': {error}", tree.col_offset) from None
        except RecursionError:
            raise ExpressionError("the expression is nested too deeply") from None

    def visit(self, tree: ast.expr) -> Any:
        self.meter.spend(1)
        method = getattr(self, "_" + type(tree).__name__.lower(), None)
        if method is None:
            raise ExpressionError(
                f"'{ast.unparse(tree)}' is not allowed in an expression", tree.col_offset,
                "numbers, names, lists, arithmetic, comparisons, if-else, comprehensions and a few functions",
                _width(tree),
            )  # fmt: skip
        return method(tree)

    def _constant(self, tree: ast.Constant) -> Any:
        if isinstance(tree.value, (bool, int, float, str)) or tree.value is None:
            return self.meter.bounded(tree.value)
        raise ExpressionError(f"'{ast.unparse(tree)}' is not a number or text", tree.col_offset)

    def _name(self, tree: ast.Name) -> Any:
        if tree.id in self.names:
            return self.names[tree.id]
        if tree.id in ("true", "false"):
            return tree.id == "true"
        if tree.id == "none":
            return None
        raise ExpressionError(f"no name '{tree.id}' here", tree.col_offset, suggest(tree.id, self.names), len(tree.id))

    def _binop(self, tree: ast.BinOp) -> Any:
        left, right = self.visit(tree.left), self.visit(tree.right)
        if isinstance(tree.op, ast.Pow) and not (isinstance(right, (int, float)) and abs(right) <= 64):
            raise ExpressionError("an exponent must be a number between -64 and 64", tree.col_offset)
        if isinstance(tree.op, ast.Mult) and (isinstance(left, (list, str)) or isinstance(right, (list, str))):
            times = right if isinstance(left, (list, str)) else left
            items = left if isinstance(left, (list, str)) else right
            if len(items) * int(times) > limits.LIST_ITEMS:
                raise ExpressionError(f"a list of more than {limits.LIST_ITEMS:,} items", tree.col_offset)
        if type(tree.op) not in _BINARY:
            raise ExpressionError(f"'{ast.unparse(tree)}': this operator is not allowed", tree.col_offset)
        return self.meter.bounded(_BINARY[type(tree.op)](left, right))

    def _unaryop(self, tree: ast.UnaryOp) -> Any:
        value = self.visit(tree.operand)
        match tree.op:
            case ast.USub():
                return -value
            case ast.UAdd():
                return value
            case ast.Not():
                return not value
        raise ExpressionError("'~' is not allowed", tree.col_offset)

    def _boolop(self, tree: ast.BoolOp) -> Any:
        value: Any = None
        for item in tree.values:
            value = self.visit(item)
            if bool(value) is isinstance(tree.op, ast.Or):
                break
        return value

    def _compare(self, tree: ast.Compare) -> bool:
        left = self.visit(tree.left)
        for op, item in zip(tree.ops, tree.comparators, strict=True):
            right = self.visit(item)
            for side in (left, right):
                if isinstance(side, (list, tuple)):
                    self.meter.bounded(side)
            if type(op) not in _COMPARE:
                raise ExpressionError("'is' is not allowed", tree.col_offset, "use == or !=")
            if isinstance(op, (ast.Eq, ast.NotEq)) and _undecided(left, right):
                raise FreeSize(f"whether {left} equals {right} depends on a size left free")
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True

    def _ifexp(self, tree: ast.IfExp) -> Any:
        return self.visit(tree.body if self.visit(tree.test) else tree.orelse)

    def _list(self, tree: ast.List | ast.Tuple) -> list[Any]:
        return self.meter.bounded([self.visit(item) for item in tree.elts])  # type: ignore[no-any-return]

    _tuple = _list

    def _subscript(self, tree: ast.Subscript) -> Any:
        items = self.visit(tree.value)
        if not isinstance(items, (list, tuple)):
            raise ExpressionError(f"'{ast.unparse(tree.value)}' is not a list", tree.col_offset)
        index = tree.slice
        if isinstance(index, ast.Slice):
            bounds = [None if b is None else self.visit(b) for b in (index.lower, index.upper, index.step)]
            return self.meter.bounded(list(items[slice(*bounds)]))
        at = self.visit(index)
        if isinstance(at, int) and not -len(items) <= at < len(items):
            raise ExpressionError(f"index {at} of '{ast.unparse(tree.value)}', which has {len(items)} items",
                                  tree.col_offset)  # fmt: skip
        return items[at]

    def _listcomp(self, tree: ast.ListComp | ast.GeneratorExp) -> list[Any]:
        outer, self.names = self.names, dict(self.names)
        try:
            results: list[Any] = []
            self._loop(tree.generators, tree.elt, results)
        finally:
            self.names = outer
        return self.meter.bounded(results)  # type: ignore[no-any-return]

    _generatorexp = _listcomp

    def _loop(self, generators: list[ast.comprehension], element: ast.expr, results: list[Any]) -> None:
        if not generators:
            results.append(self.visit(element))
            if len(results) > limits.LIST_ITEMS:
                raise ExpressionError(f"a list of more than {limits.LIST_ITEMS:,} items")
            return
        first, *rest = generators
        for item in self.visit(first.iter):
            self._bind(first.target, item)
            if all(self.visit(test) for test in first.ifs):
                self._loop(rest, element, results)

    def _bind(self, target: ast.expr, value: Any) -> None:
        match target:
            case ast.Name(id=name):
                self.names[name] = value  # type: ignore[index]
            case ast.Tuple(elts=parts) | ast.List(elts=parts) if len(parts) == len(value):
                for part, item in zip(parts, value, strict=True):
                    self._bind(part, item)
            case _:
                raise ExpressionError(f"cannot unpack into '{ast.unparse(target)}'", target.col_offset)

    def _call(self, tree: ast.Call) -> Any:
        if not isinstance(tree.func, ast.Name) or tree.func.id not in FUNCTIONS:
            name = ast.unparse(tree.func)
            raise ExpressionError(f"no function '{name}'", tree.col_offset, suggest(name, FUNCTIONS), _width(tree.func))
        if tree.keywords:
            raise ExpressionError("functions take no keyword arguments", tree.col_offset)
        given = [self.visit(a) for a in tree.args]
        self.meter.spend(sum(len(a) for a in given if isinstance(a, (list, tuple, str))) // 10)
        return self.meter.bounded(FUNCTIONS[tree.func.id](*given))


def _undecided(left: Any, right: Any) -> bool:
    """Whether the equality of two sizes depends on a free one."""
    if not (isinstance(left, Dim) or isinstance(right, Dim)):
        return False
    numbers = isinstance(left, (int, Dim)) and isinstance(right, (int, Dim))
    return numbers and left != right and isinstance(left - right, Dim)
