"""Compiled by torch's own compiler to C++ or Triton kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx


def compile(module: fx.GraphModule, example_inputs: Sequence[torch.Tensor]) -> Callable[..., Any]:
    """The compiled module."""
    return torch.compile(module, backend="inductor", fullgraph=True)
