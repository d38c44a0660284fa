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
    regex = _regex(pattern)
    return lambda n: regex.fullmatch(n.name) is not None


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\[[\w\-]+\])", pattern)
    if any(re.search(r"[^\w.]", p) for p in parts[::2]):
        raise BadSelector(f"'{pattern}' is not a name pattern; use letters, digits, dots, *, ** and [...]")
    made = {"**": r"[\w.]*", "*": r"\w*"}
    return re.compile("".join(made.get(p, p) if k % 2 else re.escape(p) for k, p in enumerate(parts)))
