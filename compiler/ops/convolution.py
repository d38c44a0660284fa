"""Convolutions, 1-D to 3-D, plain and transposed."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Ints, Op, arg, spread


class SamePadded(nn.Module):
    """Mixin for "same" padding with a stride, as TensorFlow and timm do it.

    Output size `ceil(L / stride)`; the padding is `max((ceil(L/s) - 1) s + (k - 1) d + 1 - L, 0)`, the odd one
    at the end. torch's own `padding="same"` refuses strides.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))  # type: ignore[arg-type, no-any-return]


def pad_same(
    x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], value: float = 0.0
) -> torch.Tensor:
    """`x` padded so that a window op yields `ceil(L / stride)` along each of the last dimensions."""
    padding: list[int] = []
    for axis in reversed(range(len(kernel))):
        length = x.shape[axis - len(kernel)]
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        if stride[axis] == 1:
            total = reach - 1
        else:
            # of a positive number: ONNX has no division that rounds down
            total = _positive((length - 1) // stride[axis] * stride[axis] + reach - length)
        padding += [total // 2, total - total // 2]
    return F.pad(x, padding, value=value)


def _positive(number: int) -> int:
    """`max(number, 0)`, without a comparison so that it traces with symbolic sizes."""
    return torch.sym_max(number, 0) if not isinstance(number, int) else max(number, 0)


class _SameConv1d(SamePadded, nn.Conv1d): ...


class _SameConv2d(SamePadded, nn.Conv2d): ...


class _SameConv3d(SamePadded, nn.Conv3d): ...


_PLAIN = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_SAME = {1: _SameConv1d, 2: _SameConv2d, 3: _SameConv3d}
_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


def _channels(name: str, x: Type, rank: int, out: int, groups: int) -> str | None:
    """What is wrong with the rank of `x` or with its channels, for a convolution over `rank` dimensions."""
    if x.rank != rank + 2:
        return f"{name} needs an input of {rank + 2} dimensions, got {x}"
    if not isinstance(x.shape[1], int):
        return f"{name} needs a fixed number of input channels, got {x}"
    for what, count in (("input", x.shape[1]), ("output", out)):
        if count % groups:
            return f"{name}: {count} {what} channels are not divisible by groups={groups}"
    return None


@dataclass(frozen=True)
class _Convolution(Op):
    """What the convolutions of all ranks share; `rank` is the number of spatial dimensions."""

    out: int = arg(doc="output channels", min=1)
    kernel: Ints = arg(doc="size of the kernel", min=1)
    stride: Ints = arg(1, "step between windows", min=1)
    padding: Ints | Literal["same", "valid"] = arg(0, "zeros on each side; 'same' keeps ceil(size / stride)")
    dilation: Ints = arg(1, "step between kernel elements", min=1)
    groups: int = arg(1, "blocked connections from input to output channels", min=1)
    bias: bool = arg(True, "add a learned bias")
    padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = arg("zeros", "what is padded with")

    rank = 0

    def check(self, x: Type) -> str | None:
        return _channels(self.name, x, self.rank, self.out, self.groups)

    def module(self, x: Type) -> nn.Module:
        stride = spread(self.stride, self.rank)
        same = self.padding == "same" and any(s != 1 for s in stride)
        cls: Any = (_SAME if same else _PLAIN)[self.rank]
        return cls(  # type: ignore[no-any-return]
            x.shape[1], self.out, spread(self.kernel, self.rank), stride,
            0 if same else self.padding, spread(self.dilation, self.rank), self.groups, self.bias, self.padding_mode,
            device="meta",
        )  # fmt: skip

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Output elements times the kernel's volume times the input channels of a group."""
        return outputs[0].numel() * prod(spread(self.kernel, self.rank)) * (inputs[0].shape[1] // self.groups)


@dataclass(frozen=True)
class Conv1d(_Convolution, name="conv1d", ports="x:float", family="convolution"):
    """Cross-correlation of x [N, C, L] with a kernel [out, C/groups, k]; torch.nn.Conv1d.

    `y[n, o, l] = bias[o] + sum_{c, i} weight[o, c, i] x[n, c, stride l + dilation i - padding]`
    """

    rank = 1


@dataclass(frozen=True)
class Conv2d(_Convolution, name="conv2d", ports="x:float", family="convolution"):
    """Cross-correlation of x [N, C, H, W] with a kernel [out, C/groups, kh, kw]; torch.nn.Conv2d.

    `y[n, o, h, w] = bias[o] + sum_{c, i, j} weight[o, c, i, j] x[n, c, sh + di - p, sw + dj - p]`
    """

    rank = 2


@dataclass(frozen=True)
class Conv3d(_Convolution, name="conv3d", ports="x:float", family="convolution"):
    """Cross-correlation of x [N, C, D, H, W] with a kernel [out, C/groups, kd, kh, kw]; torch.nn.Conv3d."""

    rank = 3


@dataclass(frozen=True)
class _Transposed(Op):
    """What the transposed convolutions of all ranks share."""

    out: int = arg(doc="output channels", min=1)
    kernel: Ints = arg(doc="size of the kernel", min=1)
    stride: Ints = arg(1, "how far apart the input's elements are placed in the output", min=1)
    padding: Ints = arg(0, "rows cut off on each side of the output")
    output_padding: Ints = arg(0, "rows added at the end of the output", min=0)
    groups: int = arg(1, "blocked connections from input to output channels", min=1)
    bias: bool = arg(True, "add a learned bias")
    dilation: Ints = arg(1, "step between kernel elements", min=1)

    rank = 0

    def check(self, x: Type) -> str | None:
        numbers = (spread(v, self.rank) for v in (self.output_padding, self.stride, self.dilation))
        if any(extra >= max(stride, dilation) for extra, stride, dilation in zip(*numbers, strict=True)):
            return f"{self.name}: output_padding={self.output_padding} must be smaller than stride or dilation"
        return _channels(self.name, x, self.rank, self.out, self.groups)

    def module(self, x: Type) -> nn.Module:
        cls: Any = _TRANSPOSED[self.rank]
        return cls(  # type: ignore[no-any-return]
            x.shape[1], self.out, spread(self.kernel, self.rank), spread(self.stride, self.rank),
            spread(self.padding, self.rank), spread(self.output_padding, self.rank), self.groups, self.bias,
            spread(self.dilation, self.rank), device="meta",
        )  # fmt: skip

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Input elements times the kernel's volume times the output channels of a group."""
        return inputs[0].numel() * prod(spread(self.kernel, self.rank)) * (self.out // self.groups)


@dataclass(frozen=True)
class ConvTranspose1d(_Transposed, name="conv_transpose1d", ports="x:float", family="convolution"):
    """The adjoint of conv1d: spreads x [N, C, L] with a kernel [C, out/groups, k]; torch.nn.ConvTranspose1d.

    Output size `(L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1`.
    """

    rank = 1


@dataclass(frozen=True)
class ConvTranspose2d(_Transposed, name="conv_transpose2d", ports="x:float", family="convolution"):
    """The adjoint of conv2d: spreads x [N, C, H, W] with a kernel [C, out/groups, kh, kw]; torch.nn.ConvTranspose2d."""

    rank = 2


@dataclass(frozen=True)
class ConvTranspose3d(_Transposed, name="conv_transpose3d", ports="x:float", family="convolution"):
    """The adjoint of conv3d: spreads x [N, C, D, H, W] with a kernel [C, out/groups, ...]; torch.nn.ConvTranspose3d."""

    rank = 3
