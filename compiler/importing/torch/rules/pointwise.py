"""Activations, arithmetic and comparison, element by element."""

from __future__ import annotations

import re
from typing import Any

import torch

from graphwright.compiler.importing.torch.convert import Constant, Noise, NoRule, Rule, Site, State, Uniform, Value
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import DTYPE_NAMES, DTYPES
from graphwright.compiler.ops import activation, arithmetic, comparison
from graphwright.compiler.ops.formula import Formula

_UNARY: dict[str, Any] = {
    "relu": activation.Relu, "relu6": activation.Relu6, "silu": activation.Silu, "mish": activation.Mish,
    "selu": activation.Selu, "sigmoid": activation.Sigmoid, "tanh": activation.Tanh,
    "hardsigmoid": activation.Hardsigmoid, "hardswish": activation.Hardswish, "log_sigmoid": activation.LogSigmoid,
    "neg": arithmetic.Neg, "abs": arithmetic.Abs, "sign": arithmetic.Sign, "exp": arithmetic.Exp,
    "log": arithmetic.Log, "sqrt": arithmetic.Sqrt, "rsqrt": arithmetic.Rsqrt, "square": arithmetic.Square,
    "reciprocal": arithmetic.Reciprocal, "sin": arithmetic.Sin, "cos": arithmetic.Cos, "erf": arithmetic.Erf,
    "ceil": arithmetic.Ceil, "round": arithmetic.Round,
    "logical_not": comparison.LogicalNot,
}  # fmt: skip

_COMPARISONS: dict[str, Any] = {
    "gt": comparison.Gt, "ge": comparison.Ge, "lt": comparison.Lt, "le": comparison.Le, "eq": comparison.Eq,
    "ne": comparison.Ne,
}  # fmt: skip


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


def _counted(site: Site, x: Value) -> Value:
    return cast_to(site, x, torch.int64) if site.kind_of(x).dtype == "bool" else x


def _unary(op: Any) -> Rule:
    return lambda site: site.emit(op(), site["self"])


def _not(site: Site) -> Value:
    _logic(site, "self")
    return site.emit(comparison.LogicalNot(), site["self"])


def _logic(site: Site, *names: str) -> None:
    if any(site.kind_of(site[name]).dtype != "bool" for name in names):
        raise NoRule("bits of integers")


def _both(op: Any) -> Rule:
    def rule(site: Site) -> Value:
        _logic(site, "self", "other")
        return site.emit(op(), site["self"], site["other"])

    return rule


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


def _binary(op: Any) -> Rule:
    def rule(site: Site) -> Value:
        number = scalar(site["other"])
        if number is None:
            return site.emit(op(), site["self"], site["other"])
        return site.emit(op(float(number)), site["self"])

    return rule


def _extreme(op: Any) -> Rule:
    """The larger or smaller of two; a number beside whole numbers stays a tensor, as it has a part in the dtype."""

    def rule(site: Site) -> Value:
        number = scalar(site["other"])
        if number is None or not is_real(site, site["self"]):
            return site.emit(op(), site["self"], site["other"])
        return site.emit(op(float(number)), site["self"])

    return rule


def _plain_binary(op: Any) -> Rule:
    return lambda site: site.emit(op(), site["self"], site["other"])


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


def _gelu(site: Site) -> Value:
    return site.emit(activation.Gelu(site["approximate"]), site["self"])


def _prelu(site: Site) -> Value:
    weight = site["weight"]
    count = site.kind_of(weight).shape[0]
    return site.layer(activation.Prelu(count), site["self"], {"weight": weight})  # type: ignore[arg-type]


def _in_dtype(op: Any) -> Rule:
    """An op along one dimension, of its input in the dtype that was asked for."""
    return lambda site: site.emit(op(site["dim"]), cast_to(site, site["self"], site["dtype"]))


def cast_to(site: Site, x: Value, dtype: torch.dtype | None) -> Value:
    """The value in a dtype, if one is asked for."""
    if dtype is None or site.kind_of(x).dtype == DTYPE_NAMES.get(dtype):
        return x
    return site.emit(arithmetic.Cast(DTYPE_NAMES[dtype]), x)  # type: ignore[arg-type]


def _to(site: Site) -> Value:
    dtype = site["dtype"] if "dtype" in site.call.arguments else DTYPES[site.kind_of(site["other"]).dtype]
    return cast_to(site, site["self"], dtype)


def _where(site: Site) -> Value:
    condition, x, y = site["condition"], site["self"], site["other"]
    first, second = scalar(x), scalar(y)
    if first is not None and second is not None:
        return computed(site, "first if x else second", "where", condition, first=first, second=second)
    if first is not None and is_real(site, y):
        return site.emit(comparison.Where(float(first)), site.emit(comparison.LogicalNot(), condition), y)
    if second is not None and is_real(site, x):
        return site.emit(comparison.Where(float(second)), condition, x)
    return site.emit(comparison.Where(), condition, _tensor_of(site, x), _tensor_of(site, y))


def _tensor_of(site: Site, value: Value) -> Value:
    """A value, or a number as a tensor of the result's dtype."""
    return Constant(torch.tensor(value, dtype=DTYPES[site.result.dtype])) if isinstance(value, (int, float)) else value


