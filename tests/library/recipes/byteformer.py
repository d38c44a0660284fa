"""ByteFormer in CoreNet, arXiv:2306.00238."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

REPOSITORY = "https://github.com/apple/corenet"
COMMIT = "1aa3acd17b7b02ba51889b648b1182845c4323eb"
LICENCE = "Apple sample code licence, see LICENSE"

SHIFTS = [0, 64] * 6
MERGES = [True, True, *[False, True] * 4, False, False]


def build(mode: str = "tiny", kernel: int = 32, window: int = 128, classes: int = 1000, depth: int = 12) -> nn.Module:
    """The options of `projects/byteformer`; more layers than twelve go on as the first ones do, without merging."""
    byteformer = {
        "mode": mode, "conv_kernel_size": kernel, "window_sizes": [window], "max_num_tokens": 50_000,
        "window_shifts": (SHIFTS * 3)[:depth], "downsample": (MERGES + [False] * 20)[:depth], "vocab_size": 257,
        "dropout": 0.0, "stochastic_dropout": 0.0, "norm_layer": "layer_norm", "sinusoidal_pos_emb": False,
        "dummy_input_token_length": 1,
    }  # fmt: skip
    options: dict[str, Any] = {f"model.classification.byteformer.{key}": value for key, value in byteformer.items()}
    options |= {
        "model.classification.n_classes": classes, "model.normalization.groups": None,
        "model.normalization.momentum": 0.1, "model.activation.name": "gelu", "model.activation.inplace": False,
        "model.activation.neg_slope": 0.1,
    }  # fmt: skip
    corenet = import_module("corenet.modeling.models.classification.byteformer")
    layers = {**corenet.get_configuration(Namespace(**options)), "n_transformer_layers": depth}
    with patch.object(corenet, "get_configuration", return_value=layers):
        model: nn.Module = corenet.ByteFormer(Namespace(**options))
    return model


def described(*mode: str, **options: int) -> nn.Module:
    """Without numbers, for a variant too large to run."""
    with torch.device("meta"):
        return build(*mode, **options)


VARIANTS: dict[str, Callable[[], nn.Module]] = {
    "byteformer_tiny": build,
    "byteformer_tiny_mp3": partial(build, kernel=4, window=32, classes=12),
    "byteformer_small": partial(build, "small"),
    "byteformer_base": partial(build, "base"),
    "byteformer_huge": partial(described, "huge", depth=32),
    "byteformer_huge 11 layers": partial(build, "huge", depth=11),
    "byteformer_tiny_jpeg_q100": partial(build, kernel=8),
    "byteformer_tiny_jpeg_q60": partial(build, kernel=4),
    "byteformer_tiny_wav": partial(build, classes=12),
}
