"""Stored numbers: when two are the same, and when a formula says them."""

from __future__ import annotations

import hashlib

import numpy as np

from graphwright.compiler.importing.onnx.folding import Known
from graphwright.compiler.ops.formula import Formula


def content(known: Known) -> str:
    """A digest of a matrix of numbers that are not all alike; else nothing."""
    array = known.array
    if array.dtype != np.float32 or array.ndim < 2 or (array == array.flat[0]).all():
        return ""
    return f"{array.shape}:{hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()}"


def equal(a: Known, b: Known) -> bool:
    """Whether two constants are the same numbers in the same shape."""
    return a is b or (a.array.shape == b.array.shape and bool(np.array_equal(a.array, b.array)))


def as_formula(known: Known) -> Formula | None:
    """A constant as a formula: sizes, one number throughout, or an even range; else nothing."""
    array = known.array
    if known.symbolic:
        names = tuple(f"s{k}" for k in range(array.size))
        value = names[0] if array.ndim == 0 else names
        return Formula(value, constants=tuple(zip(names, known.sizes(), strict=True))) if array.ndim < 2 else None
    if array.dtype.name not in ("int64", "float32") or not array.size:
        return None
    over = tuple((f"i{k}", int(n)) for k, n in enumerate(array.shape))
    flat = array.reshape(-1)
    first = flat[0].item()
    if not np.isfinite(flat).all():
        return None
    text = _number(first)
    if (flat == flat[0]).all():
        return Formula(text, over)
    step = (flat[1] - flat[0]).item()
    even = first + step * np.arange(flat.size)
    if array.ndim > 1 or array.dtype.name != "int64" or not (even == flat).all():
        return None
    steps = "i0" if step == 1 else f"{step} * i0"
    return Formula(steps if first == 0 else f"{steps} + {text}", over)


def _number(value: float | int) -> str:
    return str(float(str(np.float32(value)))) if isinstance(value, float) else str(value)
