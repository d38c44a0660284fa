"""Selectors: which nodes a transform or analysis means.

A selector is one or more clauses joined by spaces, all of which must hold:

- a name pattern: `layer[1-3].*.bn1` (`*` within a name part, `**` across parts, `[...]` sets)
- `op:relu`, `family:norm`, `tag:stem`, `scope:layer1` (everything below it), `block:bottleneck`
- at the front `first:` or `last:`, then an op: `last:conv2d`
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from graphwright.compiler.ir.graph import Graph, Node

#: A name pattern has at most so many characters, as a name of the language has.
LENGTH = 200
#: So many stars are left to regular expressions, whose time grows with the length of a name to that power.
STARS = 2
_WILD = {"**": r"[\w.-]*", "*": r"[\w-]*"}


class BadSelector(ValueError):
    """The selector is not of the grammar."""


def select(graph: Graph, selector: str) -> tuple[Node, ...]:
    """The nodes of the graph that the selector means, in order."""
    clauses = selector.split()
    if not clauses:
        raise BadSelector("a selector is empty")
    nodes = graph.nodes
    for clause in clauses:
        word, colon, rest = clause.partition(":")
        if word in ("first", "last") and colon:
            chosen = [n for n in nodes if n.op.name == rest]
            nodes = tuple(chosen[:1] if word == "first" else chosen[-1:])
        else:
            test = _test(graph, word, rest) if colon else _pattern_test(clause)
            nodes = tuple(n for n in nodes if test(n))
    return nodes


def _test(graph: Graph, word: str, rest: str) -> Callable[[Node], bool]:
    match word:
        case "op":
            return lambda n: n.op.name == rest
        case "family":
            return lambda n: n.op.family == rest
        case "tag":
            return lambda n: rest in n.marks.tags
        case "scope":
            return lambda n: n.name.startswith(rest + ".")
        case "block":
            scopes = tuple(s.name + "." for s in graph.scopes if s.block == rest)
            return lambda n: n.name.startswith(scopes)
    raise BadSelector(f"no selector '{word}:'; known: op: family: tag: scope: block: first: last:")


def _pattern_test(pattern: str) -> Callable[[Node], bool]:
    if len(pattern) > LENGTH:
        raise BadSelector(f"a name pattern of {len(pattern):,} characters; the limit is {LENGTH}")
    matches = _regex(pattern).fullmatch if pattern.replace("**", "*").count("*") <= STARS else _automaton(pattern)
    return lambda n: bool(matches(n.name))


def _parts(pattern: str) -> list[str]:
    """Text and wildcards, in turns."""
    parts = re.split(r"(\*\*|\*|\[[\w\-]+\])", pattern)
    if any(re.search(r"[^\w.-]", p) for p in parts[::2]):
        raise BadSelector(f"'{pattern}' is not a name pattern; use letters, digits, dots, *, ** and [...]")
    return parts


@lru_cache(maxsize=1024)
def _automaton(pattern: str) -> Callable[[str], bool]:
    """The same language as `_regex`, by the set of places in the pattern that a name can have come to: a regular
    expression with many stars goes through all ways to share a name among them."""
    steps: list[tuple[re.Pattern[str], bool]] = []
    for k, part in enumerate(_parts(pattern)):
        if k % 2:
            steps.append((re.compile(_WILD.get(part, part).rstrip("*")), part in _WILD))
        else:
            steps += [(re.compile(re.escape(c)), False) for c in part]

    def past_stars(places: set[int]) -> set[int]:
        return places | {
            k for place in places for k in range(place, len(steps) + 1) if all(star for _, star in steps[place:k])
        }

    def matches(name: str) -> bool:
        places = past_stars({0})
        for c in name:
            places = past_stars({k + (not steps[k][1]) for k in places if k < len(steps) and steps[k][0].fullmatch(c)})
        return len(steps) in places

    return matches


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    parts = _parts(pattern)
    return re.compile("".join(_WILD.get(p, p) if k % 2 else re.escape(p) for k, p in enumerate(parts)))
