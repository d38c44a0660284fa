"""Pixels to channels and back, groups of channels, and windows of maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch.nn import functional as F

from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Ints, Op, Sizes, arg, spread

FAMILY = "shape"


@dataclass(frozen=True)
class PixelShuffle(Op, name="pixel_shuffle", family=FAMILY, flops=0):
    """[N, C f^2, H, W] to [N, C, H f, W f]: channels become pixels; torch.nn.functional.pixel_shuffle."""

    factor: int = arg(doc="f", min=1)

    def check(self, x: Type) -> str | None:
        size = x.shape[-3] if x.rank >= 3 else 1
        if isinstance(size, int) and size % self.factor**2:
            return f"pixel_shuffle: {size} channels of {x} are not divisible by {self.factor}^2"
        return None

    def forward(self, x: Any) -> Any:
        return F.pixel_shuffle(x, self.factor)


@dataclass(frozen=True)
class PixelUnshuffle(Op, name="pixel_unshuffle", family=FAMILY, flops=0):
    """[N, C, H f, W f] to [N, C f^2, H, W]: pixels become channels; torch.nn.functional.pixel_unshuffle."""

    factor: int = arg(doc="f", min=1)

    def check(self, x: Type) -> str | None:
        if any(isinstance(s, int) and s % self.factor for s in x.shape[-2:]):
            return f"pixel_unshuffle: height and width of {x} are not divisible by {self.factor}"
        return None

    def forward(self, x: Any) -> Any:
        return F.pixel_unshuffle(x, self.factor)


@dataclass(frozen=True)
class ChannelShuffle(Op, name="channel_shuffle", family=FAMILY, flops=0):
    """Channels of x [N, g c, ...] reordered from (g, c) to (c, g), so that groups mix; arXiv:1707.01083."""

    groups: int = arg(doc="g", min=1)

    def check(self, x: Type) -> str | None:
        if x.rank < 2:
            return f"channel_shuffle needs channels in dim 1, got {x}"
        if isinstance(x.shape[1], int) and x.shape[1] % self.groups:
            return f"channel_shuffle: {x.shape[1]} channels are not divisible by groups={self.groups}"
        return None

    def forward(self, x: Any) -> Any:
        return x.unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)


@dataclass(frozen=True)
class Unfold(Op, name="unfold", ports="x:float", family=FAMILY, flops=0):
    """Windows of x [N, C, H, W] as columns [N, C kh kw, L]; torch.nn.functional.unfold."""

    kernel: Ints = arg(doc="size of the window", min=1)
    dilation: Ints = arg(1, "step between window elements", min=1)
    padding: Ints = arg(0, "zeros on each side")
    stride: Ints = arg(1, "step between windows", min=1)

    def forward(self, x: Any) -> Any:
        return F.unfold(x, *(spread(v, 2) for v in (self.kernel, self.dilation, self.padding, self.stride)))


@dataclass(frozen=True)
class Fold(Op, name="fold", ports="x:float", family=FAMILY, flops=0):
    """Columns [N, C kh kw, L] added up at their places in [N, C, H, W]; torch.nn.functional.fold."""

    size: Sizes = arg(doc="height and width of the result")
    kernel: Ints = arg(doc="size of the window", min=1)
    dilation: Ints = arg(1, "step between window elements", min=1)
    padding: Ints = arg(0, "zeros on each side")
    stride: Ints = arg(1, "step between windows", min=1)

    def forward(self, x: Any) -> Any:
        size: Any = self.size
        return F.fold(x, size, *(spread(v, 2) for v in (self.kernel, self.dilation, self.padding, self.stride)))


@dataclass(frozen=True)
class WindowPartition(Op, name="window_partition", family=FAMILY, flops=0):
    """[N, H, W, C] cut into windows [N (H/h) (W/w), h, w, C], row by row."""

    window: Ints = arg(doc="height and width of a window")

    def check(self, x: Type) -> str | None:
        if x.rank != 4:
            return f"window_partition needs x [N, H, W, C], got {x}"
        for size, window in zip(x.shape[1:3], spread(self.window, 2), strict=True):
            if isinstance(size, int) and size % window:
                return f"window_partition: height and width of {x} are not divisible by window={self.window}"
        return None

    def forward(self, x: Any) -> Any:
        h, w = spread(self.window, 2)
        return x.unflatten(2, (-1, w)).unflatten(1, (-1, h)).transpose(2, 3).flatten(0, 2)


@dataclass(frozen=True)
class WindowReverse(Op, name="window_reverse", family=FAMILY, flops=0):
    """The inverse of window_partition: windows [N (H/h) (W/w), h, w, C] to [N, H, W, C]."""

    window: Ints = arg(doc="height and width of a window")
    size: Sizes = arg(doc="H and W")

    def check(self, x: Type) -> str | None:
        if x.rank != 4 or len(self.size) != 2:
            return f"window_reverse needs windows of 4 dimensions and size=[H, W], got {x} and {list(self.size)}"
        return None

    def forward(self, x: Any) -> Any:
        h, w = spread(self.window, 2)
        high, wide = self.size
        return x.unflatten(0, (-1, high // h, wide // w)).transpose(2, 3).flatten(3, 4).flatten(1, 2)
