"""`rearrange`, `repeat` and `reduce` against einops, on random patterns and on wrong ones."""

from __future__ import annotations

from typing import Any

import einops
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import fx
from torch.fx.proxy import GraphAppendingTracer

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.rearrange import Rearrange, Reduce, Repeat, _Patterned

NAMES = "abcdef"


def text(groups: list[list[str]]) -> str:
    return " ".join(g[0] if len(g) == 1 else f"({' '.join(g)})" if g else "1" for g in groups)


@st.composite
def sides(draw: Any, axes: list[str], dots: bool) -> list[list[str]]:
    """The axes cut into groups, with ones put in between and '...' at any place."""
    groups: list[list[str]] = []
    for axis in axes:
        if groups and draw(st.booleans()):
            groups[-1].append(axis)
        else:
            groups.append([axis])
    for _ in range(draw(st.integers(0, 2))):
        groups.insert(draw(st.integers(0, len(groups))), [])
    if dots:
        groups.insert(draw(st.integers(0, len(groups))), ["..."])
    return groups


@st.composite
def cases(draw: Any, kind: type[_Patterned]) -> tuple[str, dict[str, int], torch.Tensor]:
    axes = list(NAMES[: draw(st.integers(1, 5))])
    sizes = {a: draw(st.integers(1, 3)) for a in axes}
    dots = draw(st.booleans())
    left = draw(sides(axes, dots))
    wanted = draw(st.permutations(axes))
    given_sizes = {a: sizes[a] for g in left for a in g[1:]}  # all but the first of every group
    if kind is Repeat:
        fresh = {a: draw(st.integers(1, 3)) for a in "xy"[: draw(st.integers(0, 2))]}
        for axis in fresh:
            wanted.insert(draw(st.integers(0, len(wanted))), axis)
        given_sizes |= fresh
    if kind is Reduce:
        wanted = wanted[: draw(st.integers(0, len(wanted)))]
    right = draw(sides(wanted, dots))
    between = draw(st.lists(st.integers(1, 3), max_size=3)) if dots else []
    shape: list[int] = []
    for group in left:
        size = 1
        for axis in group:
            size *= sizes.get(axis, 1)
        shape += between if group == ["..."] else [size]
    if dots and between and draw(st.booleans()):
        right[right.index(["..."])] = ["(...)"]
    count = int(torch.tensor(shape).prod()) if shape else 1
    return f"{text(left)} -> {text(right)}", given_sizes, torch.arange(float(count)).reshape(shape)


def traced(op: _Patterned, x: torch.Tensor) -> torch.Tensor:
    graph = fx.Graph()
    proxy = op.forward(fx.Proxy(graph.placeholder("x"), GraphAppendingTracer(graph)))
    graph.output(proxy.node)
    result: torch.Tensor = fx.GraphModule({}, graph)(x)
    return result


def agrees(op: _Patterned, wanted: torch.Tensor, x: torch.Tensor) -> None:
    assert op.check(Type(tuple(x.shape))) is None
    assert torch.equal(op.forward(x), wanted)
    assert torch.equal(traced(op, x), wanted)


@settings(max_examples=150, deadline=None)
@given(cases(Rearrange))
def test_rearrange_is_einops(case: tuple[str, dict[str, int], torch.Tensor]) -> None:
    pattern, sizes, x = case
    agrees(Rearrange(pattern, tuple(sizes.items())), einops.rearrange(x, pattern, **sizes), x)


@settings(max_examples=80, deadline=None)
@given(cases(Repeat))
def test_repeat_is_einops(case: tuple[str, dict[str, int], torch.Tensor]) -> None:
    pattern, sizes, x = case
    agrees(Repeat(pattern, tuple(sizes.items())), einops.repeat(x, pattern, **sizes), x)


