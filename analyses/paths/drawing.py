"""Pictures of paths: over the layers of the graph, and as matrices of neurons and classes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from graphwright.analyses.contract import Result
from graphwright.analyses.paths.experiments import FOUND, METHODS, similarity, utilisation
from graphwright.analyses.paths.neurons import Layer

COLOURS = dict(zip(METHODS, ("#c1272d", "#0000a7", "#008176", "#888888", "#eecc16"), strict=True))
#: So many of the most used neurons of each layer stand in the matrix of utilisation.
SHOWN = 6


def figures(layers: Sequence[Layer], result: Result, names: Sequence[str]) -> dict[str, Image.Image]:
    """A picture for each path, one of deviations, and two matrices where there are several classes."""
    found = {f"{Path(name).stem}.path.png": path_of(layers, result, k) for k, name in enumerate(names)}
    found["deviations.png"] = deviations(result)
    counts = utilisation(result.arrays[f"{FOUND}_path"], result.numbers["classes"], [x.width for x in layers])
    found["utilisation.png"] = used(layers, counts)
    if len(counts) > 1:
        found["similarity.png"] = matrix(similarity(counts), list(counts))
    return found


def path_of(layers: Sequence[Layer], result: Result, picture: int) -> Image.Image:
    """The layers from left to right as the graph computes them, their units from bottom to top shaded by value, and
    the path through them."""
    figure = Figure(figsize=(max(6.0, 0.9 * len(layers) + 1.5), 5), layout="constrained")
    axes = figure.subplots()
    first = 0
    for k, layer in enumerate(layers):
        units = result.arrays["units"][picture, first : first + layer.width]
        top = float(np.abs(units).max()) or 1.0
        axes.imshow(units[:, None], aspect="auto", origin="lower", extent=(k - 0.18, k + 0.18, 0, 1), cmap="RdBu_r",
                    vmin=-top, vmax=top, alpha=0.6)  # fmt: skip
        first += layer.width
    for method in METHODS:
        if f"{method}_path" in result.arrays:
            path = result.arrays[f"{method}_path"][picture]
            heights = [(i + 0.5) / layer.width for i, layer in zip(path, layers, strict=True)]
            strong = method == FOUND
            axes.plot(heights, "o-", color=COLOURS[method], lw=2.2 if strong else 0.8, ms=6 if strong else 3,
                      alpha=1 if strong else 0.6, label=method)  # fmt: skip
            if strong:
                for k, (height, index) in enumerate(zip(heights, path, strict=True)):
                    axes.annotate(str(index), (k, height), (6, 6), textcoords="offset points", fontsize=8)
    axes.set(xlim=(-0.6, len(layers) - 0.4), ylim=(0, 1), yticks=[], ylabel="units, shaded by their clean value")
    axes.set_xticks(range(len(layers)), [f"{x.value}\n{x.width}" for x in layers], rotation=60, ha="right", fontsize=7)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    return _drawn(figure)


def deviations(result: Result) -> Image.Image:
    """The target's probability without the path's neurons and with them doubled, against what it was."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, word in zip(figure.subplots(1, 2), ("removed", "enhanced"), strict=True):
        methods = [m for m in METHODS if f"{m} {word}" in result.numbers]
        axes.boxplot([result.numbers[f"{m} {word}"] for m in methods], tick_labels=methods, showfliers=False)
        axes.axhline(0, color="#bbbbbb", lw=0.8)
        axes.set(title=word, ylabel="p / p before - 1")
        axes.tick_params(axis="x", rotation=30)
    return _drawn(figure)


def used(layers: Sequence[Layer], counts: Mapping[int, np.ndarray]) -> Image.Image:
    """Classes down; across, the neurons that paths use most in each layer; how often."""
    rows = np.stack(list(counts.values()))
    columns, labels, first = [], [], 0
    for k, layer in enumerate(layers):
        total = rows[:, first : first + layer.width].sum(0)
        best = [int(i) for i in np.argsort(-total, kind="stable")[:SHOWN] if total[i]]
        columns += [first + i for i in best]
        labels += [f"{k}:{i}" for i in best]
        first += layer.width
    figure = Figure(figsize=(max(5.0, 0.22 * len(columns) + 1.5), 0.3 * len(rows) + 1.8), layout="constrained")
    _image(figure, rows[:, columns], labels, list(counts), "times on a path, layer:neuron across, classes down")
    return _drawn(figure)


def matrix(values: np.ndarray, classes: Sequence[int]) -> Image.Image:
    """Cosines between classes."""
    figure = Figure(figsize=(0.35 * len(classes) + 2, 0.35 * len(classes) + 1.6), layout="constrained")
    _image(figure, values, list(map(str, classes)), classes, "cosine of the classes' counts")
    return _drawn(figure)


def _image(figure: Figure, values: np.ndarray, across: Sequence[str], down: Sequence[Any], title: str) -> None:
    axes = figure.subplots()
    shown = axes.imshow(values, aspect="auto", cmap="viridis")
    axes.set_xticks(range(len(across)), across, rotation=90, fontsize=6)
    axes.set_yticks(range(len(down)), [str(d) for d in down], fontsize=7)
    axes.set_title(title, fontsize=9)
    figure.colorbar(shown)


def _drawn(figure: Figure) -> Image.Image:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=110)
    with Image.open(buffer) as picture:
        return picture.convert("RGB")
