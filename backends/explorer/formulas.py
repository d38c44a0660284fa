"""Which formula the page can show at work for a node: where its operands are, and the numbers that it depends on.

A view is plain data. `x`, `y`, `q`, ... name values, `weight`, `bias`, `mean`, `variance` name tensors of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ops.op import spread

View = dict[str, Any]
#: The points of an activation's curve.
POINTS = 81


@dataclass(frozen=True)
class Seen:
    """What a view is made from: the graph, the values of one picture, and the state that it ran with."""

    graph: Graph
    values: Mapping[str, torch.Tensor]
    state: Mapping[str, torch.Tensor]

    def tensor(self, node: Node, name: str) -> str | None:
        """The name of a node's own or tied tensor in the state."""
        found = (f"{owner}.{name}" for owner in (node.name, node.marks.tie) if owner)
        return next((key for key in found if key in self.state), None)


def views(seen: Seen) -> tuple[dict[str, View], dict[str, str]]:
    """The views by node, and by node the reason why there is none, where its op has one."""
    found, reasons = {}, {}
    for node in seen.graph.nodes:
        make = _VIEWS.get(node.op.name) or (_pointwise if _applies_to_elements(node) else None)
        if make is None:
            continue
        view = make(node, seen)
        if isinstance(view, str):
            reasons[node.name] = view
        else:
            found[node.name] = view
    return found, reasons


def _convolution(node: Node, seen: Seen) -> View | str:
    op: Any = node.op
    weight = seen.tensor(node, "weight")
    if weight is None or len(node.reads) > 1:
        return "its kernel is computed by the model"
    if op.padding_mode != "zeros":
        return f"it is padded with {op.padding_mode}"
    kernel, stride, dilation = (spread(v, 2) for v in (op.kernel, op.stride, op.dilation))
    before, _ = _padding(op.padding, seen.values[node.reads[0]], kernel, stride, dilation)
    return {
        "view": "convolution", "x": node.reads[0], "y": node.name, "kernel": kernel, "stride": stride,
        "before": before, "dilation": dilation, "groups": op.groups, "weight": weight,
        "bias": seen.tensor(node, "bias"),
    }  # fmt: skip


def _padding(
    said: Any, x: torch.Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[list[int], list[int]]:
    """The padding before and after each axis; `same` gives `ceil(size / stride)`, the odd row at the end."""
    if said != "same":
        even = [0, 0] if said == "valid" else list(spread(said, 2))
        return even, even
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    total = [
        r - 1 if s == 1 else max((-(-length // s) - 1) * s + r - length, 0)
        for length, r, s in zip(x.shape[2:], reach, stride, strict=True)
    ]
    return [t // 2 for t in total], [t - t // 2 for t in total]


def _pooling(node: Node, seen: Seen) -> View | str:
    op: Any = node.op
    x = seen.values[node.reads[0]]
    dilation = spread(getattr(op, "dilation", 1), 2)
    before, after = _padding(op.padding, x, op.window, op.step, dilation)
    return {
        "view": "pooling", "how": "max" if op.name.startswith("max") else "average", "x": node.reads[0],
        "y": node.name, "kernel": op.window, "stride": op.step, "before": before, "after": after,
        "dilation": dilation, "inside": not getattr(op, "count_include_pad", True), "adaptive": False,
    }  # fmt: skip


def _adaptive(node: Node, seen: Seen) -> View | str:
    how = "max" if node.op.name == "adaptive_max_pool2d" else "average"
    return {"view": "pooling", "how": how, "x": node.reads[0], "y": node.name, "adaptive": True}


def _applies_to_elements(node: Node) -> bool:
    return node.op.family == "activation" and type(node.op).keeps and node.op.name not in ("identity", "dropout")


def _pointwise(node: Node, seen: Seen) -> View | str:
    """An activation, with its curve over the range of what it read."""
    x = seen.values[node.reads[0]].float().nan_to_num(0.0, 0.0, 0.0)
    reach = max(1.0, min(float(x.abs().max()), 8.0))
    across = torch.linspace(-reach, reach, POINTS)
    up = node.op.forward(across)
    curve = [[float(f"{v:.4g}") for v in points.tolist()] for points in (across, up)]
    return {"view": "pointwise", "x": node.reads[0], "y": node.name, "curve": curve}


def _normalisation(node: Node, seen: Seen) -> View | str:
    op: Any = node.op
    mean, variance = seen.tensor(node, "running_mean"), seen.tensor(node, "running_var")
    if mean is None or variance is None:
        return "it keeps no running statistics"
    return {
        "view": "normalisation", "x": node.reads[0], "y": node.name, "mean": mean, "variance": variance,
        "weight": seen.tensor(node, "weight"), "bias": seen.tensor(node, "bias"), "eps": op.eps,
    }  # fmt: skip


def _linear(node: Node, seen: Seen) -> View | str:
    weight = seen.tensor(node, "weight")
    if weight is None or len(node.reads) > 1:
        return "its matrix is computed by the model"
    if seen.values[node.reads[0]].dim() != 2:
        return "it reads more than one vector"
    bias = seen.tensor(node, "bias")
    return {"view": "linear", "x": node.reads[0], "y": node.name, "weight": weight, "bias": bias}


def _softmax(node: Node, seen: Seen) -> View | str:
    op: Any = node.op
    if seen.values[node.reads[0]].dim() != 2 or op.dim not in (1, -1):
        return "it reads more than one vector"
    return {"view": "softmax", "x": node.reads[0], "y": node.name}


def _attention(node: Node, seen: Seen) -> View | str:
    op: Any = node.op
    q, k, v, bias = (dict(node.inputs).get(port) for port in ("q", "k", "v", "bias"))
    assert q is not None
    assert k is not None
    shape = seen.values[q].shape
    if seen.values[k].shape[:-2] != shape[:-2] or len(shape) < 3:
        return "its heads share keys"
    scale = op.scale if op.scale is not None else shape[-1] ** -0.5
    count = seen.values[k].shape[-2]
    skipped = next((s for s in (0, 1, 2) if round((count - s) ** 0.5) ** 2 == count - s >= 4), None)
    windows = shape[:-3].numel()
    return {
        "view": "attention", "q": q, "k": k, "v": v, "bias": bias, "y": node.name, "scale": scale,
        "causal": op.causal, "skipped": skipped, "heads": shape[-3] if windows > 1 else None,
    }  # fmt: skip


_VIEWS: dict[str, Callable[[Node, Seen], View | str]] = {
    "conv2d": _convolution,
    "max_pool2d": _pooling,
    "avg_pool2d": _pooling,
    "adaptive_avg_pool2d": _adaptive,
    "adaptive_max_pool2d": _adaptive,
    "batch_norm": _normalisation,
    "linear": _linear,
    "softmax": _softmax,
    "attention": _attention,
}
