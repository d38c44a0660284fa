"""The optimiser, the learning rate of each step, and the running average of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from graphwright.training.recipe import Recipe

#: adamw's other settings, as in its paper's code.
BETAS, EPSILON = (0.9, 0.999), 1e-8
#: The warm-up takes at most this share of a run.
LONGEST_WARMUP = 0.2


def optimizer_of(module: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over the parameters that learn. Weight decay spares biases, norms and other vectors."""
    learning = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learning if p.dim() >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learning if p.dim() < 2], "weight_decay": 0.0},
    ]
    groups = [g for g in groups if g["params"]]
    if recipe.optimizer == "sgd":
        nesterov = recipe.nesterov and recipe.momentum > 0
        return torch.optim.SGD(groups, lr=recipe.peak, momentum=recipe.momentum, nesterov=nesterov)
    return torch.optim.AdamW(groups, lr=recipe.peak, betas=BETAS, eps=EPSILON)


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step, counted from 0.

    A linear rise over the warm-up's W steps, (step + 1) / W; then, with t from 0 to 1 over the rest of the T steps,
    (1 + cos(pi t)) / 2 (arXiv:1608.03983, equation 5, one period), or gamma^floor(epoch / step_size), or 1.
    """
    total = recipe.epochs * steps_per_epoch
    warm = int(min(recipe.warmup * steps_per_epoch, LONGEST_WARMUP * total))
    if step < warm:
        return recipe.peak * (step + 1) / warm
    if recipe.schedule == "cosine":
        return recipe.peak * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2
    if recipe.schedule == "step":
        return recipe.peak * recipe.gamma ** math.floor(step / steps_per_epoch / recipe.step_size)
    return recipe.peak


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """All groups learn at `value`."""
    for group in optimizer.param_groups:
        group["lr"] = value


# -- the running average ----------------------------------------------------------------------
def averaged(module: nn.Module) -> dict[str, Tensor]:
    """A running average that starts at the present weights and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


@torch.no_grad()
def update_average(average: Mapping[str, Tensor], module: nn.Module, decay: float, step: int) -> None:
    """average <- d average + (1 - d) weights, with d = min(decay, (1 + step) / (10 + step)) so that it starts fast.

    Buffers of floats are averaged too (the statistics of batch norms); counters are copied.
    """
    keep = min(decay, (1 + step) / (10 + step))
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - keep)
        else:
            average[name].copy_(value)


# -- the optimiser's state by parameter name --------------------------------------------------
def optimizer_state(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """Every tensor of the optimiser's state under `parameter:kind`, such as `fc.weight:exp_avg`."""
    return {
        f"{name}:{kind}": value
        for name, parameter in module.named_parameters()
        for kind, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def set_optimizer_state(optimizer: torch.optim.Optimizer, module: nn.Module, stored: Mapping[str, Tensor]) -> None:
    """The inverse of `optimizer_state`. A parameter without stored state starts without."""
    optimizer.state.clear()
    parameters = dict(module.named_parameters())
    for key, value in stored.items():
        name, _, kind = key.rpartition(":")
        parameter = parameters[name]
        device = torch.device("cpu") if kind == "step" else parameter.device  # where torch keeps its step counts
        optimizer.state[parameter][kind] = value.to(device)
