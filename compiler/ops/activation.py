"""Activations: elementwise non-linear functions, and softmax over one dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn
from torch.nn import functional as F

from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, arg, pointwise

FAMILY = "activation"

Relu = pointwise("relu", F.relu, "`max(x, 0)`; torch.nn.functional.relu.", FAMILY, takes="real")
Relu6 = pointwise("relu6", F.relu6, "`min(max(x, 0), 6)`; torch.nn.functional.relu6.", FAMILY, 2, takes="ordered")
Silu = pointwise(
    "silu", F.silu, "`x sigmoid(x)`, also called swish; torch.nn.functional.silu.", FAMILY, 4, takes="float"
)
Mish = pointwise("mish", F.mish, "`x tanh(log(1 + exp(x)))`; torch.nn.functional.mish.", FAMILY, 6, takes="float")
Sigmoid = pointwise("sigmoid", F.sigmoid, "`1 / (1 + exp(-x))`; torch.sigmoid.", FAMILY, 4)
Tanh = pointwise("tanh", F.tanh, "`(exp(x) - exp(-x)) / (exp(x) + exp(-x))`; torch.tanh.", FAMILY, 4)
Selu = pointwise(
    "selu",
    F.selu,
    "`1.0507 (max(x, 0) + min(1.67326 (exp(x) - 1), 0))`; torch.nn.functional.selu.",
    FAMILY,
    4,
    takes="ordered",
)
Hardsigmoid = pointwise(
    "hardsigmoid",
    F.hardsigmoid,
    "`min(max(x + 3, 0), 6) / 6`; torch.nn.functional.hardsigmoid.",
    FAMILY,
    4,
    takes="float",
)
Hardswish = pointwise(
    "hardswish", F.hardswish, "`x min(max(x + 3, 0), 6) / 6`; torch.nn.functional.hardswish.", FAMILY, 5, takes="float"
)
Softsign = pointwise(
    "softsign", F.softsign, "`x / (1 + |x|)`; torch.nn.functional.softsign.", FAMILY, 3, takes="number"
)
LogSigmoid = pointwise(
    "log_sigmoid", F.logsigmoid, "`log(1 / (1 + exp(-x)))`; torch.nn.functional.logsigmoid.", FAMILY, 5, takes="float"
)


@dataclass(frozen=True)
class Identity(Op, name="identity", family=FAMILY, flops=0, keeps=True):
    """`x`, unchanged; holds a place that an edit or a selector can name."""

    def forward(self, x: Any) -> Any:
        return x


@dataclass(frozen=True)
class Gelu(Op, name="gelu", ports="x:float", family=FAMILY, flops=8, keeps=True):
    """`x Phi(x)`, with the normal distribution exact or by its tanh approximation; torch.nn.functional.gelu."""

    approximate: Literal["none", "tanh"] = arg("none", "'tanh' for the approximation of the original paper")

    def forward(self, x: Any) -> Any:
        return F.gelu(x, approximate=self.approximate)


@dataclass(frozen=True)
class LeakyRelu(Op, name="leaky_relu", ports="x:ordered", family=FAMILY, flops=2, keeps=True):
    """`x` where positive, else `slope x`; torch.nn.functional.leaky_relu."""

    slope: float = arg(0.01, "factor of negative values")

    def forward(self, x: Any) -> Any:
        return F.leaky_relu(x, self.slope)


@dataclass(frozen=True)
class Elu(Op, name="elu", ports="x:ordered", family=FAMILY, flops=4, keeps=True):
    """`x` where positive, else `alpha (exp(x) - 1)`; torch.nn.functional.elu."""

    alpha: float = arg(1.0, "minus the limit for very negative values")

    def forward(self, x: Any) -> Any:
        return F.elu(x, self.alpha)


@dataclass(frozen=True)
class Celu(Op, name="celu", ports="x:ordered", family=FAMILY, flops=5, keeps=True):
    """`max(x, 0) + min(alpha (exp(x / alpha) - 1), 0)`; torch.nn.functional.celu."""

    alpha: float = arg(1.0, "minus the limit for very negative values")

    def check(self, x: Type) -> str | None:
        return None if self.alpha else "celu divides by alpha, which cannot be 0"

    def forward(self, x: Any) -> Any:
        return F.celu(x, self.alpha)


@dataclass(frozen=True)
class Hardtanh(Op, name="hardtanh", ports="x:ordered", family=FAMILY, flops=2, keeps=True):
    """`min(max(x, min), max)`; torch.nn.functional.hardtanh."""

    min: float = arg(-1.0, "lowest value")
    max: float = arg(1.0, "highest value")

    def forward(self, x: Any) -> Any:
        return F.hardtanh(x, self.min, self.max)


@dataclass(frozen=True)
class Softplus(Op, name="softplus", ports="x:ordered", family=FAMILY, flops=5, keeps=True):
    """`log(1 + exp(beta x)) / beta`, and `x` itself where `beta x > threshold`; torch.nn.functional.softplus."""

    beta: float = arg(1.0, "sharpness")
    threshold: float = arg(20.0, "where the function is taken as linear")

    def check(self, x: Type) -> str | None:
        return None if self.beta else "softplus: beta=0 divides by 0"

    def forward(self, x: Any) -> Any:
        return F.softplus(x, self.beta, self.threshold)


@dataclass(frozen=True)
class Threshold(Op, name="threshold", ports="x:real", family=FAMILY, flops=1, keeps=True):
    """`x` where `x > threshold`, else `value`; torch.nn.functional.threshold."""

    threshold: float = arg(doc="values up to this one are replaced")
    value: float = arg(0.0, "the replacement")

    def forward(self, x: Any) -> Any:
        return F.threshold(x, self.threshold, self.value)


@dataclass(frozen=True)
class Prelu(Op, name="prelu", family=FAMILY, flops=2):
    """`x` where positive, else `weight x` with a learned slope, one or one per channel (dim 1); torch.nn.PReLU."""

    parameters: int = arg(1, "number of slopes: 1, or the number of channels", min=1)

    def check(self, x: Type) -> str | None:
        channels = x.shape[1] if x.rank > 1 else 1
        if self.parameters != 1 and isinstance(channels, int) and channels != self.parameters:
            return f"prelu: {self.parameters} slopes for {channels} channels; give 1 or {channels}"
        return None

    def module(self, x: Type) -> nn.Module:
        return nn.PReLU(self.parameters, device="meta")


def _along(name: str, x: Type, dim: int) -> str | None:
    """The complaint about a dimension that `x` does not have."""
    rank = max(x.rank, 1)
    return None if -rank <= dim < rank else f"{name}: dim {dim} does not exist in {x}"


@dataclass(frozen=True)
class Softmax(Op, name="softmax", ports="x:float", family=FAMILY, flops=5):
    """`exp(x_i) / sum_j exp(x_j)` over one dimension; torch.softmax."""

    dim: int = arg(-1, "the dimension that sums to one")

    def check(self, x: Type) -> str | None:
        return _along(self.name, x, self.dim)

    def forward(self, x: Any) -> Any:
        return F.softmax(x, dim=self.dim)


@dataclass(frozen=True)
class LogSoftmax(Op, name="log_softmax", ports="x:float", family=FAMILY, flops=5):
    """`x_i - log sum_j exp(x_j)` over one dimension; torch.log_softmax."""

    dim: int = arg(-1, "the dimension whose exponentials sum to one")

    def check(self, x: Type) -> str | None:
        return _along(self.name, x, self.dim)

    def forward(self, x: Any) -> Any:
        return F.log_softmax(x, dim=self.dim)


@dataclass(frozen=True)
class Glu(Op, name="glu", ports="x:float", family=FAMILY, flops=5):
    """`a sigmoid(b)` for the halves a, b of `x` along one dimension; torch.nn.functional.glu."""

    dim: int = arg(-1, "the dimension that is halved")

    def check(self, x: Type) -> str | None:
        size = x.shape[self.dim] if -x.rank <= self.dim < x.rank else 2
        if isinstance(size, int) and size % 2:
            return f"glu: dim {self.dim} of {x} has odd size {size} and cannot be halved"
        return None

    def forward(self, x: Any) -> Any:
        return F.glu(x, dim=self.dim)
