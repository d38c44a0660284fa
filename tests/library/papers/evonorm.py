"""EvoNorm under timm's names, arXiv:2004.02967, and the plain net that it changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from tests.library.case import Case, picture
from tests.oracles import reference_model

_SHALLOW = [1, 1, 2, 1]


def _reference(name: str, **options: object) -> Callable[[], nn.Module]:
    return partial(reference_model, "timm", name, **options)


CASES = [
    Case("resnetv2_50d", _reference("resnetv2_50d"), picture(64, 2), run=False),
    Case("resnetv2_50d_evos", _reference("resnetv2_50d_evos"), picture(64, 2), run=False),
    *(
        Case(name, _reference(name, layers=_SHALLOW), picture(64, 2), {"depths": _SHALLOW}, train=True, recording=short)
        for name, short in (("resnetv2_50d", "resnetv2_shallow"), ("resnetv2_50d_evos", "resnetv2_evos_shallow"))
    ),
]
