"""A graph for deployment: every rewriting that keeps its outputs, until none finds anything more to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.gradient import differentiates
from graphwright.compiler.transforms.drop_noops import DropNoops
from graphwright.compiler.transforms.fold_affine import FoldAffine
from graphwright.compiler.transforms.fold_batch_norm import FoldBatchNorm
from graphwright.compiler.transforms.fold_constants import FoldConstants
from graphwright.compiler.transforms.fuse_branches import FuseBranches
from graphwright.compiler.transforms.fuse_siblings import FuseSiblings
from graphwright.compiler.transforms.merge_equal import MergeEqual
from graphwright.compiler.transforms.prepbn_fusion import FusePrepbn
from graphwright.compiler.transforms.remove_dead import RemoveDead, dropped
from graphwright.compiler.transforms.weights import rewrite_weights


class _Step(Protocol):
    name: ClassVar[str]

    def __call__(self, graph: Graph) -> Graph: ...


@dataclass(frozen=True)
class Optimised:
    """An optimised graph, and how many nodes each transform took out of how many."""

    graph: Graph
    before: int
    removed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Optimise:
    """The deployed graph after all rewritings that keep its outputs, repeated until nothing changes.

    Each has a switch: `norms` (fold_batch_norm, fuse_prepbn and fold_affine's), `branches` (fuse_branches), `noops`
    (drop_noops), `equal` (merge_equal), `constants` (fold_constants, up to `limit` elements each), `scales`
    (fold_affine's) and `siblings` (fuse_siblings). A graph that computes gradients is deployed and left as it is.

    rewrite:
        `c = conv2d(x); b = batch_norm(c); d = dropout(b); y = mul(d, gamma)`  -->  `c = conv2d(x)`
    """

    name: ClassVar[str] = "optimise"
    norms: bool = True
    branches: bool = True
    noops: bool = True
    equal: bool = True
    constants: bool = True
    scales: bool = True
    siblings: bool = True
    limit: int = 2**20

    def __call__(self, graph: Graph) -> Graph:
        return self.traced(graph).graph

    def traced(self, graph: Graph) -> Optimised:
        """The optimised graph, with what was done."""
        start = graph
        graph = graph.deployed()
        graph = graph.with_(rewrites=(*graph.rewrites, *dropped(start, graph)))
        before, removed = len(graph.nodes), dict[str, int]()
        if differentiates(graph):
            return Optimised(graph, before)
        changed = True
        while changed:
            changed = False
            for step in self._steps():
                made = step(graph)
                if made.nodes != graph.nodes:
                    changed, name = True, step.name
                    removed[name] = removed.get(name, 0) + len(graph.nodes) - len(made.nodes)
                    graph = made
        return Optimised(graph, before, removed)

    def _steps(self) -> Iterator[_Step]:
        """The transforms in order: norms first, whose patterns others would break."""
        if self.norms:
            yield FusePrepbn()
        yield RemoveDead()
        if self.noops:
            yield DropNoops()
        if self.equal:
            yield MergeEqual()
        if self.constants:
            yield FoldConstants(self.limit)
        if self.norms:
            yield FoldBatchNorm()
        if self.branches:
            yield FuseBranches()
        if self.norms or self.scales:
            yield FoldAffine(self.norms, self.scales)
        if self.siblings:
            yield FuseSiblings()


def carried(before: Graph, after: Graph, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of a deployed graph, as the same graph wants them after further transforms."""
    return rewrite_weights(after.with_(rewrites=after.rewrites[len(before.rewrites) :]), state)
