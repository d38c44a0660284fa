"""Maps of which only some cells are known: their mask [N, 1, H, W] is true where they are. arXiv:2211.14646."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.convolution import pad_same
from graphwright.compiler.ops.op import Ints, Op, arg, spread

FAMILY = "masking"


def _unfit(name: str, mask: Type, x: Type | None = None) -> str | None:
    """The complaint about a mask that is not bool [N, 1, H, W], or about a map that it does not fit."""
    if mask.dtype != "bool" or mask.rank != 4 or mask.shape[1] != 1:
        return f"{name} needs a mask bool[N, 1, H, W], got {mask}"
    if x is not None and (x.rank != 4 or not isinstance(x.shape[1], int) or x.shape[2:] != mask.shape[2:]):
        return f"{name} needs x [N, C, H, W] with the height and width of the mask, got {x} and {mask}"
    return None


@dataclass(frozen=True)
class NeighborPadding(Op, name="neighbor_padding", ports="x:float mask inside?", family=FAMILY, keeps=True):
    """Unknown cells of x [N, C, H, W] next to known ones take the mean of those among their 3x3 neighbours.

    A round adds one ring of cells, which the next one counts as known; cells further away become zero, whatever they
    held. Cells outside of `inside` stay as they are: padding that the model itself has put around the map.
    """

    rings: int = arg(doc="rounds", min=0)
    eps: float = arg(0.0, "added to the number of neighbours; 1e-5 in the paper's code")

    def check(self, x: Type, mask: Type, inside: Type | None) -> str | None:
        return _unfit(self.name, mask, x) or (_unfit(self.name, inside) if inside is not None else None)

    def result(self, x: Type, mask: Type, inside: Type | None) -> tuple[Type, ...]:
        return (x,)

    def forward(self, x: Any, mask: Any, inside: Any = None) -> Any:
        """What is not known starts as zero, so a ring is `x + weight * box(x)`: its weight is zero at all other cells.

        Weights have no channels, which leaves one convolution and one pass over x for a ring.
        """
        filled = torch.where(mask, x, 0.0)
        known = mask.to(x.dtype)
        for _ in range(self.rings):
            count = _box(known, 1)
            grown = (count > 0.5).to(x.dtype)
            if inside is not None:
                grown = grown * inside.to(x.dtype)
            weight = grown * (1.0 - known) / (count.clamp(min=1.0) + self.eps)
            filled = torch.addcmul(filled, _box(filled, x.shape[1]), weight)
            known = grown
        return filled if inside is None else torch.where(inside, filled, x)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Nine additions, a product and a sum per element and ring."""
        return outputs[0].numel() * (1 + 11 * self.rings)


def _box(x: Any, channels: Any) -> Any:
    """The sum over each cell's 3x3 neighbours."""
    ones = torch.ones_like(x[:1, :, :1, :1]).transpose(0, 1).expand(-1, -1, 3, 3)
    return F.conv2d(x, ones, padding=1, groups=channels)


@dataclass(frozen=True)
class MaskLike(Op, name="mask_like", ports="mask x", family=FAMILY, flops=0):
    """A mask as 1.0 where it is true and 0.0 elsewhere, in the dtype of x."""

    def check(self, mask: Type, x: Type) -> str | None:
        return None if mask.dtype == "bool" else f"mask_like needs a mask of dtype bool, got {mask}"

    def forward(self, mask: Any, x: Any) -> Any:
        return mask.to(x.dtype)


