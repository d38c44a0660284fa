"""Pooling and resizing."""

from __future__ import annotations

from typing import Any

from graphwright.compiler.importing.torch.rules.layers import compact
from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.values import NoRule, Value
from graphwright.compiler.ops import pooling
from graphwright.compiler.ops.resize import GridSample, Interpolate
from graphwright.compiler.ops.shape import Pad
from graphwright.compiler.ops.windows import ChannelShuffle, Fold, PixelShuffle, PixelUnshuffle, Unfold


def _window(site: Site) -> dict[str, Any]:
    kernel = compact(site["kernel_size"])
    stride = compact(site["stride"]) if site["stride"] else None
    return {"kernel": kernel, "stride": None if stride == kernel else stride, "padding": compact(site["padding"]),
            "ceil": site["ceil_mode"]}  # fmt: skip


def _max(op: Any) -> Rule:
    return lambda site: site.emit(op(**_window(site), dilation=compact(site["dilation"])), site["self"])


def _average(op: Any) -> Rule:
    def rule(site: Site) -> Value:
        if site["divisor_override"] is not None:
            raise NoRule("a divisor of its own")
        return site.emit(op(**_window(site), count_include_pad=site["count_include_pad"]), site["self"])

    return rule


def _adaptive(op: Any) -> Rule:
    return lambda site: site.emit(op(compact(site["output_size"])), site["self"])


def _resize(mode: Any) -> Rule:
    def rule(site: Site) -> Value:
        x = site.node("input" if "input" in site.call.arguments else "self")
        corners = site["align_corners"] if mode != "nearest" and mode != "nearest-exact" else None
        antialias = "_aa" in site.call.target
        size = site["output_size"] if "output_size" in site.call.arguments else site["size"]
        factors = site["scale_factors"] if "scale_factors" in site.call.arguments else None
        if factors:
            return site.emit(Interpolate(scale=_scale(factors), mode=mode, align_corners=corners or None,
                                         antialias=antialias), x)  # fmt: skip
        rank = site.type(x).rank - 2
        if not all(isinstance(s, int) for s in size) and rank:
            whole = _factors(site, x, size)
            if whole:
                return site.emit(Interpolate(scale=_scale(whole), mode=mode, align_corners=corners or None,
                                             antialias=antialias), x)  # fmt: skip
        return site.emit(Interpolate(size=compact(size), mode=mode, align_corners=corners or None,
                                     antialias=antialias), x)  # fmt: skip

    return rule


def _scale(factors: Any) -> Any:
    return compact(tuple(float(f) for f in factors))


def _factors(site: Site, x: str, size: Any) -> tuple[int, ...] | None:
    """Whole factors from the input's free sizes to the wanted ones."""
    found = []
    for old, new in zip(site.type(x).shape[2:], size, strict=True):
        factor = next((f for f in range(1, 65) if old * f == new), None)
        if factor is None:
            return None
        found.append(factor)
    return tuple(found)


def _pad(site: Site) -> Value:
    mode: Any = site["mode"] or "constant"
    if all(n == 0 for n in site["pad"]):
        return site["self"]
    return site.emit(Pad(tuple(site["pad"]), mode, site["value"] or 0.0), site["self"])


def _constant_pad(site: Site) -> Value:
    if all(n == 0 for n in site["pad"]):
        return site["self"]
    return site.emit(Pad(tuple(site["pad"]), "constant", site["value"] or 0.0), site["self"])


def _grid_sample(site: Site) -> Value:
    modes: Any
    paddings: Any
    modes, paddings = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    op = GridSample(modes[site["interpolation_mode"]], paddings[site["padding_mode"]], site["align_corners"])
    return site.emit(op, site["input"], site["grid"])


def _unfold(site: Site) -> Value:
    op = Unfold(compact(site["kernel_size"]), compact(site["dilation"]), compact(site["padding"]),
                compact(site["stride"]))  # fmt: skip
    return site.emit(op, site["self"])


def _fold(site: Site) -> Value:
    op = Fold(tuple(site["output_size"]), compact(site["kernel_size"]), compact(site["dilation"]),
              compact(site["padding"]), compact(site["stride"]))  # fmt: skip
    return site.emit(op, site["self"])


RULES: dict[str, Rule] = {
    "max_pool1d.default": _max(pooling.MaxPool1d), "max_pool2d.default": _max(pooling.MaxPool2d),
    "max_pool3d.default": _max(pooling.MaxPool3d),
    "avg_pool2d.default": _average(pooling.AvgPool2d), "avg_pool3d.default": _average(pooling.AvgPool3d),
    "avg_pool1d.default": lambda site: site.emit(
        pooling.AvgPool1d(**_window(site), count_include_pad=site["count_include_pad"]), site["self"]
    ),
    "adaptive_avg_pool1d.default": _adaptive(pooling.AdaptiveAvgPool1d),
    "adaptive_avg_pool2d.default": _adaptive(pooling.AdaptiveAvgPool2d),
    "adaptive_avg_pool3d.default": _adaptive(pooling.AdaptiveAvgPool3d),
    "adaptive_max_pool2d.default": lambda site: (
        site.emit(pooling.AdaptiveMaxPool2d(compact(site["output_size"])), site["self"]), None
    ),
    "upsample_nearest1d.vec": _resize("nearest"), "upsample_nearest2d.vec": _resize("nearest"),
    "upsample_nearest3d.vec": _resize("nearest"), "upsample_nearest2d.default": _resize("nearest"),
    "upsample_linear1d.vec": _resize("linear"),
    "upsample_bilinear2d.vec": _resize("bilinear"), "upsample_bilinear2d.default": _resize("bilinear"),
    "_upsample_bilinear2d_aa.vec": _resize("bilinear"), "_upsample_bicubic2d_aa.vec": _resize("bicubic"),
    "_upsample_bilinear2d_aa.default": _resize("bilinear"), "_upsample_bicubic2d_aa.default": _resize("bicubic"),
    "upsample_bicubic2d.vec": _resize("bicubic"), "upsample_bicubic2d.default": _resize("bicubic"),
    "upsample_trilinear3d.vec": _resize("trilinear"),
    "_upsample_nearest_exact2d.vec": _resize("nearest-exact"),
    "grid_sampler.default": _grid_sample, "grid_sampler_2d.default": _grid_sample,
    "pad.default": _pad, "constant_pad_nd.default": _constant_pad,
    "im2col.default": _unfold, "col2im.default": _fold,
    "pixel_shuffle.default": lambda site: site.emit(PixelShuffle(site["upscale_factor"]), site["self"]),
    "channel_shuffle.default": lambda site: site.emit(ChannelShuffle(site["groups"]), site["self"]),
    "pixel_unshuffle.default": lambda site: site.emit(PixelUnshuffle(site["downscale_factor"]), site["self"]),
}  # fmt: skip
