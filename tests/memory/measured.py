"""Memory as it is measured: what autograd keeps, and the peak of a step by torch's profiler."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.memory.estimate import objective


def inputs_of(graph: Graph, sizes: dict[str, int]) -> tuple[Tensor, ...]:
    """Random inputs, and targets of class 0."""
    torch.manual_seed(0)
    kinds = [e.type.at(sizes) for e in (*graph.inputs, *graph.targets)]
    return tuple(
        torch.zeros(k.shape, dtype=torch.int64) if k.dtype == "int64" else torch.randn([int(s) for s in k.shape])
        for k in kinds
    )  # type: ignore[arg-type]


def step(graph: Graph, module: nn.Module, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Forward and backward; what was differentiated."""
    torch.manual_seed(1)
    ends = objective(graph, module(*inputs))
    torch.autograd.backward(ends, [torch.ones_like(e) for e in ends])
    return [e.detach() for e in ends]


def kept_bytes(graph: Graph, module: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """What autograd keeps for the backward pass, parameters apart, each storage once."""
    own = {p.untyped_storage().data_ptr() for p in module.parameters()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        objective(graph, module(*inputs))
    return sum(t.untyped_storage().nbytes() for t in kept.values())


def measured(graph: Graph, sizes: dict[str, int]) -> tuple[int, int]:
    """What is kept for the backward pass, and the peak of a step, without the optimiser's state."""
    module, inputs = lower(graph, cone="train").train(), inputs_of(graph, sizes)
    saved = kept_bytes(graph, module, inputs)
    there = sum(t.nbytes for t in (*module.parameters(), *module.buffers(), *inputs))
    return saved, there + allocated(lambda: step(graph, module, inputs))


def allocated(run: Callable[[], object]) -> int:
    """The most bytes that are allocated at a time while something runs, by the profiler's account."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        run()
    live = top = 0
    for event in record.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            live += event.nbytes()
            top = max(top, live)
    return top
