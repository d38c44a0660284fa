"""Weights saved before a transform, brought into the form the transformed graph wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from graphwright.compiler.ir.graph import Graph, Rewrite
from graphwright.compiler.ir.text import parse
from graphwright.compiler.lowering.lower import lower

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


def _fold_map(state: State, rewrite: Rewrite) -> None:
    """`a x + c` per channel, into the layer that makes x (`map_behind`) or into those that read it (`map_ahead`).

    Behind: `W' = diag(a) W`, `b' = a b + c`; ahead: `W' = W diag(a)`, `b' = b + W c`. The map is a batch norm in
    inference, or a vector (or one number) that is multiplied (`gain`) or added (`shift`).
    """
    names, numbers = dict(rewrite.names), dict(rewrite.numbers)
    found = _taken(state, names, numbers.get("eps", 0.0))
    if found is None:
        return
    fold = _behind if rewrite.rule == "map_behind" else _ahead
    for key, layer in rewrite.names:
        if key.startswith("layer"):
            fold(state, layer, *found, groups=int(numbers[key]), transposed=bool(numbers["transposed"]))


def _behind(
    state: State, layer: str, gain: torch.Tensor, shift: torch.Tensor | None, groups: int, transposed: bool
) -> None:
    weight, bias = state[f"{layer}.weight"], state.get(f"{layer}.bias")
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    state[f"{layer}.weight"] = _scaled(weight, gain.expand(channels), transposed, groups)
    if bias is not None or shift is not None:
        moved = 0 if bias is None else bias * gain
        state[f"{layer}.bias"] = moved + (gain.new_zeros(()) if shift is None else shift).expand(channels)


def _ahead(
    state: State, layer: str, gain: torch.Tensor, shift: torch.Tensor | None, groups: int, transposed: bool
) -> None:
    weight = state[f"{layer}.weight"]
    channels, ones = groups * weight.shape[1], [1] * (weight.dim() - 2)
    grouped = weight.reshape(groups, -1, *weight.shape[1:])
    state[f"{layer}.weight"] = (grouped * gain.expand(channels).reshape(groups, 1, -1, *ones)).reshape(weight.shape)
    if shift is not None:
        moved = grouped * shift.expand(channels).reshape(groups, 1, -1, *ones)
        state[f"{layer}.bias"] = state.get(f"{layer}.bias", 0) + moved.reshape(weight.shape).flatten(1).sum(1)


def _taken(state: State, names: dict[str, str], eps: float) -> tuple[torch.Tensor, torch.Tensor | None] | None:
    """The factor and the summand of a map, which leave the state; None if they left it before."""
    if (norm := names.get("norm")) is not None:
        if f"{norm}.running_var" not in state:
            return None
        mean, var = state.pop(f"{norm}.running_mean"), state.pop(f"{norm}.running_var")
        state.pop(f"{norm}.num_batches_tracked", None)
        gain = state.pop(f"{norm}.weight", torch.ones_like(var)) * torch.rsqrt(var + eps)
        return gain, state.pop(f"{norm}.bias", torch.zeros_like(mean)) - gain * mean
    held = names.get("gain") or names["shift"]
    if held not in state:
        return None
    vector = state.pop(held).flatten()
    return (vector, None) if "gain" in names else (torch.ones_like(vector[:1]), vector)


def _rescale(state: State, rewrite: Rewrite) -> None:
    """A layer times a number takes the place, and the name, of the product."""
    names, factor = dict(rewrite.names), dict(rewrite.numbers)["factor"]
    for part in ("weight", "bias"):
        if (tensor := state.pop(f"{names['layer']}.{part}", None)) is not None:
            state[f"{names['into']}.{part}"] = tensor * factor


def _join(state: State, rewrite: Rewrite) -> None:
    """Layers of one input as one: their output channels, which lie in dim 0, one after the other."""
    layers = [layer for _, layer in rewrite.names]
    if f"{layers[1]}.weight" not in state:
        return
    weights = [state.pop(f"{layer}.weight") for layer in layers]
    biases = [state.pop(f"{layer}.bias", None) for layer in layers]
    state[f"{layers[0]}.weight"] = torch.cat(weights)
    if any(bias is not None for bias in biases):
        pairs = zip(weights, biases, strict=True)
        state[f"{layers[0]}.bias"] = torch.cat([w.new_zeros(len(w)) if b is None else b for w, b in pairs])


def _evaluate(state: State, rewrite: Rewrite) -> None:
    """A constant: the output of a graph without inputs, at the weights that it reads."""
    names = dict(rewrite.names)
    module = lower(parse(names["graph"]))
    read = module.state_dict()
    if any(name not in state for name in read) or (not read and names["into"] in state):
        return
    like = next((t for t in state.values() if t.is_floating_point()), torch.empty(0))
    module = module.to(like.dtype).eval()
    module.load_state_dict({name: state[name] for name in read})
    with torch.no_grad():
        state[names["into"]] = module().to(like.device).clone()


def _forget(state: State, rewrite: Rewrite) -> None:
    """Takes out one tensor that is no longer there."""
    state.pop(dict(rewrite.names)["scope"], None)


def _drop(state: State, rewrite: Rewrite) -> None:
    """Takes out all that lies in a scope which is gone."""
    for name in [n for n in state if n.startswith(dict(rewrite.names)["scope"] + ".")]:
        del state[name]


RULES: dict[str, Callable[[State, Rewrite], None]] = {
    "fold": _fold, "fold_transposed": _fold, "fuse": _fuse,
    "fold_ahead": _fold_affine, "fold_behind": _fold_affine, "drop": _drop,
    "map_ahead": _fold_map, "map_behind": _fold_map, "rescale": _rescale, "join": _join,
    "evaluate": _evaluate, "forget": _forget,
}  # fmt: skip
