"""The table of similarities between all layers of two models, as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

#: More names than this along a side could not be read.
NAMED = 60


def matrix(
    table: np.ndarray[Any, Any], rows: Sequence[str], columns: Sequence[str], title: str,
    pairs: Sequence[tuple[int, int]],
) -> Image.Image:  # fmt: skip
    """A table [rows, columns] of numbers up to 1 in colours, a ring around those of `pairs`."""
    size = [3 + 0.16 * min(len(side), NAMED) for side in (columns, rows)]
    figure = Figure(figsize=(size[0] + 1, size[1]), layout="constrained", dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    shown = axes.imshow(table, vmin=min(0.0, float(table.min())), vmax=1, cmap="viridis", aspect="auto")
    axes.scatter([c for _, c in pairs], [r for r, _ in pairs], s=18, facecolors="none", edgecolors="white")
    for names, axis in ((rows, axes.yaxis), (columns, axes.xaxis)):
        if len(names) <= NAMED:
            axis.set_ticks(range(len(names)), names, fontsize=7)
    axes.tick_params(axis="x", rotation=90)
    axes.set(xlabel="target", ylabel="guide", title=title)
    figure.colorbar(shown)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer)
