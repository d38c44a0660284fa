"""Numbers that anyone can make again: a tensor is a function of its name and of the position alone.

Splitmix64 of `crc32(name) << 32 | position` gives 64 bits; the upper 53 of them are a number in [0, 1). No generator is
involved, so weights and inputs need not be stored beside what a reference made of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from fnmatch import fnmatch

import numpy as np
import torch
from torch import Tensor, nn


def uniform(name: str, shape: Sequence[int]) -> Tensor:
    """Numbers in [0, 1), float64."""
    count = int(np.prod(shape, dtype=np.int64))
    with np.errstate(over="ignore"):
        z = np.arange(count, dtype=np.uint64) + np.uint64(zlib.crc32(name.encode()) << 32)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return torch.from_numpy((z >> np.uint64(11)).astype(np.float64) / 2.0**53).reshape(tuple(shape))


def signed(name: str, shape: Sequence[int]) -> Tensor:
    """Numbers of mean 0 and variance 1, float64: an image, say."""
    return (uniform(name, shape) * 2 - 1) * 3**0.5


def integers(name: str, shape: Sequence[int], below: int) -> Tensor:
    """Numbers 0, 1 ... below - 1, int64."""
    return (uniform(name, shape) * below).long()


def _weights(name: str, tensor: Tensor, scale: float) -> Tensor:
    if name.endswith("running_var") or tensor.ndim == 0 or (tensor.ndim == 1 and name.endswith("weight")):
        return uniform(name, tensor.shape) + 0.5
    if tensor.ndim == 1 or tensor.shape[0] == 1:
        return (uniform(name, tensor.shape) - 0.5) * 0.4
    gain = 2.0 if tensor.ndim > 2 else 1.0
    return signed(name, tensor.shape) * scale * (gain * tensor.shape[0] / tensor.numel()) ** 0.5


@torch.no_grad()
def fill(model: nn.Module, keep: Sequence[str] = (), gain: float = 1.0) -> nn.Module:
    """Fill the parameters and the running statistics of a model, by name; other buffers are tables, and stay.

    Scales (vectors called weight) and variances lie in [0.5, 1.5), other vectors in [-0.2, 0.2); matrices have the
    variance 1 / fan-in, kernels twice that, times `gain` squared. `keep` are patterns of names that stay: constants
    held as parameters.
    """
    statistics = {k: v for k, v in model.named_buffers() if k.endswith(("running_mean", "running_var"))}
    for name, tensor in {**dict(model.named_parameters()), **statistics}.items():
        if not any(fnmatch(name, pattern) for pattern in keep):
            tensor.copy_(_weights(name, tensor, gain))
    return model
