"""Frozen rules of functions of one number: `phi(z) -> slope(x) z + constant`, exact at z = x.

The slope is the secant through `phi(0)`, `(phi(x) - phi(0)) / x`, in a closed form that is accurate at every x, also
near 0; where `phi(0) = 0` it is the gate, as in `gelu(x) = Phi(x) x`. Slopes are expressions in `x`, as in `formula`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graphwright.compiler.ops import activation, arithmetic
from graphwright.compiler.ops.op import Op

Secant = tuple[str, float]

#: `(exp(x) - 1) / x`, without cancellation.
_EXPM1 = "(exp({u}) + 1) * tanh(({u}) / 2) / ({u})"
#: `(softplus(x) - log 2) / x`: a series near 0.
_SOFTPLUS = (
    "(0.5 + ({u}) / 8 - ({u}) ** 3 / 192 + ({u}) ** 5 / 2880 if abs({u}) < 0.02"
    " else (max({u}, 0) + log(1 + exp(-abs({u}))) - 0.6931471805599453) / ({u}))"
)
_SQRT_HALF, _GELU = math.sqrt(0.5), math.sqrt(2 / math.pi)


def _gelu(op: Any) -> Secant:
    if op.approximate == "tanh":
        return f"0.5 * (1 + tanh({_GELU!r} * (x + 0.044715 * x * x * x)))", 0.0
    return f"0.5 * (1 + erf(x * {_SQRT_HALF!r}))", 0.0


def _elu(scale: float, alpha: float, width: float = 1.0) -> Secant:
    """`scale x` where positive, else `scale alpha (exp(x / width) - 1)`."""
    below = f"{scale * alpha / width!r} * ({_EXPM1.format(u=f'x / {width!r}')})"
    return f"{scale!r} if x > 0 else ({scale * alpha / width!r} if x == 0 else {below})", 0.0


def _softplus(op: Any) -> Secant:
    start = math.log(2) / op.beta
    inner = _SOFTPLUS.format(u=f"{op.beta!r} * x")
    return f"(x - {start!r}) / x if {op.beta!r} * x > {op.threshold!r} else {inner}", start


def _power(op: Any) -> Secant | None:
    if op.other is None or op.other <= 0:
        return None
    slope = "x" if op.other == 2 else f"x ** {op.other - 1!r}"
    return (slope if op.other >= 1 else f"{slope} if x > 0 else 0"), 0.0


#: Per op class, the slope and `phi(0)`; `None` where the arguments leave no such rule.
SECANTS: dict[type[Op], Callable[[Any], Secant | None]] = {
    activation.Gelu: _gelu,
    activation.Silu: lambda op: ("sigmoid(x)", 0.0),
    activation.Mish: lambda op: ("tanh(max(x, 0) + log(1 + exp(-abs(x))))", 0.0),
    activation.Hardswish: lambda op: ("min(max(x + 3, 0), 6) / 6", 0.0),
    activation.Tanh: lambda op: ("tanh(x) / x if x != 0 else 1", 0.0),
    activation.Sigmoid: lambda op: ("tanh(x / 2) / (2 * x) if x != 0 else 0.25", 0.5),
    activation.Softsign: lambda op: ("1 / (1 + abs(x))", 0.0),
    activation.Elu: lambda op: _elu(1.0, op.alpha),
    activation.Celu: lambda op: _elu(1.0, op.alpha, op.alpha),
    activation.Selu: lambda op: _elu(1.0507009873554804934193349852946, 1.6732632423543772848170429916717),
    activation.Softplus: _softplus,
    activation.LogSigmoid: lambda op: (_SOFTPLUS.format(u="-x"), -math.log(2)),
    arithmetic.Square: lambda op: ("x", 0.0),
    arithmetic.Abs: lambda op: ("(x > 0) - (x < 0)", 0.0),
    arithmetic.Exp: lambda op: (f"{_EXPM1.format(u='x')} if x != 0 else 1", 1.0),
    arithmetic.Sin: lambda op: ("sin(x) / x if x != 0 else 1", 0.0),
    arithmetic.Cos: lambda op: ("-2 * sin(x / 2) * sin(x / 2) / x if x != 0 else 0", 1.0),
    arithmetic.Erf: lambda op: (f"erf(x) / x if x != 0 else {2 / math.sqrt(math.pi)!r}", 0.0),
    arithmetic.Sqrt: lambda op: ("1 / sqrt(x) if x > 0 else 0", 0.0),
    arithmetic.Pow: _power,
}
