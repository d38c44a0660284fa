"""Pictures of a run: its learning curves, and the confusion matrix of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Up to so many classes are named and counted in the cells of a confusion matrix.
NAMED = 25


def draw_curves(path: Path, metrics: Sequence[Mapping[str, Any]], title: str, figure_name: str = "accuracy") -> None:
    """Loss, the task's first figure and learning rate over steps; epochs' figures of both parts as marked lines."""
    figure = Figure(figsize=(13, 4), layout="constrained")
    axes = figure.subplots(1, 3)
    steps = [m for m in metrics if m["kind"] == "steps"]
    epochs = [m for m in metrics if m["kind"] == "epoch"]
    for axis, name in zip(axes, ("loss", figure_name), strict=False):
        for lines, key, label, style in (
            (steps, name, "steps", {"color": "#bbbbbb", "linewidth": 1}),
            (epochs, name, "training", {"color": "#1f77b4", "marker": "o", "ms": 3}),
            (epochs, f"test_{name}", "test", {"color": "#d62728", "marker": "o", "ms": 3}),
        ):
            if lines and key in lines[0]:
                axis.plot([m["step"] for m in lines], [m[key] for m in lines], label=label, **style)
        axis.set(xlabel="step", title=name)
        axis.grid(alpha=0.3)
        axis.legend()
    axes[2].plot([m["step"] for m in steps], [m["lr"] for m in steps], color="#2ca02c")
    axes[2].set(xlabel="step", title="learning rate")
    axes[2].grid(alpha=0.3)
    figure.suptitle(title)
    _save(figure, path)


def draw_confusion(path: Path, table: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> None:
    """The confusion matrix, true classes down and given ones across, coloured by share of the true class."""
    counts = np.asarray(table)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 3.5 + 0.35 * min(len(classes), NAMED)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axis = figure.subplots()
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axis, label="share of the true class", shrink=0.8)
    axis.set(xlabel="given class", ylabel="true class", title=title)
    if len(classes) <= NAMED:
        axis.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(len(classes)), classes)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[row, column] > 0.5 else "black"
                axis.text(column, row, str(count), ha="center", va="center", fontsize=7, color=color)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    part = path.with_name(f".{path.name}")
    figure.savefig(part, format="png", dpi=110)
    part.replace(path)
