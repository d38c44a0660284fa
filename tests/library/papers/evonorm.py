"""EvoNorm under timm's names, arXiv:2004.02967, and the plain net that it changes."""

from __future__ import annotations

from functools import partial

from tests.library.case import Case, picture
from tests.oracles import reference_model

CASES = [
    Case(name, partial(reference_model, "timm", name), picture(64, 2), train=True)
    for name in ("resnetv2_50d", "resnetv2_50d_evos")
]
