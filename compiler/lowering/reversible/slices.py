"""The own nodes of a reversible step as graphs, for its first run and for the runs that undo it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import GraphAppendingTracer

from graphwright.compiler.ops.random import StochasticDepth

#: Modules that multiply by what they draw, and how many dimensions a draw has; -1 is all.
DRAWING: dict[type, int] = {
    StochasticDepth: 1, nn.Dropout: -1, nn.Dropout1d: 2, nn.Dropout2d: 2, nn.Dropout3d: 2,
}  # fmt: skip


def cut(
    root: nn.Module, inner: Sequence[fx.Node], wanted: Sequence[fx.Node], is_given: Callable[[fx.Node], bool]
) -> tuple[list[fx.Node], fx.GraphModule, fx.GraphModule, int]:
    """What computes `wanted` from given nodes: these, a module to run first, one to run again, and the number of draws.

    The first also puts out what it drew, as factors; the second takes them as its last inputs.
    """
    needed: set[fx.Node] = set()
    reads: dict[fx.Node, None] = {}
    pending = list(wanted)
    while pending:
        node = pending.pop()
        if is_given(node):
            reads[node] = None
        elif node not in needed:
            needed.add(node)
            pending += node.all_input_nodes
    own = [n for n in inner if n in needed]
    first, draws = _copied(root, own, list(reads), wanted, again=False)
    return list(reads), first, _copied(root, own, list(reads), wanted, again=True)[0], draws


def _copied(
    root: nn.Module, own: Sequence[fx.Node], reads: Sequence[fx.Node], wanted: Sequence[fx.Node], *, again: bool
) -> tuple[fx.GraphModule, int]:
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in reads}
    factors: list[fx.Node] = []
    for node in own:
        module = root.get_submodule(str(node.target)) if node.op == "call_module" else None
        rank, rate = DRAWING.get(type(module)), getattr(module, "rate", getattr(module, "p", 0))
        if rank is None or (rate == 0 and not again):
            copies[node] = graph.node_copy(node, copies.__getitem__)
            continue
        x = copies[node.all_input_nodes[0]]
        if rate == 0:  # nothing is dropped, though drop_path draws
            copies[node] = x
            continue
        if again:
            factors.append(graph.placeholder(f"factor_{len(factors)}"))
        else:
            factors.append(graph.call_module(str(node.target), (graph.call_function(_ones, (x, rank)),)))
        copies[node] = graph.call_function(operator.mul, (x, factors[-1]))
    graph.output((*(copies[node] for node in wanted), *(() if again else factors)))
    return fx.GraphModule(root, graph), len(factors)


@fx.wrap
def _ones(x: Tensor, rank: int) -> Tensor:
    """Ones of the sizes of x, after the first `rank` of size 1."""
    return torch.ones_like(x) if rank < 0 else x.new_ones(x.shape[:rank] + (1,) * (x.dim() - rank))


def traced(function: Callable[..., Any], names: Sequence[str]) -> fx.GraphModule:
    """A function of tensors, recorded as a module."""
    graph = fx.Graph()
    tracer = GraphAppendingTracer(graph)
    result = function(*(fx.Proxy(graph.placeholder(f"x{k}"), tracer) for k, _ in enumerate(names)))
    graph.output(result.node)
    return fx.GraphModule(nn.Module(), graph)
