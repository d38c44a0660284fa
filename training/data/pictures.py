"""Picture and mask files to uint8 tensors, with Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from graphwright.backends.pictures import opened
from graphwright.compiler.places import NOWHERE, Problem, SpecError
from graphwright.training.data.labels import UNKNOWN

#: Pillow's mode for a number of channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
#: Pillow's modes whose pixels are numbers.
MASK_MODES = ("1", "L", "P", "I", "I;16")
#: So many unreadable files are listed.
LISTED = 5


@contextmanager
def upright(data: bytes) -> Iterator[Image.Image]:
    """A picture file's bytes as an image, turned as its metadata says."""
    with opened(io.BytesIO(data)) as image:
        yield ImageOps.exif_transpose(image)


def decode(data: bytes, shape: tuple[int, ...], size: tuple[int, int] | None = None) -> Tensor:
    """A picture file's bytes as uint8 [C, H, W]: turned upright, converted, and resized (bilinear, antialiased).

    Raises ValueError where its width and height must be `size` and are not.
    """
    with upright(data) as image:
        if size is not None and image.size != size:
            raise ValueError(f"it is {image.width}x{image.height}, and its labels are for {size[0]}x{size[1]}")
        converted = image.convert(MODES[shape[0]])
        if converted.size != (shape[2], shape[1]):
            converted = converted.resize((shape[2], shape[1]), Image.Resampling.BILINEAR)
        pixels = np.array(converted)
    return torch.from_numpy(pixels).view(shape[1], shape[2], shape[0]).permute(2, 0, 1)


def decode_mask(files: Iterable[tuple[int | None, bytes]], classes: int, height: int, width: int) -> Tensor:
    """The mask files of a sample as uint8 [H, W], resized by nearest pixel; of two classes in a pixel the later wins.

    A file is either class numbers (grey or palette, 255 where unknown), or the pixels of one class, those not 0.
    """
    mask = np.zeros((height, width), np.uint8)
    for label, data in files:
        with upright(data) as image:
            if image.mode not in MASK_MODES:
                raise ValueError(f"its pixels are {image.mode}, not numbers (grey or palette)")
            values = np.array(image.resize((width, height), Image.Resampling.NEAREST))
        if label is not None:
            mask[values != 0] = label
            continue
        strange = [int(v) for v in np.unique(values) if v >= classes and v != UNKNOWN]
        if strange:
            raise ValueError(f"it holds class {strange[0]}; there are 0 to {classes - 1}, and {UNKNOWN} for unknown")
        mask = values.astype(np.uint8)
    return torch.from_numpy(mask)


def refuse(broken: Mapping[str, str], kind: str = "picture") -> SpecError:
    """The error for files that can't be read as pictures (or masks), by name and cause."""
    hint = "remove or replace it"
    shown = [
        Problem(NOWHERE, f"{name} cannot be read as a {kind}: {broken[name]}", hint) for name in sorted(broken)[:LISTED]
    ]
    if len(broken) > LISTED:
        shown.append(Problem(NOWHERE, f"and {len(broken) - LISTED} more of them cannot be read", hint))
    return SpecError(shown)
