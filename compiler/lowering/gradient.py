"""How `gradient` runs: the graph between two values as a function of its own, differentiated by `torch.func.vjp`.

`torch.autograd.grad` would break a compiled graph in two; a `vjp` inside the graph is traced with it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ops.gradient import Gradient


def differentiates(graph: Graph) -> bool:
    """Whether the graph computes gradients of itself."""
    return any(isinstance(node.op, Gradient) for node in graph.nodes)


class Pullback(nn.Module):
    """`d sum(tail(at, *others)) / d at`. The tail's modules belong to the model, so they are not registered here."""

    def __init__(self, tail: nn.Module) -> None:
        super().__init__()
        self.tail = [tail]
        #: Whether the gradient is taken by autograd's tape, for recorders that cannot see through `vjp`.
        self.taped = False

    def forward(self, at: torch.Tensor, *others: Any) -> torch.Tensor:
        if self.taped:
            with torch.enable_grad():
                leaf = at.detach().requires_grad_()
                taped: torch.Tensor = torch.autograd.grad(self.tail[0](leaf, *others).sum(), leaf)[0]
            return taped
        if not torch.is_grad_enabled():
            return self._pulled(at, *others)
        with sdpa_kernel(SDPBackend.MATH):  # torch differentiates its fused kernels of attention only once
            return self._pulled(at, *others)

    def _pulled(self, at: torch.Tensor, *others: Any) -> torch.Tensor:
        value, pull = torch.func.vjp(lambda a: self.tail[0](a, *others), at)[:2]
        slope: torch.Tensor = pull(torch.ones_like(value))[0]
        return slope


def between(root: nn.Module, at: fx.Node, of: fx.Node) -> tuple[nn.Module, list[fx.Node]] | None:
    """What computes `of` from `at`, as a module, and the other values it reads; `None` if nothing does."""
    reached = {at}
    for node in at.graph.nodes:
        if any(source in reached for source in node.all_input_nodes):
            reached.add(node)
    needed, pending = set[fx.Node](), [of]
    while pending:
        node = pending.pop()
        if node in reached and node not in needed and node is not at:
            needed.add(node)
            pending += node.all_input_nodes
    if of not in reached:
        return None
    tail = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {at: tail.placeholder("at")}
    others: list[fx.Node] = []
    inner = [node for node in at.graph.nodes if node in needed]
    for node in inner:
        for source in node.all_input_nodes:
            if source not in copies and source not in needed:
                copies[source] = tail.placeholder(source.name)
                others.append(source)
        copies[node] = tail.node_copy(node, lambda n: copies[n])
    tail.output(copies[of])
    return fx.GraphModule(root, tail), others
