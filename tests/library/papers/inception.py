"""Inception-v4 and Inception-ResNet, arXiv:1602.07261: timm's names, and pytorchcv's for the first Inception-ResNet."""

from __future__ import annotations

from functools import partial

from torch import nn

from tests.library.case import Case, picture
from tests.oracles import reference_model, reference_module


def inception_resnet_v1() -> nn.Module:
    """pytorchcv's, without the dropout before its embedding."""
    module = reference_module("pytorchcv.models.inceptionresnetv1")
    model: nn.Module = module.inceptionresnetv1(dropout_prob=0.0)
    return model


CASES = [
    *(
        Case(name, partial(reference_model, "timm", name), picture(107), {"dropout": 0.0})
        for name in ("inception_v4", "inception_resnet_v2")
    ),
    Case("inception_resnet_v1", inception_resnet_v1, picture(299, 2), {"dropout": 0.0}, train=True),
]
