"""Every shipped spec is one full graph to `torch.compile`, in both cones: no breaks, none anew as batches change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import fx

from graphwright.backends.examples import example_inputs, free_dimensions
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.library import shipped_families
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import Cone, lower
from tests.shallow import SHALLOW

BATCH = "N"
#: Torch takes another kernel for a small convolution, and another graph, below four samples.
SIZES = (4, 5, 7)


def batches(graph: Graph, size: int) -> tuple[torch.Tensor, ...]:
    """Examples of which torch is told that the number of samples may change; it refuses where a model fixes it."""
    inputs = example_inputs(graph, {BATCH: size} if BATCH in graph.sizes else {})
    for tensor, free in zip(inputs, free_dimensions(graph.inputs), strict=True):
        torch._dynamo.mark_dynamic(tensor, [dim for dim, symbol in free.items() if symbol == BATCH])
    return inputs


@pytest.mark.parametrize("cone", ["deploy", "train"])
@pytest.mark.parametrize("name", shipped_families())
def test_one_full_graph(name: str, cone: Cone) -> None:
    graph = load(name, SHALLOW.get(name, {}))
    if cone == "train" and not graph.losses:
        pytest.skip("the spec has no losses of its own")
    entries = graph.inputs if cone == "deploy" else (*graph.inputs, *graph.targets)
    graphs: list[fx.GraphModule] = []

    def backend(module: fx.GraphModule, _: list[torch.Tensor]) -> Callable[..., Any]:
        """Counts the graph, and computes nothing: zeros of the shapes of the first batch."""
        graphs.append(module)
        (results,) = module.graph.output_node().args
        zeros = [_zeros(r.meta["example_value"]) for r in results]  # type: ignore[union-attr]
        return lambda *_: zeros

    torch._dynamo.reset()
    module = lower(graph, cone=cone).train(cone == "train")
    compiled = torch.compile(module, backend=backend, fullgraph=True)
    with torch.no_grad():
        for size in SIZES:
            compiled(*batches(graph.with_(inputs=entries), size))
    assert len(graphs) == 1


def _zeros(like: torch.Tensor) -> torch.Tensor:
    return torch.zeros([s if isinstance(s, int) else s.node.hint for s in like.shape], dtype=like.dtype)
