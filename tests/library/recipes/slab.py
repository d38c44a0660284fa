"""xinghaochen/SLAB: DeiT, Swin and PVT with RepBN that takes over in training, and with simplified linear attention.

The repository was written for an older timm and Python. Its DeiTs with linear attention hold a class token that nothing
reads; it is taken away here.
"""

from __future__ import annotations

import sys
import types
from functools import partial
from typing import Any
from unittest.mock import patch

import timm.layers
import timm.models._registry
import torch
from torch import Tensor, nn

sys.modules |= {
    "timm.models.layers": timm.layers, "timm.models.registry": timm.models._registry, "imp": types.ModuleType("imp")
}  # fmt: skip
from models import slab_swin  # noqa: E402
from models.deit import VisionTransformer, deit_small_patch16_224_repbn, deit_tiny_patch16_224_repbn  # noqa: E402
from models.prepbn import RepBN  # noqa: E402
from models.slab_deit import deit_small_patch16_224_linear_repbn, deit_tiny_patch16_224_linear_repbn  # noqa: E402
from models.slab_pvt import slab_pvt_tiny  # noqa: E402
from models.slab_swin import SlabSwinTransformer  # noqa: E402
from models.swin_transformer import SwinTransformer  # noqa: E402

REPOSITORY = "https://github.com/xinghaochen/SLAB"
COMMIT = "f58db00b9db3959b5de03986f454aa5ff064279a"
LICENCE = "none stated"


def _deit(build: Any, **options: Any) -> nn.Module:
    model: nn.Module = build(**options)
    del model.cls_token
    return model


class _Torch:
    """torch, whose float32 is another type."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.float32 = dtype

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


def _precise(build: Any, **options: Any) -> nn.Module:
    """The model with its linear attention in the model's own arithmetic; the code casts to float32."""
    model: nn.Module = build(**options)
    plain = model.forward

    def forward(x: Tensor) -> Any:
        with patch.object(slab_swin, "torch", _Torch(x.dtype)):
            return plain(x)

    model.forward = forward  # type: ignore[method-assign]
    return model


_swin = partial(SlabSwinTransformer, window_size=56, attn_type="LLSS")
_pvt = partial(slab_pvt_tiny, la_sr_ratios="1111")  # as its configuration has it

VARIANTS = {
    "deit_tiny_repbn": deit_tiny_patch16_224_repbn,
    "deit_repbn_shallow": partial(
        VisionTransformer, img_size=64, embed_dim=192, depth=2, num_heads=3, norm_layer=RepBN
    ),
    "deit_small_prepbn": deit_small_patch16_224_repbn,
    "slab_deit_tiny": partial(_deit, deit_tiny_patch16_224_linear_repbn),
    "slab_deit_small": partial(_deit, deit_small_patch16_224_linear_repbn),
    "slab_swin_tiny": partial(_precise, _swin),
    "slab_swin_small": partial(_precise, _swin, depths=[2, 2, 18, 2]),
    "slab_swin_shallow": partial(_swin, depths=[1, 0, 2, 0], drop_path_rate=0.0),
    "swin_tiny_repbn": SwinTransformer,
    "slab_pvt_tiny": _pvt,
    "slab_pvt_tiny_64": partial(_pvt, img_size=64),
}
