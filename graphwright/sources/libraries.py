"""Libraries that are not required, imported where they are asked for."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import torch

from graphwright.compiler.places import NOWHERE, fail


def optional(module: str, extra: str) -> Any:
    """A library that is not required, imported; torchvision's models work without its compiled ops too."""
    _describe_torchvision_ops()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as error:
        raise fail(NOWHERE, f"{module} cannot be imported: {error}", f"pip install '{extra}'") from None


_LIBRARY: list[torch.library.Library] = []


def _describe_torchvision_ops() -> None:
    """Schemas of ops that torchvision expects torch to know, for where its extension did not load."""
    if _LIBRARY:
        return
    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARY.append(library)
