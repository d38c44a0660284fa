"""Activations: elementwise non-linear functions, and softmax over one dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch.nn import functional as F

from graphwright.compiler.ops.op import Op, arg


@dataclass(frozen=True)
class Relu(Op, name="relu", family="activation", flops=1):
    """`max(x, 0)`; torch.nn.functional.relu."""

    def forward(self, x: Any) -> Any:
        return F.relu(x)


@dataclass(frozen=True)
class Gelu(Op, name="gelu", family="activation", flops=8):
    """`x Phi(x)`, with the normal distribution function exact or by its tanh approximation; torch.nn.functional.gelu."""

    approximate: Literal["none", "tanh"] = arg("none", "'tanh' for the approximation of the original paper")

    def forward(self, x: Any) -> Any:
        return F.gelu(x, approximate=self.approximate)
