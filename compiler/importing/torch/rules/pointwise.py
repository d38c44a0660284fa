"""Activations, comparison and casts, element by element."""

from __future__ import annotations

from typing import Any

import torch

from graphwright.compiler.importing.torch.rules.arithmetic import cast_to, computed, is_real, scalar
from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.values import Constant, NoRule, State, Value
from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.ops import activation, arithmetic, comparison

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


def _binary(op: Any) -> Rule:
    def rule(site: Site) -> Value:
        number = scalar(site["other"])
        if number is None:
            return site.emit(op(), site["self"], site["other"])
        return site.emit(op(float(number)), site["self"])

    return rule


def _plain_binary(op: Any) -> Rule:
    return lambda site: site.emit(op(), site["self"], site["other"])


def _gelu(site: Site) -> Value:
    return site.emit(activation.Gelu(site["approximate"]), site["self"])


def _prelu(site: Site) -> Value:
    weight = site["weight"]
    count = site.kind_of(weight).shape[0]
    return site.layer(activation.Prelu(count), site["self"], {"weight": weight})  # type: ignore[arg-type]


def _in_dtype(op: Any) -> Rule:
    """An op along one dimension, of its input in the dtype that was asked for."""
    return lambda site: site.emit(op(site["dim"]), cast_to(site, site["self"], site["dtype"]))


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
    "logical_and.default": _plain_binary(comparison.LogicalAnd),
    "bitwise_and.Tensor": _both(comparison.LogicalAnd), "__and__.Tensor": _both(comparison.LogicalAnd),
    "logical_or.default": _plain_binary(comparison.LogicalOr),
    "bitwise_or.Tensor": _both(comparison.LogicalOr), "__or__.Tensor": _both(comparison.LogicalOr),
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
    "lift_fresh_copy.default": _same, "positive.default": _same, "copy.default": _copy,
    "cumsum.default": _in_dtype(arithmetic.Cumsum),
    "gather.default": lambda site: site.emit(arithmetic.Gather(site["dim"]), site["self"], site["index"]),
    "one_hot.default": _one_hot,
}  # fmt: skip
