"""Picture files opened with care: raster formats alone, and none that unpacks to more than memory should hold."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image

#: The formats that are read, whatever a file is called. Others of Pillow's are more than pixels: for PostScript it
#: starts another program.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
#: A picture has at most this many pixels.
PIXELS = 100_000_000


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[Image.Image]:
    """A picture. Damaged ones raise whatever Pillow does, here or when pixels are read; too large ones ValueError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd metadata, and sizes that are judged here
        with Image.open(source, formats=FORMATS) as image:
            within(image.width, image.height)
            yield image


def within(width: int, height: int) -> None:
    """Raises ValueError for a size above the limit."""
    if width * height > PIXELS:
        raise ValueError(f"{width}x{height} pixels, more than {PIXELS:,}")


def reason(error: Exception) -> str:
    """Why a file is no picture, without Python's name for the bytes it was read from."""
    text = str(error)
    return type(error).__name__ if not text or " object at 0x" in text else text
