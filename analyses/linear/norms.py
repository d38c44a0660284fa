"""Frozen normalisations: the scale is a decision. Centring stays linear (`sigma`) or is a bias source (`musigma`).

Usual: `musigma` for instance norm, as in arXiv:1908.05168; `sigma` elsewhere, which adds no bias. Both are exact.
Batch norm in inference is affine; it is one multiplication and one addition here.
"""

from __future__ import annotations

from typing import Any

from graphwright.analyses.linear.lanes import Lanes
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops import norm
from graphwright.compiler.ops.arithmetic import Add, Div, Maximum, Mul, Square, Sub
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.pooling import AvgPool2d
from graphwright.compiler.ops.reduce import Mean, Norm, Var
from graphwright.compiler.ops.shape import Flatten, Pad, Squeeze, Unflatten, Unsqueeze

RULES: tuple[type[Op], ...] = (
    norm.BatchNorm, norm.InstanceNorm, norm.LayerNorm, norm.RmsNorm, norm.GroupNorm, norm.Normalize,
    norm.LocalResponseNorm,
)  # fmt: skip


def fits(lanes: Lanes, node: Node) -> str | None:
    if isinstance(node.op, norm.BatchNorm) and not node.op.track:
        return "without running statistics it mixes the samples of a batch"
    return None


def emit(lanes: Lanes, node: Node) -> str:
    op: Any = node.op
    rank = node.outputs[0].rank
    match op:
        case norm.BatchNorm() | norm.InstanceNorm(track=True):
            return _running(lanes, node)
        case norm.InstanceNorm():
            z = _centred(lanes, node, tuple(range(2, rank)), "musigma")
            return _affine(lanes, node, z, rank - 2)
        case norm.GroupNorm():
            return _grouped(lanes, node)
        case norm.LayerNorm():
            dims = tuple(range(-op.dims, 0)) if op.dim == -1 else (op.dim,)
            return _affine(
                lanes, node, _centred(lanes, node, dims, "sigma"), -1 - op.dim if op.dim < 0 else rank - 1 - op.dim
            )
        case norm.RmsNorm():
            return _root_mean_square(lanes, node)
        case norm.LocalResponseNorm():
            return _local_response(lanes, node)
    length = lanes.add(node, "length", Norm(op.dim, True, op.p), (lanes.x(node.reads[0]),))
    length = lanes.add(node, "length", Maximum(op.eps), (length,))
    return lanes.joint(node, "probe", Div(), {"x": lanes.z(node, node.reads[0]), "y": length})


def _running(lanes: Lanes, node: Node) -> str:
    """`x w / sqrt(v + eps)`, with `b - m w / sqrt(v + eps)` as the source."""
    z, shift = scale_and_shift(lanes, node, lanes.z(node, node.reads[0]))
    return lanes.total(node, (z, lanes.constant(node, f"{node.name}.shift", shift, node.name)))


def running(lanes: Lanes, node: Node) -> str:
    """Batch norm by its running statistics, on a probe value, source included."""
    return lanes.add(node, "probe", Add(), scale_and_shift(lanes, node, lanes.probe[node.reads[0]]))


def scale_and_shift(lanes: Lanes, node: Node, z: str) -> tuple[str, str]:
    """`z w / sqrt(v + eps)`, and `b - m w / sqrt(v + eps)` as a column."""
    op: Any = node.op
    after, eps = node.outputs[0].rank - 2, {"e": float(op.eps)}
    names = {"w": "weight", "b": "bias", "m": "running_mean", "v": "running_var"}
    have = {k: found for k, leaf in names.items() if (found := lanes.parameter(node, leaf)) is not None}
    factor = "w / sqrt(v + e)" if "w" in have else "1 / sqrt(v + e)"
    scale = lanes.formula(node, "scale", factor, eps, **{k: have[k] for k in ("w", "v") if k in have})
    shift = lanes.formula(node, "shift", ("b" if "b" in have else "0") + f" - m * {factor}", eps, **have)
    return lanes.add(node, "probe", Mul(), (z, lanes.column(node, scale, after))), lanes.column(node, shift, after)


