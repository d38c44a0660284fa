"""The algebra of symbolic sizes, held against the same arithmetic on integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.compiler.ir.dims import Dim, FreeSize, Size, evaluate, symbols
from graphwright.compiler.ir.types import Type, parse_size, parse_type

H, W = Dim.symbol("H"), Dim.symbol("W")
#: A size, and the same computed on integers.
Both = tuple[Size, Callable[[dict[str, int]], int]]


def _leaf(name: str) -> Both:
    return Dim.symbol(name), lambda v: v[name]


def _number(value: int) -> Both:
    return value, lambda v: value


def _combine(children: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    def apply(kind: str, a: Both, b: Both, by: int) -> Both:
        x, f = a
        y, g = b
        made: dict[str, Callable[[], Both]] = {
            "+": lambda: (x + y, lambda v: f(v) + g(v)),
            "-": lambda: (x - y, lambda v: f(v) - g(v)),
            "*": lambda: (x * y, lambda v: f(v) * g(v)),
            "//": lambda: (x // by, lambda v: f(v) // by),
            "%": lambda: (x % by, lambda v: f(v) % by),
            "ceil": lambda: (-(-x // by), lambda v: -(-f(v) // by)),
        }
        return made[kind]()

    return st.builds(apply, st.sampled_from(["+", "-", "*", "//", "%", "ceil"]), children, children, st.integers(1, 9))


LEAVES = st.one_of(st.sampled_from(["H", "W", "N"]).map(_leaf), st.integers(-9, 9).map(_number))
SIZES = st.recursive(LEAVES, _combine, max_leaves=6)
VALUES = st.fixed_dictionaries({name: st.integers(1, 200) for name in "HWN"})


@settings(max_examples=300, deadline=None)
@given(SIZES, VALUES)
def test_arithmetic_is_exact(both: Both, values: dict[str, int]) -> None:
    size, plain = both
    assert evaluate(size, values) == plain(values)


@settings(max_examples=300, deadline=None)
@given(SIZES, VALUES)
def test_text_is_read_back(both: Both, values: dict[str, int]) -> None:
    size, plain = both
    again = parse_size(str(size))
    assert evaluate(again, values) == plain(values)
    assert str(again) == str(size)
    assert again == size


@settings(max_examples=200, deadline=None)
@given(SIZES, SIZES)
def test_sum_and_product_do_not_depend_on_order(a: Both, b: Both) -> None:
    x, y = a[0], b[0]
    assert x + y == y + x
    assert x * y == y * x
    assert hash(x + y) == hash(y + x)
    assert (x + y) - y == x
    assert x * 2 - x - x == 0


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(-40, 40), st.integers(-40, 40), st.integers(1, 400))
def test_nested_floor_divisions_merge(a: int, b: int, j: int, k: int, h: int) -> None:
    size = ((H + j) // a + k) // b
    assert evaluate(size, {"H": h}) == ((h + j) // a + k) // b
    assert size == (H + j + k * a) // (a * b)


def test_known_forms() -> None:
    assert ((H + 1) // 2 + 1) // 2 == (H + 3) // 4
    assert str((H + 31) // 32) == "ceil(H/32)"
    assert str(H // 2) == "H//2"
    assert (4 * H) // 2 == 2 * H
    assert (2 * H) // 4 == H // 2
    assert H - H == 0
    assert isinstance(H - H, int)
    assert H // H == 1
    assert symbols((H * W + 1) // 2) == {"H", "W"}


@pytest.mark.parametrize("ask", [
    lambda: H > 3, lambda: H <= W, lambda: bool(H), lambda: range(H), lambda: int(H), lambda: 7 // W,  # type: ignore[operator]
    lambda: H / 2, lambda: H // W,
])  # fmt: skip
def test_what_a_free_size_cannot_answer(ask: Callable[[], Any]) -> None:
    with pytest.raises((FreeSize, TypeError)):
        ask()


def test_a_decided_comparison_is_answered() -> None:
    assert H + 1 > H
    assert not H < H


@pytest.mark.parametrize(
    "text", ["float32[N, 3, H, W]", "int64[N, ceil(H/2)*ceil(W/2)]", "bool[]", "float16[2*(H//3) - 1]"]
)
def test_types_are_read_back(text: str) -> None:
    assert str(parse_type(text)) == text
    assert parse_type(text) == parse_type(str(parse_type(text)))


def test_type_at_numbers() -> None:
    kind = Type((2, (H + 1) // 2, W), "float16")
    assert kind.at({"H": 7, "W": 5}) == Type((2, 4, 5), "float16")
    assert evaluate(kind.nbytes(), {"H": 7, "W": 5}) == 2 * 4 * 5 * 2


@pytest.mark.parametrize("text", ["open('x')", "H.real", "[1]", "'H'", "1.5"])
def test_a_size_is_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)
