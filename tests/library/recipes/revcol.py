"""megvii-research/RevCol, which knows timm by its old module names, and a module of Python that is gone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import MethodType, ModuleType
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

REPOSITORY = "https://github.com/megvii-research/RevCol"
COMMIT = "1680848ca82e844d06ff38b3ca557e4a10b2e66d"
LICENCE = "Apache-2.0"

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _logits(self: nn.Module, picture: Tensor) -> Tensor:
    """What the last column's classifier says."""
    classes, _ = type(self).forward(self, picture)
    logits: Tensor = classes[-1]
    return logits


def _terms(self: nn.Module, picture: Tensor, label: Tensor) -> list[Tensor]:
    """The last logits and the terms of the loss, as the training script combines them: decoders, then classifiers."""
    classes, pictures = type(self).forward(self, picture)
    mean, std = (picture.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    wanted = (picture * std + mean).clamp(0.01, 0.99)
    rebuilt = [F.binary_cross_entropy_with_logits(made, wanted) for made in pictures]
    smooth = import_module("timm.loss").LabelSmoothingCrossEntropy(smoothing=0.1)
    return [classes[-1], *rebuilt, *(smooth(c, label) for c in classes)]


def build(size: str, supervised: bool, **changes: Any) -> nn.Module:
    """A net with all of its classifiers and decoders, or with the last classifier alone; plain backward."""
    sys.modules.setdefault("imp", ModuleType("imp"))
    sys.modules["timm.models.layers"] = import_module("timm.layers")
    sys.modules["timm.models.registry"] = import_module("timm.models._registry")
    made = import_module("models.revcol")
    options = {"save_memory": False, "inter_supv": supervised}
    model: nn.Module = made.FullNet(**options, **changes) if changes else getattr(made, f"revcol_{size}")(**options)
    model.forward = MethodType(_terms if supervised else _logits, model)  # type: ignore[method-assign]
    return model


SIZES = ("tiny", "small", "base", "large", "xlarge")
WIDE = {"channels": [224, 448, 896, 1792], "layers": [1, 1, 2, 1], "num_subnet": 4}
NARROW = {"layers": [1, 1, 3, 2], "num_subnet": 8, "num_classes": 10}
VARIANTS: dict[str, Callable[[], nn.Module]] = {
    **{f"revcol_{size}": partial(build, size, False) for size in SIZES},
    **{f"revcol_{size} supervised": partial(build, size, True) for size in SIZES},
    "revcol_xlarge 4 columns": partial(build, "xlarge", False, **WIDE),
    "revcol_base narrow": lambda: build("base", True, channels=[8, 16, 24, 32], **NARROW),
}