def _centred(lanes: Lanes, node: Node, dims: tuple[int, ...], usual: str, x: str = "", z: str = "") -> str:
    """`(z - mean) / sigma` with the sigma of x, and the mean of z or, as a source, of x."""
    op: Any = node.op
    x, z = x or lanes.x(node.reads[0]), z or lanes.z(node, node.reads[0])
    variance = lanes.add(node, "variance", Var(dims, True, 0), (x,))
    inverse = lanes.formula(node, "inverse", "1 / sqrt(v + e)", {"e": float(op.eps)}, v=variance)
    norm = usual if lanes.freedom.norm == "usual" else lanes.freedom.norm
    if norm == "sigma":
        mean = lanes.add(node, "mean", Mean(dims, True), (z,))
        z = lanes.add(node, "centred", Sub(), (z, mean))
        return lanes.times(node, z, inverse)
    mean = lanes.add(node, "mean", Mean(dims, True), (x,))
    shift = lanes.formula(node, "shift", "-m * i", m=mean, i=inverse)
    return lanes.total(node, (lanes.times(node, z, inverse), lanes.constant(node, f"{node.name}.mean", shift, shift)))


def _affine(lanes: Lanes, node: Node, z: str, after: int) -> str:
    weight, bias = lanes.parameter(node, "weight"), lanes.parameter(node, "bias")
    if weight is not None:
        z = lanes.add(node, "probe", Mul(), (z, lanes.column(node, weight, after)))
    if bias is None:
        return z
    shift = lanes.column(node, bias, after)
    return lanes.total(node, (z, lanes.constant(node, f"{node.name}.bias", shift, node.name)))


def _grouped(lanes: Lanes, node: Node) -> str:
    op: Any = node.op
    channels, rank = node.outputs[0].shape[1], node.outputs[0].rank
    parts = Unflatten(1, (op.groups, channels // op.groups))
    x = lanes.add(node, "groups", parts, (lanes.x(node.reads[0]),))
    z = lanes.add(node, "groups", parts, (lanes.z(node, node.reads[0]),))
    z = _centred(lanes, node, tuple(range(2, rank + 1)), "sigma", x, z)
    return _affine(lanes, node, lanes.add(node, "joined", Flatten(1, 2), (z,)), rank - 2)


def _root_mean_square(lanes: Lanes, node: Node) -> str:
    op: Any = node.op
    square = lanes.add(node, "square", Square(), (lanes.x(node.reads[0]),))
    mean = lanes.add(node, "mean", Mean(tuple(range(-op.dims, 0)), True), (square,))
    inverse = lanes.formula(node, "inverse", "1 / sqrt(v + e)", {"e": op.epsilon(node.outputs[0])}, v=mean)
    return _affine(lanes, node, lanes.times(node, lanes.z(node, node.reads[0]), inverse), 0)


def _local_response(lanes: Lanes, node: Node) -> str:
    """`z / (k + alpha mean(x^2))^beta` with the mean over neighbouring channels of x."""
    op: Any = node.op
    mean = lanes.add(node, "flat", Flatten(2), (lanes.add(node, "square", Square(), (lanes.x(node.reads[0]),)),))
    mean = lanes.add(node, "row", Unsqueeze(1), (mean,))
    mean = lanes.add(node, "row", Pad((0, 0, op.size // 2, (op.size - 1) // 2)), (mean,))
    mean = lanes.add(node, "mean", AvgPool2d((op.size, 1), 1), (mean,))
    mean = lanes.add(node, "row", Squeeze(1), (mean,))
    if node.outputs[0].rank > 3:
        mean = lanes.add(node, "mean", Unflatten(2, node.outputs[0].shape[2:]), (mean,))
    gate = lanes.formula(node, "gate", f"({op.k!r} + {op.alpha!r} * m) ** {-op.beta!r}", m=mean)
    return lanes.times(node, lanes.z(node, node.reads[0]), gate)
