"""The levels of a graph for the page: scopes with what is inside, and runs of copies of which one is drawn for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphwright.backends.drawing.text import clean
from graphwright.backends.drawing.tree import Fold, Part, fold, grow
from graphwright.compiler.ir.graph import Graph, Scope
from graphwright.compiler.places import Place

#: A node's number, a scope, or a fold.
Item = int | dict[str, Any]
#: From a place to its numbers in the description.
Placing = Callable[[Place], "list[int] | None"]


def structure(graph: Graph, numbers: Mapping[str, int], place: Placing) -> list[Item]:
    """The tree: an item is a node's number, a scope `{scope, block, items}`, or copies `{copies: [[item, …], …]}`."""
    scopes = {s.name: s for s in graph.scopes}

    def items(parts: Sequence[Part]) -> list[Item]:
        return [
            {"copies": [[one(p) for p in copy] for copy in found.copies]} if isinstance(found, Fold) else one(found)
            for found in fold(parts, graph)
        ]

    def one(part: Part) -> Item:
        if part.node is not None:
            return numbers[part.node.name]
        told = _scope(scopes.get(part.name), place)
        if "place" not in told and (shared := _shared(part, scopes)) is not None and (where := place(shared)):
            told["place"] = where
        return {"scope": part.name, **told, "items": items(part.parts)}

    return items(grow(graph))


def _shared(part: Part, scopes: Mapping[str, Scope]) -> Place | None:
    """Where a `repeat` is written: the one place of all its copies."""
    places = {scopes[p.name].place if p.name in scopes else None for p in part.parts}
    return places.pop() if len(places) == 1 else None


def _scope(scope: Scope | None, place: Placing) -> dict[str, Any]:
    if scope is None:
        return {}
    told = {"block": clean(scope.block), "doc": clean(scope.marks.doc, 2_000), "place": place(scope.place)}
    return {k: v for k, v in told.items() if v}
