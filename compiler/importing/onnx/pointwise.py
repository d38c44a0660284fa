"""Rules for what is computed element by element: activations, arithmetic, comparisons, choices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from graphwright.compiler.importing.onnx import patterns
from graphwright.compiler.importing.onnx.call import DTYPES, Call, Unsupported, Value
from graphwright.compiler.importing.onnx.folding import Known
from graphwright.compiler.ops import activation as A
from graphwright.compiler.ops import arithmetic as M
from graphwright.compiler.ops import comparison as C
from graphwright.compiler.ops.op import FLOATING, Op
from graphwright.compiler.ops.random import Dropout
from graphwright.compiler.ops.shape import Flatten, Reshape

RuleMaker = Callable[[Call], str]


def plain(op: Callable[[], Op]) -> RuleMaker:
    """An op of one input without arguments."""
    return lambda call: call.add(op(), call.value(0))


def with_(op: Callable[..., Op], **attributes: tuple[str, Any]) -> RuleMaker:
    """An op of one input whose arguments are attributes: `argument=(attribute, its default in ONNX)`."""

    def rule(call: Call) -> str:
        return call.add(op(**{k: call.attribute(*v) for k, v in attributes.items()}), call.value(0))

    return rule


def formula(text: str, **attributes: float) -> RuleMaker:
    """An expression of the input `x`, with attributes (and their defaults in ONNX) written in."""

    def rule(call: Call) -> str:
        return call.formula(text.format(**{k: call.attribute(k, v) for k, v in attributes.items()}), x=call.value(0))

    return rule


# -- activations ----------------------------------------------------------------------------------
def fixed(op: Callable[[], Op], **attributes: float) -> RuleMaker:
    """An activation whose attributes have one value only."""

    def rule(call: Call) -> str:
        for name, value in attributes.items():
            if abs(call.attribute(name, value) - value) > 1e-6:
                raise Unsupported(f"{name}={call.attribute(name)} has no counterpart; only {value} has")
        return call.add(op(), call.value(0))

    return rule


def hard_sigmoid(call: Call) -> str:
    """HardSigmoid; torch's has the slope 1/6."""
    alpha, beta, x = call.attribute("alpha", 0.2), call.attribute("beta", 0.5), call.value(0)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return call.add(A.Hardsigmoid(), x)
    return call.formula(f"min(max({alpha} * x + {beta}, 0), 1)", x=x)


def clip(call: Call) -> str:
    """Clip; its usual bounds have names."""
    x = call.value(0)
    low, high = (
        call.numbers(k, "a bound")[0] if call.has(k) else call.attribute(name)
        for k, name in ((1, "min"), (2, "max"))
    )  # fmt: skip
    low, high = (None if v is None or abs(v) > 3e38 else v for v in (low, high))
    if call.type_of(x).dtype not in FLOATING:
        text = "x" if low is None else f"max(x, {low})"
        return call.formula(text if high is None else f"min({text}, {high})", x=x)
    if low == 0 and high in (None, 6):
        return call.add(A.Relu() if high is None else A.Relu6(), x)
    if low is None and high is None:
        return call.add(A.Identity(), x)
    return call.add(M.Clamp(_float(low), _float(high)), x)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def softmax(call: Call, op: Callable[[int], Op]) -> str:
    """Softmax and LogSoftmax; before version 13 of the operators, over all dimensions from `axis` on."""
    x = call.value(0)
    kind = call.type_of(x)
    axis = int(call.attribute("axis", -1 if call.opset >= 13 else 1))
    if call.opset >= 13 or axis % kind.rank == kind.rank - 1:
        return call.add(op(axis), x)
    flat = call.add(op(-1), call.add(Flatten(axis), x))
    return call.add(Reshape(kind.shape), flat)


def dropout(call: Call) -> str:
    """Dropout; the file holds the model for inference, and training drops again."""
    p = call.numbers(1, "the ratio")[0] if call.has(1) else call.attribute("ratio", 0.5)
    return call.add(Dropout(float(p)), call.value(0))


