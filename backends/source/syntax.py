"""Python as text: builds small syntax trees and prints them the way ruff formats them, so that no formatter is needed.

A tree holds data in `ast.Constant` leaves only and is printed from its structure; text of a spec can end up in a string
literal or a comment, never in code.
"""

from __future__ import annotations

import ast
import json
import keyword
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

WIDTH = 120
INDENT = "    "
_SIGNS: dict[type[ast.AST], tuple[str, int]] = {
    ast.Add: ("+", 6), ast.Sub: ("-", 6), ast.Mult: ("*", 7), ast.Div: ("/", 7), ast.FloorDiv: ("//", 7),
    ast.Mod: ("%", 7), ast.MatMult: ("@", 7), ast.Pow: ("**", 9), ast.BitAnd: ("&", 5), ast.BitXor: ("^", 4),
    ast.BitOr: ("|", 3), ast.Lt: ("<", 2), ast.LtE: ("<=", 2), ast.Gt: (">", 2), ast.GtE: (">=", 2),
    ast.Eq: ("==", 2), ast.NotEq: ("!=", 2), ast.Is: ("is", 2), ast.IsNot: ("is not", 2),
    ast.USub: ("-", 8), ast.UAdd: ("+", 8), ast.Invert: ("~", 8), ast.Not: ("not ", 1),
}  # fmt: skip
_POWER = 9
ATOM = 20


# -- building ---------------------------------------------------------------------------------------
def name(text: str) -> ast.Name:
    """A variable."""
    return ast.Name(text)


def data(value: Any) -> ast.expr:
    """A literal: numbers, strings, `None`, and tuples, lists or dicts of literals or of trees."""
    if isinstance(value, ast.expr):
        return value
    if isinstance(value, tuple):
        return ast.Tuple([data(v) for v in value])
    if isinstance(value, list):
        return ast.List([data(v) for v in value])
    if isinstance(value, dict):
        return ast.Dict([data(k) for k in value], [data(v) for v in value.values()])
    if isinstance(value, slice):
        parts = [None if v is None else data(v) for v in (value.start, value.stop, value.step)]
        return ast.Slice(*parts)
    return ast.Constant(value)


def call(function: str | ast.expr, *arguments: Any, **keywords: Any) -> ast.Call:
    """A call; a function given as text is a dotted path."""
    target = path(function) if isinstance(function, str) else function
    return ast.Call(target, [data(a) for a in arguments], [ast.keyword(k, data(v)) for k, v in keywords.items()])


def path(dotted: str) -> ast.expr:
    """`a.b.c`, from text that is known to be a path."""
    first, *rest = dotted.split(".")
    tree: ast.expr = ast.Name(first)
    for part in rest:
        tree = ast.Attribute(tree, part)
    return tree


def attribute(owner: ast.expr, label: str) -> ast.expr:
    """`owner.label`, or `getattr(owner, "label")` where the label is no name of Python."""
    return ast.Attribute(owner, label) if is_name(label) else call("getattr", owner, label)


def item(owner: ast.expr, index: Any) -> ast.Subscript:
    """`owner[index]`."""
    return ast.Subscript(owner, data(index))


def is_name(text: str) -> bool:
    """Whether text can be written as a name."""
    return text.isidentifier() and text.isascii() and not keyword.iskeyword(text)


def identifier(text: str, taken: Iterable[str] = ()) -> str:
    """A name like `text` that is none of `taken`."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_") or "value"
    plain = f"_{plain}" if plain[0].isdigit() else f"{plain}_" if keyword.iskeyword(plain) else plain
    taken, found, count = set(taken), plain, 2
    while found in taken:
        found, count = f"{plain}{'_' if plain[-1].isdigit() else ''}{count}", count + 1
    return found


def title(text: str, taken: Iterable[str] = ()) -> str:
    """A name of a class: `basic_block` as `BasicBlock`."""
    words = [w for w in re.split(r"[\W_]+", text, flags=re.ASCII) if w]
    return identifier("".join(w[:1].upper() + w[1:] for w in words) or "Block", taken)


def comment(text: str) -> str:
    """Text that stays on one line, for comments."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def docstring(lines: Sequence[str], indent: str = "") -> list[str]:
    """A docstring whose text cannot end it: control characters are gone, quotes and backslashes are escaped."""
    clean = ["".join(c if c.isprintable() else " " for c in line).rstrip() for line in lines]
    clean = [line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for line in clean]
    if len(clean) == 1:
        end = clean[0][:-1] + '\\"' if clean[0].endswith('"') else clean[0]
        return [f'{indent}"""{end}"""']
    return [f'{indent}"""{clean[0]}', *(f"{indent}{line}".rstrip() for line in clean[1:]), f'{indent}"""']


