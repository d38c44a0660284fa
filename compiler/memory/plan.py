"""The cheapest pieces of a training graph to run again so that it fits into so many bytes.

The nodes in their order are cut into pieces where little is alive. A piece keeps all that autograd wants, or nothing
but what comes in, or what a minimum cut finds worth keeping at some price. Over all ways to cut and to choose, the one
of the least cost is found by dynamic programming over (place, bytes kept so far): in the backward pass, when a region
runs again, what later pieces kept is free already, so its bytes are weighed against what earlier pieces keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from graphwright.compiler.memory.cut import Choice, Piece
from graphwright.compiler.memory.ledger import Ledger

#: FLOPs a byte at which values are kept: all but what is cheap, and all but what contracts much.
PRICES = (32, 512)
#: Most places where the graph is cut, and most of them that a piece spans: one that runs again, and one that is cut.
PLACES, SPAN, CUT = 96, 24, 3
#: Steps in which bytes are counted.
STEPS = 512


@dataclass(frozen=True)
class Plan:
    """Regions to run again, by places of items; the bytes that are foreseen, and the work."""

    regions: tuple[tuple[int, ...], ...]
    cost: int
    flops: int


class Planner:
    """Plans for one ledger. `held` are bytes that are there all the time: parameters, state, inputs."""

    def __init__(self, ledger: Ledger, held: int) -> None:
        self.ledger, self.held = ledger, held
        self.gradients = np.cumsum([item.gradients for item in ledger.items][::-1])[::-1]

    @cached_property
    def work(self) -> NDArray[np.int64]:
        """The gradients that an item's backward reads and makes: as large as what it makes and reads."""
        bytes_ = np.zeros(len(self.ledger.items) + 1, dtype=np.int64)
        for s in self.ledger.storages:
            for place in {s.maker, *s.readers} if s.maker >= 0 and s.readers else ():
                bytes_[place] += s.bytes
        return bytes_

    @cached_property
    def places(self) -> list[int]:
        """Where pieces may begin and end: where less is alive than around; first where that holds over many items."""
        count = len(self.ledger.items)
        alive = np.zeros(count + 1, dtype=np.int64)  # alive[p]: bytes made before item p and read from p on
        for s in self.ledger.storages:
            alive[s.maker + 1 : max(s.readers | s.savers, default=s.maker) + 1] += s.bytes
        inner = [p for p in range(1, count) if alive[p - 1] >= alive[p] <= alive[p + 1]]

        def reach(p: int) -> int:
            less = np.flatnonzero(alive[1:count] < alive[p]) + 1
            return int(np.abs(less - p).min(initial=count))

        return [0, *sorted(sorted(inner, key=lambda p: (-reach(p), alive[p], p))[: PLACES - 2]), count]

    @cached_property
    def choices(self) -> dict[tuple[int, int], list[Choice]]:
        """What can be done with each piece, by the positions of its ends among `places`."""
        found: dict[tuple[int, int], list[Choice]] = {}
        for i, first in enumerate(self.places[:-1]):
            for j in range(i + 1, min(i + SPAN, len(self.places) - 1) + 1):
                piece = Piece(self.ledger, first, self.places[j])
                options = [piece.keep_none(), *([piece.keep_all()] if j == i + 1 else [])]
                if j <= i + CUT:
                    options += [piece.cut(price) for price in PRICES]
                found[i, j] = [o for o in options if o is not None]
        return found

    def plan(self, limit: int) -> Plan | None:
        """The cheapest plan of at most `limit` bytes, or None."""
        unit = max(1, (limit - self.held) // STEPS)
        ends = len(self.places) - 1
        best = [np.full(STEPS + 1, np.inf) for _ in range(ends + 1)]
        back = np.zeros((ends + 1, STEPS + 1, 3), dtype=np.int64)  # where a piece began, at which step, which choice
        best[0][0] = 0
        for i in range(ends):
            if not np.isfinite(best[i]).any():
                continue
            there = self.held + int(self.gradients[self.places[i]])
            for j in range(i + 1, ends + 1):
                work = int(self.work[self.places[i] : self.places[j]].max())
                for k, choice in enumerate(self.choices.get((i, j), ())):
                    kept, room = -(-choice.kept // unit), (limit - there - work - choice.again) // unit
                    if kept > (top := min(STEPS, room)):
                        continue
                    costs = best[i][: top - kept + 1] + choice.cost
                    better = np.flatnonzero(costs < best[j][kept : top + 1])
                    best[j][kept + better] = costs[better]
                    back[j][kept + better] = np.stack([np.full_like(better, i), better, np.full_like(better, k)], 1)
        return self._traced(best, back)

    def _traced(self, best: Sequence[NDArray[np.float64]], back: NDArray[np.int64]) -> Plan | None:
        at, step = len(best) - 1, int(np.argmin(best[-1]))
        if not np.isfinite(best[-1][step]):
            return None
        cost, flops = int(best[-1][step]), 0
        regions: list[tuple[int, ...]] = []
        while at > 0:
            first, step, which = map(int, back[at][step])
            choice = self.choices[first, at][which]
            regions, flops, at = [*regions, *choice.regions], flops + choice.flops, first
        return Plan(tuple(sorted(regions)), cost, flops)
