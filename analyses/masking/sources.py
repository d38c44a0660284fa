"""Which pixels are visible: masks bool [H, W] from arrays, files, boxes, and from segments taken away in an order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from graphwright.backends.pictures import opened, reason
from graphwright.compiler.places import NOWHERE, fail

Labels = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Order = Literal["random", "most-salient", "least-salient"]


def patches(height: int, width: int, size: int = 16) -> Labels:
    """Squares of `size` pixels, numbered row by row; those at the end may be smaller."""
    rows, columns = np.arange(height) // size, np.arange(width) // size
    labels: Labels = rows[:, None] * (columns[-1] + 1) + columns[None]
    return labels


def superpixels(
    picture: np.ndarray[Any, Any], count: int = 250, method: Literal["slic", "quickshift"] = "slic"
) -> Labels:
    """Segments of alike pixels of a picture [3, H, W], from 0 to 1, by scikit-image (the extra `superpixels`).

    Quickshift has the settings of the paper's experiments: kernel 4, distances up to 200, ratio 0.2.
    """
    try:
        from skimage import segmentation
    except ImportError:
        raise fail(NOWHERE, "superpixels need scikit-image", "pip install graphwright[superpixels]") from None
    pixels = np.moveaxis(np.asarray(picture, dtype=np.float64), 0, -1)
    if method == "slic":
        found = segmentation.slic(pixels, n_segments=count, start_label=0)
    else:
        found = segmentation.quickshift(pixels, kernel_size=4, max_dist=200, ratio=0.2)
    labels: Labels = np.unique(found, return_inverse=True)[1].reshape(found.shape).astype(np.int64)
    return labels


def ranking(
    labels: Labels, order: Order = "random", saliency: np.ndarray[Any, Any] | None = None, seed: int = 0
) -> Labels:
    """The segments in the order in which they are taken away: shuffled, or by their mean saliency [H, W]."""
    count = int(labels.max()) + 1
    if order == "random":
        shuffled: Labels = np.random.default_rng(seed).permutation(count)
        return shuffled
    if saliency is None or saliency.shape != labels.shape:
        got = "none" if saliency is None else f"one of {saliency.shape}"
        raise fail(NOWHERE, f"the order '{order}' needs a saliency map of {labels.shape}, got {got}", "")
    sizes = np.bincount(labels.ravel(), minlength=count)
    means = np.bincount(labels.ravel(), saliency.ravel().astype(np.float64), count) / np.maximum(sizes, 1)
    ranked: Labels = np.argsort(-means if order == "most-salient" else means, kind="stable")
    return ranked


def without(labels: Labels, ranked: Labels, fraction: float) -> Mask:
    """The mask without the first `fraction` of the ranked segments."""
    gone = ranked[: round(fraction * len(ranked))]
    visible: Mask = ~np.isin(labels, gone)
    return visible


def boxes(height: int, width: int, hidden: Sequence[tuple[int, int, int, int]]) -> Mask:
    """The mask without boxes (left, top, right, bottom) in pixels; right and bottom are left out."""
    visible = np.ones((height, width), dtype=np.bool_)
    for left, top, right, bottom in hidden:
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise fail(NOWHERE, f"the box {(left, top, right, bottom)} is no part of a picture of {width}x{height}",
                       "left, top, right, bottom in pixels")  # fmt: skip
        visible[top:bottom, left:right] = False
    return visible


def read(path: str | Path, height: int, width: int) -> Mask:
    """A mask from a picture (visible where brighter than half) or a `.npy` array (visible where not zero)."""
    path = Path(path)
    try:
        if path.suffix == ".npy":
            found = np.load(path, allow_pickle=False) != 0
        else:
            with opened(path) as picture:
                found = np.asarray(picture.convert("L").resize((width, height), Image.Resampling.NEAREST)) > 127
    except Exception as error:  # decoders raise what they like
        raise fail(NOWHERE, f"'{path}' is no mask: {reason(error)}", "a picture, or a .npy array") from None
    if found.shape != (height, width):
        raise fail(NOWHERE, f"'{path}' is a mask of {found.shape}, and the picture has {(height, width)}", "")
    visible: Mask = found
    return visible


def masks_for(
    text: str, images: np.ndarray[Any, Any], fraction: float, order: Order = "random",
    saliency: np.ndarray[Any, Any] | None = None, seed: int = 0,
) -> Mask:  # fmt: skip
    """Masks [N, 1, H, W] of pictures [N, C, H, W] from a word.

    `patches:16`, `superpixels:250` and `quickshift` take away a fraction of the segments; `box:l,t,r,b;l,t,r,b` hides
    boxes; all else is the path of a mask.
    """
    word, _, argument = text.partition(":")
    height, width = images.shape[2:]
    if word in ("patches", "superpixels", "quickshift"):
        rows = []
        for k, picture in enumerate(images):
            labels = _segments(word, argument, picture)
            ranked = ranking(labels, order, None if saliency is None else saliency[k], seed + k)
            rows.append(without(labels, ranked, fraction))
        return np.stack(rows)[:, None]
    visible = boxes(height, width, _corners(argument)) if word == "box" else read(text, height, width)
    return np.repeat(visible[None, None], len(images), 0)


def _segments(word: str, argument: str, picture: np.ndarray[Any, Any]) -> Labels:
    size = int(argument) if argument.isdecimal() else 0
    if argument and not size:
        raise fail(NOWHERE, f"'{word}:{argument}' needs a number from 1", f"{word}:16")
    if word == "patches":
        return patches(picture.shape[1], picture.shape[2], size or 16)
    low, high = picture.min(), picture.max()
    shown = (picture - low) / max(high - low, 1e-12)
    return superpixels(shown, size or 250, "slic" if word == "superpixels" else "quickshift")


def _corners(text: str) -> list[tuple[int, int, int, int]]:
    found = []
    for part in text.split(";"):
        numbers = part.split(",")
        if len(numbers) != 4 or not all(n.strip().isdecimal() for n in numbers):
            raise fail(NOWHERE, f"'{part}' is no box", "box:left,top,right,bottom in pixels")
        left, top, right, bottom = map(int, numbers)
        found.append((left, top, right, bottom))
    return found
