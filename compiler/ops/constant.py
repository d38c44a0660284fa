"""Tensors that no input feeds: learned ones, and stored ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.ops.op import Dtype, Op, Sizes, arg

FAMILY = "constant"


class Held(nn.Module):
    """One tensor called `value`, zero until it is given other values."""

    value: torch.Tensor

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.value)

    def forward(self) -> torch.Tensor:
        return self.value


@dataclass(frozen=True)
class _Held(Op):
    shape: Sizes = arg(doc="sizes")
    dtype: Dtype = arg("float32", "element type")

    #: Lowering installs the tensor itself under the node's name, so that `cls_token` is the key `cls_token`.
    bare: ClassVar[bool] = True

    def check(self) -> str | None:
        if free := [str(s) for s in self.shape if not isinstance(s, int)]:
            return f"{self.name} needs fixed sizes, got {', '.join(free)}"
        return None

    def empty(self) -> torch.Tensor:
        return torch.empty(self.shape, dtype=DTYPES[self.dtype], device="meta")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Parameter(_Held, name="parameter", ports="", family=FAMILY, flops=0):
    """A learned tensor, zero at first unless `init` says otherwise; torch.nn.Parameter."""

    trainable: bool = arg(True, "false for a tensor that is saved with the weights and never changed")

    def check(self) -> str | None:
        if self.trainable and not (DTYPES[self.dtype].is_floating_point or DTYPES[self.dtype].is_complex):
            return f"parameter of dtype {self.dtype} cannot be trained; set trainable: false, or use buffer"
        return super().check()

    def module(self) -> nn.Module:
        held = Held()
        held.register_parameter("value", nn.Parameter(self.empty(), self.trainable))
        return held


@dataclass(frozen=True)
class Buffer(_Held, name="buffer", ports="", family=FAMILY, flops=0):
    """A stored tensor that no gradient changes, zero at first unless `init` says otherwise."""

    persistent: bool = arg(True, "save it with the weights")

    def module(self) -> nn.Module:
        held = Held()
        held.register_buffer("value", self.empty(), self.persistent)
        return held
