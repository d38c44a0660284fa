"""Layers with parameters: convolutions, linear maps, normalisation, embeddings, attention."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import torch

from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.sizes import UnknownSize
from graphwright.compiler.importing.torch.values import Constant, NoRule, State, Value
from graphwright.compiler.ops import convolution
from graphwright.compiler.ops.arithmetic import Add, Scale
from graphwright.compiler.ops.attention import Attention
from graphwright.compiler.ops.linear import Einsum, Embedding, Linear, Matmul
from graphwright.compiler.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RmsNorm
from graphwright.compiler.ops.op import Ints
from graphwright.compiler.ops.shape import Squeeze, Unsqueeze

CONVOLUTIONS: dict[int, Any] = {1: convolution.Conv1d, 2: convolution.Conv2d, 3: convolution.Conv3d}
TRANSPOSED: dict[int, Any] = {
    1: convolution.ConvTranspose1d,
    2: convolution.ConvTranspose2d,
    3: convolution.ConvTranspose3d,
}


def compact(numbers: Any) -> Ints:
    """One number where all are equal."""
    listed = tuple(numbers) if isinstance(numbers, (list, tuple)) else (numbers,)
    return listed[0] if len(set(listed)) == 1 else listed


def _convolution(rank: int) -> Rule:
    def rule(site: Site) -> Value:
        weight = site.kind_of(site["weight"])
        padding = site["padding"]
        op = CONVOLUTIONS[rank](
            out=_fixed(weight.shape[0]), kernel=compact(tuple(_fixed(s) for s in weight.shape[2:])),
            stride=compact(site["stride"]), padding=padding if isinstance(padding, str) else compact(padding),
            dilation=compact(site["dilation"]), groups=site["groups"], bias=site["bias"] is not None,
        )  # fmt: skip
        return _batched(site, op, rank, {"weight": site["weight"], "bias": site["bias"]})

    return rule


def _transposed(rank: int) -> Rule:
    def rule(site: Site) -> Value:
        weight, groups = site.kind_of(site["weight"]), site["groups"]
        op = TRANSPOSED[rank](
            out=_fixed(weight.shape[1]) * groups, kernel=compact(tuple(_fixed(s) for s in weight.shape[2:])),
            stride=compact(site["stride"]), padding=compact(site["padding"]), groups=groups,
            output_padding=compact(site["output_padding"]), bias=site["bias"] is not None,
            dilation=compact(site["dilation"]),
        )  # fmt: skip
        return _batched(site, op, rank, {"weight": site["weight"], "bias": site["bias"]})

    return rule


def _batched(site: Site, op: Any, rank: int, tensors: dict[str, Value]) -> Value:
    """The layer; torch's convolutions also take one sample without a batch dimension."""
    x = site.node("input")
    if site.type(x).rank == rank + 2:
        return site.layer(op, x, tensors)
    return site.emit(Squeeze(0), site.layer(op, site.emit(Unsqueeze(0), x), tensors))


def _fixed(size: Any) -> int:
    if not isinstance(size, int):
        raise UnknownSize("a weight whose size is free")
    return size


def _linear(site: Site) -> Value:
    weight = site.kind_of(site["weight"])
    if weight.rank != 2:
        raise NoRule(f"a weight of {weight}")
    op = Linear(_fixed(weight.shape[0]), site["bias"] is not None)
    return site.layer(op, site["input"], {"weight": site["weight"], "bias": site["bias"]})


def _batch_norm(site: Site) -> Value:
    tracked = site["running_mean"] is not None
    affine = site["weight"] is not None
    op = BatchNorm(site["eps"], site["momentum"], affine, tracked)
    tensors = {k: site[k] for k in ("weight", "bias", "running_mean", "running_var")}
    if affine and tensors["bias"] is None:  # a scale alone, as standardised weights have
        tensors["bias"] = Constant(torch.zeros(_fixed(site.kind_of(site["weight"]).shape[0])))
    return site.layer(op, site["input"], tensors)


def _instance_norm(site: Site) -> Value:
    tracked = site["running_mean"] is not None
    op = InstanceNorm(site["eps"], site["weight"] is not None, site["momentum"], tracked)
    return site.layer(op, site["input"], {k: site[k] for k in ("weight", "bias", "running_mean", "running_var")})