@dataclass(frozen=True)
class AnyPool2d(Op, name="any_pool2d", ports="mask", family=FAMILY):
    """True where any element of the window is, for a mask bool[N, 1, H, W]; what is padded is false.

    Windows are those of conv2d and of the 2-D pools, with any padding.
    """

    kernel: Ints = arg(doc="size of the window", min=1)
    stride: Ints = arg(1, "step between windows", min=1)
    padding: Ints | Literal["same"] = arg(0, "padding on each side; 'same' gives ceil(size / stride)")
    dilation: Ints = arg(1, "step between window elements", min=1)
    ceil: bool = arg(False, "count a last, partial window too")

    def check(self, mask: Type) -> str | None:
        return _unfit(self.name, mask)

    def forward(self, mask: Any) -> Any:
        kernel, stride, dilation = (spread(v, 2) for v in (self.kernel, self.stride, self.dilation))
        seen = mask.to(torch.float32)
        if self.padding == "same":
            seen = pad_same(seen, kernel, stride, dilation)
        elif any(spread(self.padding, 2)):
            high, wide = spread(self.padding, 2)
            seen = F.pad(seen, (wide, wide, high, high))
        return F.max_pool2d(seen, kernel, stride, 0, dilation, self.ceil) > 0.5

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation per element of a window."""
        return outputs[0].numel() * prod(spread(self.kernel, 2))


@dataclass(frozen=True)
class AnyTranspose2d(Op, name="any_transpose2d", ports="mask", family=FAMILY):
    """True where conv_transpose2d of the same arguments reads any element that is, for a mask bool[N, 1, H, W]."""

    kernel: Ints = arg(doc="size of the kernel", min=1)
    stride: Ints = arg(1, "how far apart the input's elements are placed in the output", min=1)
    padding: Ints = arg(0, "rows cut off on each side of the output")
    output_padding: Ints = arg(0, "rows added at the end of the output", min=0)
    dilation: Ints = arg(1, "step between kernel elements", min=1)

    def check(self, mask: Type) -> str | None:
        extra, stride, dilation = (spread(v, 2) for v in (self.output_padding, self.stride, self.dilation))
        if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
            return f"{self.name}: output_padding={self.output_padding} must be smaller than stride or dilation"
        return _unfit(self.name, mask)

    def forward(self, mask: Any) -> Any:
        seen = mask.to(torch.float32)
        ones = torch.ones_like(seen[:1, :1, :1, :1]).expand(-1, -1, *spread(self.kernel, 2))
        stride, padding, extra, dilation = (
            spread(v, 2) for v in (self.stride, self.padding, self.output_padding, self.dilation)
        )
        return F.conv_transpose2d(seen, ones, None, stride, padding, extra, 1, dilation) > 0.5

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """One operation per element of the kernel and input element."""
        return 2 * inputs[0].numel() * prod(spread(self.kernel, 2))


@dataclass(frozen=True)
class VisibleMoments(Op, name="visible_moments", ports="x:ordered mask", family=FAMILY, results="mean variance share"):
    """Mean and variance of x [N, C, H, W] over places where the mask bool[N, 1, H, W] is true, and their share.

    A group of `C / groups` channels has one mean and variance, which stand at each of its channels: [N, C, 1, 1].
    One group of everything takes any mask that broadcasts to x, and its moments are [N, 1, 1, 1].
    The share is [N, 1, 1, 1]. Where nothing is visible, all three are zero.
    """

    groups: int = arg(doc="number of groups of channels; C for each channel on its own", min=1)

    def check(self, x: Type, mask: Type) -> str | None:
        if self.groups == 1 and mask.dtype == "bool" and mask.rank == x.rank == 4:
            fits = all(m in (1, size) for m, size in zip(mask.shape[1:], x.shape[1:], strict=True))
            return None if fits else f"visible_moments: a mask {mask} does not broadcast to {x}"
        if complaint := _unfit(self.name, mask, x):
            return complaint
        divides = isinstance(x.shape[1], int) and x.shape[1] % self.groups == 0
        return None if divides else f"visible_moments: the channels of {x} are not divisible by groups={self.groups}"

    def forward(self, x: Any, mask: Any) -> Any:
        share = mask.to(x.dtype).mean((1, 2, 3), keepdim=True)
        scale = share.clamp(min=torch.finfo(torch.float32).tiny)
        mean = self._mean(torch.where(mask, x, 0.0)) / scale
        apart = x - mean
        return mean, self._mean(torch.where(mask, apart * apart, 0.0)) / scale, share

    def _mean(self, x: Any) -> Any:
        """The mean over places and the channels of a group, at each channel: [N, C, 1, 1]."""
        if self.groups == 1:
            return x.mean((1, 2, 3), keepdim=True)
        groups = x.mean((2, 3), keepdim=True).unflatten(1, (self.groups, -1))
        return (groups.mean(2, keepdim=True) + torch.zeros_like(groups)).flatten(1, 2)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Two sums, a difference and a square per element."""
        return 4 * inputs[0].numel()
