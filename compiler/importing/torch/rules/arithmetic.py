"""Arithmetic of two: where numbers meet tensors, whole numbers and sizes meet both."""

from __future__ import annotations

import re
from typing import Any

import torch

from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.values import Constant, Noise, NoRule, Uniform, Value
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import DTYPE_NAMES
from graphwright.compiler.ops import arithmetic
from graphwright.compiler.ops.formula import Formula


def scalar(value: Value) -> float | int | None:
    """The number that a value is, if it is a number or a constant without dimensions."""
    if isinstance(value, Constant) and value.tensor.ndim == 0 and value.tensor.dtype != torch.bool:
        return value.tensor.item()
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def number_of(value: Value) -> float | int | Dim | None:
    """The number or the size left free that a value is."""
    return value if isinstance(value, Dim) else scalar(value)


def is_real(site: Site, x: Value) -> bool:
    """Whether a value has a floating dtype."""
    return site.kind_of(x).dtype.startswith(("float", "bfloat"))


def computed(site: Site, text: str, short: str, x: Value, y: Value = None, **numbers: float | Dim) -> Value:
    """A formula over `x` (and `y`), with numbers in place of their names; truth values count as 0 and 1."""
    sizes = {k: v for k, v in numbers.items() if isinstance(v, Dim)}
    for name, number in numbers.items():
        if name not in sizes:
            text = re.sub(rf"\b{name}\b", f"({number!r})" if number < 0 else repr(number), text)
    inputs = {k: v for k, v in (("x", x), ("y", y)) if v is not None}
    op = Formula(text, names=tuple(inputs), constants=tuple(sizes.items()))
    return site.emit_named(op, {k: _counted(site, v) for k, v in inputs.items()}, short)


def cast_to(site: Site, x: Value, dtype: torch.dtype | None) -> Value:
    """The value in a dtype, if one is asked for."""
    if dtype is None or site.kind_of(x).dtype == DTYPE_NAMES.get(dtype):
        return x
    return site.emit(arithmetic.Cast(DTYPE_NAMES[dtype]), x)  # type: ignore[arg-type]


def _counted(site: Site, x: Value) -> Value:
    return cast_to(site, x, torch.int64) if site.kind_of(x).dtype == "bool" else x


def _add(site: Site) -> Value:
    return _sum(site, site["self"], site["other"], "+")


def _sub(site: Site) -> Value:
    return _sum(site, site["self"], site["other"], "-")


def _rsub(site: Site) -> Value:
    """`other - alpha self`."""
    return _sum(site, site["other"], site["self"], "-")


def _sum(site: Site, x: Value, y: Value, sign: str) -> Value:
    """`x + alpha y` or `x - alpha y`."""
    alpha = 1 if site["alpha"] is None else site["alpha"]
    right, left = number_of(y), number_of(x)
    for noise, number in ((x, right), (y, left)):
        if isinstance(noise, Uniform) and number is not None and sign == "+" and alpha == 1:
            return Uniform(noise.low + float(number), noise.shape)
    if right is not None:
        return _with_number(site, x, sign, right if alpha == 1 else right * alpha)
    if alpha != 1:
        y = site.emit(arithmetic.Scale(float(alpha)), y) if is_real(site, y) else computed(
            site, "factor * x", "scale", y, factor=alpha)  # fmt: skip
    if left is None:
        return site.emit(arithmetic.Add() if sign == "+" else arithmetic.Sub(), x, y)
    if sign == "+":
        return _with_number(site, y, "+", left)
    return computed(site, "number - x", "complement", y, number=left)


def _with_number(site: Site, x: Value, sign: str, number: Any) -> Value:
    """`x + c` or `x - c`; sums with whole numbers stay whole."""
    if number == 0 and site.kind_of(x) == site.result:
        return x
    if isinstance(number, Dim) or not is_real(site, x):
        return computed(site, f"x {sign} number", "add" if sign == "+" else "sub", x, number=number)
    return site.emit((arithmetic.Add if sign == "+" else arithmetic.Sub)(float(number)), x)


def _mul(site: Site) -> Value:
    x, y = site["self"], site["other"]
    for noise, other in ((x, y), (y, x)):
        if isinstance(noise, Noise):
            return _dropped(site, noise, other)
    if number_of(x) is not None and number_of(y) is None:
        x, y = y, x
    number = number_of(y)
    if number is None:
        return site.emit(arithmetic.Mul(), x, y)
    if number == 1 and site.kind_of(x) == site.result:
        return x
    if isinstance(number, Dim) or not is_real(site, x):
        return computed(site, "number * x", "scale", x, number=number)
    return site.emit(arithmetic.Scale(float(number)), x)


def _dropped(site: Site, noise: Noise, x: Value) -> Value:
    """A product with noise: whole samples or channels are dropped."""
    from graphwright.compiler.importing.torch.rules.randomness import dropped

    return dropped(site, noise, x)


