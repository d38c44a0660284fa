"""The option `--optimise`: a model as it is deployed, after all rewritings that keep its outputs."""

from __future__ import annotations

from typing import Annotated, Any

import torch
import typer
from torch import fx

from graphwright.backends import weights
from graphwright.backends.compare import compare_with
from graphwright.backends.examples import example_inputs
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail
from graphwright.compiler.transforms.optimise import Optimise, carried

OptimiseOption = Annotated[
    bool, typer.Option("--optimise", help="Rewrite the deployed graph into fewer nodes that compute the same.")
]


def optimised(graph: Graph, module: fx.GraphModule) -> tuple[Graph, fx.GraphModule, dict[str, Any]]:
    """The optimised graph, its module with the weights carried over, and the report on it.

    Both modules are run on example inputs; a difference beyond rounding is an error.
    """
    found = Optimise().traced(graph)
    made = lower(found.graph).eval()
    weights.load(made, carried(graph.deployed(), found.graph, module.state_dict()))
    inputs = example_inputs(graph)
    with torch.no_grad():
        difference = compare_with(module, inputs, made(*inputs))
    if not difference.within:
        raise fail(NOWHERE, f"optimised, {graph.name} differs by {difference.relative:.2g} from itself",
                   "leave out --optimise, and report the spec")  # fmt: skip
    counts = {"nodes_before": found.before, "nodes": len(found.graph.nodes), "removed": dict(found.removed)}
    return found.graph, made, {**counts, "difference": difference.relative}


def told(report: dict[str, Any]) -> str:
    """The report in words."""
    done = ", ".join(f"{name} -{count}" for name, count in report["removed"].items()) or "nothing to do"
    nodes = f"{report['nodes_before']} -> {report['nodes']} nodes"
    return f"  optimise      {nodes}: {done}; equal to before (difference {report['difference']:.2g})"
