"""Every shipped spec is one full graph to `torch.compile`: no breaks, in both cones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import fx

from graphwright.backends.examples import example_inputs
from graphwright.compiler.language.library import shipped_families
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import Cone, lower

#: A small picture, where a model loops over the rows and columns of its maps.
PARAMS = {"scnn_vgg16": {"width": 160, "height": 96}}


@pytest.mark.parametrize("cone", ["deploy", "train"])
@pytest.mark.parametrize("name", shipped_families())
def test_one_full_graph(name: str, cone: Cone) -> None:
    graph = load(name, PARAMS.get(name, {}))
    if cone == "train" and not graph.losses:
        pytest.skip("the spec has no losses of its own")
    entries = graph.inputs if cone == "deploy" else (*graph.inputs, *graph.targets)
    graphs: list[fx.GraphModule] = []

    def backend(module: fx.GraphModule, _: list[torch.Tensor]) -> Callable[..., Any]:
        """Counts the graph, and computes nothing: zeros of the right shapes."""
        graphs.append(module)
        (results,) = module.graph.output_node().args
        zeros = [torch.zeros(r.meta["example_value"].shape, dtype=r.meta["example_value"].dtype) for r in results]  # type: ignore[union-attr]
        return lambda *_: zeros

    torch._dynamo.reset()
    module = lower(graph, cone=cone).train(cone == "train")
    compiled = torch.compile(module, backend=backend, fullgraph=True)
    inputs = example_inputs(graph.with_(inputs=entries))
    with torch.no_grad():
        compiled(*inputs)
        compiled(*inputs)
    assert len(graphs) == 1
