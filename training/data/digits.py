"""scikit-learn's digits: 1,797 pictures of 8x8 pixels with 16 levels of grey. They come with the package."""

from __future__ import annotations

import numpy as np
import torch

from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.part import Part, Parts


def read(where: str) -> Parts:
    """All digits as one part (they have no test part of their own)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise fail(NOWHERE, "data source 'digits' needs scikit-learn", "pip install scikit-learn") from None
    bunch = load_digits()
    pictures = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    labels = torch.from_numpy(bunch.target).long()
    return Parts(tuple("0123456789"), Part(torch.from_numpy(pictures)[:, None], labels))
