"""Frozen rules of what is pooled over windows and dimensions: extremes are picked, powers are weighted sums."""

from __future__ import annotations

from typing import Any

from graphwright.analyses.linear.lanes import Lanes
from graphwright.analyses.linear.rule import Values
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops import arithmetic, reduce, shape
from graphwright.compiler.ops import pooling as pools
from graphwright.compiler.ops.op import Op, spread


def max_pool(lanes: Lanes, node: Node) -> Values:
    """The probe's elements where lane 0 has its maxima."""
    op: Any = node.op
    if isinstance(op, pools.AdaptiveMaxPool2d):
        positions: Op = pools.MaxPositions(size=op.size)
    else:
        positions = pools.MaxPositions(op.kernel, op.stride, op.padding, op.ceil, op.dilation)
    rank = node.outputs[0].rank
    index = lanes.add(node, "positions", positions, (lanes.x(node.reads[0]),))
    index, z = lanes.spread(node, index), lanes.z(node, node.reads[0])
    if rank > 3:
        index, z = (lanes.add(node, "flat", shape.Flatten(2), (v,)) for v in (index, z))
    found = lanes.add(node, "probe", arithmetic.Gather(2), {"x": z, "index": index})
    if rank == 3:
        return found
    return lanes.add(node, "probe", shape.Unflatten(2, node.outputs[0].shape[2:]), (found,))


def largest(lanes: Lanes, node: Node) -> Values:
    """`max` and `min` over dimensions: the probe's element where lane 0 has its extreme."""
    op: Any = node.op
    rank = lanes.type(node.reads[0]).rank
    dims = sorted(d % rank for d in op.axes)
    x, z = lanes.x(node.reads[0]), lanes.z(node, node.reads[0])
    if len(dims) > 1:
        x, z = (lanes.add(node, "flat", shape.Flatten(dims[0], dims[-1]), (v,)) for v in (x, z))
    kind = reduce.Argmax if node.op.name in ("max", "amax") else reduce.Argmin
    index = lanes.spread(node, lanes.add(node, "position", kind(dims[0], True), (x,)))
    z = lanes.add(node, "probe", arithmetic.Gather(dims[0]), {"x": z, "index": index})
    if not op.keep:
        return lanes.add(node, "probe", shape.Squeeze(dims[0]), (z,))
    for k in dims[1:]:
        z = lanes.add(node, "probe", shape.Unsqueeze(k), (z,))
    return z


def adjacent(lanes: Lanes, node: Node) -> str | None:
    op: Any = node.op
    rank = node.outputs[0].rank + (0 if op.keep else len(op.axes))
    dims = sorted(d % rank for d in op.axes) if rank else []
    together = dims and dims == list(range(dims[0], dims[-1] + 1))
    return None if together else "its dimensions must be named and adjacent"


def top(lanes: Lanes, node: Node) -> Values:
    """The probe's elements at lane 0's positions, which are decisions."""
    index = lanes.spread(node, f"{lanes.x(node.name)}:1")
    pick = arithmetic.Gather(getattr(node.op, "dim", -1))
    z = lanes.add(node, "probe", pick, {"x": lanes.z(node, node.reads[0]), "index": index})
    return z, lanes.x(f"{node.name}:1")


def lp_pool(lanes: Lanes, node: Node) -> Values:
    """`y^(1-p) sum_window x^(p-1) z`, which is y at z = x."""
    op: Any = node.op
    z = _weighted(lanes, node, f"x ** {op.p - 1!r}")
    mean = pools.AvgPool2d(op.kernel, op.stride, ceil=op.ceil)
    high, wide = spread(op.kernel, 2)
    return _scaled(lanes, node, lanes.add(node, "windows", mean, (z,)), high * wide)


def length(lanes: Lanes, node: Node) -> Values:
    """`|x|_p`, as `lp_pool` over dimensions."""
    op: Any = node.op
    z = _weighted(lanes, node, f"((x > 0) - (x < 0)) * abs(x) ** {op.p - 1!r}" if op.p != 2 else "x")
    return _scaled(lanes, node, lanes.add(node, "total", reduce.Sum(op.dims, op.keep), (z,)), 1)


def _weighted(lanes: Lanes, node: Node, weight: str) -> str:
    x = node.reads[0]
    return lanes.times(node, lanes.z(node, x), lanes.formula(node, "weight", weight, x=lanes.x(x)))


def _scaled(lanes: Lanes, node: Node, z: str, factor: int) -> str:
    op: Any = node.op
    text = f"{factor} * y ** {1 - op.p!r} if y != 0 else 0 * y"
    return lanes.times(node, z, lanes.formula(node, "scale", text, y=lanes.x(node.name)))


def powers(lanes: Lanes, node: Node) -> str | None:
    """Why a mean of powers has no rule, or `None`."""
    op: Any = node.op
    return None if 1 <= op.p < float("inf") else "only finite powers of at least one have a rule"
