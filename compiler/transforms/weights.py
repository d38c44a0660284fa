"""Weights saved before a transform, brought into the form the transformed graph wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from graphwright.compiler.ir.graph import Graph, Rewrite

State = dict[str, torch.Tensor]


def rewrite_weights(graph: Graph, state: Mapping[str, torch.Tensor]) -> State:
    """`state` after the graph's rewrites, in order; one whose tensors are not there was done before."""
    new = dict(state)
    for rewrite in graph.rewrites:
        RULES[rewrite.rule](new, rewrite)
    return new


def _fold(state: State, rewrite: Rewrite) -> None:
    """`W' = W g / sqrt(v + eps)`, `b' = (b - m) g / sqrt(v + eps) + beta`; output channels in dim 0."""
    names, numbers = dict(rewrite.names), dict(rewrite.numbers)
    layer, norm = names["layer"], names["norm"]
    if f"{norm}.running_var" not in state:
        return
    mean, var = state.pop(f"{norm}.running_mean"), state.pop(f"{norm}.running_var")
    state.pop(f"{norm}.num_batches_tracked", None)
    gain = state.pop(f"{norm}.weight", torch.ones_like(var))
    shift = state.pop(f"{norm}.bias", torch.zeros_like(mean))
    scale = gain * torch.rsqrt(var + numbers["eps"])
    weight = state[f"{layer}.weight"]
    state[f"{layer}.weight"] = _scaled(weight, scale, rewrite.rule == "fold_transposed", int(numbers["groups"]))
    state[f"{layer}.bias"] = (state.get(f"{layer}.bias", torch.zeros_like(mean)) - mean) * scale + shift


def _scaled(weight: torch.Tensor, scale: torch.Tensor, transposed: bool, groups: int) -> torch.Tensor:
    if not transposed:
        return weight * scale.reshape(-1, *[1] * (weight.dim() - 1))
    grouped = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    return (grouped * scale.reshape(groups, 1, -1, *[1] * (weight.dim() - 2))).reshape(weight.shape)


def _fuse(state: State, rewrite: Rewrite) -> None:
    """`W' = sum_i pad(W_i)`, `b' = sum_i b_i`; a batch norm of the input and the input itself are kernels of size 1."""
    names, numbers = dict(rewrite.names), dict(rewrite.numbers)
    layer = names.pop("layer")
    if not any(f"{name}.weight" in state or f"{name}.running_var" in state for name in names.values()):
        return
    weight = state[f"{layer}.weight"]
    point = weight.new_zeros(*weight.shape[:2], *[1] * (weight.dim() - 2))
    rows = torch.arange(len(weight))
    point[rows, rows % point.shape[1]] = 1
    bias = state.get(f"{layer}.bias", weight.new_zeros(len(weight)))
    weight = _around(weight, int(numbers["same"]) * point)
    for key, name in names.items():
        branch = name
        if key.startswith("norm"):
            branch = f"{name}.kernel"
            state[f"{branch}.weight"] = point
            _fold(state, Rewrite("fold", (("layer", branch), ("norm", name)), (("eps", numbers[key]), ("groups", 1))))
        weight = _around(weight, state.pop(f"{branch}.weight"))
        bias = bias + state.pop(f"{branch}.bias", torch.zeros_like(bias))
    state[f"{layer}.weight"], state[f"{layer}.bias"] = weight, bias


def _around(weight: torch.Tensor, smaller: torch.Tensor) -> torch.Tensor:
    """The sum of two kernels around one centre."""
    sides = [(a - b) // 2 for a, b in zip(weight.shape[2:], smaller.shape[2:], strict=True)]
    return weight + torch.nn.functional.pad(smaller, [side for side in reversed(sides) for _ in range(2)])


def _fold_affine(state: State, rewrite: Rewrite) -> None:
    """RepBN, `a x + c` per channel, into the layers that read it (`fold_ahead`) or the one before (`fold_behind`)."""
    names, numbers = dict(rewrite.names), dict(rewrite.numbers)
    norm = names["norm"]
    if f"{norm}.bn.running_var" in state:
        mean, var = state[f"{norm}.bn.running_mean"], state[f"{norm}.bn.running_var"]
        gain = state.get(f"{norm}.bn.weight", torch.ones_like(var)) * torch.rsqrt(var + numbers["eps"])
        scale, shift = gain + state[f"{norm}.alpha"], state.get(f"{norm}.bn.bias", torch.zeros_like(mean)) - gain * mean
        for layer in (name for key, name in rewrite.names if key.startswith("layer")):
            weight = state[f"{layer}.weight"]
            bias = state.get(f"{layer}.bias", weight.new_zeros(weight.shape[0]))
            ones = [1] * (weight.dim() - 2)
            if rewrite.rule == "fold_ahead":
                state[f"{layer}.bias"] = bias + (weight * shift.reshape(1, -1, *ones)).flatten(1).sum(1)
                state[f"{layer}.weight"] = weight * scale.reshape(1, -1, *ones)
            else:
                state[f"{layer}.bias"] = bias * scale + shift
                state[f"{layer}.weight"] = weight * scale.reshape(-1, 1, *ones)
    _drop(state, rewrite)


def _drop(state: State, rewrite: Rewrite) -> None:
    """Takes out all that lies in a scope which is gone."""
    for name in [n for n in state if n.startswith(dict(rewrite.names)["scope"] + ".")]:
        del state[name]


RULES: dict[str, Callable[[State, Rewrite], None]] = {
    "fold": _fold, "fold_transposed": _fold, "fuse": _fuse,
    "fold_ahead": _fold_affine, "fold_behind": _fold_affine, "drop": _drop,
}  # fmt: skip
