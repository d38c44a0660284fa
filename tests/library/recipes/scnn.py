"""SCNN in PyTorch, arXiv:1712.06080; the authors' own code is for Lua Torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

from torch import nn

REPOSITORY = "https://github.com/harryhan618/SCNN_Pytorch"
COMMIT = "bbe0acff4681bcda7e984f867dd31fdaa9a7bf81"
LICENCE = "MIT"


def build(width: int, height: int) -> nn.Module:
    """The net for pictures of this size."""
    model: nn.Module = import_module("model").SCNN(input_size=(width, height), pretrained=False)
    return model


VARIANTS: dict[str, Callable[[], nn.Module]] = {
    "scnn_vgg16": partial(build, 800, 288),
    "scnn_vgg16_tusimple": partial(build, 512, 288),
    "scnn_vgg16 96x64": partial(build, 96, 64),
}