def _div(site: Site) -> Value:
    x, y = site["self"], site["other"]
    number, mode = number_of(y), site["rounding_mode"] if "rounding_mode" in site.call.arguments else None
    if isinstance(x, Noise):
        if number != x.keep:
            raise NoRule("noise that is divided by another number than its probability")
        return Noise(x.keep, x.shape, scaled=True)
    if mode == "floor":
        return _floored(site, "//", "floor_divide")
    if mode is not None:
        raise NoRule(f"rounding mode {mode}")
    if number == 1 and site.kind_of(x) == site.result:
        return x
    top = number_of(x)
    if top is not None and number is None:
        return computed(site, "number / x", "div", y, number=top)
    if isinstance(number, Dim):
        return computed(site, "x / number", "div", x, number=number)
    return site.emit(arithmetic.Div(), x, y) if number is None else site.emit(arithmetic.Div(float(number)), x)


def _floored(site: Site, sign: str, short: str) -> Value:
    """`x // y`, `x % y`: rounded down."""
    x, y = site["self"], site["other"]
    number, top = number_of(y), number_of(x)
    if number is not None:
        return computed(site, f"x {sign} number", short, x, number=number)
    if top is not None:
        return computed(site, f"number {sign} x", short, y, number=top)
    return computed(site, f"x {sign} y", short, x, y)


def _floor_divide(site: Site) -> Value:
    return _floored(site, "//", "floor_divide")


def _remainder(site: Site) -> Value:
    return _floored(site, "%", "remainder")


def _pow(site: Site) -> Value:
    x, y = site["self"], site["exponent"]
    if number_of(x) is not None and not isinstance(x, Constant):
        return computed(site, "number ** x", "pow", y, number=number_of(x))  # type: ignore[arg-type]
    if not isinstance(y, (int, float)):
        return site.emit(arithmetic.Pow(), x, y)
    if isinstance(y, int) and not is_real(site, x):
        return computed(site, "x ** number", "pow", x, number=y)
    return site.emit(arithmetic.Pow(float(y)), x)


def _extreme(op: Any) -> Rule:
    """The larger or smaller of two; a number beside whole numbers stays a tensor, as it has a part in the dtype."""

    def rule(site: Site) -> Value:
        number = scalar(site["other"])
        if number is None or not is_real(site, site["self"]):
            return site.emit(op(), site["self"], site["other"])
        return site.emit(op(float(number)), site["self"])

    return rule


def _clamp(site: Site) -> Value:
    low, high = (site[k] if k in site.call.arguments else None for k in ("min", "max"))
    bounds = [None if b is None else scalar(b) for b in (low, high)]
    if (low is None) == (bounds[0] is None) and (high is None) == (bounds[1] is None):
        if not is_real(site, site["self"]):
            text = "x" if low is None else "max(x, low)"
            text = text if high is None else f"min({text}, high)"
            known = zip(("low", "high"), bounds, strict=True)
            return computed(site, text, "clamp", site["self"], **{k: b for k, b in known if b is not None})
        return site.emit(arithmetic.Clamp(*(None if b is None else float(b) for b in bounds)), site["self"])
    x = site["self"]
    if low is not None:
        x = site.emit(arithmetic.Maximum(), x, low)
    return x if high is None else site.emit(arithmetic.Minimum(), x, high)


def _addcmul(site: Site) -> Value:
    product = site.emit(arithmetic.Mul(), site["tensor1"], site["tensor2"])
    if site["value"] != 1:
        product = site.emit(arithmetic.Scale(float(site["value"])), product)
    return site.emit(arithmetic.Add(), site["self"], product)


RULES: dict[str, Rule] = {
    "add.Tensor": _add, "add.Scalar": _add,
    "sub.Tensor": _sub, "sub.Scalar": _sub,
    "rsub.Scalar": _rsub, "rsub.Tensor": _rsub,
    "mul.Tensor": _mul, "mul.Scalar": _mul, "multiply.Tensor": _mul,
    "div.Tensor": _div, "div.Scalar": _div, "div.Tensor_mode": _div, "div.Scalar_mode": _div, "divide.Tensor": _div,
    "true_divide.Tensor": _div, "floor_divide.default": _floor_divide, "remainder.Scalar": _remainder,
    "remainder.Tensor": _remainder,
    "pow.Tensor_Scalar": _pow, "pow.Scalar": _pow, "pow.Tensor_Tensor": _pow,
    "maximum.default": _extreme(arithmetic.Maximum), "minimum.default": _extreme(arithmetic.Minimum),
    "max.other": _extreme(arithmetic.Maximum), "min.other": _extreme(arithmetic.Minimum),
    "clamp.default": _clamp, "clamp.Tensor": _clamp, "clamp_min.default": _clamp, "clamp_max.default": _clamp,
    "addcmul.default": _addcmul,
}  # fmt: skip
