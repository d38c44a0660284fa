"""MobileNetV2 under timm's names, arXiv:1801.04381."""

from __future__ import annotations

from functools import partial

from tests.library.case import Case, picture
from tests.oracles import reference_model

CASES = [
    Case(name, partial(reference_model, "timm", name), picture(64, 2), train=False)
    for name in ("mobilenetv2_050", "mobilenetv2_100", "mobilenetv2_140")
]
