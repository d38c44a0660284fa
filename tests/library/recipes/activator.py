"""Abdullah-88/Activator: the nets of its two training scripts, which cannot be imported without training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import MethodType

from torch import Tensor, nn

REPOSITORY = "https://github.com/Abdullah-88/Activator"
COMMIT = "631c38a239b5ad1b4d211b080a4c06918a8e98cd"
LICENCE = "BSD-3-Clause"


def _forward(self: nn.Module, picture: Tensor) -> Tensor:
    """Patches, the blocks, the mean, the classifier."""
    tokens = self.patcher(picture).flatten(2).transpose(1, 2)
    logits: Tensor = self.classifier(self.model(tokens).mean(dim=1))
    return logits


def build(file: str) -> nn.Module:
    """The blocks of a file, between the two layers that the scripts put around them."""
    model: nn.Module = import_module(file).ACTIVATOR(d_model=256, d_ffn=512, num_layers=4, dropout=0.5)
    model.patcher = nn.Conv2d(3, 256, kernel_size=4, stride=4)
    model.classifier = nn.Linear(256, 10)
    model.forward = MethodType(_forward, model)  # type: ignore[method-assign]
    return model


VARIANTS: dict[str, Callable[[], nn.Module]] = {
    "activator": partial(build, "activator"),
    "activator_geglu": partial(build, "activator_only_GEGLU"),
}
