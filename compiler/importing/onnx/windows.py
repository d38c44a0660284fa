"""Rules for pooling, padding, resampling and the exchange of channels and places."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphwright.compiler.importing.onnx.call import Call, Unsupported
from graphwright.compiler.importing.onnx.layers import per_axis, reversed_pads, short, window_padding
from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ops.arithmetic import Abs, Div
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LpPool2d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from graphwright.compiler.ops.rearrange import Rearrange
from graphwright.compiler.ops.reduce import Amax, Norm
from graphwright.compiler.ops.resize import Interpolate
from graphwright.compiler.ops.shape import Pad

_MAX: dict[int, Any] = {1: MaxPool1d, 2: MaxPool2d, 3: MaxPool3d}
_MEAN: dict[int, Any] = {1: AvgPool1d, 2: AvgPool2d, 3: AvgPool3d}
_GLOBAL: dict[int, Any] = {1: AdaptiveAvgPool1d, 2: AdaptiveAvgPool2d, 3: AdaptiveAvgPool3d}


def _window(call: Call, x: str) -> tuple[int, tuple[int, ...], tuple[int, ...], tuple[int, ...], Any]:
    """Rank, kernel, stride, dilation and padding of a pool."""
    shape = call.type_of(x).shape
    kernel = tuple(int(v) for v in call.attribute("kernel_shape"))
    rank = len(kernel)
    if rank not in _MAX or len(shape) != rank + 2:
        raise Unsupported(f"a window of {rank} dimensions over an input of {len(shape)}")
    stride, dilation = per_axis(call, "strides", rank), per_axis(call, "dilations", rank)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    return rank, kernel, stride, dilation, window_padding(call, shape[2:], reach, stride)


def max_pool(call: Call) -> str:
    """MaxPool; what is padded never wins."""
    x = call.value(0)
    rank, kernel, stride, dilation, padding = _window(call, x)
    ceil = bool(call.attribute("ceil_mode", 0))
    if not isinstance(padding, str):
        if padding[0] != padding[1] or any(2 * p > k for p, k in zip(padding[0], kernel, strict=True)):
            x = call.add(Pad(reversed_pads(*padding), value=float("-inf")), x)
            padding = (0,) * rank, (0,) * rank
        padding = short(padding[0])
    return call.add(_MAX[rank](short(kernel), _step(kernel, stride, padding), padding, ceil, short(dilation)), x)


def _step(kernel: tuple[int, ...], stride: tuple[int, ...], padding: Any) -> Any:
    """The stride as specs write it: left out where it is the kernel's size."""
    return None if kernel == stride and padding != "same" else short(stride)


def average_pool(call: Call) -> str:
    """AveragePool; with padding that differs between the ends, the share of each window inside is divided out."""
    x = call.value(0)
    rank, kernel, stride, dilation, padding = _window(call, x)
    if any(d != 1 for d in dilation):
        raise Unsupported(f"dilations={list(dilation)} have no counterpart; only 1 has")
    whole, ceil = bool(call.attribute("count_include_pad", 0)), bool(call.attribute("ceil_mode", 0))
    pool = _MEAN[rank]
    if isinstance(padding, str):
        return call.add(pool(short(kernel), short(stride), "same", ceil, whole), x)
    before, after = padding
    if before == after and all(2 * p <= k for p, k in zip(before, kernel, strict=True)):
        whole = whole or not any(before)  # nothing is padded, and both mean the same
        return call.add(pool(short(kernel), _step(kernel, stride, before), short(before), ceil, whole), x)
    if ceil:
        raise Unsupported(f"ceil_mode=1 with the padding {list(before + after)}, which differs between the ends")
    pad, mean = Pad(reversed_pads(before, after)), pool(short(kernel), _step(kernel, stride, before))
    result = call.add(mean, call.add(pad, x))
    if whole:
        return result
    spatial = call.type_of(x).shape[2:]
    over = (("n", 1), ("c", 1), *((f"i{k}", size) for k, size in enumerate(spatial)))
    return call.add(Div(), result, call.add(mean, call.add(pad, call.add(Formula("1.0", over)))))


def lp_pool(call: Call) -> str:
    """LpPool over maps, without padding."""
    x = call.value(0)
    rank, kernel, stride, dilation, padding = _window(call, x)
    if rank != 2 or any(d != 1 for d in dilation) or isinstance(padding, str) or any((*padding[0], *padding[1])):
        raise Unsupported("only windows over [N, C, H, W] without padding and dilation have a counterpart")
    p = call.attribute("p", 2)
    x = x if p % 2 == 0 else call.add(Abs(), x)
    return call.add(LpPool2d(short(kernel), float(p), short(stride), bool(call.attribute("ceil_mode", 0))), x)


def global_average_pool(call: Call) -> str:
    """GlobalAveragePool."""
    x = call.value(0)
    rank = call.type_of(x).rank - 2
    if rank not in _GLOBAL:
        raise Unsupported(f"an input of {rank + 2} dimensions")
    return call.add(_GLOBAL[rank](1), x)


def global_max_pool(call: Call) -> str:
    """GlobalMaxPool."""
    x = call.value(0)
    rank = call.type_of(x).rank
    return call.add(AdaptiveMaxPool2d(1) if rank == 4 else Amax(tuple(range(2, rank)), True), x)


def global_lp_pool(call: Call) -> str:
    """GlobalLpPool."""
    x = call.value(0)
    return call.add(Norm(tuple(range(2, call.type_of(x).rank)), True, float(call.attribute("p", 2))), x)


