"""Small nets for pages with pictures, and their values as torch computes them, written out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from graphwright.backends.explorer import Pictures, Reading
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower

#: Every kind of window: padding, strides, dilation, groups, partial windows, and what is not square.
WINDOWS = """graphwright: 1
name: windows
inputs: {image: [N, 3, 24, 24]}
nodes:
  conv1: {op: conv2d, out: 6, kernel: 3, stride: 2, padding: 1}
  norm: batch_norm
  silu: silu
  conv2: {op: conv2d, out: 12, kernel: [3, 5], dilation: 2, padding: [2, 3], groups: 3, bias: false}
  max: {op: max_pool2d, kernel: 3, stride: 2, padding: 1, ceil: true}
  mean: {op: avg_pool2d, kernel: 2, stride: 1, padding: 1, count_include_pad: false}
  part: {op: avg_pool2d, kernel: 3, stride: 2, padding: 1, ceil: true}
  conv3: {op: conv2d, out: 5, kernel: 4, stride: 2, padding: same}
  thirds: {op: adaptive_avg_pool2d, size: [2, 1]}
  most: {op: adaptive_max_pool2d, size: 1}
  flatten: flatten
  fc: {op: linear, out: 10}
  odds: softmax
outputs: {odds: odds}
"""


def pictures(count: int, size: int, classes: tuple[str, ...] = ()) -> Pictures:
    """Pictures of noise, each smoother than the last."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(count, 3, size, size, generator=generator)
    pixels = torch.stack([F.avg_pool2d(p, 2 * k + 1, 1, k, count_include_pad=False) for k, p in enumerate(pixels)])
    names = tuple(f"noise{k}.png" for k in range(count))
    reading = Reading((0.5,) * 3, (0.25,) * 3, crop=1.0)
    told = "Less 0.5, over 0.25."
    return Pictures(names, pixels.permute(0, 2, 3, 1).numpy(), (pixels - 0.5) / 0.25, classes, told, reading)


def weighted(graph: Graph) -> dict[str, Tensor]:
    """Initial weights, with statistics of batch normalisation that are not the ones it begins with."""
    generator = torch.Generator().manual_seed(2)
    state = lower(graph).state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point() and ("norm" in name or "bias" in name):
            state[name] = torch.rand(tensor.shape, generator=generator) + 0.5
    return state


def windows(folder: Path) -> tuple[Graph, dict[str, Tensor]]:
    """The graph of `WINDOWS` with its weights."""
    (folder / "windows.yaml").write_text(WINDOWS)
    graph = load(folder / "windows.yaml")
    return graph, weighted(graph)


def computed(w: dict[str, Tensor], image: Tensor) -> dict[str, Tensor]:
    """The values of `WINDOWS`."""
    v = {"image": image}
    v["conv1"] = F.conv2d(image, w["conv1.weight"], w["conv1.bias"], 2, 1)
    v["norm"] = F.batch_norm(
        v["conv1"], w["norm.running_mean"], w["norm.running_var"], w["norm.weight"], w["norm.bias"], eps=1e-5
    )
    v["silu"] = v["norm"] * v["norm"].sigmoid()
    v["conv2"] = F.conv2d(v["silu"], w["conv2.weight"], None, 1, (2, 3), 2, 3)
    v["max"] = F.max_pool2d(v["conv2"], 3, 2, 1, ceil_mode=True)
    v["mean"] = F.avg_pool2d(v["max"], 2, 1, 1, count_include_pad=False)
    v["part"] = F.avg_pool2d(v["mean"], 3, 2, 1, ceil_mode=True)
    high, wide = ((-(-s // 2) - 1) * 2 + 4 - s for s in v["part"].shape[2:])
    padded = F.pad(v["part"], (wide // 2, wide - wide // 2, high // 2, high - high // 2))
    v["conv3"] = F.conv2d(padded, w["conv3.weight"], w["conv3.bias"], 2)
    v["thirds"] = F.adaptive_avg_pool2d(v["conv3"], (2, 1))
    v["most"] = F.adaptive_max_pool2d(v["thirds"], 1)
    v["flatten"] = v["most"].flatten(1)
    v["fc"] = F.linear(v["flatten"], w["fc.weight"], w["fc.bias"])
    v["odds"] = v["fc"].softmax(1)
    return v


def small_vit() -> tuple[Graph, dict[str, Tensor]]:
    """A vision transformer of one block, two heads and 16 patches; it attends sharply."""
    sizes = {"size": 32, "patch": 8, "dim": 16, "depth": 1, "heads": 2, "classes": 10}
    graph = load("vit_tiny_patch16_224", sizes)
    state = weighted(graph)
    state["blocks.0.attn.qkv.weight"] = state["blocks.0.attn.qkv.weight"] * 40
    return graph, state


def attended(w: dict[str, Tensor], image: Tensor) -> tuple[Tensor, Tensor]:
    """The weights [heads, tokens, tokens] and the output [heads, tokens, width] of its attention."""
    x = F.conv2d(image, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], 8).flatten(2).transpose(1, 2)
    x = torch.cat([w["cls_token"], x], 1) + w["pos_embed"]
    x = F.layer_norm(x, (16,), w["blocks.0.norm1.weight"], w["blocks.0.norm1.bias"], 1e-6)
    q, k, v = F.linear(x, w["blocks.0.attn.qkv.weight"], w["blocks.0.attn.qkv.bias"])[0].view(17, 3, 2, 8).unbind(1)
    q, k, v = (t.transpose(0, 1) for t in (q, k, v))
    weights = (q @ k.mT / np.sqrt(8)).softmax(-1)
    return weights, weights @ v