@settings(max_examples=80, deadline=None)
@given(cases(Reduce), st.sampled_from(["mean", "sum", "max", "min", "prod"]))
def test_reduce_is_einops(case: tuple[str, dict[str, int], torch.Tensor], how: Any) -> None:
    pattern, sizes, x = case
    x = 1 + x / 64 if how == "prod" else x  # einops multiplies axis by axis: 0 times what overflowed is no number
    wanted = einops.reduce(x, pattern, how, **sizes)
    op = Reduce(pattern, tuple(sizes.items()), how)
    assert op.check(Type(tuple(x.shape))) is None
    torch.testing.assert_close(op.forward(x), wanted)
    torch.testing.assert_close(traced(op, x), wanted)


@pytest.mark.parametrize("pattern", ["n c h w -> n c h w", "... -> ...", "n ... w -> n ... w"])
def test_nothing_to_do_does_nothing(pattern: str) -> None:
    x = torch.zeros(2, 3, 4, 5)
    assert Rearrange(pattern).forward(x) is x


WRONG = [
    ("a b", "a b", {}, "one '->'"),
    ("a b -> a", "a b", {}, "axis 'b' is missing on the right"),
    ("a b -> a b c", "a b", {}, "axis 'c' is new on the right"),
    ("a a -> a", "a b", {}, "axis 'a' occurs twice on the left"),
    ("a b -> a b b", "a b", {}, "axis 'b' occurs twice on the right"),
    ("(a b) c -> a b c", "a b", {}, "a and b in (a b) are not known"),
    ("(a b) c -> a b c", "a b", {"b": 4}, "dimension (a b) of size 6 is not divisible by 4"),
    ("(a b) c -> a b c", "a b", {"a": 2, "b": 2}, "dimension (a b) has size 6, not 4"),
    ("a b c -> c b a", "a b", {}, "the left side has 3 dimensions, the input 2"),
    ("a b c ... -> c b a ...", "a b", {}, "the left side has 3 dimensions or more, the input 2"),
    ("1 b -> b", "a b", {}, "dimension 1 has size 6, not 1"),
    ("a b -> b a", "a b", {"z": 2}, "axis 'z' has a size but is not in the pattern"),
    ("(a (b c)) d -> a b c d", "a b", {}, "'(' is no axis name"),
    ("(a b -> a b", "a b", {}, "a '(' is not closed"),
    ("a b -> b a)", "a b", {}, "')' is no axis name"),
    ("a 2 -> a", "a b", {}, "'2' is no axis name"),
    ("(a ...) -> a ...", "a b", {}, "'...' cannot stand in parentheses on the left"),
    ("a b -> a b ...", "a b", {}, "'...' on the right needs '...' on the left"),
    ("a b ... -> a b (...)", "a b", {}, "'...' stands for no dimension here"),
    ("a b -> b a", "a b", {"b": 0}, "must be positive"),
]


@pytest.mark.parametrize(("pattern", "_", "sizes", "message"), WRONG)
def test_mistakes_are_named_with_pattern_shape_and_sizes(
    pattern: str, _: str, sizes: dict[str, int], message: str
) -> None:
    complaint = Rearrange(pattern, tuple(sizes.items())).check(Type((6, 5)))
    assert complaint is not None
    assert message in complaint
    assert pattern in complaint
    assert "float32[6, 5]" in complaint
    assert all(f"{k}: {v}" in complaint for k, v in sizes.items())


def test_repeat_needs_sizes_of_new_axes() -> None:
    assert "axis 'k' is new on the right and has no size" in (Repeat("a -> a k").check(Type((3,))) or "")


def test_free_sizes_are_left_to_the_run() -> None:
    height = Dim.symbol("H")
    op = Rearrange("(h p) c -> h p c", (("p", 4),))
    assert op.check(Type((height, 3))) is None
    assert traced(op, torch.zeros(12, 3)).shape == (3, 4, 3)
    assert traced(op, torch.zeros(20, 3)).shape == (5, 4, 3)
