"""microsoft/CSWin-Transformer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

from torch import nn

REPOSITORY = "https://github.com/microsoft/CSWin-Transformer"
COMMIT = "f111ae2f771df32006e7afd7916835dd67d4cb9d"
LICENCE = "MIT"

NAMES = {
    "cswin_tiny_224": "CSWin_64_12211_tiny_224",
    "cswin_small_224": "CSWin_64_24322_small_224",
    "cswin_base_224": "CSWin_96_24322_base_224",
    "cswin_large_224": "CSWin_144_24322_large_224",
    "cswin_base_384": "CSWin_96_24322_base_384",
    "cswin_large_384": "CSWin_144_24322_large_384",
}


def build(name: str, size: int) -> nn.Module:
    """A model of the repository for pictures of this size."""
    model: nn.Module = getattr(import_module("models.cswin"), name)(img_size=size)
    return model


VARIANTS: dict[str, Callable[[], nn.Module]] = {
    ours: partial(build, theirs, int(ours[-3:])) for ours, theirs in NAMES.items()
}
