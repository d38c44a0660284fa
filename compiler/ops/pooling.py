"""Pooling over windows and to a fixed size, 1-D to 3-D, on x [N, C, *spatial]."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.convolution import pad_same
from graphwright.compiler.ops.op import Ints, Op, TorchFunction, arg, recorded, spread

FAMILY = "pooling"

_MAX: dict[int, TorchFunction] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE: dict[int, TorchFunction] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_ADAPTIVE: dict[int, TorchFunction] = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


@dataclass(frozen=True)
class _Pool(Op):
    """What window pools share; `rank` is the number of spatial dimensions."""

    kernel: Ints = arg(doc="size of the window", min=1)
    stride: Ints | None = arg(
        None, "step between windows; by default the kernel's size, or 1 with 'same' padding", min=1
    )
    padding: Ints | Literal["same"] = arg(0, "padding on each side; 'same' gives ceil(size / stride)")
    ceil: bool = arg(False, "count a last, partial window too")

    rank = 0

    def check(self, x: Type) -> str | None:
        if x.rank != self.rank + 2:
            return f"{self.name} needs an input of {self.rank + 2} dimensions, got {x}"
        if self.padding == "same":
            return None
        for kernel, padding in zip(self.window, spread(self.padding, self.rank), strict=True):
            if 2 * padding > kernel:
                return f"{self.name}: padding {padding} is more than half of the kernel's {kernel}"
        return None

    @property
    def window(self) -> tuple[int, ...]:
        return spread(self.kernel, self.rank)

    @property
    def step(self) -> tuple[int, ...]:
        if self.stride is not None:
            return spread(self.stride, self.rank)
        return (1,) * self.rank if self.padding == "same" else self.window

    def even(self) -> tuple[int, ...] | None:
        """The padding, where it is the same number on both sides whatever the size; else `None`."""
        if self.padding != "same":
            return spread(self.padding, self.rank)
        if all(s == 1 for s in self.step) and all(k % 2 for k in self.window):
            return tuple(k // 2 for k in self.window)
        return None

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation per element of a window."""
        return outputs[0].numel() * prod(self.window)


@dataclass(frozen=True)
class _MaxPool(_Pool):
    dilation: Ints = arg(1, "step between window elements", min=1)

    def forward(self, x: Any) -> Any:
        dilation = spread(self.dilation, self.rank)
        padding = self.even() if all(d == 1 for d in dilation) or self.padding != "same" else None
        if padding is None:
            x = pad_same(x, self.window, self.step, dilation, float("-inf"))
        return _MAX[self.rank](x, self.window, self.step, padding or 0, dilation, self.ceil)


@dataclass(frozen=True)
class MaxPool1d(_MaxPool, name="max_pool1d", ports="x:float", family=FAMILY):
    """Maximum over windows of x [N, C, L]; padding never wins. torch.nn.functional.max_pool1d."""

    rank = 1


@dataclass(frozen=True)
class MaxPool2d(_MaxPool, name="max_pool2d", ports="x:float", family=FAMILY):
    """Maximum over windows of x [N, C, H, W]; padding never wins. torch.nn.functional.max_pool2d."""

    rank = 2


@dataclass(frozen=True)
class MaxPool3d(_MaxPool, name="max_pool3d", ports="x:real", family=FAMILY):
    """Maximum over windows of x [N, C, D, H, W]; padding never wins. torch.nn.functional.max_pool3d."""

    rank = 3


@dataclass(frozen=True)
class _AveragePool(_Pool):
    count_include_pad: bool = arg(True, "divide by the window's volume; if false, by its elements inside the input")

    def forward(self, x: Any) -> Any:
        pool, padding = _AVERAGE[self.rank], self.even()
        if padding is not None:
            return pool(x, self.window, self.step, padding, self.ceil, self.count_include_pad)
        ones = (1,) * self.rank
        mean = pool(pad_same(x, self.window, self.step, ones), self.window, self.step)
        if self.count_include_pad:
            return mean
        inside = pad_same(torch.ones_like(x[:1, :1]), self.window, self.step, ones)
        return mean / pool(inside, self.window, self.step)


@dataclass(frozen=True)
class AvgPool1d(_AveragePool, name="avg_pool1d", ports="x:real", family=FAMILY):
    """Mean over windows of x [N, C, L]; torch.nn.functional.avg_pool1d."""

    rank = 1


@dataclass(frozen=True)
class AvgPool2d(_AveragePool, name="avg_pool2d", ports="x:real", family=FAMILY):
    """Mean over windows of x [N, C, H, W]; torch.nn.functional.avg_pool2d."""

    rank = 2


@dataclass(frozen=True)
class AvgPool3d(_AveragePool, name="avg_pool3d", ports="x:float", family=FAMILY):
    """Mean over windows of x [N, C, D, H, W]; torch.nn.functional.avg_pool3d."""

    rank = 3


