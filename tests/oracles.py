"""torchvision and timm as references, importable beside a torch for which torchvision's compiled ops were not built.

torchvision describes its compiled ops to torch when it is imported, and fails where they did not load. Their schemas
are enough for that: models, names, counts and forward passes need none of the kernels, but for detectors' suppression,
which is written here.
"""

from __future__ import annotations

import importlib
import warnings
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

#: The ops whose schemas torchvision expects to find.
SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


@cache
def _torchvision_library() -> torch.library.Library:
    """A library that holds what torchvision's own extension should have defined; it must outlive the import."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(name + schema)
            if name == "nms":
                library.impl(name, suppress, "CPU")
    return library


def suppress(dets: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """What torchvision's kernel does: from the best box down, those go that overlap a kept one too much."""
    low, high = dets[:, :2], dets[:, 2:]
    area = (high - low).prod(1)
    shared = (torch.minimum(high[:, None], high) - torch.maximum(low[:, None], low)).clamp(min=0).prod(2)
    rivals = (shared / (area[:, None] + area - shared) > iou_threshold).numpy()
    kept: list[int] = []
    for box in scores.argsort(descending=True, stable=True).tolist():
        if not rivals[box, kept].any():
            kept.append(box)
    return torch.tensor(kept, dtype=torch.int64)


@cache
def reference_module(name: str) -> Any:
    """The module of that name (`timm`, `torchvision.models`); the test is skipped where it is not installed."""
    _torchvision_library()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            return pytest.skip(f"{missing.name} is not installed")


def reference_detection(name: str) -> Any:
    """A module of torchvision's detectors, which suppress doubles with the kernel above where its own is missing."""
    module = reference_module(f"torchvision.models.detection.{name}")
    reference_module("torchvision.extension")._has_ops = lambda: True
    return module


def reference_model(library: str, name: str, **options: Any) -> nn.Module:
    """A model of timm or torchvision, with random weights, for inference."""
    module = reference_module({"torchvision": "torchvision.models"}.get(library, library))
    create = module.get_model if library == "torchvision" else module.create_model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: nn.Module = create(name, **options)
    return model.eval()


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Random numbers where initial values are degenerate: vectors of zeros and ones, and running statistics.

    Weights of two or more dimensions keep their initial values, unless these are all alike.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        uniform = torch.rand(tensor.shape, generator=generator)
        if name.endswith(("running_var", "norm.weight")) or (tensor.ndim == 1 and name.endswith("weight")):
            tensor.copy_(0.5 + uniform)
        elif tensor.ndim <= 1 or tensor.std() < 1e-3:
            tensor.copy_(0.4 * (uniform - 0.5))


def distance(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    assert ours.shape == theirs.shape, f"{tuple(ours.shape)} is not {tuple(theirs.shape)}"
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()