# -- printing ---------------------------------------------------------------------------------------
def flat(tree: ast.AST, outer: int = 0) -> str:
    """A tree on one line; `outer` is the precedence of what is around it."""
    text, own = _flat(tree)
    return f"({text})" if own < outer else text


def _flat(tree: ast.AST) -> tuple[str, int]:
    match tree:
        case ast.Constant(value=value):
            return literal(value)
        case ast.Name(id=text):
            return text, ATOM
        case ast.Attribute(value=owner, attr=label):
            return f"{flat(owner, ATOM)}.{label}", ATOM
        case ast.Call(func=function):
            return f"{flat(function, ATOM)}({', '.join(flat(a, 1) for a in parts(tree))})", ATOM
        case ast.keyword(arg=label, value=value):
            return f"{label}={flat(value)}", ATOM
        case ast.Subscript(value=owner, slice=ast.Tuple(elts=elements)) if elements:
            inside = ", ".join(map(flat, elements)) + ("," if len(elements) == 1 else "")
            return f"{flat(owner, ATOM)}[{inside}]", ATOM
        case ast.Subscript(value=owner, slice=index):
            return f"{flat(owner, ATOM)}[{flat(index)}]", ATOM
        case ast.Slice(lower=lower, upper=upper, step=step):
            return _slice(lower, upper, step), ATOM
        case ast.Tuple(elts=elements):
            return f"({', '.join(map(flat, elements))}{',' * (len(elements) == 1)})", ATOM
        case ast.List(elts=elements):
            return f"[{', '.join(map(flat, elements))}]", ATOM
        case ast.Dict(keys=keys, values=values):
            return "{" + ", ".join(f"{flat(k)}: {flat(v)}" for k, v in zip(keys, values, strict=True) if k) + "}", ATOM
        case ast.Starred(value=value):
            return f"*{flat(value, ATOM)}", ATOM
    return _operation(tree)


def _slice(lower: ast.expr | None, upper: ast.expr | None, step: ast.expr | None) -> str:
    """With spaces around its colons where an end is more than a name or number."""
    ends = [end.operand if isinstance(end, ast.UnaryOp) else end for end in (lower, upper, step) if end]
    gap = "" if all(isinstance(end, ast.Name | ast.Constant) for end in ends) else " "
    text = f"{flat(lower)}{gap}:" if lower else ":"
    text += f"{gap}{flat(upper)}" if upper else ""
    return text + (f"{gap if upper else ''}:{gap}{flat(step)}" if step else "")


def _operation(tree: ast.AST) -> tuple[str, int]:
    match tree:
        case ast.BinOp(left=left, op=op, right=right):
            sign, rank = _SIGNS[type(op)]
            power = rank == _POWER
            text = f"{flat(left, rank + power)} {sign} {flat(right, rank + (not power))}"
            simple = power and all(isinstance(side, (ast.Name, ast.Constant, ast.Attribute)) for side in (left, right))
            return text.replace(" ** ", "**") if simple else text, rank
        case ast.UnaryOp(op=op, operand=operand):
            sign, rank = _SIGNS[type(op)]
            return f"{sign}{flat(operand, rank)}", rank
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            sign, rank = _SIGNS[type(op)]
            return f"{flat(left, rank + 1)} {sign} {flat(right, rank + 1)}", rank
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return f"{flat(body, 1)} if {flat(test, 1)} else {flat(otherwise)}", 0
        case ast.GeneratorExp(elt=element, generators=[loop]):
            target = flat(loop.target)
            target = target[1:-1] if isinstance(loop.target, ast.Tuple) else target
            return f"({flat(element)} for {target} in {flat(loop.iter, 1)})", ATOM
    raise TypeError(f"no printed form for {type(tree).__name__}")


def literal(value: Any) -> tuple[str, int]:
    """A number or string as Python writes it, and how tightly it binds."""
    if isinstance(value, str):
        return json.dumps(value) if value.isprintable() and value.isascii() else repr(value), ATOM
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")', ATOM
    if isinstance(value, (int, float)) and value < 0:
        return repr(value), _SIGNS[ast.USub][1]
    if value is Ellipsis:
        return "...", ATOM
    text = repr(value)
    return text, 8 if text.startswith("-") else ATOM


def parts(tree: ast.Call) -> list[ast.AST]:
    """The arguments of a call, those with a name last."""
    return [*tree.args, *tree.keywords]


def statement(text: str, tree: ast.expr, indent: str = "", note: str = "") -> list[str]:
    """`text` (such as `x = ` or `return `) and an expression, broken over lines where they are too long."""
    tail = f"  # {comment(note)}" if note else ""
    if tail and WIDTH - len(tail) < len(line := f"{indent}{text}{flat(tree)}") <= WIDTH:
        return [f"{indent}{tail.strip()}", line]
    lines = _broken(text, tree, "", indent, len(tail))
    return [*lines[:-1], lines[-1] + tail]


