"""Thumbnails of activations: some channels of every node, made small and 8-bit, as one picture for each node."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from graphwright.backends.explorer.recording import Layout, activity

#: All thumbnails together have so many bytes before they are packed.
BUDGET = 3 * 2**20
#: What is tried, from the best to the least: how many channels of a node, and how large a side.
STEPS = (
    (256, 64), (256, 32), (64, 64), (64, 32), (64, 24), (32, 24), (32, 20), (16, 20), (16, 16), (10, 14), (6, 12),
)  # fmt: skip
#: The share of elements that may lie beyond the scale, so that one large element does not hide the others.
BEYOND = 0.02
#: A vector is a row of at most so many cells.
LONG = 4096


def thumbnails(
    values: Sequence[Mapping[str, torch.Tensor]], layouts: Mapping[str, Layout], budget: int = BUDGET
) -> dict[str, dict[str, Any]]:
    """By the name of a value: its channels as pictures, one sheet for each of the recordings.

    A sheet has the shown channels below each other. Where `signed`, 128 is zero and 255 is `limit`; else 0 and 255.
    """
    arranged = {name: [way.arrange(v[name]) for v in values] for name, way in layouts.items()}
    channels, side = _step(arranged, budget)
    return {name: _thumbnail(maps, layouts[name], channels, side) for name, maps in arranged.items()}


def _step(arranged: Mapping[str, list[torch.Tensor]], budget: int) -> tuple[int, int]:
    def weight(channels: int, side: int) -> int:
        return sum(
            len(maps) * min(maps[0].shape[0], channels) * min(maps[0].shape[1], side) * min(maps[0].shape[2], side)
            for maps in arranged.values()
        )

    return next((step for step in STEPS if weight(*step) <= budget), STEPS[-1])


def _thumbnail(maps: list[torch.Tensor], way: Layout, channels: int, side: int) -> dict[str, Any]:
    count, high, wide = maps[0].shape
    if way.form == "vector":
        maps, kept = [m.reshape(1, 1, -1)[..., :LONG] for m in maps], [0]
    else:
        kept = sorted(activity(maps)[:channels])
    whole = torch.stack([m[kept] for m in maps]).float()
    size = (min(whole.shape[2], side), whole.shape[3] if way.form == "vector" else min(whole.shape[3], side))
    clean = whole.nan_to_num(0.0, 0.0, 0.0)
    small = F.adaptive_avg_pool2d(clean.flatten(0, 1)[:, None], size).view(*whole.shape[:2], *size)
    limit, signed = scale(small), bool(small.min() < 0)
    return {
        "form": way.form, "of": count, "from": [high, wide], "kept": kept, "size": size, "limit": limit,
        "signed": signed, "sheets": [sheet(s, limit, signed) for s in small],
        "figures": [_figures(m) for m in maps],
    }  # fmt: skip


def scale(values: torch.Tensor) -> float:
    """The least limit that at most `BEYOND` of the elements exceed; of all zeros, 1."""
    sizes = values.abs().flatten().sort().values
    limit = float(sizes[-1 - int(BEYOND * len(sizes))]) or float(sizes[-1])
    return float(f"{limit:.4g}") or 1.0


def sheet(maps: torch.Tensor, limit: float, signed: bool) -> str:
    """Maps [k, h, w] below each other as a grey PNG in a data address."""
    shares = (maps / limit).clamp(-1, 1)
    cells = (128 + 127 * shares if signed else 255 * shares).round().to(torch.uint8)
    return png(Image.fromarray(cells.flatten(0, 1).numpy(), "L"))


def _figures(maps: torch.Tensor) -> list[float]:
    """Least, greatest and mean of the finite elements, and the share of zeros."""
    values = maps.float().flatten()
    finite = values[values.isfinite()]
    if not finite.numel():
        return [0.0, 0.0, 0.0, 0.0]
    found = (finite.min(), finite.max(), finite.mean(), (finite == 0).float().mean())
    return [float(f"{float(number):.4g}") for number in found]


def shown(pixels: np.ndarray) -> str:
    """A picture [H, W, 1 or 3] from 0 to 1 as a PNG in a data address."""
    cells = (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)
    return png(Image.fromarray(cells[..., 0] if cells.shape[2] == 1 else cells))


def png(picture: Image.Image) -> str:
    """A picture as the data address of a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