def _layer_norm(site: Site) -> Value:
    affine, bias = site["weight"] is not None, site["bias"] is not None
    op = LayerNorm(site["eps"], len(site["normalized_shape"]), affine=affine, bias=bias or not affine)
    return site.layer(op, site["input"], {"weight": site["weight"], "bias": site["bias"]})


def _rms_norm(site: Site) -> Value:
    op = RmsNorm(site["eps"], len(site["normalized_shape"]), site["weight"] is not None)
    return site.layer(op, site["input"], {"weight": site["weight"]})


def _group_norm(site: Site) -> Value:
    op = GroupNorm(site["num_groups"], site["eps"], site["weight"] is not None)
    return site.layer(op, site["input"], {"weight": site["weight"], "bias": site["bias"]})


def _embedding(site: Site) -> Value:
    table, index = site["weight"], site["indices"]
    if site["padding_idx"] not in (None, -1) and not isinstance(table, State):
        raise NoRule("a padding index")
    if isinstance(table, State):
        rows, width = table.tensor.shape
        owned = site.convert.owned.get(table.owner) == {table.name} and table.leaf == "weight"
        if owned and table.owner not in site.convert.holders:
            return site.layer(Embedding(rows, width), index, {"weight": table})
    return site.emit_named(Embedding(), {"index": index, "table": table})


def _matmul(site: Site) -> Value:
    return site.emit(Matmul(), site["self"], site.call.arguments and (site["other"] if "other" in site.call.arguments
                                                                      else site["mat2"]))  # fmt: skip


def _addmm(site: Site) -> Value:
    """`beta x + alpha a b`."""
    mats = (site["mat1"], site["mat2"]) if "mat1" in site.call.arguments else (site["batch1"], site["batch2"])
    product, x = site.emit(Matmul(), *mats), site["self"]
    if site["alpha"] != 1:
        product = site.emit(Scale(float(site["alpha"])), product)
    if site["beta"] == 0:
        return product  # torch then ignores what x holds
    return site.emit(Add(), x if site["beta"] == 1 else site.emit(Scale(float(site["beta"])), x), product)


def _einsum(site: Site) -> Value:
    tensors = [site.name_of(v) for v in site["tensors"]]
    return site.emit(Einsum(spelled(site["equation"], [site.type(v).rank for v in tensors])), *tensors)


def spelled(equation: str, ranks: Sequence[int]) -> str:
    """An equation with letters for the dimensions that `...` stands for, and with its result."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    letters = left.replace(",", "").replace(".", "")
    if not arrow:
        right = ("..." if "..." in left else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    spare = [c for c in ascii_letters if c not in letters]
    counts = [rank - len(p.replace(".", "")) if "..." in p else 0 for p, rank in zip(parts, ranks, strict=True)]
    most = max(counts)
    parts = [p.replace("...", "".join(spare[most - n : most])) for p, n in zip(parts, counts, strict=True)]
    return f"{','.join(parts)}->{right.replace('...', ''.join(spare[:most]))}"


def _attention(site: Site) -> Value:
    inputs = {"q": site["query"], "k": site["key"], "v": site["value"], "bias": site["attn_mask"]}
    if site["enable_gqa"]:
        raise NoRule("grouped queries")
    op = Attention(site["scale"], site["is_causal"], site["dropout_p"])
    return site.emit_named(op, {k: v for k, v in inputs.items() if v is not None})


RULES: dict[str, Rule] = {
    "conv1d.default": _convolution(1), "conv2d.default": _convolution(2), "conv3d.default": _convolution(3),
    "conv1d.padding": _convolution(1), "conv2d.padding": _convolution(2), "conv3d.padding": _convolution(3),
    "conv_transpose1d.default": _transposed(1), "conv_transpose2d.input": _transposed(2),
    "conv_transpose3d.input": _transposed(3),
    "linear.default": _linear,
    "matmul.default": _matmul, "bmm.default": _matmul, "mm.default": _matmul,
    "addmm.default": _addmm, "baddbmm.default": _addmm,
    "einsum.default": _einsum,
    "batch_norm.default": _batch_norm, "instance_norm.default": _instance_norm, "layer_norm.default": _layer_norm,
    "rms_norm.default": _rms_norm, "group_norm.default": _group_norm,
    "embedding.default": _embedding,
    "scaled_dot_product_attention.default": _attention,
}  # fmt: skip