def _broken(before: str, tree: ast.AST, after: str, indent: str, tail: int = 0) -> list[str]:
    """`before`, the tree and `after`: on one line, or with the outermost brackets opened."""
    line = f"{indent}{before}{flat(tree)}{after}"
    if len(line) + tail <= WIDTH:
        return [line]
    inner = indent + INDENT
    match tree:
        case ast.keyword(arg=label, value=value):
            return _broken(f"{before}{label}=", value, after, indent, tail)
        case ast.Subscript(value=ast.Call() as value) if isinstance(tree.slice, ast.Constant):
            return _broken(before, value, f"[{flat(tree.slice)}]{after}", indent, tail)
        case ast.Starred(value=ast.GeneratorExp() as loop):
            return _generator(f"{before}*(", loop, f"){after}", indent)
        case ast.Call(func=ast.Attribute(value=ast.Call() | ast.BinOp() | ast.Subscript())) if (
            len(inner + flat(tree)) <= WIDTH
        ):
            return [f"{indent}{before}(", inner + flat(tree), f"{indent}){after}"]
        case ast.Call(func=function) if tree.args or tree.keywords:
            head, elements = f"{before}{flat(function, ATOM)}(", parts(tree)
            if len(elements) == 1 and isinstance(elements[0], ast.GeneratorExp):
                return _generator(head, elements[0], f"){after}", indent)
            return _bracket(head, elements, f"){after}", indent, head.endswith("nn.Sequential("))
        case ast.Tuple(elts=elements) if elements:
            return _bracket(f"{before}(", elements, f"){after}", indent)
        case ast.List(elts=elements) if elements:
            return _bracket(f"{before}[", elements, f"]{after}", indent)
        case ast.BinOp() | ast.IfExp() | ast.Compare():
            return [f"{indent}{before}(", *_folded(tree, inner), f"{indent}){after}"]
    return [line]


def _generator(before: str, loop: ast.GeneratorExp, after: str, indent: str) -> list[str]:
    inner = indent + INDENT
    text = flat(loop)[1:-1]
    if len(inner + text) <= WIDTH:
        return [f"{indent}{before}", inner + text, f"{indent}{after}"]
    each = loop.generators[0]
    target = flat(each.target)
    target = target[1:-1] if isinstance(each.target, ast.Tuple) else target
    lines = [*_broken("", loop.elt, "", inner), *_broken(f"for {target} in ", each.iter, "", inner)]
    return [f"{indent}{before}", *lines, f"{indent}{after}"]


def _bracket(before: str, elements: Sequence[ast.AST], after: str, indent: str, each: bool = False) -> list[str]:
    """Elements on one line of their own, or on a line each with a comma at the end."""
    inner = indent + INDENT
    one = inner + ", ".join(flat(e, 1) for e in elements)
    if len(one) <= WIDTH and not (each and len(elements) > 1):
        return [f"{indent}{before}", one, f"{indent}{after}"]
    lines = [line for e in elements for line in _element(e, inner)]
    return [f"{indent}{before}", *lines, f"{indent}{after}"]


def _element(tree: ast.AST, indent: str) -> list[str]:
    """An element with its comma; an operation needs no brackets between those that are there."""
    if isinstance(tree, ast.BinOp) and len(f"{indent}{flat(tree)},") > WIDTH:
        *lines, last = _folded(tree, indent)
        return [*lines, f"{last},"]
    return _broken("", tree, ",", indent)


def _folded(tree: ast.AST, indent: str, whole: bool = True) -> list[str]:
    """The operands of an operation below each other, unless it is whole and fits on one line."""
    if whole and len(indent + flat(tree)) <= WIDTH:
        return [indent + flat(tree)]
    if isinstance(tree, ast.IfExp):
        return [
            *_operand("", tree.body, 1, indent), *_operand("if ", tree.test, 1, indent),
            *_operand("else ", tree.orelse, 0, indent),
        ]  # fmt: skip
    if isinstance(tree, ast.BinOp):
        sign, rank = _SIGNS[type(tree.op)]
        left = tree.left
        power = rank == _POWER
        same = isinstance(left, ast.BinOp) and _SIGNS[type(left.op)][1] == rank and not power
        lines = _folded(left, indent, False) if same else _operand("", left, rank + power, indent)
        return [*lines, *_operand(f"{sign} ", tree.right, rank + (not power), indent)]
    return [indent + flat(tree)]


def _operand(before: str, tree: ast.AST, binding: int, indent: str) -> list[str]:
    """An operand, in brackets where it binds less tightly than it must."""
    text = flat(tree, binding)
    if len(line := f"{indent}{before}{text}") <= WIDTH:
        return [line]
    if text != flat(tree):
        return [f"{indent}{before}(", *_folded(tree, indent + INDENT), f"{indent})"]
    return _broken(before, tree, "", indent)
