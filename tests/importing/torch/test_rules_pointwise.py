"""Each row for activations, arithmetic and comparison, against the operation itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from graphwright.compiler.importing.torch.rules import pointwise
from tests.importing.torch.parity import Case, case, floats, integers, truths

aten = torch.ops.aten
X, Y = floats(2, 3, 4), floats(2, 3, 4, seed=1)
POSITIVE = floats(2, 3, 4, seed=2).abs() + 0.1
INT, OTHER = integers(2, 3, 4), integers(2, 3, 4, seed=1) + 1
MASK, MASK2 = truths(2, 3, 4), truths(2, 3, 4, seed=1)
HALF = torch.tensor(0.5)


def unary(row: str, *inputs: torch.Tensor) -> Case:
    return case(f"{row}.default", getattr(aten, row).default, *inputs)


def comparison(name: str) -> list[Case]:
    compare = getattr(torch, name)
    raw = getattr(aten, name)
    return [
        case(f"{name}.Tensor", lambda x, y, i: (compare(x, y), compare(i, x), raw.Tensor(x, HALF)), X, Y, INT),
        case(f"{name}.Scalar", lambda x, i: (compare(x, 0.25), compare(i, 2), compare(i, 1.5)), X, INT),
    ]


def gate(x: torch.Tensor) -> torch.Tensor:
    return x.sigmoid()


def copied(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = x * 2
    x.copy_(y)
    return x + 1


def copied_part(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = x * 2
    x[:, 1:] = y[:, 1:]
    return x


def detached(x: torch.Tensor) -> torch.Tensor:
    y = x * 3
    return y.detach() * x


CASES = [
    *(unary(row, X) for row in (
        "relu", "relu6", "silu", "mish", "selu", "sigmoid", "tanh", "hardsigmoid", "hardswish", "log_sigmoid", "neg",
        "abs", "sign", "exp", "square", "reciprocal", "sin", "cos", "erf", "ceil", "round",
    )),
    *(unary(row, POSITIVE) for row in ("log", "sqrt", "rsqrt")),
    case("neg.default", lambda x, i: (-x, -i), X, INT),
    case("abs.default", lambda i: i.abs(), INT - 2),
    case("logical_not.default", lambda m, i: (~m, torch.logical_not(i), torch.logical_not(m)), MASK, INT),
    case("bitwise_not.default", lambda m: ~m, MASK),
    *(c for name in ("gt", "ge", "lt", "le", "eq", "ne") for c in comparison(name)),
    case("add.Tensor", lambda x, y, i: (
        x + y, x + 2, 2.5 + x, x + i, i + x, i + 1, 3 - (-i), i + 1.5, x + x,
        torch.add(x, 2, alpha=3), torch.add(i, i, alpha=2), x + HALF, HALF + x, i + HALF, x + y[:1], x + 0, i + 0.0,
    ), X, Y, INT),
    case("add.Tensor", lambda x, y: torch.add(x, y, alpha=0.3), X, Y, near=1e-6),
    case("add.Scalar", lambda x, i: (aten.add.Scalar(x, 2), aten.add.Scalar(x, 2, 3), aten.add.Scalar(i, 2)), X, INT),
    case("sub.Tensor", lambda x, y, i: (
        x - y, x - 2, x - 0.5, i - 3, i - 0.5, x - i, torch.sub(x, y, alpha=2), torch.sub(x, 2, alpha=3), HALF - x,
        torch.sub(i, i, alpha=2), x - HALF, x - y[:, :1],
    ), X, Y, INT),
    case("sub.Scalar", lambda x, i: (aten.sub.Scalar(x, 2), aten.sub.Scalar(i, 2, 3)), X, INT),
    case("rsub.Scalar", lambda x, i: (
        1 - x, 0.5 - x, 2 - i, 0.5 - i, torch.rsub(x, 3, alpha=2), aten.rsub.Scalar(i, 3, 2),
    ), X, INT),
    case("rsub.Tensor", lambda x, y: (torch.rsub(x, y), torch.rsub(x, y, alpha=2), torch.rsub(x, HALF)), X, Y),
    case("mul.Tensor", lambda x, y, i, m: (
        x * y, x * 2, 0.5 * x, i * 3, i * 0.5, x * i, i * x, x * HALF, HALF * x, i * HALF, x * m, m * x, x * 1, i * 1.0,
        x * y[:, :1], m * 2,
    ), X, Y, INT, MASK),
    case("mul.Scalar", lambda x, i: (aten.mul.Scalar(x, 2), aten.mul.Scalar(i, 3)), X, INT),
    case("multiply.Tensor", lambda x, y: torch.multiply(x, y), X, Y),
    case("div.Tensor", lambda x, y, i, j: (
        x / y, x / 3, i / 2, i / j, x / j, 1 / y, 2 / j, x / HALF, HALF / x, x / 1, i / 1, 1.5 / x,
    ), X, Y, INT, OTHER),
    case("div.Scalar", lambda x, i: (aten.div.Scalar(x, 3), aten.div.Scalar(i, 3)), X, INT),
    case("div.Tensor_mode", lambda x, y, i, j: (
        torch.div(i, 2, rounding_mode="floor"), torch.div(i - 3, j, rounding_mode="floor"),
        torch.div(x, y, rounding_mode="floor"), torch.div(x, 0.3, rounding_mode="floor"),
        torch.div(x, y, rounding_mode=None), torch.div(i, j, rounding_mode=None),
    ), X, Y, INT, OTHER, smooth=False),
    case("div.Scalar_mode", lambda x, i: (
        aten.div.Scalar_mode(i - 3, 2, rounding_mode="floor"), aten.div.Scalar_mode(x, 0.3, rounding_mode="floor"),
    ), X, INT, smooth=False),
    case("divide.Tensor", lambda x, y: torch.divide(x, y), X, Y),
    case("true_divide.Tensor", lambda x, i: (torch.true_divide(x, i), torch.true_divide(i, i)), X, OTHER),
    case("floor_divide.default", lambda x, y, i, j: (
        (i - 3) // 2, (i - 3) // j, x // 0.7, x // y, torch.floor_divide(x, HALF),
    ), X, Y, INT, OTHER, smooth=False),
    case("remainder.Scalar", lambda x, i: (x % 0.7, (i - 3) % 2, i % 1.5), X, INT),
    case("remainder.Tensor", lambda x, p, i, j: (x % p, (i - 3) % j, x % HALF), X, POSITIVE, INT, OTHER),
    case("pow.Tensor_Scalar", lambda x, p, i: (
        x**2, x**3, p**0.5, p**-0.5, p**-1, i**2, p**1.7, x**1, x**0, i**2.0,
    ), X, POSITIVE, INT),
    case("pow.Scalar", lambda x, i: (2**x, 0.5**x, 2**i, 2.0**i), X, INT),
    case("pow.Tensor_Tensor", lambda p, y, i: (p**y, p**i, torch.pow(p, HALF), i**i), POSITIVE, Y, INT),
    case("maximum.default", lambda x, y, i: (
        torch.maximum(x, y), torch.maximum(x, HALF), torch.maximum(i, i * 2), torch.maximum(x, i), torch.maximum(HALF,
            x),
    ), X, Y, INT),
    case("minimum.default", lambda x, y, i: (
        torch.minimum(x, y), torch.minimum(x, HALF), torch.minimum(i, torch.tensor(2)), torch.minimum(i, x),
    ), X, Y, INT),
    case("max.other", lambda x, y: torch.max(x, y), X, Y),
    case("min.other", lambda x, y: torch.min(x, y), X, Y),
    case("logical_and.default", lambda m, n, i: (torch.logical_and(m, n), torch.logical_and(i, m)), MASK, MASK2, INT),
    case("bitwise_and.Tensor", lambda m, n: torch.bitwise_and(m, n), MASK, MASK2),
    case("__and__.Tensor", lambda m, n: m & n, MASK, MASK2),
    case("logical_or.default", lambda m, n, i: (torch.logical_or(m, n), torch.logical_or(i, m)), MASK, MASK2, INT),
    case("bitwise_or.Tensor", lambda m, n: torch.bitwise_or(m, n), MASK, MASK2),
    case("__or__.Tensor", lambda m, n: m | n, MASK, MASK2),
    case("clamp.default", lambda x, i: (
        x.clamp(-0.5, 0.5), x.clamp(min=0), x.clamp(max=1), i.clamp(1, 3), i.clamp(min=2),
    ), X, INT),
    case("clamp.Tensor", lambda x, y: (
        torch.clamp(x, y - 1, y + 1), torch.clamp(x, min=y), torch.clamp(x, max=HALF), torch.clamp(x, HALF, y),
    ), X, Y),
    case("clamp_min.default", lambda x, i: (torch.clamp_min(x, 0.1), torch.clamp_min(i, 2)), X, INT),
    case("clamp_max.default", lambda x, i: (torch.clamp_max(x, 0.1), torch.clamp_max(i, 2)), X, INT),
    case("gelu.default", lambda x: (F.gelu(x), F.gelu(x, approximate="tanh")), X),
    case("prelu.default", nn.PReLU(3), X),
    case("prelu.default", nn.PReLU(), X),
    case("prelu.default", lambda x, y: F.prelu(x, y[0, :, 0]), X, Y),
    case("glu.default", lambda x: (F.glu(x), F.glu(x[:, :2], 1), F.glu(x, -1)), X),
    case("leaky_relu.default", lambda x: (F.leaky_relu(x), F.leaky_relu(x, 0.3)), X),
    case("elu.default", lambda x: (F.elu(x), F.elu(x, 0.7)), X),
    case("celu.default", lambda x: (F.celu(x), F.celu(x, 0.7)), X),
    case("hardtanh.default", lambda x: (F.hardtanh(x), F.hardtanh(x, -0.3, 0.2), F.relu6(3 * x)), X),
    case("hardshrink.default", lambda x: (F.hardshrink(x), F.hardshrink(x, 1.0)), X),
    case("softshrink.default", lambda x: (F.softshrink(x), F.softshrink(x, 1.0)), X),
    case("softplus.default", lambda x: (F.softplus(x), F.softplus(x, 2.0, 0.5)), X),
    case("threshold.default", lambda x: F.threshold(x, 0.2, -3.0), X),
    case("softmax.int", lambda x, i: (
        x.softmax(-1), x.softmax(1), x.softmax(0), x.softmax(-1, dtype=torch.float64), i.softmax(-1,
            dtype=torch.float32),
        x.softmax(-1, dtype=torch.float32),
    ), X, INT),
    case("log_softmax.int", lambda x: (x.log_softmax(-1), x.log_softmax(1, dtype=torch.float64)), X),
    case("where.self", lambda m, x, y: (
        torch.where(m, x, y), torch.where(m, x, HALF), torch.where(m, HALF, y), torch.where(m, x, y[:, :1]),
        torch.where(x > 0, x, 0.0), torch.where(x > 0, -1.0, x),
    ), MASK, X, Y),
    case("where.ScalarOther", lambda m, x: torch.where(m, x, 0.3), MASK, X),
    case("where.Scalar", lambda m, x: (torch.where(m, 1.0, 0.0), torch.where(x > 0, 2, -3)), MASK, X),
    case("where.ScalarSelf", lambda m, x: torch.where(m, 0.3, x), MASK, X),
    case("masked_fill.Scalar", lambda x, m, i: (
        x.masked_fill(m, -1e9), x.masked_fill(m, float("-inf")), i.masked_fill(m, 7), x.masked_fill(m[:, :1], 2),
        x.masked_fill(torch.ones(3, 4).tril() == 0, 0),
    ), X, MASK, INT),
    case("masked_fill.Tensor", lambda x, m: (x.masked_fill(m, HALF), x.masked_fill(m, x.sum())), X, MASK),
    case("to.dtype", lambda x, i, m: (
        x.to(torch.float64), i.to(torch.float32), m.float(), x.long(), x.half().float(), x.to(torch.float32), i.bool(),
        x.bfloat16(), m.int(), x.double(),
    ), X, INT, MASK),
    case("to.dtype_layout", lambda x, i: (
        x.to(device="cpu", dtype=torch.float64), i.to(x), aten.to.dtype_layout(i, dtype=torch.float32),
    ), X, INT),
    case("to.device", lambda x: x.to("cpu", torch.float64), X),
    case("to.other", lambda x, i: (aten.to.other(i, x), aten.to.other(x, i)), X, INT),
    case("_to_copy.default", lambda x: (aten._to_copy(x, dtype=torch.float64), aten._to_copy(x)), X),
    case("type_as.default", lambda x, i: (i.type_as(x), x.type_as(x)), X, INT),
    case("clone.default", lambda x: (x.clone(), x.clone(memory_format=torch.contiguous_format) + 1), X),
    case("detach.default", detached, X),
    case("detach.default", lambda x: (x * 2).detach_() * x, X),
    case("alias.default", lambda x: aten.alias(x) * 2, X),
    case("lift_fresh_copy.default", lambda x: aten.lift_fresh_copy(x) + 1, X),
    case("positive.default", lambda x: +x, X),
    case("addcmul.default", lambda x, y: (torch.addcmul(x, y, x), torch.addcmul(x, y, y, value=0.3)), X, Y, near=2e-6),
    case("copy.default", copied, X, Y),
    case("copy.default", copied_part, X, Y),
    case("cumsum.default", lambda x, i, m: (
        x.cumsum(-1), x.cumsum(1), x.cumsum(0, dtype=torch.float64), i.cumsum(1), m.cumsum(1), m.cumsum(1,
            dtype=torch.float32),
    ), X, INT, MASK),
    case("gather.default", lambda x, i: (x.gather(1, i[:, :2] % 3), x.gather(-1, i % 4)), X, INT),
    case("one_hot.default", lambda i: F.one_hot(i, 5), INT),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=str)
def test_a_row_computes_what_torch_does(row: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row.check(monkeypatch, tmp_path)


def test_every_row_has_a_case() -> None:
    assert pointwise.RULES.keys() - {c.row for c in CASES} == set()
