"""XingangPan/IBN-Net: ResNets, a ResNeXt, an SE-ResNet and DenseNets with instance-batch normalisation.

The ResNets end in a 7x7 mean, that is the whole map of a picture of 224; here it is the whole map at any size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import ibnnet
from ibnnet.resnext_ibn import ResNeXt_IBN
from ibnnet.se_resnet_ibn import ResNet_IBN, SEBottleneck_IBN
from torch import nn

REPOSITORY = "https://github.com/XingangPan/IBN-Net"
COMMIT = "d1673389b36c1180cf9bc35ea8260d84046da915"
LICENCE = "MIT"


def _at_any_size(build: Callable[[], nn.Module]) -> nn.Module:
    model = build()
    if hasattr(model, "avgpool"):
        model.avgpool = nn.AdaptiveAvgPool2d(1)
    return model


BUILDERS = {
    "resnet18_ibn_a": ibnnet.resnet18_ibn_a,
    "resnet18_ibn_b": ibnnet.resnet18_ibn_b,
    "resnet50_ibn_a": ibnnet.resnet50_ibn_a,
    "resnet50_ibn_b": ibnnet.resnet50_ibn_b,
    "resnet101_ibn_a": ibnnet.resnet101_ibn_a,
    "resnext101_32x4d_ibn_a": partial(ibnnet.resnext101_ibn_a, baseWidth=4, cardinality=32),
    "resnext_ibn_shallow": partial(ResNeXt_IBN, 4, 32, [1, 2, 1, 1]),
    "seresnet101": partial(ResNet_IBN, SEBottleneck_IBN, [3, 4, 23, 3], ibn_cfg=(None,) * 4),
    "seresnet101_ibn_a": ibnnet.se_resnet101_ibn_a,
    "seresnet_ibn_shallow": partial(ResNet_IBN, SEBottleneck_IBN, [1, 2, 1, 1]),
    "densenet121_ibn_a": ibnnet.densenet121_ibn_a,
    "densenet169_ibn_a": ibnnet.densenet169_ibn_a,
}
VARIANTS = {name: partial(_at_any_size, build) for name, build in BUILDERS.items()}
