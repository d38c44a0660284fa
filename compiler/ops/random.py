"""Ops that draw random numbers in training and do nothing in inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, arg

FAMILY = "random"


@dataclass(frozen=True)
class _Dropout(Op):
    p: float = arg(0.5, "probability to drop", min=0, max=1)

    layer: ClassVar[Any]
    #: How many dimensions x may have, where torch does not take all.
    ranks: ClassVar[Sequence[int]] = ()

    def check(self, x: Type) -> str | None:
        if self.ranks and x.rank not in self.ranks:
            few = " or ".join(map(str, self.ranks[:2])) if len(self.ranks) < 3 else f"at least {self.ranks[0]}"
            return f"{self.name} needs x of {few} dimensions, got {x}"
        return None

    def module(self, x: Type) -> nn.Module:
        return type(self).layer(self.p)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Dropout(_Dropout, name="dropout", ports="x:float", family=FAMILY, flops=0, keeps=True):
    """Elements set to zero with probability p, the others divided by 1 - p; torch.nn.Dropout."""

    layer = nn.Dropout


@dataclass(frozen=True)
class Dropout1d(_Dropout, name="dropout1d", ports="x:float", family=FAMILY, flops=0, keeps=True):
    """Whole channels of x [N, C, L] set to zero with probability p, the others divided by 1 - p; torch.nn.Dropout1d."""

    layer = nn.Dropout1d
    ranks = (2, 3)


@dataclass(frozen=True)
class Dropout2d(_Dropout, name="dropout2d", ports="x:float", family=FAMILY, flops=0, keeps=True):
    """Whole channels of x [N, C, H, W] set to zero with probability p, the others scaled; torch.nn.Dropout2d."""

    layer = nn.Dropout2d
    ranks = range(2, 65)  # of others than its own, torch warns


@dataclass(frozen=True)
class Dropout3d(_Dropout, name="dropout3d", ports="x:float", family=FAMILY, flops=0, keeps=True):
    """Whole channels of x [N, C, D, H, W] set to zero with probability p, the others scaled; torch.nn.Dropout3d."""

    layer = nn.Dropout3d
    ranks = range(2, 65)  # of others than its own, torch warns


@dataclass(frozen=True)
class AlphaDropout(_Dropout, name="alpha_dropout", ports="x:float", family=FAMILY, flops=0, keeps=True):
    """Dropout that keeps mean and variance of standardised inputs, for selu networks; torch.nn.AlphaDropout."""

    layer = nn.AlphaDropout


class StochasticDepth(nn.Module):
    """Per sample: zero with probability `rate`, else `x / (1 - rate)`; a rate given with `x` stands for its own.

    The probability to keep is a buffer: copies of a block that differ in it alone share one compiled code.
    """

    keep: torch.Tensor

    def __init__(self, rate: float, rank: int) -> None:
        super().__init__()
        self._rate, self.rank = rate, rank
        self.register_buffer("keep", torch.empty((), device="meta"), persistent=False)

    @property
    def rate(self) -> float:
        """The probability to drop a sample, as the spec has it."""
        return self._rate

    def reset_parameters(self) -> None:
        nn.init.constant_(self.keep, 1 - self.rate)

    def forward(self, x: torch.Tensor, rate: torch.Tensor | None = None) -> torch.Tensor:
        if not self.training:
            return x
        keep = self.keep if rate is None else 1 - rate
        drawn = torch.rand((x.shape[0],) + (1,) * (self.rank - 1), dtype=x.dtype, device=x.device)
        return x * ((drawn < keep).to(x.dtype) / keep.to(x.dtype))

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


@dataclass(frozen=True)
class DropPath(Op, name="drop_path", ports="x:float rate?:float", family=FAMILY, flops=0):
    """Stochastic depth: whole samples set to zero with probability p, the others divided by 1 - p; arXiv:1603.09382.

    `rate` is a probability below 1 that is computed, in place of `p`: by a schedule, from `progress`, say.
    """

    p: float = arg(0.0, "probability to drop a sample", min=0, max=1)

    def check(self, x: Type, rate: Type | None = None) -> str | None:
        if rate is not None and rate.shape:
            return f"drop_path needs one number as its rate, got {rate}"
        if rate is not None and self.p:
            return f"drop_path takes p={self.p} or the input rate, not both"
        return None if 0 <= self.p < 1 else f"drop_path needs 0 <= p < 1, got {self.p}"

    def module(self, x: Type, rate: Type | None = None) -> nn.Module:
        return StochasticDepth(self.p, x.rank)

    def result(self, x: Type, rate: Type | None = None) -> tuple[Type, ...]:
        return (x,)
