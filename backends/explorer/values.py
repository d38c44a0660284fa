"""The numbers that formulas are shown with: float32, as torch computed them, of as many nodes as a page may carry."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from graphwright.backends.explorer.formulas import View
from graphwright.backends.explorer.recording import Layout, activity

#: All numbers together have so many bytes, before they are written as text.
BUDGET = 4 * 2**20
#: How many channels of each map are tried, from all to few; with the last, nodes are left out.
COUNTS = (2**30, 32, 16, 8, 4, 2)
#: What tells the answer comes first, then so many nodes from the beginning, then what is smallest, in the measure of
#: these weights: there is more to see in a convolution than in an activation.
ANSWERS, FIRST, WEIGHTS = ("linear", "softmax"), 8, {"convolution": 0.05, "attention": 0.2}
#: Rows of a matrix that are kept at least: those of the greatest outputs.
ROWS = 10

#: A value or tensor by name, and which of its channels (or rows) are needed: all where it is None.
Need = tuple[str, "Iterable[int] | None"]


@dataclass
class Store:
    """Values of every picture and tensors of the state, as [channels, ...], with the channels that are kept."""

    values: Sequence[Mapping[str, torch.Tensor]]
    layouts: Mapping[str, Layout]
    state: Mapping[str, torch.Tensor]
    budget: int = BUDGET
    kept: dict[str, set[int]] = field(default_factory=dict)
    ranked: dict[str, list[int]] = field(default_factory=dict)
    extra: dict[str, list[torch.Tensor]] = field(default_factory=dict)

    def choose(self, views: Mapping[str, View]) -> set[str]:
        """Fills the store for these views, and returns the names of the nodes whose numbers do not fit."""
        for count in COUNTS:
            self.kept = {}
            for view in views.values():
                self._keep(self._needs(view, count))
            if sum(len(rows) * self._row(name) for name, rows in self.kept.items()) <= self.budget:
                return set()
        return self._greedily(views, COUNTS[-1])

    def _greedily(self, views: Mapping[str, View], count: int) -> set[str]:
        needs = {node: self._needs(view, count) for node, view in views.items()}
        self.kept = {}
        cost = {node: self._cost(need) * WEIGHTS.get(views[node]["view"], 1.0) for node, need in needs.items()}
        answers = [node for node, view in views.items() if view["view"] in ANSWERS]
        others = [node for node in views if node not in answers]
        order = [*answers, *others[:FIRST], *sorted(others[FIRST:], key=lambda node: cost[node])]
        spent, left = 0, set()
        for node in order:
            more = self._cost(needs[node])
            if spent + more > self.budget:
                left.add(node)
            else:
                spent += more
                self._keep(needs[node])
        return left

    def _cost(self, needs: Sequence[Need]) -> int:
        """The bytes that these needs add to what is kept."""
        return sum(len(self._rows(name, rows) - self.kept.get(name, set())) * self._row(name) for name, rows in needs)

    def _keep(self, needs: Sequence[Need]) -> None:
        for name, rows in needs:
            self.kept.setdefault(name, set()).update(self._rows(name, rows))

    def _rows(self, name: str, rows: Iterable[int] | None) -> set[int]:
        return set(range(len(self.arranged(name)[0]))) if rows is None else set(rows)

    def _row(self, name: str) -> int:
        """The bytes of one channel, in all pictures."""
        tensors = self.arranged(name)
        return 4 * len(tensors) * tensors[0][0].numel()

    def arranged(self, name: str) -> list[torch.Tensor]:
        """A value of every picture as [channels, rows, columns], or a tensor of the state alone."""
        if name in self.extra:
            return self.extra[name]
        if name in self.layouts:
            return [self.layouts[name].arrange(v[name]) for v in self.values]
        tensor = self.state[name]
        return [tensor if tensor.dim() else tensor[None]]

    def _pick(self, name: str, count: int, source: str | None = None) -> list[int]:
        """The channels to show of a value: those of the value it was made from, else the most active ones."""
        if name not in self.ranked:
            self.ranked[name] = self.ranked[source] if source in self.ranked else activity(self.arranged(name))
        return sorted(self.ranked[name][:count])

    def _needs(self, view: View, count: int) -> list[Need]:
        kind, y = view["view"], view["y"]
        tensors: list[Need] = [(view[t], None) for t in ("bias", "mean", "variance") if view.get(t)]
        if kind == "attention":
            return self._of_attention(view, count)
        if kind == "convolution":
            rows = self._pick(y, count)
            return [(view["x"], self._read(view, rows)), (y, rows), (view["weight"], rows), *tensors]
        if kind == "linear":
            rows = sorted({row for v in self.arranged(y) for row in _greatest(v, max(count, ROWS))})
            return [(view["x"], None), (y, None), (view["weight"], rows), *tensors]
        if kind == "softmax":
            return [(view["x"], None), (y, None)]
        rows = self._pick(y, count, view["x"])
        weight: list[Need] = [(view["weight"], None)] if view.get("weight") else []
        return [(view["x"], rows), (y, rows), *weight, *tensors]

    def _read(self, view: View, rows: Sequence[int]) -> list[int] | None:
        """The input channels that these output channels of a convolution read."""
        groups = view["groups"]
        if groups == 1:
            return None
        inner, outer = (len(self.arranged(view[v])[0]) // groups for v in ("x", "y"))
        return sorted({row // outer * inner + k for row in rows for k in range(inner)})

    def _of_attention(self, view: View, count: int) -> list[Need]:
        rows = self._pick(view["y"], count)
        name = f"{view['y']}:bias"
        if view["bias"]:
            self.extra[name] = [_bias(v[view["bias"]], v[view["q"]], v[view["k"]]) for v in self.values]
        needs: list[Need] = [(view[port], rows) for port in ("q", "k", "v", "y")]
        return [*needs, (name, rows)] if view["bias"] else needs

    def described(self) -> dict[str, dict[str, Any]]:
        """By name: the whole `shape`, the channels that are `kept`, and their numbers, one text for each picture."""
        found = {}
        for name, rows in self.kept.items():
            chosen, tensors = sorted(rows), self.arranged(name)
            whole = len(chosen) == len(tensors[0])
            data = [_text(t if whole else t[chosen]) for t in tensors]
            found[name] = {"shape": list(tensors[0].shape), "kept": None if whole else chosen, "data": data}
        return found


def _greatest(vector: torch.Tensor, count: int) -> list[int]:
    flat = vector.flatten().nan_to_num(0.0)
    return flat.topk(min(count, len(flat))).indices.tolist()


def _bias(bias: torch.Tensor, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """What is added to the products of each head, [heads, L, S]; where a mask is false, minus infinity."""
    if bias.dtype == torch.bool:
        bias = torch.zeros(bias.shape).masked_fill(~bias, float("-inf"))
    whole = bias.expand(*q.shape[:-1], k.shape[-2])
    return whole.reshape(-1, *whole.shape[-2:])


def _text(tensor: torch.Tensor) -> str:
    return base64.b64encode(tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()).decode()
