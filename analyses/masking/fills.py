"""What people put in place of masked pixels: the baselines of layer masking, on normalised pictures [N, C, H, W]."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional as F

#: A picture and its mask bool [N, 1, H, W] to the picture with something else at masked pixels.
Fill = Callable[[torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor]


def grey(images: torch.Tensor, mask: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """Zero, which is the mean of the training set where pictures are normalised."""
    return torch.where(mask, images, 0.0)


def black(images: torch.Tensor, mask: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """The darkest value of each channel in the batch."""
    return torch.where(mask, images, images.amin((0, 2, 3), keepdim=True))


def mean(images: torch.Tensor, mask: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """The mean of the picture's visible pixels, channel by channel."""
    count = mask.sum((2, 3), keepdim=True).clamp(min=1)
    return torch.where(mask, images, torch.where(mask, images, 0.0).sum((2, 3), keepdim=True) / count)


def blur(images: torch.Tensor, mask: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """The picture itself, blurred by a Gaussian whose deviation is a sixteenth of its smaller side."""
    deviation = min(images.shape[2:]) / 16
    radius = math.ceil(3 * deviation)
    steps = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-((steps / deviation) ** 2) / 2)
    weights = (weights / weights.sum()).repeat(images.shape[1], 1, 1, 1)
    blurred = images
    for shape, padding in (((1, -1), (radius, radius, 0, 0)), ((-1, 1), (0, 0, radius, radius))):
        kernel = weights.reshape(images.shape[1], 1, *shape)
        blurred = F.conv2d(F.pad(blurred, padding, mode="replicate"), kernel, groups=images.shape[1])
    return torch.where(mask, images, blurred)


def noise(images: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Normal noise of mean 0 and deviation 1."""
    drawn = torch.randn(images.shape, generator=generator, dtype=images.dtype)
    return torch.where(mask, images, drawn.to(images.device))


FILLS: dict[str, Fill] = {"grey": grey, "black": black, "mean": mean, "blur": blur, "noise": noise}
