"""How much memory a model needs, from its graph alone: the lowered module is run on tensors that have no memory.

So the ops themselves say what they keep for the backward pass and when it is freed, in the order that torch runs them.
Counted are tensors; what a kernel takes for itself while it runs is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.memory.tracking import Live, arithmetic, batched, pretended

#: Bytes that an optimiser holds for each byte of the parameters that learn.
STATE = {"adamw": 2, "sgd": 1, "none": 0}
Optimizer = Literal["adamw", "sgd", "none"]


@dataclass(frozen=True)
class Estimate:
    """Bytes. `saved` is what autograd keeps when the forward pass of training ends, parameters apart, each storage
    once; `training` is the peak of a step, `inference` that of a run of the deployed graph.
    """

    parameters: int
    buffers: int
    gradients: int
    optimizer: int
    saved: int
    training: int
    inference: int

    def as_dict(self) -> dict[str, int]:
        """Plain data, for JSON."""
        return dataclasses.asdict(self)


def estimate(
    graph: Graph, batch: int | None = None, *, optimizer: Optimizer = "adamw", precision: str = "fp32"
) -> Estimate:
    """The memory of a graph at its default sizes, with `batch` samples."""
    sizes = batched(graph, batch)
    trained = training(graph, sizes, precision)
    held = STATE[optimizer] * trained["gradients"]
    deployed = graph.deployed()
    module = lower(deployed, device="meta").eval()
    with pretended(deployed, sizes) as prepare, torch.no_grad():
        inputs = prepare(module)
        with Live() as live:
            _count(live, module, inputs)
            result = module(*inputs)
            peak = live.peak
            del result
    return Estimate(
        **{k: trained[k] for k in ("parameters", "buffers", "gradients", "saved")},
        optimizer=held, training=trained["peak"] + held, inference=peak,
    )  # fmt: skip


def training(graph: Graph, sizes: Mapping[str, int], precision: str = "fp32") -> dict[str, int]:
    """The counts of a training step, and its peak, without the optimiser's state."""
    module = lower(graph, cone="train", device="meta").train()
    with pretended(graph, sizes) as prepare:
        inputs = prepare(module)
        own = {id(t.untyped_storage()) for t in module.parameters()}
        kept: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if id(storage) not in own:
                kept[id(storage)] = storage.nbytes()
            return tensor

        with Live() as live:
            _count(live, module, inputs)
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t), arithmetic(precision):
                ends = objective(graph, module(*inputs))
            if ends:
                torch.autograd.backward(ends, [torch.ones_like(e) for e in ends])
            del ends
            learning = [p for p in module.parameters() if p.requires_grad]
            return {
                "parameters": _bytes(module.parameters()), "buffers": _bytes(module.buffers()),
                "gradients": _bytes(learning), "saved": sum(kept.values()), "peak": live.peak,
            }  # fmt: skip


def objective(graph: Graph, result: Mapping[str, Mapping[str, Any]]) -> list[Tensor]:
    """What is differentiated: the losses, or where there are none the outputs."""
    terms = result["losses"] if graph.losses else result["outputs"]
    found = [t for v in terms.values() for t in (v if isinstance(v, (list, tuple)) else (v,)) if t.requires_grad]
    return [torch.stack([t.float() for t in found]).sum()] if graph.losses and found else found


def _count(live: Live, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    for tensor in (*module.parameters(), *module.buffers(), *inputs):
        live.add(tensor)


def _bytes(tensors: Any) -> int:
    return sum(t.nbytes for t in tensors)
