"""Layered layout of one level: rectangles in rows, by the method of Sugiyama, Tagawa and Toda (1981).

Items are numbered; an arc may span several rows, and then a chain of joints (items without size) keeps a lane free
for it. All arcs that carry the same value share one chain. Rows are ordered by barycentres; positions in a row solve
a least-squares problem under minimal distances, exactly, by pooling adjacent violators (isotonic regression).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

ORDER_SWEEPS, PLACE_SWEEPS = 8, 14
#: Above so many joints long arcs are drawn straight: a wall of parallel lanes helps nobody.
MOST_JOINTS = 100_000
LANE = 14.0


@dataclass
class Item:
    """A rectangle in a row. `before` and `after` reach from its centre to its left and right end."""

    before: float = LANE / 2
    after: float = LANE / 2
    joint: bool = True
    row: int = 0
    x: float = 0.0
    #: Links to the row above and below: (index of the other item, own offset, its offset).
    up: list[tuple[int, float, float]] = field(default_factory=list)
    down: list[tuple[int, float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Arc:
    """From one item to another, leaving and arriving at offsets from their centres; `key` says which value flows."""

    source: int
    target: int
    key: object
    leaves: float = 0.0
    arrives: float = 0.0


def assign_rows(count: int, arcs: Sequence[Arc], first: Sequence[int], last: Sequence[int]) -> list[int]:
    """A row for each item: below all it reads; items of `first` alone on top, of `last` alone at the bottom.

    Arcs point from lower to higher item numbers. Sources that only feed later rows move down to their readers.
    """
    rows, outgoing, reads = [0] * count, [[] for _ in range(count)], [0] * count  # type: list[int], list[list[int]], list[int]
    ends = set(first) | set(last)
    for arc in sorted(arcs, key=lambda a: (a.source, a.target)):
        outgoing[arc.source].append(arc.target)
        reads[arc.target] += arc.source not in ends
    start = 1 if first else 0
    for item in range(count):
        if item not in ends:
            rows[item] = max(rows[item], start)
            for target in outgoing[item]:
                rows[target] = max(rows[target], rows[item] + 1)
    floating = set()
    incoming: dict[int, list[int]] = {}
    for arc in arcs:
        incoming.setdefault(arc.target, []).append(arc.source)
    for item in range(count):
        if item not in ends and all(s in floating for s in incoming.get(item, ())) and outgoing[item]:
            floating.add(item)
    for item in sorted(floating, reverse=True):
        below = [rows[t] for t in outgoing[item] if t not in ends]
        if below and len(incoming.get(item, ())) <= 1:
            rows[item] = max(rows[item], min(below) - 1)
    bottom = max((rows[i] for i in range(count) if i not in ends), default=start - 1) + 1
    for item in last:
        rows[item] = bottom
    return rows


def place(items: list[Item], arcs: Sequence[Arc]) -> tuple[list[list[int]], dict[Arc, list[int]]]:
    """Sets `x` of every item (joints are appended to `items`), and returns the rows and each arc's chain of items."""
    chains = _chains(items, arcs)
    rows: list[list[int]] = [[] for _ in range(1 + max((i.row for i in items), default=0))]
    for number in sorted(range(len(items)), key=lambda n: (items[n].joint, n)):
        rows[items[number].row].append(number)
    _order(items, rows)
    _position(items, rows)
    return rows, chains


def _chains(items: list[Item], arcs: Sequence[Arc]) -> dict[Arc, list[int]]:
    """Joints for the long arcs, shared between arcs of one value, and links between neighbouring rows."""
    joints: dict[tuple[int, object, int], int] = {}
    linked: set[tuple[int, int, object]] = set()
    chains = {}
    for arc in arcs:
        chain = [arc.source]
        top, bottom = items[arc.source].row, items[arc.target].row
        lane = range(top + 1, bottom) if len(joints) + bottom - top < MOST_JOINTS else range(0)
        for row in lane:
            key = (arc.source, arc.key, row)
            if key not in joints:
                joints[key] = len(items)
                items.append(Item(row=row))
            chain.append(joints[key])
        chain.append(arc.target)
        chains[arc] = chain
        for above, below in pairwise(chain):
            link = (above, below, arc.key)
            if link not in linked and items[below].row == items[above].row + 1:
                linked.add(link)
                leaves = arc.leaves if above == arc.source else 0.0
                arrives = arc.arrives if below == arc.target else 0.0
                items[above].down.append((below, leaves, arrives))
                items[below].up.append((above, arrives, leaves))
    return chains


def _order(items: list[Item], rows: list[list[int]]) -> None:
    """Barycentre sweeps, down and up; the order with the fewest crossings stays."""
    best, fewest = [list(r) for r in rows], _crossings(items, rows)
    for sweep in range(ORDER_SWEEPS):
        if fewest == 0:
            break
        downwards = sweep % 2 == 0
        for row in rows if downwards else reversed(rows):
            _sort(items, row, rows, downwards)
        crossings = _crossings(items, rows)
        if crossings < fewest:
            best, fewest = [list(r) for r in rows], crossings
    rows[:] = best


def _sort(items: list[Item], row: list[int], rows: list[list[int]], downwards: bool) -> None:
    if not row or len(row) == 1:
        return
    other = items[row[0]].row + (-1 if downwards else 1)
    rank = {n: k for k, n in enumerate(rows[other])} if 0 <= other < len(rows) else {}
    here = {n: k for k, n in enumerate(row)}
    scale = len(row) / max(len(rank), 1)

    def barycentre(number: int) -> float:
        links = items[number].up if downwards else items[number].down
        if not links:
            return float(here[number])
        return scale * sum(rank[n] + theirs * 1e-4 for n, _, theirs in links) / len(links)

    row.sort(key=barycentre)


