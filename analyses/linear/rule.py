"""What a rule of the linear interpreter is: which inputs carry the signal, and the nodes of the probes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphwright.analyses.linear.lanes import Lanes
from graphwright.compiler.ir.graph import Node

Values = str | tuple[str, ...]


def every(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """All inputs carry the signal."""
    return node.reads


def first(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """The first input carries the signal; the others are decisions."""
    return node.reads[:1]


def none(lanes: Lanes, node: Node) -> tuple[str, ...]:
    """A decision itself: it carries no signal."""
    return ()


@dataclass(frozen=True)
class Rule:
    """How an op is frozen. `fits` says what keeps the rule from applying to a node, or `None`."""

    emit: Callable[[Lanes, Node], Values]
    carries: Callable[[Lanes, Node], tuple[str, ...]] = every
    fits: Callable[[Lanes, Node], str | None] = lambda lanes, node: None