# -- arithmetic -----------------------------------------------------------------------------------
def _operands(call: Call) -> tuple[str | None, str | None, Any, Any]:
    """Both inputs as values, or None and the number where one is a number that broadcasts to the other."""
    ranks = [call.type(k).rank for k in (0, 1)]
    right = call.number(1, ranks[0])
    left = None if right is not None else call.number(0, ranks[1])
    return (None if left is not None else call.value(0), None if right is not None else call.value(1), left, right)


def binary(text: str, op: Callable[[], Op], scalar: Callable[[float], Op] | None = None) -> RuleMaker:
    """A function of two values: an op, `scalar` where one is a number, or the expression where that says it alone."""
    symmetric = op in (M.Add, M.Mul)

    def rule(call: Call) -> str:
        if op is M.Mul and (fused := patterns.product(call)):
            return fused
        x, y, left, right = _operands(call)
        if x is not None and y is not None:
            return call.add(op(), x, y)
        if x is None and symmetric:
            x, right = y, left
        if x is None:
            return call.formula(text.format(x=_written(left), y="x"), x=str(y))
        if scalar is not None and call.type_of(x).dtype in FLOATING:
            return call.add(scalar(float(right)), x)
        return call.formula(text.format(x="x", y=_written(right)), x=x)

    return rule


def _written(number: Any) -> str:
    return f"({number})" if isinstance(number, (int, float)) and number < 0 else str(number)


def divide(call: Call) -> str:
    """Div; of integers, cut off towards zero."""
    if call.type(0).dtype in FLOATING:
        return binary("{x} / {y}", M.Div, M.Div)(call)
    sign = "((x > 0) - (x < 0)) * ((y > 0) - (y < 0))"
    return call.formula(f"(abs(x) // abs(y)) * {sign}", x=call.value(0), y=call.value(1))


def modulo(call: Call) -> str:
    """Mod, with the sign of the divisor."""
    call.refuse(fmod=0)
    return call.formula("x % y", x=call.value(0), y=call.value(1))


def power(call: Call) -> str:
    """Pow; squares and roots by name."""
    exponent = call.number(1, call.type(0).rank)
    if exponent is not None and call.type(0).dtype in FLOATING:
        named = {2: M.Square, 0.5: M.Sqrt}.get(exponent)
        return call.add(named() if named else M.Pow(float(exponent)), call.value(0))
    if (base := call.number(0, call.type(1).rank)) is not None:
        return call.formula(f"{_written(base)} ** x", x=call.value(1))
    return call.add(M.Pow(), call.value(0), call.value(1))


def extreme(op: Callable[..., Op], name: str) -> RuleMaker:
    """Max and Min of any number of values."""

    def rule(call: Call) -> str:
        ranks = [call.type(k).rank for k in range(len(call.node.input))]
        numbers = [call.number(k, max(ranks)) for k in range(len(ranks))]
        values = [call.value(k) for k, n in enumerate(numbers) if n is None]
        if not values:
            values, numbers = call.values(), []
        result = values[0]
        for other in values[1:]:
            result = call.add(op(), result, other)
        for number in (n for n in numbers if n is not None):
            if call.type_of(result).dtype in FLOATING:
                result = call.add(op(float(number)), result)
            else:  # a number as an argument is a float, and integers would become so
                result = call.formula(f"{name}(x, {number})", x=result)
        return result

    return rule


def total(call: Call) -> str:
    """Sum of any number of values."""
    return call.add(M.Add(), *call.values())


def average(call: Call) -> str:
    """Mean of any number of values."""
    values = call.values()
    return call.add(M.Div(float(len(values))), call.add(M.Add(), *values))


def cast(call: Call) -> str:
    """Cast; half precision is read as float32."""
    target = DTYPES.get(int(call.attribute("to")))
    if target is None:
        raise Unsupported(f"no dtype for the element type {call.attribute('to')}")
    return _cast(call, target)


def _cast(call: Call, target: Any) -> str:
    x = call.value(0)
    return x if call.type_of(x).dtype == target else call.add(M.Cast(target), x)


def cast_like(call: Call) -> Value:
    """CastLike."""
    target, known = call.type(1).dtype, call.known(0)
    if known is not None:
        return Known(known.array.astype(target), known.source)
    return _cast(call, target)


