"""A training module without what its losses don't need, for tasks that don't look at the outputs of training steps."""

from __future__ import annotations

from torch import fx


def without_outputs(module: fx.GraphModule) -> fx.GraphModule:
    """A training module that computes its losses alone. It shares all submodules, parameters and buffers."""
    graph = fx.Graph()
    result = graph.graph_copy(module.graph, {})
    graph.output({"outputs": {}, "losses": result["losses"]})  # type: ignore[call-overload, index]
    lean = fx.GraphModule(module, graph)
    lean.graph.eliminate_dead_code()
    return fx.GraphModule(lean, lean.graph, class_name=f"{type(module).__name__}Losses")  # of only what is still called
