"""Params that leave two copies of each block where a model has many: each block is in a test, and not all of it."""

from __future__ import annotations

from typing import Any

#: Small pictures too, where a model loops over rows and columns.
#: `benchmarks/results/library.json` has the same counts of all variants at full depth.
SHALLOW: dict[str, dict[str, Any]] = {
    "convnext_tiny": {"depths": [2, 2, 2, 2]},
    "cswin_tiny_224": {"depths": [2, 2, 2, 2]},
    "deep_fcn": {"depth": 4},
    "densenet121": {"depths": [2, 2, 2, 2]},
    "fit": {"layers": "(2)2(2)2"},
    "fit_ar": {"layers": "(2)2(2)"},
    "fit_denoiser": {"layers": "(2)2(2)"},
    "identityformer_s12": {"depths": [2, 2, 2, 2]},
    "iformer_small": {"attending": [[1, 1], [3, 3], [7, 9], [11, 11]]},
    "inception_resnet_v1": {"modules": [2, 2, 2]},
    "inception_resnet_v2": {"modules": [2, 2, 2]},
    "inception_v4": {"modules": [2, 2, 2]},
    "mixer_s16_224": {"depth": 2},
    "nasnet_a_mobile": {"cells": 1},
    "poolformerv2_s12": {"depths": [2, 2, 2, 2]},
    "raftmlp_s": {"depths": [2, 2, 2, 2]},
    "resnet50": {"depths": [2, 2, 2, 2]},
    "resnetv2_50d": {"depths": [2, 2, 2, 2]},
    "revcol_tiny": {"depths": [1, 1, 2, 1]},
    "scnn_vgg16": {"width": 96, "height": 64},
    "swin_tiny_patch4_window7_224": {"depths": [2, 2, 2, 2]},
    "vit_base_patch16_224": {"depth": 2},
}
