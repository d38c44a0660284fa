"""Resampling of maps: to another size, and at given positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, Sizes, arg

FAMILY = "resize"

Mode = Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"]
#: FLOPs per output element: one multiplication and addition per neighbour.
_NEIGHBOURS = {"linear": 2, "bilinear": 4, "trilinear": 8, "bicubic": 16}


@dataclass(frozen=True)
class Interpolate(Op, name="interpolate", ports="x:float", family=FAMILY):
    """x [N, C, *spatial] at another size, by a factor or to a size; torch.nn.functional.interpolate."""

    scale: float | tuple[float, ...] | None = arg(None, "factor of all spatial sizes, or one each")
    size: Size | Sizes | None = arg(None, "output size of all spatial dimensions, or one each")
    mode: Mode = arg("nearest", "how values between pixels are found")
    align_corners: bool | None = arg(None, "whether corner pixels lie on the corners; for the linear and cubic modes")
    antialias: bool = arg(False, "low-pass before shrinking; for bilinear and bicubic")

    def check(self, x: Type) -> str | None:
        if (self.scale is None) == (self.size is None):
            return f"{self.name} needs either 'scale' or 'size', got {'neither' if self.size is None else 'both'}"
        for value in (self.scale, self.size):
            if isinstance(value, tuple) and len(value) != x.rank - 2:
                return f"{self.name}: {len(value)} numbers for the {x.rank - 2} spatial dimensions of {x}"
        return None

    def forward(self, x: Any) -> Any:
        size: Any = self.size
        return F.interpolate(
            x, size=size, scale_factor=self.scale, mode=self.mode,
            align_corners=self.align_corners, antialias=self.antialias,
        )  # fmt: skip

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Two per neighbour that an output element mixes; copying is free, an area mean reads every input once."""
        if self.mode == "area":
            return inputs[0].numel()
        return 2 * _NEIGHBOURS.get(self.mode, 0) * outputs[0].numel()


@dataclass(frozen=True)
class Upsample(Interpolate, name="upsample", ports="x:float", family=FAMILY):
    """x [N, C, *spatial] at another size; another name of `interpolate`."""


@dataclass(frozen=True)
class GridSample(Op, name="grid_sample", ports="x:float grid:float", family=FAMILY):
    """x [N, C, H, W] read at the positions of grid [N, h, w, 2], which run over (x, y) from -1 to 1.

    torch.nn.functional.grid_sample.
    """

    mode: Literal["bilinear", "nearest", "bicubic"] = arg("bilinear", "how values between pixels are found")
    padding: Literal["zeros", "border", "reflection"] = arg("zeros", "what lies outside")
    align_corners: bool = arg(False, "whether -1 and 1 are centres of the corner pixels, not their outer edges")

    def check(self, x: Type, grid: Type) -> str | None:
        if x.rank < 3:
            return f"grid_sample needs x [N, C, ...] with positions to read, got {x}"
        if grid.rank != x.rank or grid.shape[-1] != x.rank - 2:
            return f"grid_sample needs a grid [N, ..., {x.rank - 2}] of {x.rank} dimensions for {x}, got {grid}"
        return None

    def forward(self, x: Any, grid: Any) -> Any:
        return F.grid_sample(x, grid, mode=self.mode, padding_mode=self.padding, align_corners=self.align_corners)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Two per neighbour that an output element mixes."""
        return 2 * _NEIGHBOURS.get(self.mode, 0) * outputs[0].numel()
