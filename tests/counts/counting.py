"""Counts of the shipped models that no change should move unseen: nodes, nodes after `optimise`, weights, kernels."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch._functorch import config as functorch
from torch._inductor import config as inductor
from torch._inductor import metrics
from torch._inductor.exc import InductorError
from torch._inductor.graph import GraphLowering

from graphwright.backends.examples import example_inputs
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.library import shipped_families
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms.optimise import Optimise

BASELINE = Path(__file__).parent / "baseline.json"
#: How the baseline is written anew.
COMMAND = "python -m tests.counts"

#: Models whose code is generated, for these sizes; nothing is compiled or run.
GENERATED: dict[str, dict[str, int]] = {"lenet": {}, "digits": {}, "prototypes_mnist": {}}


def counts(name: str) -> dict[str, int]:
    """What is counted of a model: nodes of the deployed graph and its weights, before and after `optimise`."""
    graph = load(name).deployed()
    made = Optimise()(graph)
    found = {"nodes": len(graph.nodes), "optimised": len(made.nodes)}
    return found | {"weights": elements(graph), "optimised_weights": elements(made)}


def elements(graph: Graph) -> int:
    """The numbers in a model's parameters and buffers, shared ones once."""
    kinds = [kind for n in graph.nodes for _, kind in (*n.owned, *(() if n.marks.tie else n.buffers))]
    return sum(int(kind.numel()) for kind in kinds)


def every() -> dict[str, dict[str, int]]:
    """The counts of all shipped families, by name, with kernels where they are counted."""
    return {name: counts(name) | (kernels(name) if name in GENERATED else {}) for name in shipped_families()}


def baseline() -> dict[str, Any]:
    """The counts that were written last."""
    found: dict[str, Any] = json.loads(BASELINE.read_text())
    return found


def kernels(name: str) -> dict[str, int]:
    """How many kernels torch's compiler makes of a model, before and after `optimise`."""
    graph = load(name).deployed()
    sizes = GENERATED[name]
    return {"kernels": _generated(graph, sizes), "optimised_kernels": _generated(Optimise()(graph), sizes)}


class _Enough(Exception):
    """Code was generated; nothing needs to be compiled."""


def _generated(graph: Graph, sizes: dict[str, int]) -> int:
    def stop(lowering: GraphLowering) -> None:
        lowering.codegen()
        raise _Enough

    metrics.reset()
    torch._dynamo.reset()
    module, inputs = lower(graph).eval(), example_inputs(graph, sizes)
    fresh = (inductor.patch(fx_graph_cache=False), functorch.patch(enable_autograd_cache=False))
    with (
        torch.no_grad(), warnings.catch_warnings(), fresh[0], fresh[1],
        mock.patch.object(GraphLowering, "compile_to_module", stop),
    ):  # fmt: skip
        # torch 2.13's compiler uses torch.jit where it is imported, and warns of that.
        warnings.filterwarnings("ignore", message=r"`torch\.jit", category=DeprecationWarning)
        try:
            torch.compile(module, fullgraph=True)(*inputs)
        except InductorError as error:
            if not isinstance(error.inner_exception, _Enough):
                raise
    return metrics.generated_kernel_count
