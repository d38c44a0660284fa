"""`Memory`: marks what is to be computed again so that a training step fits into so many bytes, at the least cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.memory.estimate import STATE, Optimizer, training
from graphwright.compiler.memory.ledger import Ledger, ledger, unmarked
from graphwright.compiler.memory.plan import Plan, Planner
from graphwright.compiler.memory.size import read_bytes, told_bytes
from graphwright.compiler.memory.tracking import batched
from graphwright.compiler.places import NOWHERE, Place, fail

#: Plans that are run on tensors without memory, at most; and the share of the budget that is near enough.
TRIES, NEAR = 8, 0.98
#: The share of the budget that is left to kernels, for what they take while they run.
RESERVE = 0.03


@dataclass(frozen=True)
class Fitted:
    """A graph that fits its budget. `before` and `peak` are bytes of a training step without and with what runs again;
    `extra` is the share of the forward pass's FLOPs that this adds; `regions` are its nodes.
    """

    graph: Graph
    budget: int
    before: int
    peak: int
    extra: float
    regions: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        if not self.regions:
            return f"{told_bytes(self.peak)} of {told_bytes(self.budget)}: nothing is computed again"
        count, nodes = len(self.regions), sum(len(r) for r in self.regions)
        return (
            f"{told_bytes(self.peak)} of {told_bytes(self.budget)}, {told_bytes(self.before)} without: "
            f"{nodes} nodes in {count} region{'s' * (count > 1)} run again, {self.extra:.1%} of the forward FLOPs"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        numbers = {"budget": self.budget, "before": self.before, "peak": self.peak, "extra_flops": self.extra}
        return {**numbers, "regions": [list(r) for r in self.regions]}


@dataclass(frozen=True)
class Memory:
    """Marks regions `checkpoint` so that the peak of a training step is within `budget` (`4GiB`, or bytes).

    `batch` samples are in a step, of `sizes` where these differ from the spec's defaults; `optimizer` and `precision`
    are as in a training recipe. Marks that the graph has are a plan of the author's: where they do, it stays as it is,
    else they give way.
    """

    name: ClassVar[str] = "memory"
    budget: int | str
    batch: int | None = None
    optimizer: Optimizer = "adamw"
    precision: str = "fp32"
    sizes: Mapping[str, int] | None = None
    place: Place = NOWHERE

    def __call__(self, graph: Graph) -> Graph:
        return self.fit(graph).graph

    def fit(self, graph: Graph) -> Fitted:
        """The marked graph, and what it needs; a budget that cannot be met is a mistake."""
        return _Fit(graph.with_(nodes=graph.training().nodes), self, graph).run()


class _Fit:
    def __init__(self, cone: Graph, what: Memory, graph: Graph) -> None:
        self.graph, self.what, self.cone = graph, what, cone
        self.budget = read_bytes(what.budget, what.place)
        self.goal = int((1 - RESERVE) * self.budget)
        self.sizes = {**batched(graph, what.batch), **(what.sizes or {})}
        self.counts = training(graph, self.sizes, what.precision)
        self.state = STATE[what.optimizer] * self.counts["gradients"]

    def run(self) -> Fitted:
        before = self.counts["peak"] + self.state
        if before <= self.goal:
            return Fitted(self.graph, self.budget, before, before, 0.0, ())
        book = ledger(self.graph, self.sizes, self.what.precision)
        inputs = sum(s.bytes for s in book.storages if s.maker < 0)
        planner = Planner(book, self.counts["parameters"] + self.counts["buffers"] + self.state + inputs)
        plan, peak = self._searched(planner, before)
        total = sum(item.flops for item in book.items)
        return Fitted(self._marked(book, plan), self.budget, before, peak, plan.flops / max(1, total),
                      tuple(_names(book, r) for r in plan.regions))  # fmt: skip

    def _searched(self, planner: Planner, before: int) -> tuple[Plan, int]:
        """The cheapest plan found whose peak is within the budget, and its peak.

        The planner foresees bytes roughly; the limit that it is given moves by how far off it was, between limits that
        are known to be too low and too high.
        """
        limit, low, high, stride = self.goal, 0, before, 1
        best: tuple[Plan, int] | None = None
        peaks: dict[tuple[tuple[int, ...], ...], int] = {}
        while len(peaks) < TRIES and high - low > self.budget // 200:
            plan = planner.plan(limit)
            if plan is None:
                low, limit = limit, (limit + high) // 2
                continue
            if plan.regions not in peaks:
                peaks[plan.regions] = self._peak(planner.ledger, plan)
            peak = peaks[plan.regions]
            if peak <= self.goal:
                low = limit
                if best is None or plan.cost < best[0].cost:
                    best = plan, peak
                if peak >= NEAR * self.goal:
                    break
            else:
                high, stride = limit, 2 * stride
            moved = limit + stride * (self.goal - peak)
            limit = moved if low < moved < high else (low + high) // 2
        return best or self._least(planner, before)

    def _least(self, planner: Planner, high: int) -> tuple[Plan, int]:
        """The plan of the lowest limit; if its peak is above the budget, that is the mistake."""
        low, plan = 0, planner.plan(high)
        while high - low > high // 500:
            middle = (low + high) // 2
            found = planner.plan(middle)
            low, high, plan = (middle, high, plan) if found is None else (low, middle, found)
        peak = self._peak(planner.ledger, plan) if plan is not None else self.counts["peak"] + self.state
        if plan is None or peak > self.goal:
            least = int(peak / (1 - RESERVE)) + 1
            always = self.counts["parameters"] + self.counts["gradients"] + self.state
            rule = (
                f"a training step of '{self.graph.name}' does not fit into {told_bytes(self.budget)}: "
                f"the least that was found is {told_bytes(least)} ({least:,} bytes)"
            )
            hint = f"lower the batch; parameters, gradients and optimizer state are {told_bytes(always)} of it"
            raise fail(self.what.place, rule, hint)
        return plan, peak

    def _peak(self, book: Ledger, plan: Plan) -> int:
        return training(self._marked(book, plan), self.sizes, self.what.precision)["peak"] + self.state

    def _marked(self, book: Ledger, plan: Plan) -> Graph:
        """The graph with its regions marked: a scope, where a region is one, else its nodes, by a word."""
        plain = unmarked(self.graph)
        words: dict[str, str | bool] = {}
        members = {s.name: {n.name for n in self.cone.nodes if n.name.startswith(f"{s.name}.")} for s in plain.scopes}
        for k, region in enumerate(plan.regions):
            names = set(_names(book, region))
            whole = next((scope for scope, inside in members.items() if inside == names), None)
            words |= dict.fromkeys([whole], True) if whole else dict.fromkeys(names, f"memory_{k}")
        return plain.with_(
            scopes=tuple(replace(s, marks=replace(s.marks, checkpoint=words.get(s.name, False))) for s in plain.scopes),
            nodes=tuple(replace(n, marks=replace(n.marks, checkpoint=words.get(n.name, False))) for n in plain.nodes),
        )


def _names(book: Ledger, region: tuple[int, ...]) -> tuple[str, ...]:
    """The nodes of a region; one that makes several values in turn is named once."""
    return tuple(dict.fromkeys(str(book.items[place].name) for place in region))
