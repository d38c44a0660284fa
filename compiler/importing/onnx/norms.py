"""Rules for normalisations."""

from __future__ import annotations

import numpy as np

from graphwright.compiler.importing.onnx.call import Call, Unsupported
from graphwright.compiler.importing.onnx.folding import Known
from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ops.norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
    Normalize,
    RmsNorm,
)


def _neutral(scale: Known | None, shift: Known | None) -> bool:
    """Whether scale and shift are computed ones and zeros, as exporters write a layer without parameters."""
    ones = scale is None or (not scale.source and bool((scale.array == 1).all()))
    return ones and (shift is None or (not shift.source and not shift.array.any()))


def batch_norm(call: Call) -> str:
    """BatchNormalization in inference."""
    call.refuse(training_mode=0, spatial=1)
    scale, shift, mean, var = (call.needed(k, "a parameter") for k in (1, 2, 3, 4))
    momentum = round(1 - call.attribute("momentum", 0.9), 7)
    affine = not _neutral(scale, shift)
    op = BatchNorm(call.attribute("epsilon", 1e-5), momentum, affine)
    learned = {"weight": scale, "bias": shift} if affine else {}
    return call.layer(op, call.value(0), **learned, running_mean=mean, running_var=var)


def instance_norm(call: Call) -> str:
    """InstanceNormalization."""
    scale, shift = call.needed(1, "the scale"), call.needed(2, "the shift")
    affine = not _neutral(scale, shift)
    op = InstanceNorm(call.attribute("epsilon", 1e-5), affine)
    return call.layer(op, call.value(0), **({"weight": scale, "bias": shift} if affine else {}))


def _normalised(call: Call) -> tuple[str, int, tuple[Size, ...]]:
    """The input of a norm over the last dimensions, how many these are, and their sizes."""
    x = call.value(0)
    shape = call.type_of(x).shape
    axis = int(call.attribute("axis", -1)) % len(shape)
    return x, len(shape) - axis, shape[axis:]


def _fitted(known: Known | None, sizes: tuple[Size, ...], what: str) -> Known | None:
    """A parameter in the sizes that are normalised; one that is broadcast is written out."""
    if known is None:
        return None
    try:
        return Known(np.broadcast_to(known.array, [int(s) for s in sizes]), known.source)
    except (ValueError, TypeError):
        shape = ", ".join(map(str, sizes))
        raise Unsupported(f"its {what} has the sizes {list(known.array.shape)}, not [{shape}]") from None


def layer_norm(call: Call) -> str:
    """LayerNormalization."""
    call.refuse(stash_type=1)
    x, dims, sizes = _normalised(call)
    scale = _fitted(call.needed(1, "the scale"), sizes, "scale")
    shift = _fitted(call.needed(2, "the shift"), sizes, "shift") if call.has(2) else None
    eps = call.attribute("epsilon", 1e-5)
    if _neutral(scale, shift):
        return call.layer(LayerNorm(eps, dims, affine=False), x)
    return call.layer(LayerNorm(eps, dims, bias=shift is not None), x, weight=scale, bias=shift)


def rms_norm(call: Call) -> str:
    """RMSNormalization."""
    call.refuse(stash_type=1)
    x, dims, sizes = _normalised(call)
    scale = _fitted(call.needed(1, "the scale"), sizes, "scale")
    return call.layer(RmsNorm(call.attribute("epsilon", 1e-5), dims), x, weight=scale)


def group_norm(call: Call) -> str:
    """GroupNormalization; before version 21 of the operators it has a scale per group."""
    x, groups = call.value(0), int(call.attribute("num_groups"))
    channels = call.type_of(x).shape[1]
    scale, shift = call.needed(1, "the scale"), call.needed(2, "the shift")
    if scale.array.size == groups != channels and isinstance(channels, int):
        scale, shift = (Known(np.repeat(k.array, channels // groups), k.source) for k in (scale, shift))
    affine = not _neutral(scale, shift)
    op = GroupNorm(groups, call.attribute("epsilon", 1e-5), affine)
    return call.layer(op, x, **({"weight": scale, "bias": shift} if affine else {}))


def local_response_norm(call: Call) -> str:
    """LRN; torch's window lies otherwise where it is even."""
    size = int(call.attribute("size"))
    if size % 2 == 0:
        raise Unsupported(f"size={size} is even, and its window cannot be centred")
    op = LocalResponseNorm(
        size, call.attribute("alpha", 1e-4), call.attribute("beta", 0.75), call.attribute("bias", 1.0)
    )
    return call.add(op, call.value(0))


def lp_normalize(call: Call) -> str:
    """LpNormalization."""
    return call.add(Normalize(float(call.attribute("p", 2)), int(call.attribute("axis", -1))), call.value(0))
