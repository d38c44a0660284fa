"""What an import makes of a module: the graph, its weights, and the certificate that both compute the same.

What a module returns in training but not in inference (auxiliary heads) is `train_only`. A module whose inference is
another computation than that (one that decodes boxes in eval mode, say) is imported as it is in inference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from graphwright.compiler.importing.certificate import Certificate, certify, difference
from graphwright.compiler.importing.torch.read import Weights, arguments, read_module
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, SpecError, fail

#: Outputs of both modes are one if they are this near, relative to their largest value.
SAME = 1e-4


@dataclass(frozen=True)
class Imported:
    """A foreign model as a graph, with its weights and what was proved of them."""

    graph: Graph
    weights: Weights
    certificate: Certificate | None


def import_module(
    module: nn.Module, example_inputs: Any, *, name: str = "", free: Any = None, seed: int = 0
) -> Imported:  # fmt: skip
    """Import a module and compare the result with it, in both modes.

    Raises `SpecError` where the module cannot be exported, or uses operations without a rule.
    """
    args, kwargs = arguments(example_inputs)
    if empty := [n for n, v in module.state_dict().items() if v.is_meta]:
        raise fail(NOWHERE, f"{len(empty)} tensors have no values, '{empty[0]}' first: they are on device meta",
                   "create the model on a device that holds data")  # fmt: skip
    note = ""
    try:
        graph, weights = read_module(module, args, kwargs, name=name, free=free, train=True)
        wanted = inference_only(graph, weights, module, args, kwargs)
    except SpecError as first:
        wanted, note = None, f"training mode: {first.problems[0].message}"
    if wanted is None:
        note = note or "inference is not the training graph without training-only outputs; exported in eval mode"
        graph, weights = read_module(module, args, kwargs, name=name, free=free, train=False)
    else:
        graph = wanted
    if all(isinstance(e.type.shape[0], Dim) if e.type.rank else False for e in graph.inputs):
        # batch norm has no statistics of one sample
        args, kwargs = torch.utils._pytree.tree_map(_two, (args, dict(kwargs)))
    return Imported(graph, weights, certify(graph, weights, module, args, kwargs, model=name, seed=seed, note=note))


def _two(value: Any) -> Any:
    """A batch of one sample as two, the second turned round."""
    if isinstance(value, torch.Tensor) and value.ndim and value.shape[0] == 1:
        return torch.cat([value, value.flip(-1)])
    return value


def inference_only(
    graph: Graph, weights: Mapping[str, torch.Tensor], module: nn.Module, args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Graph | None:  # fmt: skip
    """The graph with outputs that inference does not give marked `train_only`; `None` if inference is another model."""
    before = [(m, m.training) for m in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            theirs = _leaves(module(*args, **kwargs))
            ours = lower(graph).to(theirs[0].device)
            expected = ours.state_dict(keep_vars=True)
            for name, tensor in weights.items():
                expected[name].copy_(tensor)
            made = ours.eval()(*_leaves((args, dict(kwargs))))
    finally:
        for part, mode in before:
            part.training = mode
    ports = dict(made) if isinstance(made, dict) else {graph.outputs[0][0]: made}
    order: list[str] = []
    for value in theirs:
        port = next((p for p, v in ports.items() if p not in order and _same(value, v)), None)
        if port is None:
            return None
        order.append(port)
    if len(order) == len(graph.outputs):
        return graph
    table = dict(graph.outputs)
    kept = graph.with_(outputs=tuple((p, table[p]) for p in order))
    needed = {n.name for n in kept.deployed().nodes}
    nodes = tuple(n if n.name in needed else replace(n, marks=replace(n.marks, train_only=True)) for n in graph.nodes)
    rest = tuple(o for o in graph.outputs if o[0] not in order)
    return graph.with_(nodes=nodes, outputs=(*kept.outputs, *rest))


def _same(theirs: torch.Tensor, mine: torch.Tensor) -> bool:
    return theirs.shape == mine.shape and difference([(theirs, mine)]).relative <= SAME


def _leaves(value: Any) -> list[torch.Tensor]:
    return [v for v in torch.utils._pytree.tree_leaves(value) if isinstance(v, torch.Tensor)]


def from_torch(
    module: nn.Module, example_inputs: Any, *, name: str = "", free: Mapping[int, tuple[int, ...]] | None = None
) -> tuple[Graph, Weights]:  # fmt: skip
    """The graph and the weights of any module that `torch.export` can read, under the module's own names.

    `example_inputs` is a tensor, a tuple of the module's arguments, or a mapping of keyword arguments. The batch is
    left free, and height and width of pictures where the model allows; `free` says otherwise, by input: `{0: (0, 1)}`.

        graph, weights = gw.from_torch(model, torch.randn(2, 3, 224, 224))
        gw.build(graph, weights=weights)          # computes what `model` computes

    Raises `SpecError` where the module cannot be exported (reason and place), or uses operations without a rule
    (all of them, with how often and where).
    """
    made = import_module(module, example_inputs, name=name, free=free)
    return made.graph, made.weights
