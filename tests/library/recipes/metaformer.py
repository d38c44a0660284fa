"""sail-sg/metaformer: the two families of the MetaFormer baselines that timm does not have."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module

from torch import nn

REPOSITORY = "https://github.com/sail-sg/metaformer"
COMMIT = "64c534ab8f65105fd21713b38e3393a449ca742d"
LICENCE = "Apache-2.0"


def build(name: str) -> nn.Module:
    """A model of the repository, which knows timm by its old module names."""
    sys.modules["timm.models.layers.helpers"] = import_module("timm.layers.helpers")
    model: nn.Module = getattr(import_module("metaformer_baselines"), name)()
    return model


VARIANTS: dict[str, Callable[[], nn.Module]] = {
    name: partial(build, name)
    for family in ("identityformer", "randformer")
    for name in (f"{family}_{size}" for size in ("s12", "s24", "s36", "m36", "m48"))
}