def _crossings(items: list[Item], rows: list[list[int]]) -> int:
    """The number of pairs of links that cross, between all neighbouring rows, by counting inversions."""
    total = 0
    for above, below in pairwise(rows):
        rank = {n: k for k, n in enumerate(below)}
        ends = [
            end
            for n in above
            for end in sorted((rank[m], theirs) for m, _, theirs in sorted(items[n].down, key=lambda link: link[1]))
        ]
        total += _inversions(ends)
    return total


def _inversions(values: Sequence[tuple[int, float]]) -> int:
    """The number of pairs out of order, with a binary indexed tree."""
    ranks = {v: k + 1 for k, v in enumerate(sorted(set(values)))}
    tree, found = [0] * (len(ranks) + 1), 0
    for seen, value in enumerate(values):
        index, smaller = ranks[value], 0
        while index:
            smaller, index = smaller + tree[index], index & (index - 1)
        found += seen - smaller
        index = ranks[value]
        while index < len(tree):
            tree[index] += 1
            index += index & -index
    return found


def _position(items: list[Item], rows: list[list[int]]) -> None:
    """Sweeps that draw each item towards its neighbours in the row above, below, and at last on both sides."""
    for row in rows:
        x = 0.0
        for number in row:
            x += items[number].before
            items[number].x = x
            x += items[number].after
        for number in row:
            items[number].x -= x / 2
    for sweep in range(PLACE_SWEEPS):
        ups, downs = ((True, False), (False, True))[sweep % 2] if sweep < PLACE_SWEEPS - 4 else (True, True)
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _settle(items, row, ups, downs)
    for _ in range(2):
        _straighten(items, rows)


def _weight(first: Item, second: Item) -> float:
    """How much a link wants to be straight: lanes above all, then chains of boxes, where a lane begins least."""
    return 16.0 if first.joint and second.joint else 0.25 if first.joint or second.joint else 4.0


def _pull(items: list[Item], number: int, ups: bool, downs: bool) -> tuple[float, float]:
    """Where an item would like to be, and how much."""
    item, total, weight = items[number], 0.0, 0.0
    for links in (item.up if ups else (), item.down if downs else ()):
        for other, own, theirs in links:
            w = _weight(item, items[other])
            total += w * (items[other].x + theirs - own)
            weight += w
    return (total / weight, weight) if weight else (item.x, 0.01)


def _settle(items: list[Item], row: list[int], ups: bool, downs: bool) -> None:
    """Least squares: minimise `sum w (x - wish)^2` subject to `x[k+1] - x[k] >= distance[k]`."""
    shifts, wishes, weights = [0.0] * len(row), [0.0] * len(row), [0.0] * len(row)
    for k, number in enumerate(row):
        if k:
            shifts[k] = shifts[k - 1] + items[row[k - 1]].after + items[number].before
        wish, weights[k] = _pull(items, number, ups, downs)
        wishes[k] = wish - shifts[k]
    for number, x, shift in zip(row, isotonic(wishes, weights), shifts, strict=True):
        items[number].x = x + shift


def isotonic(wishes: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing numbers nearest to the wishes in weighted least squares, by pooling adjacent violators."""
    blocks: list[tuple[float, float, int]] = []
    for wish, weight in zip(wishes, weights, strict=True):
        mean, mass, size = wish, weight, 1
        while blocks and blocks[-1][0] > mean:
            before, more, count = blocks.pop()
            mean, mass, size = (before * more + mean * mass) / (more + mass), more + mass, size + count
        blocks.append((mean, mass, size))
    return [mean for mean, _, size in blocks for _ in range(size)]


def _straighten(items: list[Item], rows: list[list[int]]) -> None:
    """Makes chains that are nearly straight exactly so, the longest first, where their rows leave room."""
    beside = {
        n: (row[k - 1] if k else -1, row[k + 1] if k + 1 < len(row) else -1) for row in rows for k, n in enumerate(row)
    }
    for chain in sorted(_straight_chains(items, rows), key=len, reverse=True):
        low, high = float("-inf"), float("inf")
        for number, bend in chain:
            left, right = beside[number]
            if left >= 0:
                low = max(low, items[left].x + items[left].after + items[number].before - bend)
            if right >= 0:
                high = min(high, items[right].x - items[right].before - items[number].after - bend)
        if low <= high:
            wish = sum(items[n].x - bend for n, bend in chain) / len(chain)
            for number, bend in chain:
                items[number].x = max(low, min(high, wish)) + bend


def _straight_chains(items: list[Item], rows: list[list[int]]) -> list[list[tuple[int, float]]]:
    """Chains of items, each the main neighbour of the next; with where each must stand relative to the first."""
    chains, started = [], set()
    for row in rows:
        for number in row:
            if number in started:
                continue
            chain, bend = [(number, 0.0)], 0.0
            while (link := _main(items, chain[-1][0], items[chain[-1][0]].down)) is not None:
                back = _main(items, link[0], items[link[0]].up)
                if back is None or back[0] != chain[-1][0]:
                    break
                bend += link[1] - link[2]
                started.add(link[0])
                chain.append((link[0], bend))
            if len(chain) > 1:
                chains.append(chain)
    return chains


def _main(items: list[Item], number: int, links: Sequence[tuple[int, float, float]]) -> tuple[int, float, float] | None:
    """The one link that is heavier than all others."""
    weights = sorted((_weight(items[number], items[link[0]]) for link in links), reverse=True)
    if not weights or (len(weights) > 1 and weights[0] == weights[1]):
        return None
    return next(link for link in links if _weight(items[number], items[link[0]]) == weights[0])
