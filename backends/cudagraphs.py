"""Compiled by inductor and replayed as a CUDA graph: one launch a step. Outputs are overwritten by the next step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail


def compile(module: fx.GraphModule, example_inputs: Sequence[torch.Tensor], graph: Graph) -> Callable[..., Any]:
    """The compiled module, captured in a CUDA graph after its first steps."""
    devices = {t.device.type for t in example_inputs}
    if not torch.cuda.is_available() or devices != {"cuda"}:
        reason = "this machine has none" if not torch.cuda.is_available() else f"the inputs are on {', '.join(devices)}"
        raise fail(NOWHERE, f"backend 'cudagraphs' needs a CUDA device: {reason}", "use --backend inductor")
    return torch.compile(module, mode="reduce-overhead", fullgraph=True)
