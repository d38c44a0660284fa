"""`shapes`: discs, squares and triangles on noisy backgrounds, with their masks and boxes. Drawn here, from seeds.

A picture has one to four shapes of random colour, size and angle, wholly inside it and nearly apart; a later one lies
above. Picture k of a part is always the same one. Masks count the background as class 0.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from graphwright.training.data.labels import Object, padded
from graphwright.training.data.part import Part, Parts
from graphwright.training.seeds import mix

KINDS = ("disc", "square", "triangle")
TRAIN, TEST, SIZE = 1000, 200, 128
#: Shapes in a picture, from one to so many.
MOST = 4
#: Radius of the circle around a shape, as a share of the picture.
RADII = (0.10, 0.22)
#: The circles around two shapes are apart by at least this share of the sum of their radii.
APART = 0.85
#: A shape differs from the mean background by at least so much in some channel.
CONTRAST = 70

Array = NDArray[np.float64]
Drawn = tuple[NDArray[np.uint8], NDArray[np.uint8], list[Object]]


def masks(where: str) -> Parts:
    """For segmentation: labels are masks."""
    train, test = (_part(name) for name in ("train", "test"))
    return Parts(("background", *KINDS), *(Part(pictures, masks) for pictures, masks, _ in (train, test)))


def objects(where: str) -> Parts:
    """For detection: labels are boxes."""
    train, test = (_part(name) for name in ("train", "test"))
    return Parts(KINDS, *(Part(pictures, padded(list(found))) for pictures, _, found in (train, test)))


@lru_cache(maxsize=2)
def _part(name: str) -> tuple[torch.Tensor, torch.Tensor, tuple[list[Object], ...]]:
    """Pictures uint8 [n, 3, S, S], masks uint8 [n, S, S], and the objects of each."""
    pictures, masks, found = zip(*(draw(name, k) for k in range(TRAIN if name == "train" else TEST)), strict=True)
    return torch.from_numpy(np.stack(pictures)), torch.from_numpy(np.stack(masks)), found


def draw(part: str, k: int, size: int = SIZE) -> Drawn:
    """A picture uint8 [3, S, S], its mask uint8 [S, S], and the objects."""
    random = np.random.default_rng(mix("shapes", part, k))
    picture = _background(random, size)
    mean = picture.mean((1, 2))
    mask = np.zeros((size, size), np.uint8)
    found: list[Object] = []
    for circle in _circles(random):
        kind = int(random.integers(len(KINDS)))
        inside = _inside(kind, circle, random.uniform(0, 2 * np.pi), size)
        picture[:, inside] = _colour(random, mean)[:, None]
        mask[inside] = kind + 1
        found.append((_extent(inside), kind, False))
    picture += random.normal(0, 8, picture.shape)
    return picture.clip(0, 255).astype(np.uint8), mask, found


def _grid(size: int) -> tuple[Array, Array]:
    """x and y of the pixels' centres, in shares of the picture: a row and a column."""
    centres = (np.arange(size) + 0.5) / size
    return centres[None, :], centres[:, None]


def _background(random: np.random.Generator, size: int) -> Array:
    """A slope between two colours, with 8 x 8 blotches."""
    colours = random.uniform(40, 215, 3) + random.uniform(-35, 35, (2, 3))
    angle = random.uniform(0, 2 * np.pi)
    x, y = _grid(size)
    slope = 0.5 + (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)) / np.sqrt(2)
    each = np.arange(size) * 8 // size
    blotches = random.normal(0, 12, (3, 8, 8))[:, each[:, None], each]
    picture: Array = colours[0, :, None, None] * slope + colours[1, :, None, None] * (1 - slope) + blotches
    return picture


def _colour(random: np.random.Generator, mean: Array) -> Array:
    """Any colour that stands out from the mean one."""
    while True:
        colour = random.uniform(0, 255, 3)
        if np.abs(colour - mean).max() >= CONTRAST:
            return colour


def _circles(random: np.random.Generator) -> list[tuple[float, float, float]]:
    """Centre and radius of the circles around one to four shapes; one that finds no place in ten tries is left out."""
    found: list[tuple[float, float, float]] = []
    for _ in range(random.integers(1, MOST + 1)):
        for _ in range(10):
            radius = random.uniform(*RADII)
            x, y = random.uniform(radius, 1 - radius, 2)
            if all(np.hypot(x - a, y - b) >= APART * (radius + r) for a, b, r in found):
                found.append((x, y, radius))
                break
    return found


def _inside(kind: int, circle: tuple[float, float, float], angle: float, size: int) -> NDArray[np.bool_]:
    """The pixels of the disc, or of the regular polygon with its corners on the circle; bool [S, S]."""
    x, y = (axis - centre for axis, centre in zip(_grid(size), circle, strict=False))
    radius = circle[2]
    inside: NDArray[np.bool_] = x * x + y * y <= radius * radius
    if KINDS[kind] == "disc":
        return inside
    sides = {"square": 4, "triangle": 3}[KINDS[kind]]
    reach = radius * np.cos(np.pi / sides)
    normals = angle + 2 * np.pi * np.arange(sides) / sides
    for a in normals:
        inside = inside & (np.cos(a) * x + np.sin(a) * y <= reach)
    return inside


def _extent(inside: NDArray[np.bool_]) -> list[float]:
    """Corners x1 y1 x2 y2 around the pixels, in shares of the picture."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    height, width = inside.shape
    return [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]