def _masked_fill(site: Site) -> Value:
    x, value, keep = site["self"], site["value"], site["mask"]
    number = scalar(value)
    if number is None:
        return site.emit(comparison.Where(), keep, value, x)
    if not is_real(site, x):
        filling = torch.tensor(number, dtype=DTYPES[site.kind_of(x).dtype])
        return site.emit(comparison.Where(), keep, Constant(filling), x)
    if isinstance(keep, Constant):
        keep = Constant(~keep.tensor)
    else:
        keep = site.emit(comparison.LogicalNot(), keep)
    return site.emit(comparison.Where(float(number)), keep, x)


def _hardshrink(site: Site) -> Value:
    """`x` where it is farther from zero than `lambd`, else 0."""
    far = site.emit(comparison.Gt(float(site["lambd"])), site.emit(arithmetic.Abs(), site["self"]))
    return site.emit(comparison.Where(0.0), far, site["self"])


def _softshrink(site: Site) -> Value:
    """`x` without its part within `lambd` of zero."""
    bound = float(site["lambd"])
    return site.emit(arithmetic.Sub(), site["self"], site.emit(arithmetic.Clamp(-bound, bound), site["self"]))


def _hardtanh(site: Site) -> Value:
    """`hardtanh`; from 0 to 6 it is how torch spells `relu6`."""
    low, high = site["min_val"], site["max_val"]
    return site.emit(activation.Relu6() if (low, high) == (0, 6) else activation.Hardtanh(low, high), site["self"])


def _glu(site: Site) -> Value:
    return site.emit(activation.Glu(site["dim"]), site["self"])


def _same(site: Site) -> Value:
    """A copy, or another view of the same elements: the value itself."""
    return site["self"]


def _addcmul(site: Site) -> Value:
    product = site.emit(arithmetic.Mul(), site["tensor1"], site["tensor2"])
    if site["value"] != 1:
        product = site.emit(arithmetic.Scale(float(site["value"])), product)
    return site.emit(arithmetic.Add(), site["self"], product)


def _one_hot(site: Site) -> Value:
    if site["num_classes"] < 1:
        raise NoRule("a number of classes that depends on data")
    return cast_to(site, site.emit(arithmetic.OneHot(site["num_classes"]), site["self"]), torch.int64)


def _copy(site: Site) -> Value:
    source = site["src"]
    if isinstance(source, State) or site.kind_of(source).shape == site.result.shape:
        return source
    raise NoRule("a copy into a larger tensor")


def _table(names: dict[str, Any], make: Any, *overloads: str) -> dict[str, Rule]:
    return {f"{name}.{overload}": make(op) for name, op in names.items() for overload in overloads}


RULES: dict[str, Rule] = {
    **_table(_UNARY, _unary, "default"),
    "bitwise_not.default": _not,
    **_table(_COMPARISONS, _binary, "Tensor", "Scalar"),
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
    "logical_and.default": _plain_binary(comparison.LogicalAnd),
    "bitwise_and.Tensor": _both(comparison.LogicalAnd), "__and__.Tensor": _both(comparison.LogicalAnd),
    "logical_or.default": _plain_binary(comparison.LogicalOr),
    "bitwise_or.Tensor": _both(comparison.LogicalOr), "__or__.Tensor": _both(comparison.LogicalOr),
    "clamp.default": _clamp, "clamp.Tensor": _clamp, "clamp_min.default": _clamp, "clamp_max.default": _clamp,
    "gelu.default": _gelu, "prelu.default": _prelu, "glu.default": _glu,
    "leaky_relu.default": lambda site: site.emit(activation.LeakyRelu(site["negative_slope"]), site["self"]),
    "elu.default": lambda site: site.emit(activation.Elu(site["alpha"]), site["self"]),
    "celu.default": lambda site: site.emit(activation.Celu(site["alpha"]), site["self"]),
    "hardshrink.default": _hardshrink, "softshrink.default": _softshrink,
    "hardtanh.default": _hardtanh,
    "softplus.default": lambda site: site.emit(activation.Softplus(site["beta"], site["threshold"]), site["self"]),
    "threshold.default": lambda site: site.emit(activation.Threshold(site["threshold"], site["value"]), site["self"]),
    "softmax.int": _in_dtype(activation.Softmax), "log_softmax.int": _in_dtype(activation.LogSoftmax),
    "where.self": _where, "where.ScalarOther": _where, "where.ScalarSelf": _where,
    "where.Scalar": _where,
    "masked_fill.Scalar": _masked_fill, "masked_fill.Tensor": _masked_fill,
    "to.dtype": _to, "to.dtype_layout": _to, "to.device": _to, "to.other": _to, "_to_copy.default": _to,
    "type_as.default": _to,
    "clone.default": _same, "detach.default": lambda site: site.emit(
        arithmetic.Detach(), site["self"]), "alias.default": _same,
    "lift_fresh_copy.default": _same, "positive.default": _same,
    "addcmul.default": _addcmul, "copy.default": _copy,
    "cumsum.default": _in_dtype(arithmetic.Cumsum),
    "gather.default": lambda site: site.emit(arithmetic.Gather(site["dim"]), site["self"], site["index"]),
    "one_hot.default": _one_hot,
}  # fmt: skip
