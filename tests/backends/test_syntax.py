"""Printed Python is the tree it was printed from, on one line or broken over many."""

from __future__ import annotations

import ast
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.backends.source.syntax import WIDTH, statement

NAMES = st.sampled_from(["x", "visible_image_of_the_second_stage", "filled_conv1_part", "a", "self"]).map(ast.Name)
LEAVES = NAMES | st.sampled_from([1, 2.5, -3, "text"]).map(ast.Constant)
SIGNS = st.sampled_from([ast.Add(), ast.Sub(), ast.Mult(), ast.Div(), ast.FloorDiv(), ast.Pow(), ast.MatMult()])
ORDERS = st.sampled_from([ast.Lt(), ast.Gt(), ast.Eq()])


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    calls = st.builds(
        lambda f, args, label: ast.Call(ast.Attribute(f, label), args, []), NAMES, st.lists(inner, max_size=3),
        st.sampled_from(["clamp", "to_the_type_of_another"]),
    )  # fmt: skip
    return st.one_of(
        st.builds(ast.BinOp, inner, SIGNS, inner), st.builds(ast.IfExp, inner, inner, inner), calls,
        st.builds(lambda a, o, b: ast.Compare(a, [o], [b]), inner, ORDERS, inner),
        st.builds(lambda a: ast.UnaryOp(ast.USub(), a), inner),
    )  # fmt: skip


class _Signs(ast.NodeTransformer):
    """A negative number is a minus before a positive one, as Python reads it."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, (int, float)) and node.value < 0:
            return ast.UnaryOp(ast.USub(), ast.Constant(-node.value))
        return node


def _plain(tree: ast.AST) -> str:
    """The tree as text without positions."""
    signed = ast.fix_missing_locations(_Signs().visit(ast.Expression(tree)))  # type: ignore[arg-type]
    return ast.dump(ast.parse(ast.unparse(signed), mode="eval"))


@given(st.recursive(LEAVES, _grown, max_leaves=24))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_text_is_the_tree(tree: Any) -> None:
    lines = statement("x = ", tree, "    ")
    read = ast.parse("if True:\n" + "\n".join(lines)).body[0]
    assert isinstance(read, ast.If)
    (found,) = read.body
    assert isinstance(found, ast.Assign)
    assert _plain(found.value) == _plain(tree)


def test_long_operations_are_broken() -> None:
    part = ast.BinOp(ast.Name("a" * 40), ast.Sub(), ast.Name("b" * 40))
    whole = ast.BinOp(part, ast.Mult(), part)
    lines = statement("x = ", whole)
    assert len(lines) > 1
    assert max(map(len, lines)) <= WIDTH
    assert _plain(ast.parse("\n".join(lines)).body[0].value) == _plain(whole)  # type: ignore[attr-defined]