# -- comparisons ----------------------------------------------------------------------------------
def compare(op: Callable[..., Op], mirrored: Callable[..., Op]) -> RuleMaker:
    """A comparison, with the number on either side."""

    def rule(call: Call) -> str:
        x, y, left, right = _operands(call)
        if x is not None and y is not None:
            return call.add(op(), x, y)
        return call.add(op(float(right)), x) if x is not None else call.add(mirrored(float(left)), str(y))

    return rule


def logical(op: Callable[[], Op]) -> RuleMaker:
    """Logic of two values."""
    return lambda call: call.add(op(), call.value(0), call.value(1))


def where(call: Call) -> str:
    """Where; one of the values may be a number."""
    condition = call.value(0)
    ranks = [call.type(k).rank for k in range(3)]
    floating = call.type(1).dtype in FLOATING
    other = call.number(2, max(ranks[:2])) if floating else None
    if other is not None:
        return call.add(C.Where(float(other)), condition, call.value(1))
    value = call.number(1, max(ranks[0], ranks[2])) if floating else None
    if value is not None:
        return call.add(C.Where(float(value)), call.add(C.LogicalNot(), condition), call.value(2))
    return call.add(C.Where(), condition, call.value(1), call.value(2))


ROWS: dict[str, Any] = {
    "Relu": plain(A.Relu), "Sigmoid": plain(A.Sigmoid), "Tanh": plain(A.Tanh), "Softsign": plain(A.Softsign),
    "Softplus": plain(A.Softplus), "Mish": plain(A.Mish), "HardSwish": plain(A.Hardswish),
    "LeakyRelu": with_(A.LeakyRelu, slope=("alpha", 0.01)), "Elu": with_(A.Elu, alpha=("alpha", 1.0)),
    "Celu": with_(A.Celu, alpha=("alpha", 1.0)), "Gelu": with_(A.Gelu, approximate=("approximate", "none")),
    "ThresholdedRelu": with_(A.Threshold, threshold=("alpha", 1.0)),
    "Selu": fixed(A.Selu, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875),
    "Swish": fixed(A.Silu, alpha=1.0), "HardSigmoid": hard_sigmoid, "Clip": clip,
    "Softmax": partial(softmax, op=A.Softmax), "LogSoftmax": partial(softmax, op=A.LogSoftmax), "Dropout": dropout,
    "Shrink": formula("(x - {bias}) * (x > {lambd}) + (x + {bias}) * (x < -{lambd})", bias=0.0, lambd=0.5),
    "Neg": plain(M.Neg), "Abs": plain(M.Abs), "Sign": plain(M.Sign), "Exp": plain(M.Exp), "Log": plain(M.Log),
    "Sqrt": plain(M.Sqrt), "Reciprocal": plain(M.Reciprocal), "Sin": plain(M.Sin), "Cos": plain(M.Cos),
    "Erf": plain(M.Erf), "Floor": plain(M.Floor), "Ceil": plain(M.Ceil), "Round": plain(M.Round),
    "Tan": formula("sin(x) / cos(x)"), "Sinh": formula("(exp(x) - exp(-x)) / 2"),
    "Cosh": formula("(exp(x) + exp(-x)) / 2"),
    "Add": binary("{x} + {y}", M.Add, M.Add), "Sub": binary("{x} - {y}", M.Sub, M.Sub),
    "Mul": binary("{x} * {y}", M.Mul, M.Scale), "Div": divide, "Mod": modulo, "Pow": power,
    "Max": extreme(M.Maximum, "max"), "Min": extreme(M.Minimum, "min"), "Sum": total, "Mean": average,
    "Cast": cast, "CastLike": cast_like,
    "Greater": compare(C.Gt, C.Lt), "GreaterOrEqual": compare(C.Ge, C.Le), "Less": compare(C.Lt, C.Gt),
    "LessOrEqual": compare(C.Le, C.Ge), "Equal": compare(C.Eq, C.Eq),
    "And": logical(C.LogicalAnd), "Or": logical(C.LogicalOr), "Xor": logical(C.Ne),
    "Not": plain(C.LogicalNot), "Where": where,
}  # fmt: skip
