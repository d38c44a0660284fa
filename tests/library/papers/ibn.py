"""IBN-Net under the names of XingangPan/IBN-Net, arXiv:1807.09441, and the plain nets that it changes."""

from __future__ import annotations

from functools import partial

import torch

from tests.library.case import Case, picture
from tests.oracles import reference_model

_SHALLOW = [1, 2, 1, 1]

CASES = [
    Case("resnet18_ibn_a", None, picture(64, 2), train=True),
    Case("resnet18_ibn_b", None, picture(64, 2), train=True),
    Case("resnet50_ibn_a", None, picture(64, 2)),
    Case("resnet50_ibn_b", None, picture(64, 2), train=True, precise=torch.float64),  # means of eight values
    Case("resnet101_ibn_a", None, picture(64, 2), run=False),  # its parts are those of the 50 layers
    Case("resnext101_32x4d_ibn_a", None, picture(64, 2), run=False),
    Case("resnext101_32x4d_ibn_a", None, picture(64, 2), params={"depths": _SHALLOW}, recording="resnext_ibn_shallow"),
    Case("seresnet101_ibn_a", None, picture(64, 2), run=False, chaotic=True),  # 100 layers of sigmoid gates
    Case("seresnet101_ibn_a", None, picture(64, 2), params={"depths": _SHALLOW}, recording="seresnet_ibn_shallow"),
    Case("densenet121_ibn_a", None, picture(224)),
    Case("densenet169_ibn_a", None, picture(224), run=False),
    Case("seresnet101", None, picture(64, 2), run=False),
    Case("resnext101_32x4d", partial(reference_model, "timm", "resnext101_32x4d"), picture(64, 2), run=False),
    Case("densenet169", partial(reference_model, "torchvision", "densenet169"), picture(64, 2), run=False),
]
