"""sail-sg/iFormer: the inception transformer (timm's models of that name are others)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module

import torch
from torch import nn

REPOSITORY = "https://github.com/sail-sg/iFormer"
COMMIT = "725d8e7f455b5e17be20788b9bcd6c6c505c4be0"
LICENCE = "Apache-2.0"


def build(name: str) -> nn.Module:
    """A model of the repository, which knows timm by its old module names."""
    sys.modules["timm.models.layers.helpers"] = import_module("timm.layers.helpers")
    model: nn.Module = getattr(import_module("models.inception_transformer"), name)()
    return model


def at_64() -> nn.Module:
    """The small one for pictures of 64: the repository gives it bilinear positions, these are made for the size."""
    model = build("iformer_small")
    for k in range(1, 5):
        width = getattr(model, f"pos_embed{k}").shape[-1]
        setattr(model, f"num_patches{k}", 32 >> k)
        setattr(model, f"pos_embed{k}", nn.Parameter(torch.zeros(1, 32 >> k, 32 >> k, width)))
    return model


NAMES = [f"iformer_{size}{pixels}" for size in ("small", "base", "large") for pixels in ("", "_384")]
VARIANTS: dict[str, Callable[[], nn.Module]] = {
    **{name: partial(build, name) for name in NAMES},
    "iformer_small 64x64": at_64,
}
