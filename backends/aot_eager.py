"""Captured as one graph, functionalised and split into forward and backward by AOTAutograd, run op by op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from graphwright.compiler.ir.graph import Graph


def compile(module: fx.GraphModule, example_inputs: Sequence[torch.Tensor], graph: Graph) -> Callable[..., Any]:
    """The functionalised module."""
    return torch.compile(module, backend="aot_eager", fullgraph=True)
