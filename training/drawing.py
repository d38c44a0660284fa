"""Answers drawn on pictures, with Pillow: boxes, masks, and sheets of pictures with what is true beside the answer."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

#: How much of a mask's colour is seen over the picture.
OPACITY = 0.55
#: Pictures of a sheet are enlarged to at least this height, and have so many pairs in a row.
HEIGHT, ACROSS = 180, 4
MARGIN, LINE = 6, 14
BACKGROUND, INK = (250, 250, 250), (40, 40, 40)

Corners = tuple[float, float, float, float]


class Box(NamedTuple):
    """A box in shares of its picture, x1 y1 x2 y2, its class by name and number, and its score unless it is true."""

    name: str
    label: int
    score: float | None
    corners: Corners


def colour(k: int) -> tuple[int, int, int]:
    """A colour for class k, unlike those of the classes next to it: hues by the golden ratio."""
    red, green, blue = colorsys.hsv_to_rgb((0.61 + 0.618034 * k) % 1, 0.85, 0.95 if k % 2 == 0 else 0.75)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_boxes(image: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """A copy of the picture with the boxes, each with its class and score; the better ones above."""
    drawn = image.convert("RGB")
    pen, font, width = ImageDraw.Draw(drawn), ImageFont.load_default(), max(1, round(drawn.height / 120))
    for box in reversed(boxes):
        x1, y1, x2, y2 = (s * side for s, side in zip(box.corners, drawn.size * 2, strict=True))
        pen.rectangle((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), outline=colour(box.label), width=width)
        text = box.name if box.score is None else f"{box.name} {box.score:.2f}"
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        x = min(max(x1, 0), drawn.width - right)
        y = y1 - bottom - 2 if y1 > bottom + 2 else min(y1, drawn.height - bottom)
        pen.rectangle((x + left - 1, y + top - 1, x + right + 1, y + bottom + 1), fill=colour(box.label))
        pen.text((x, y), text, fill="white", font=font)
    return drawn


def overlay(image: Image.Image, mask: Tensor, classes: Sequence[str]) -> Image.Image:
    """The picture in grey with the classes of a mask int64 [H, W] as colours; class 0 and unknown pixels stay bare.

    Classes that occur are named in a corner.
    """
    drawn = image.convert("L").convert("RGB")
    stored = Image.fromarray(mask.clamp_min(0).to(torch.uint8).numpy()).resize(drawn.size, Image.Resampling.NEAREST)
    numbers, pixels = np.asarray(stored), np.asarray(drawn).astype(np.float64)
    palette = np.array([colour(k) for k in range(len(classes))], np.float64)
    mixed = np.where(numbers[..., None] > 0, (1 - OPACITY) * pixels + OPACITY * palette[numbers], pixels)
    drawn = Image.fromarray(mixed.round().astype(np.uint8))
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default()
    for row, k in enumerate(k for k in np.unique(numbers).tolist() if k):
        left, top, right, bottom = pen.textbbox((3, 2 + LINE * row), classes[k], font=font)
        pen.rectangle((left - 2, top - 1, right + 2, bottom + 1), fill=colour(k))
        pen.text((3, 2 + LINE * row), classes[k], fill="white", font=font)
    return drawn


def enlarged(picture: Tensor) -> Image.Image:
    """A picture uint8 [C, H, W] as an image, enlarged by a whole number until it is high enough for text."""
    pixels = picture.cpu().permute(1, 2, 0).numpy()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels[..., :3])
    times = max(1, -(-HEIGHT // image.height))
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)


def draw_sheet(path: Path, pairs: Sequence[tuple[Image.Image, Image.Image]], title: str) -> None:
    """Pairs of equal size, what is true beside what the model says, under a title; written whole or not at all."""
    width, height = pairs[0][0].size
    cell = (2 * width + 3 * MARGIN, height + LINE + MARGIN)
    across = min(ACROSS, len(pairs))
    down = -(-len(pairs) // across)
    sheet = Image.new("RGB", (cell[0] * across, cell[1] * down + 2 * LINE), BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    pen.text((MARGIN, LINE // 2), title, fill=INK, font=font)
    for k, pair in enumerate(pairs):
        x, y = (k % across) * cell[0] + MARGIN, (k // across) * cell[1] + 2 * LINE
        for word, image, shift in zip(("true", "model"), pair, (0, width + MARGIN), strict=True):
            pen.text((x + shift, y), word, fill=INK, font=font)
            sheet.paste(image, (x + shift, y + LINE))
    part = path.with_name(f".{path.name}")
    sheet.save(part, format="PNG")
    part.replace(path)
