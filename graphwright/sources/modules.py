"""Modules as sources: of timm, of torchvision, of the user."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from graphwright.compiler.importing.torch.module import import_module
from graphwright.compiler.places import NOWHERE, SpecError, fail, suggest
from graphwright.sources.found import Found, Wish
from graphwright.sources.inputs import example
from graphwright.sources.libraries import optional


def _module(module: nn.Module, wish: Wish, name: str, default: Sequence[str]) -> Found:
    inputs, free = example(wish.inputs or default, wish.seed)
    made = import_module(module, inputs, name=name, free=free, seed=wish.seed)
    return Found(made.graph, made.weights, made.certificate)


def timm(name: str, wish: Wish) -> Found:
    """A model of timm, at its default size."""
    library = optional("timm", "timm")
    if not library.is_model(name.partition(".")[0]):
        raise fail(NOWHERE, f"timm {library.__version__} has no model '{name}'", suggest(name, library.list_models()))
    torch.manual_seed(wish.seed)
    module = _made(lambda: library.create_model(name, pretrained=wish.pretrained), f"timm:{name}")
    size = module.pretrained_cfg.get("input_size", (3, 224, 224))
    return _module(module, wish, name.replace(".", "_"), [f"float32[1, {', '.join(map(str, size))}]"])


def torchvision(name: str, wish: Wish) -> Found:
    """A model of torchvision; of a detector, the network between resizing and decoding."""
    models = optional("torchvision.models", "torchvision")
    if name not in models.list_models():
        raise fail(NOWHERE, f"torchvision has no model '{name}'", suggest(name, models.list_models()))
    torch.manual_seed(wish.seed)
    weights = models.get_model_weights(name).DEFAULT
    options = _no_backbone(models, name, wish)
    module = _made(
        lambda: models.get_model(name, weights=weights if wish.pretrained else None, **options), f"torchvision:{name}"
    )
    if hasattr(module, "anchor_generator") and hasattr(module, "head"):
        module = Heads(module)
    size = _picture(weights, module)
    return _module(module, wish, name, [f"float32[1, 3, {size}, {size}]"])


def _no_backbone(models: Any, name: str, wish: Wish) -> dict[str, Any]:
    """Detectors and segmenters fetch weights of their backbone unless told not to."""
    composed = name in {*models.list_models(module=models.detection), *models.list_models(module=models.segmentation)}
    return {"weights_backbone": None} if composed and not wish.pretrained else {}


def _picture(weights: Any, module: nn.Module) -> int:
    size = getattr(weights.transforms(), "crop_size", None)
    if size:
        return int(size[0])
    sizes = getattr(module, "size", None)
    return int(sizes[0]) if sizes else 224


class Heads(nn.Module):
    """The network of a torchvision detector: pictures to class scores and box offsets of every default box.

    Resizing before it and decoding and suppression after it have sizes that depend on data.
    """

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head
        self.size = detector.transform.fixed_size or detector.transform.min_size * 2

    def forward(self, images: torch.Tensor) -> Any:
        features = self.backbone(images)
        return self.head([features] if isinstance(features, torch.Tensor) else list(features.values()))


def function(module: str, function: str, wish: Wish) -> Found:
    """What a function of the user's own returns."""
    sys.path.insert(0, "")  # the user's own folder, as for `python -m`
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise fail(NOWHERE, f"no function {module}:{function}: {error}", "it is imported as Python would") from None
    finally:
        sys.path.pop(0)
    torch.manual_seed(wish.seed)
    made = _made(found, f"{module}:{function}")
    if not isinstance(made, nn.Module):
        raise fail(NOWHERE, f"{module}:{function} gives {type(made).__name__}, not a torch module", "return the model")
    if not wish.inputs:
        raise fail(NOWHERE, f"{module}:{function} needs example inputs", "--input 'float32[1,3,224,224]', one for each")
    return _module(made, wish, function, ())


def _made(make: Callable[[], Any], what: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make()
    except SpecError:
        raise
    except Exception as error:  # the model's own code may raise anything
        line = (str(error).splitlines() or [""])[0]
        raise fail(NOWHERE, f"{what} could not be made: {type(error).__name__}: {line}", "try it in Python") from error
