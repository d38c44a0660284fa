"""What stands for a node that is left out, what passes through it, and what a node is tied to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graphwright.compiler.ir.graph import Marks
from graphwright.compiler.language.nodes import Written
from graphwright.compiler.language.reading import Map, Scalar, Seq
from graphwright.compiler.language.scopes import Level, Member, node_at
from graphwright.compiler.language.values import evaluate, natural
from graphwright.compiler.language.wiring import Feeds, Reads, look_up
from graphwright.compiler.places import fail


def left_out(
    level: Level, path: str, written: Written, names: Mapping[str, Any], above: Member | None, before: Member | None,
    reads: Reads,
) -> Member:  # fmt: skip
    """What stands for a node whose `if` is false: its `else`, or what it would have read."""
    other = written.modifier("else")
    if other is None:
        ports = before.ports if before else passed(level, written, names, above, reads)
        broken = bool(above and above.broken and written.modifier("in") is None)
        return Member(path, written.place, ports=dict(ports), kind="absent", broken=broken)
    if not isinstance(other, Scalar):
        raise fail(other.place, "'else' is a name, or none")
    if other.plain and other.text == "none":
        return Member(path, written.place, kind="nothing")
    found = look_up(level, other, names, reads, path)
    ports = found.ports()
    return Member(path, written.place, ports=dict(ports), kind="absent", has_else=True)


def passed(level: Level, written: Written, names: Mapping[str, Any], above: Member | None, reads: Reads) -> Feeds:
    """The ports that pass through a node that is left out."""
    tree = written.modifier("in")
    if isinstance(tree, Map):
        tree = tree.entries[0][1] if tree.entries else None
    if isinstance(tree, Seq):
        tree = tree.items[0] if tree.items else None
    if tree is None:
        return above.ports if above else {}
    if not isinstance(tree, Scalar):
        raise fail(tree.place, "`in` takes names")
    return look_up(level, tree, names, reads, level.path(written.key.text)).ports()


def tied(marks: Marks, level: Level, written: Written, names: Mapping[str, Any], path: str, outer: str | None) -> Marks:
    """The marks with what the node is tied to; inside a tied scope, that is its namesake there."""
    tree = written.modifier("tie")
    if tree is None:
        return replace(marks, tie=outer + path[len(level.name) :]) if outer else marks
    if not isinstance(tree, Scalar):
        raise fail(tree.place, "'tie' names one node")
    target = str(natural(evaluate(tree, names)))
    if level.path(target) == path:  # the first of several copies is what the others are tied to
        return marks
    if target.partition(".")[0] == written.key.text:  # an earlier copy of the same node, `tie: conv.0`
        return replace(marks, tie=level.path(target))
    member = node_at(level, target) or look_up(level, tree, names, Reads(), path).member
    return replace(marks, tie=member.name)
