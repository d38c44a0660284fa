"""What depends on how far training is. A schedule is `progress` and the arithmetic that is done with it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, arg

FAMILY = "constant"


class StepCount(nn.Module):
    """Counts its calls in training mode: `min(1, step / steps)` with the calls before this one, and 1 in evaluation.

    The count is saved with the weights, so that an interrupted run goes on where it was. A training loop whose step is
    several calls (the parts of a batch) sets `step` itself.
    """

    step: torch.Tensor

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.register_buffer("step", torch.empty((), dtype=torch.int64, device="meta"))

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.step)

    def forward(self) -> torch.Tensor:
        if not self.training:
            return torch.ones((), device=self.step.device)
        done = (self.step / self.steps).clamp(max=1)
        self.step += 1
        return done

    def extra_repr(self) -> str:
        return f"steps={self.steps}"


@dataclass(frozen=True)
class Progress(Op, name="progress", ports="", family=FAMILY, flops=0):
    """`min(1, step / steps)`, how far training is: the steps before this one are counted, and saved. 1 in inference."""

    steps: int = arg(doc="training steps until it is 1", min=1)

    def module(self) -> nn.Module:
        return StepCount(self.steps)

    def result(self) -> tuple[Type, ...]:
        return (Type(()),)
