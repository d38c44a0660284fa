"""Which values of a piece of a graph to keep and which to compute again, by a minimum cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx

from graphwright.compiler.memory.ledger import Ledger, Storage


@dataclass(frozen=True)
class Choice:
    """What to do with the items of a piece: `regions` of them (by place) run again. `kept` bytes are held from the
    forward to the backward pass, `again` at most besides while a region runs again; `cost` and `flops` are of that.
    """

    kept: int
    again: int = 0
    cost: int = 0
    flops: int = 0
    regions: tuple[tuple[int, ...], ...] = ()


class Piece:
    """The items from `first` to before `end`. What is read after it is kept."""

    def __init__(self, ledger: Ledger, first: int, end: int) -> None:
        self.ledger, self.first, self.end = ledger, first, end
        made = [s for place in range(first, end) for s in ledger.made[place]]
        self.leaving = [s for s in made if max(s.readers | s.savers, default=0) >= end]
        self.inside = [s for s in made if max(s.readers | s.savers, default=0) < end]
        self.boundary = sum(s.bytes for s in self.leaving)

    def keep_all(self) -> Choice:
        """Nothing runs again."""
        return Choice(self.boundary + sum(s.bytes for s in self.inside if s.savers))

    def keep_none(self) -> Choice | None:
        """All runs again, from what comes into the piece."""
        items = self.ledger.items[self.first : self.end]
        if any(item.name is None for item in items):
            return None
        return self._choice(self.boundary, [tuple(range(self.first, self.end))], set(range(self.first, self.end)))

    def cut(self, price: int) -> Choice:
        """Keep what costs more than `price` FLOPs for each of its bytes to compute again.

        Nodes of the cut graph: an item on the sink's side runs again, at its cost; a storage on the sink's side is at
        hand in the backward pass, and if its maker does not run again it is kept, at its bytes. An item that runs
        again needs all that it reads.
        """
        graph, infinite = nx.DiGraph(), float("inf")
        for s in self.inside:
            value, maker = ("value", id(s)), ("item", s.maker)
            graph.add_edge(maker, value, capacity=s.bytes * price)
            graph.add_edges_from((value, ("item", r), {"capacity": infinite}) for r in s.readers)
            if s.savers:
                graph.add_edge(value, "sink", capacity=infinite)
        for place in range(self.first, self.end):
            item = self.ledger.items[place]
            graph.add_edge("source", ("item", place), capacity=infinite if item.name is None else item.cost)
        if "sink" not in graph:
            return self.keep_all()
        side = nx.minimum_cut(graph, "source", "sink")[1][1]
        again = {place for place in range(self.first, self.end) if ("item", place) in side}
        kept = sum(s.bytes for s in self.inside if s.maker not in again and ("value", id(s)) in side)
        return self._choice(self.boundary + kept, self._regions(again), again)

    def _regions(self, again: set[int]) -> list[tuple[int, ...]]:
        """Items that run again, with those that keep what they make: one region where one reads the other."""
        joined: nx.Graph[int] = nx.Graph()
        joined.add_nodes_from(again)
        for s in self.inside:
            if s.maker in again:
                joined.add_edges_from((s.maker, place) for place in s.readers if place in again or place in s.savers)
        return [tuple(sorted(part)) for part in nx.connected_components(joined)]

    def _choice(self, kept: int, regions: Iterable[tuple[int, ...]], again: set[int]) -> Choice:
        items = self.ledger.items
        largest = cost = flops = 0
        found = []
        for region in sorted(regions):
            members = set(region)
            dropped = [s for s in self.inside if s.savers and s.maker in members & again]
            if not dropped:
                continue
            found.append(region)
            largest = max(largest, sum(s.bytes for s in dropped))
            ran = [p for p in region if p < _stop(self.inside, members)]
            cost, flops = cost + sum(items[p].cost for p in ran), flops + sum(items[p].flops for p in ran)
        return Choice(kept, largest, cost, flops, tuple(found))


def _stop(storages: Iterable[Storage], members: set[int]) -> int:
    """Where a region's second run ends: before the first item that makes nothing which is kept there any more."""
    needed = [s.maker for s in storages if s.savers and s.maker in members]
    return max(needed, default=-1) + 1
