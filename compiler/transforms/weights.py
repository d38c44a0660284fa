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


RULES: dict[str, Callable[[State, Rewrite], None]] = {"fold": _fold, "fold_transposed": _fold}