# -- padding --------------------------------------------------------------------------------------
def pad(call: Call) -> str:
    """Pad."""
    x = call.value(0)
    rank = call.type_of(x).rank
    if call.has(1):
        pads: list[Size] = list(call.sizes(1, "the padding"))
    else:
        pads = [int(v) for v in call.attribute("pads")]
    axes = [int(a) % rank for a in call.numbers(3, "axes")] if call.has(3) else list(range(rank))
    before, after = dict(zip(axes, pads[: len(axes)], strict=True)), dict(zip(axes, pads[len(axes) :], strict=True))
    ends: list[Size] = [v for axis in reversed(range(rank)) for v in (before.get(axis, 0), after.get(axis, 0))]
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    mode: Any = modes[call.attribute("mode", "constant")]
    spatial = 2 * (rank - 2) if mode != "constant" and rank > 2 else 2
    while len(ends) > spatial and ends[-2:] == [0, 0]:
        del ends[-2:]
    value = call.attribute("value", 0.0)
    if call.has(2) and mode == "constant":
        value = call.numbers(2, "the value")[0]
    return call.add(Pad(tuple(ends), mode, float(value)), x)


# -- resampling -----------------------------------------------------------------------------------
def resize(call: Call) -> str:
    """Resize over the spatial dimensions."""
    x = call.value(0)
    shape = call.type_of(x).shape
    call.refuse(exclude_outside=0, keep_aspect_ratio_policy="stretch")
    scales_at, sizes_at = (1, None) if call.opset < 11 else (2, 3)
    axes = [int(a) % len(shape) for a in call.attribute("axes") or range(len(shape))]
    scales: list[float] = []
    target: list[Size] = []
    if call.has(scales_at) and call.type(scales_at).shape != (0,):
        given = dict(zip(axes, call.numbers(scales_at, "the scales"), strict=True))
        scales = [float(str(np.float32(given.get(k, 1.0)))) for k in range(len(shape))]
    elif sizes_at is not None and call.has(sizes_at):
        wanted = dict(zip(axes, call.sizes(sizes_at, "the size"), strict=True))
        target = [wanted.get(k, size) for k, size in enumerate(shape)]
    else:
        raise Unsupported("it has neither scales nor sizes")
    if (scales and scales[:2] != [1.0, 1.0]) or (target and target[:2] != list(shape[:2])):
        raise Unsupported("it changes the batch or the channels")
    position = call.attribute("coordinate_transformation_mode", "half_pixel" if call.opset >= 11 else "asymmetric")
    mode, corners = _sampling(call, position, scales[2:], shape[2:], target[2:])
    size = tuple(target[2:]) or None
    factor = tuple(scales[2:]) or None
    antialias = bool(call.attribute("antialias", 0))
    return call.add(Interpolate(factor, size, mode, corners, antialias), x)


def _sampling(
    call: Call, position: str, scales: list[float], shape: tuple[Size, ...], target: list[Size]
) -> tuple[Any, bool | None]:
    """torch's mode, and whether corners are aligned."""
    mode, rank = call.attribute("mode", "nearest"), len(shape)
    if mode in ("linear", "cubic"):
        call.refuse(cubic_coeff_a=-0.75) if mode == "cubic" else None
        if position not in ("half_pixel", "pytorch_half_pixel", "align_corners") or (mode == "cubic" and rank != 2):
            raise Unsupported(f"mode={mode} with coordinate_transformation_mode={position} over {rank} dimensions")
        names = {1: "linear", 2: "bilinear", 3: "trilinear"} if mode == "linear" else {2: "bicubic"}
        return names[rank], position == "align_corners"
    rounding = call.attribute("nearest_mode", "round_prefer_floor" if call.opset >= 11 else "floor")
    if position == "asymmetric" and rounding == "floor":
        return "nearest", None
    pairs = [(t, s) for t, s in zip(target, shape, strict=False) if isinstance(t, int) and isinstance(s, int)]
    if not scales and len(pairs) == rank:
        scales = [t / s for t, s in pairs]
    grows = bool(scales) and all(s == int(s) for s in scales)
    if grows and (position == "half_pixel" and rounding.startswith("round")):
        return "nearest", None  # (2 i + 1) / 2 k - 1/2 is never half-way, and rounds to i // k
    if grows and position == "asymmetric" and rounding == "round_prefer_floor" and max(scales) <= 2:
        return "nearest", None
    if position == "half_pixel" and rounding == "round_prefer_ceil":
        return "nearest-exact", None
    raise Unsupported(f"nearest_mode={rounding} with coordinate_transformation_mode={position}")


def upsample(call: Call) -> str:
    """Upsample, the older Resize: nearest, by factors."""
    call.refuse(mode="nearest")
    given = call.numbers(1, "the scales") if call.has(1) else list(call.attribute("scales"))
    if given[:2] != [1, 1]:
        raise Unsupported("it changes the batch or the channels")
    return call.add(Interpolate(tuple(float(v) for v in given[2:])), call.value(0))


def depth_to_space(call: Call) -> str:
    """DepthToSpace, in both orders."""
    block = call.attribute("blocksize")
    inner = "a b c" if call.attribute("mode", "DCR") == "DCR" else "c a b"
    return call.add(Rearrange(f"n ({inner}) h w -> n c (h a) (w b)", (("a", block), ("b", block))), call.value(0))


def space_to_depth(call: Call) -> str:
    """SpaceToDepth."""
    block = call.attribute("blocksize")
    return call.add(Rearrange("n c (h a) (w b) -> n (a b c) h w", (("a", block), ("b", block))), call.value(0))
