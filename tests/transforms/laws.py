"""The law of every transform for deployment: the same outputs, from weights saved before it, in no more nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from graphwright.backends.compare import tensors
from graphwright.backends.examples import example_inputs
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms.optimise import carried
from tests.oracles import distance, randomise

#: How far outputs may differ, as a share of the largest value.
WITHIN = {torch.float32: 1e-5, torch.float64: 1e-10}


def kept(
    graph: Graph, transform: Callable[[Graph], Graph], sizes: Mapping[str, int] | None = None, seed: int = 0
) -> Graph:
    """The graph after a transform, for which the law was tested with random weights and running statistics."""
    graph = graph.deployed()
    made = verify(transform(graph))
    assert len(made.nodes) <= len(graph.nodes)
    assert parse(dump(made)) == made
    assert transform(made).nodes == made.nodes
    module, other = lower(graph).eval(), lower(made).eval()
    with torch.no_grad():
        randomise(module, seed)
    for dtype, within in WITHIN.items():
        module, other = module.to(dtype), other.to(dtype)
        state = carried(graph, made, module.state_dict())
        again = carried(graph, made, state)
        assert state.keys() == again.keys()
        assert all(torch.equal(again[name], tensor) for name, tensor in state.items())
        other.load_state_dict(state)
        inputs = [x.to(dtype) if x.is_floating_point() else x for x in example_inputs(graph, sizes, seed)]
        with torch.no_grad():
            wanted, found = tensors(module(*inputs)), tensors(other(*inputs))
        assert wanted.keys() == found.keys()
        for port, tensor in wanted.items():
            assert tensor.dtype == found[port].dtype
            assert tensor.isfinite().all()
            assert tensor.double().abs().max() > 0
            assert distance(found[port].double(), tensor.double()) <= within, port
    return made


def ops(graph: Graph) -> list[str]:
    """The ops of a graph, in order."""
    return [n.op.name for n in graph.nodes]
