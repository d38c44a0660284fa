"""Captured as one graph by dynamo, and run by torch as it is: no compiler is needed. Shows graph breaks early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from graphwright.compiler.ir.graph import Graph


def compile(module: fx.GraphModule, example_inputs: Sequence[torch.Tensor], graph: Graph) -> Callable[..., Any]:
    """The captured module."""
    return torch.compile(module, backend="eager", fullgraph=True)
