"""What the page shows of weights: the distribution of every tensor, and the filters of convolutions on the picture."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image

from graphwright.compiler.ir.graph import Graph, Node

BINS = 32
#: How many filters of a layer are shown, and how large one is drawn at least.
FILTERS, SIDE = 64, 28


def statistics(graph: Graph, weights: Mapping[str, torch.Tensor]) -> dict[str, dict[str, Any]]:
    """By the name of a tensor: counts of `BINS` equal bins from `low` to `high`, the mean and the deviation."""
    names = [f"{node.name}.{name}" for node in graph.nodes for name, _ in (*node.parameters, *node.buffers)]
    names += [node.name for node in graph.nodes if node.op.bare]
    return {name: summary(weights[name]) for name in names if name in weights and weights[name].numel()}


def summary(tensor: torch.Tensor) -> dict[str, Any]:
    """The distribution of the finite elements of a tensor; `strange` are the others, `zeros` those that are zero."""
    values = tensor.detach().to("cpu", torch.float64).flatten()
    finite = values[values.isfinite()]
    told: dict[str, Any] = {"zeros": int((finite == 0).sum()), "strange": values.numel() - finite.numel()}
    if not finite.numel():
        return told
    low, high = float(finite.min()), float(finite.max())
    counts = torch.histc(finite, BINS, low, high) if high > low else torch.tensor([finite.numel()])
    deviation = float(finite.std(correction=0))
    return told | {
        "low": _short(low), "high": _short(high), "mean": _short(float(finite.mean())),
        "deviation": _short(deviation), "counts": [int(c) for c in counts],
    }  # fmt: skip


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def filters(graph: Graph, weights: Mapping[str, torch.Tensor]) -> dict[str, dict[str, Any]]:
    """By node, the kernels of convolutions that read an input of one or three channels, as one picture."""
    entries = {e.name for e in graph.inputs}
    found = {}
    for node in graph.nodes:
        weight = weights.get(f"{node.name}.weight")
        if node.op.name != "conv2d" or weight is None or not _reads(graph, node, entries):
            continue
        if weight.shape[1] in (1, 3) and min(weight.shape[2:]) > 1 and bool(weight.isfinite().all()):
            found[node.name] = sheet(weight)
    return found


def _reads(graph: Graph, node: Node, entries: set[str]) -> bool:
    """Whether a node reads an input, but for nodes without parameters between."""
    producer = graph.producer(node.reads[0])
    while producer not in entries:
        before = graph.by_name[producer]
        if before.parameters or not before.reads:
            return False
        producer = graph.producer(before.reads[0])
    return True


def sheet(weight: torch.Tensor) -> dict[str, Any]:
    """Filters [O, 1 or 3, h, w] as a PNG in a data address, each stretched to black and white on its own."""
    kernels = weight.detach().to("cpu", torch.float32)[:FILTERS]
    low, high = kernels.amin((1, 2, 3), keepdim=True), kernels.amax((1, 2, 3), keepdim=True)
    kernels = (kernels - low) / (high - low).clamp_min(1e-12)
    scale = max(1, math.ceil(SIDE / max(kernels.shape[2:])))
    kernels = kernels.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    columns = min(8, len(kernels))
    rows, (high_, wide) = math.ceil(len(kernels) / columns), kernels.shape[2:]
    gap = 2
    canvas = torch.full((kernels.shape[1] + 1, rows * (high_ + gap) - gap, columns * (wide + gap) - gap), 0.0)
    for k, kernel in enumerate(kernels):
        y, x = k // columns * (high_ + gap), k % columns * (wide + gap)
        canvas[:-1, y : y + high_, x : x + wide], canvas[-1, y : y + high_, x : x + wide] = kernel, 1.0
    pixels = (canvas * 255).round().to(torch.uint8)
    colours = pixels[:-1].expand(3, -1, -1)
    picture = Image.fromarray(torch.cat([colours, pixels[-1:]]).permute(1, 2, 0).contiguous().numpy(), "RGBA")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    address = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"picture": address, "shown": len(kernels), "of": weight.shape[0], "size": list(picture.size)}