@dataclass(frozen=True)
class LpPool2d(Op, name="lp_pool2d", ports="x:ordered", family=FAMILY):
    """`(sum |x|^p)^(1/p)` over windows of x [N, C, H, W]; torch.nn.functional.lp_pool2d."""

    kernel: Ints = arg(doc="size of the window", min=1)
    p: float = arg(2.0, "the power")
    stride: Ints | None = arg(None, "step between windows; the kernel's size by default", min=1)
    ceil: bool = arg(False, "count a last, partial window too")

    def forward(self, x: Any) -> Any:
        kernel: Any = spread(self.kernel, 2)
        return F.lp_pool2d(x, self.p, kernel, None if self.stride is None else spread(self.stride, 2), self.ceil)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """A power and an addition per element of a window."""
        return 2 * outputs[0].numel() * prod(spread(self.kernel, 2))


@dataclass(frozen=True)
class _AdaptivePool(Op):
    size: Ints = arg(doc="output size, of all spatial dimensions or of each", min=1)

    rank = 0

    def check(self, x: Type) -> str | None:
        if x.rank != self.rank + 2:
            return f"{self.name} needs an input of {self.rank + 2} dimensions, got {x}"
        return None

    def forward(self, x: Any) -> Any:
        return _ADAPTIVE[self.rank](x, spread(self.size, self.rank))

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation per input element."""
        return inputs[0].numel()


@dataclass(frozen=True)
class AdaptiveAvgPool1d(_AdaptivePool, name="adaptive_avg_pool1d", ports="x:float", family=FAMILY):
    """Mean over `size` nearly equal parts of x [N, C, L]; torch.nn.functional.adaptive_avg_pool1d."""

    rank = 1


@dataclass(frozen=True)
class AdaptiveAvgPool2d(_AdaptivePool, name="adaptive_avg_pool2d", ports="x:float", family=FAMILY):
    """Mean over `size` nearly equal parts of x [N, C, H, W]; torch.nn.functional.adaptive_avg_pool2d."""

    rank = 2


@dataclass(frozen=True)
class AdaptiveAvgPool3d(_AdaptivePool, name="adaptive_avg_pool3d", ports="x:float", family=FAMILY):
    """Mean over `size` nearly equal parts of x [N, C, D, H, W]; torch.nn.functional.adaptive_avg_pool3d."""

    rank = 3


@dataclass(frozen=True)
class AdaptiveMaxPool2d(_AdaptivePool, name="adaptive_max_pool2d", ports="x:float", family=FAMILY):
    """Maximum over `size` nearly equal parts of x [N, C, H, W]; torch.nn.functional.adaptive_max_pool2d."""

    rank = 2

    def forward(self, x: Any) -> Any:
        return F.adaptive_max_pool2d(x, spread(self.size, 2))


@recorded
def first_maxima(
    x: torch.Tensor, kernel: Ints, stride: Ints | None, padding: Ints | str, dilation: Ints, ceil: bool
) -> torch.Tensor:
    """Positions in `x.flatten(2)` of the first maximum of each window."""
    rank, same = x.dim() - 2, isinstance(padding, str)
    pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[rank - 1]
    window, apart = spread(kernel, rank), spread(dilation, rank)
    step = spread(stride, rank) if stride is not None else (1,) * rank if same else window
    padded = pad_same(x, window, step, apart, float("-inf")) if same else x
    border = 0 if isinstance(padding, str) else padding
    found: torch.Tensor = pool(padded, window, step, border, apart, ceil, return_indices=True)[1]
    if not same:
        return found
    position, scale = torch.zeros_like(found), 1
    for axis in reversed(range(2, x.dim())):  # the position in the padded map, digit by digit, without the padding
        wide, length = padded.shape[axis], x.shape[axis]
        position = position + (found % wide - (wide - length) // 2) * scale
        found, scale = found // wide, scale * length
    return position


@recorded
def first_maxima_of_parts(x: torch.Tensor, size: Ints) -> torch.Tensor:
    """Positions in `x.flatten(2)` of the first maximum of each of `size` nearly equal parts."""
    pool = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)[x.dim() - 3]
    found: torch.Tensor = pool(x, size, return_indices=True)[1]
    return found


@dataclass(frozen=True)
class MaxPositions(Op, name="max_positions", ports="x:float", family=FAMILY):
    """Where windows have their maxima: positions in the flattened places of x [N, C, *spatial], int64.

    Of equal elements the first counts. `size` stands for the windows of an adaptive pooling.
    torch.nn.functional.max_pool2d with return_indices.
    """

    kernel: Ints | None = arg(None, "size of the window", min=1)
    stride: Ints | None = arg(None, "step between windows; the kernel's size by default", min=1)
    padding: Ints | Literal["same"] = arg(0, "padding on each side; 'same' gives ceil(size / stride)")
    ceil: bool = arg(False, "count a last, partial window too")
    dilation: Ints = arg(1, "step between window elements", min=1)
    size: Ints | None = arg(None, "the output size, for an adaptive pooling instead")

    def check(self, x: Type) -> str | None:
        if (self.kernel is None) == (self.size is None):
            return "max_positions needs either 'kernel' or 'size'"
        return None if x.rank - 2 in _MAX else f"max_positions needs an input of 3 to 5 dimensions, got {x}"

    def forward(self, x: Any) -> Any:
        if self.kernel is None:
            return first_maxima_of_parts(x, self.size)
        return first_maxima(x, self.kernel, self.stride, self.padding, self.dilation, self.ceil)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One comparison per element of a window."""
        if self.kernel is None:
            return inputs[0].numel()
        return outputs[0].numel() * prod(spread(self.kernel, inputs[0].rank - 2))
