"""Tensors made of nothing but their sizes."""

from __future__ import annotations

from typing import Any

import torch

from graphwright.compiler.importing.torch.rules.arithmetic import cast_to
from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.sizes import UnknownSize
from graphwright.compiler.importing.torch.values import Constant, Value
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.ops import shape
from graphwright.compiler.ops.arithmetic import Cast
from graphwright.compiler.ops.formula import Formula


def _filled(number: float | None) -> Rule:
    """A tensor full of one number; where its sizes are known it is a constant, else a formula over them."""

    def rule(site: Site) -> Value:
        value = site["value" if "value" in site.call.arguments else "fill_value"] if number is None else number
        kind = site.result
        if all(isinstance(s, int) for s in kind.shape):
            return Constant(torch.full(kind.shape, value, dtype=getattr(torch, kind.dtype)))  # type: ignore[arg-type]
        over = tuple((name, size) for name, size in zip("ijklmn", kind.shape, strict=False))
        return _as(site, site.emit(Formula(repr(value), over)), kind.dtype)

    return rule


def _filled_with(site: Site) -> Value:
    """Full of the number that a tensor without dimensions holds."""
    x, value = site.node("self"), cast_to(site, site["value"], DTYPES[site.result.dtype])
    if isinstance(value, Constant) and all(isinstance(s, int) for s in site.result.shape):
        return Constant(value.tensor.expand(site.result.shape))  # type: ignore[arg-type]
    return site.emit(shape.Expand(site.type(x).shape), value)


def _arange(site: Site) -> Value:
    start = site["start"] if "start" in site.call.arguments else 0
    step = site["step"] if "step" in site.call.arguments else 1
    (size,) = site.result.shape
    text = "i" if step == 1 else f"{step!r} * i"
    if start:
        if isinstance(start, Dim):
            raise UnknownSize("a start that is a size left free")
        text = f"{start!r} + {text}"
    return _as(site, site.emit(Formula(text, (("i", size),))), site.result.dtype)


def _as(site: Site, value: Value, dtype: str) -> Value:
    return value if site.type(value).dtype == dtype else site.emit(Cast(dtype), value)  # type: ignore[arg-type]


def _meshgrid(site: Site) -> Value:
    vectors = site["tensors"]
    swap = site["indexing"] == "xy" if "indexing" in site.call.arguments else False
    sizes = [site.kind_of(v).shape[0] for v in vectors]
    order = [1, 0, *range(2, len(sizes))] if swap else list(range(len(sizes)))
    results = []
    for axis, vector in enumerate(vectors):
        lone: tuple[Any, ...] = tuple(-1 if order[k] == axis else 1 for k in range(len(sizes)))
        flat = site.emit(shape.Reshape(lone), vector)
        results.append(site.emit(shape.Expand(tuple(sizes[k] for k in order)), flat))
    return tuple(results)


RULES: dict[str, Rule] = {
    "zeros.default": _filled(0), "ones.default": _filled(1), "full.default": _filled(None),
    "zeros_like.default": _filled(0), "ones_like.default": _filled(1), "full_like.default": _filled(None),
    "new_zeros.default": _filled(0), "new_ones.default": _filled(1), "new_full.default": _filled(None),
    "zero.default": _filled(0), "fill.Scalar": _filled(None), "fill.Tensor": _filled_with,
    "arange.default": _arange, "arange.start": _arange, "arange.start_step": _arange,
    "meshgrid.default": _meshgrid, "meshgrid.indexing": _meshgrid,
}  # fmt: skip
