"""Picture files to uint8 tensors, with Pillow."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from graphwright.compiler.places import NOWHERE, Problem, SpecError

#: Pillow's mode for a number of channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
#: A picture has at most this many pixels.
PIXELS = 100_000_000
#: So many unreadable files are listed.
LISTED = 5


def decode(data: bytes, shape: tuple[int, ...]) -> Tensor:
    """A picture file's bytes as uint8 [C, H, W]: turned upright, converted, and resized (bilinear, antialiased)."""
    with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
        warnings.simplefilter("ignore")  # odd metadata, and sizes that the next line judges
        if image.width * image.height > PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels, more than {PIXELS:,}")
        upright = ImageOps.exif_transpose(image).convert(MODES[shape[0]])
        if upright.size != (shape[2], shape[1]):
            upright = upright.resize((shape[2], shape[1]), Image.Resampling.BILINEAR)
        pixels = np.array(upright)
    return torch.from_numpy(pixels).view(shape[1], shape[2], shape[0]).permute(2, 0, 1)


def refuse(broken: Mapping[str, str]) -> SpecError:
    """The error for files that can't be read as pictures, by name and cause."""
    hint = "remove or replace it"
    shown = [
        Problem(NOWHERE, f"{name} cannot be read as a picture: {broken[name]}", hint)
        for name in sorted(broken)[:LISTED]
    ]
    if len(broken) > LISTED:
        shown.append(Problem(NOWHERE, f"and {len(broken) - LISTED} more of them cannot be read", hint))
    return SpecError(shown)
