"""Normalisation layers: statistics are taken over the named dimensions, then scaled and shifted by learned numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, arg

FAMILY = "norm"

_BATCH = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
_INSTANCE = {3: nn.InstanceNorm1d, 4: nn.InstanceNorm2d, 5: nn.InstanceNorm3d}


def _channels(name: str, x: Type, layers: Mapping[int, Any]) -> str | None:
    """What is wrong with the rank of `x` or with its channels."""
    if x.rank not in layers:
        return f"{name} needs an input of {min(layers)} to {max(layers)} dimensions, got {x}"
    return None if isinstance(x.shape[1], int) else f"{name} needs a fixed number of channels in dim 1, got {x}"


@dataclass(frozen=True)
class BatchNorm(Op, name="batch_norm", ports="x:float", family=FAMILY, flops=2, keeps=True):
    """`(x - mean) / sqrt(var + eps) * weight + bias` per channel of x [N, C, ...]; torch.nn.BatchNorm1d to 3d.

    In training the statistics are the batch's and move the running ones; in inference they are the running ones,
    so a channel costs one multiplication and one addition an element.
    """

    eps: float = arg(1e-5, "added to the variance")
    momentum: float | None = arg(0.1, "weight of the new batch in the running statistics; null for a plain average")
    affine: bool = arg(True, "learn a scale and a shift per channel")
    track: bool = arg(True, "keep running statistics")

    def check(self, x: Type) -> str | None:
        return _channels("batch_norm", x, _BATCH)

    def module(self, x: Type) -> nn.Module:
        return _BATCH[x.rank](int(x.shape[1]), self.eps, self.momentum, self.affine, self.track, device="meta")


class RunningVariance(nn.Module):
    """The variance per channel of the batch in training, which moves the running one; in inference the running one."""

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum

    def forward(self, x: torch.Tensor, running: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return running
        found = x.float().var((0, *range(2, x.dim())), correction=0).to(running.dtype)
        count = x.numel() // x.shape[1]
        if count == 1:  # torch's batch norm says the same
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {tuple(x.shape)}")
        unbiased = found.detach() * (count / (count - 1))
        running.copy_(running * (1 - self.momentum) + unbiased * self.momentum)
        return found

    def extra_repr(self) -> str:
        return f"momentum={self.momentum}"


@dataclass(frozen=True)
class BatchVariance(Op, name="batch_variance", ports="x running", family=FAMILY):
    """`mean (x - mean)^2` per channel of x [N, C, ...], as [C]; the part of batch norm that has a memory.

    In training it is the batch's, and moves `running`, a buffer [C], towards itself times n / (n - 1); in inference
    it is `running`, and costs nothing.
    """

    momentum: float = arg(0.1, "weight of the new batch in the running variance")

    def check(self, x: Type, running: Type) -> str | None:
        if problem := _channels("batch_variance", x, _BATCH):
            return problem
        return None if running.shape == (x.shape[1],) else f"batch_variance needs running [{x.shape[1]}], got {running}"

    def module(self, x: Type, running: Type) -> nn.Module:
        return RunningVariance(self.momentum)

    def result(self, x: Type, running: Type) -> tuple[Type, ...]:
        return (running,)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        return 0


@dataclass(frozen=True)
class InstanceNorm(Op, name="instance_norm", ports="x:float", family=FAMILY, flops=6):
    """`(x - mean) / sqrt(var + eps)` per sample and channel of x [N, C, *spatial]; torch.nn.InstanceNorm1d to 3d."""

    eps: float = arg(1e-5, "added to the variance")
    affine: bool = arg(False, "learn a scale and a shift per channel")
    momentum: float = arg(0.1, "weight of the new batch in the running statistics")
    track: bool = arg(False, "keep running statistics, and use them in inference")

    def check(self, x: Type) -> str | None:
        return _channels("instance_norm", x, _INSTANCE)

    def module(self, x: Type) -> nn.Module:
        return _INSTANCE[x.rank](int(x.shape[1]), self.eps, self.momentum, self.affine, self.track, device="meta")


def _free_parameters(name: str, sizes: tuple[Size, ...]) -> str | None:
    """The complaint about normalised sizes that are not fixed."""
    if all(isinstance(s, int) for s in sizes):
        return None
    return f"{name} needs fixed sizes in the dimensions it normalises, got {', '.join(map(str, sizes))}"


class _LayerNormAt(nn.LayerNorm):
    """Layer norm over one dimension that is not the last."""

    def __init__(self, dim: int, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.dim = dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(self.dim, -1)).movedim(-1, self.dim)


@dataclass(frozen=True)
class LayerNorm(Op, name="layer_norm", ports="x:float", family=FAMILY, flops=6, keeps=True):
    """`(x - mean) / sqrt(var + eps) * weight + bias` over the last `dims` dimensions; torch.nn.LayerNorm.

    `dim: 1` normalises over the channels of x [N, C, H, W] instead (ConvNeXt), with the same parameter names.
    """

    eps: float = arg(1e-5, "added to the variance")
    dims: int = arg(1, "how many of the last dimensions are normalised together", min=1)
    dim: int = arg(-1, "the single dimension to normalise, where it is not the last")
    affine: bool = arg(True, "learn a scale and a shift per element of these dimensions")
    bias: bool = arg(True, "learn the shift too")

    def check(self, x: Type) -> str | None:
        if self.dims > x.rank or not -x.rank <= self.dim < x.rank:
            return f"layer_norm over dims={self.dims}, dim={self.dim} does not fit {x}"
        if self.dims > 1 and self.dim != -1:
            return f"layer_norm takes either dims={self.dims} or dim={self.dim}, not both"
        sizes = x.shape[x.rank - self.dims :] if self.dim == -1 else (x.shape[self.dim],)
        return _free_parameters("layer_norm", sizes)

    def module(self, x: Type) -> nn.Module:
        sizes = list(x.shape[x.rank - self.dims :] if self.dim == -1 else (x.shape[self.dim],))
        if self.dim % x.rank == x.rank - 1:
            return nn.LayerNorm(sizes, self.eps, self.affine, self.bias, device="meta")
        return _LayerNormAt(self.dim, sizes, self.eps, self.affine, self.bias, device="meta")


@dataclass(frozen=True)
class RmsNorm(Op, name="rms_norm", family=FAMILY, flops=4):
    """`x / sqrt(mean(x^2) + eps) * weight` over the last `dims` dimensions; torch.nn.RMSNorm."""

    eps: float | None = arg(None, "added to the mean square; by default the smallest step of x's dtype above 1")
    dims: int = arg(1, "how many of the last dimensions are normalised together", min=1)
    affine: bool = arg(True, "learn a scale per element of these dimensions")

    def check(self, x: Type) -> str | None:
        if self.dims > x.rank:
            return f"rms_norm over the last {self.dims} dimensions does not fit {x}"
        return _free_parameters("rms_norm", x.shape[x.rank - self.dims :])

    def epsilon(self, x: Type) -> float:
        """What is added, as a number: the file decides it, and a model that is run in another dtype keeps it."""
        return torch.finfo(getattr(torch, x.dtype)).eps if self.eps is None else self.eps

    def module(self, x: Type) -> nn.Module:
        return nn.RMSNorm(list(x.shape[x.rank - self.dims :]), self.epsilon(x), self.affine, device="meta")


@dataclass(frozen=True)
class GroupNorm(Op, name="group_norm", ports="x:float", family=FAMILY, flops=6):
    """`(x - mean) / sqrt(var + eps) * weight + bias` per sample and group of channels of x [N, C, ...].

    torch.nn.GroupNorm; arXiv:1803.08494.
    """

    groups: int = arg(doc="number of groups of channels", min=1)
    eps: float = arg(1e-5, "added to the variance")
    affine: bool = arg(True, "learn a scale and a shift per channel")

    def check(self, x: Type) -> str | None:
        if x.rank < 2 or not isinstance(x.shape[1], int):
            return f"group_norm needs a fixed number of channels in dim 1, got {x}"
        channels = x.shape[1]
        if channels % self.groups:
            return f"group_norm: {channels} channels are not divisible by groups={self.groups}"
        return None

    def module(self, x: Type) -> nn.Module:
        return nn.GroupNorm(self.groups, int(x.shape[1]), self.eps, self.affine, device="meta")


@dataclass(frozen=True)
class LocalResponseNorm(Op, name="local_response_norm", ports="x:float", family=FAMILY):
    """`x_c / (k + alpha / size * sum x_j^2)^beta` over `size` neighbouring channels j of x [N, C, ...] (AlexNet).

    torch.nn.functional.local_response_norm.
    """

    size: int = arg(doc="channels that are summed", min=1)
    alpha: float = arg(1e-4, "factor of the mean square")
    beta: float = arg(0.75, "power")
    k: float = arg(1.0, "added constant")

    def forward(self, x: Any) -> Any:
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """A window sum, a power and a division per element."""
        return outputs[0].numel() * (self.size + 8)


@dataclass(frozen=True)
class Normalize(Op, name="normalize", family=FAMILY, flops=3):
    """`x / max(|x|_p, eps)` over one dimension; torch.nn.functional.normalize."""

    p: float = arg(2.0, "power of the norm")
    dim: int = arg(1, "the dimension whose norm becomes one")
    eps: float = arg(1e-12, "lower bound of the norm")

    def forward(self, x: Any) -> Any:
        return F.normalize(x, self.p, self.dim, self.eps)
