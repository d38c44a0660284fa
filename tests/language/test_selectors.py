"""Name patterns mean the same by both ways of matching, and none takes long."""

from __future__ import annotations

import itertools
import time

import pytest

from graphwright.compiler.ir.select import BadSelector, _automaton, _pattern_test, _regex

NAMES = ["", *("".join(c) for n in (1, 2, 3, 4) for c in itertools.product("ab.", repeat=n)), "layer1.0.conv-2", "a-b"]
PATTERNS = [
    "a", "*", "**", "a*", "*a", "**a", "a**b", "*.a", "**.a.**", "[ab]*", "a*b*a", "*a*b*", "**a**b**", "[a-b].[.]",
    "a*.*b", "layer[1-3].*.conv-*", "***",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_both_ways_mean_the_same(pattern: str) -> None:
    try:
        regex = _regex(pattern)
    except BadSelector:
        with pytest.raises(BadSelector):
            _automaton(pattern)
        return
    assert [n for n in NAMES if _automaton(pattern)(n)] == [n for n in NAMES if regex.fullmatch(n)]


def test_many_stars_take_no_longer() -> None:
    test = _pattern_test("a" + "**a" * 40 + "**b")

    class Named:
        name = "a" * 200

    begun = time.process_time()
    assert not test(Named())  # type: ignore[arg-type]
    assert time.process_time() - begun < 1


def test_a_pattern_has_a_length() -> None:
    with pytest.raises(BadSelector, match="201 characters"):
        _pattern_test("a" * 201)
