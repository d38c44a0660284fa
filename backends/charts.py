"""Pictures of a bench: latency and throughput over batch sizes, and models under the device's roofline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from graphwright.backends.bench import Bench
from graphwright.backends.roofline import Device


def draw_bench(path: Path, found: Sequence[Bench], limit: Device) -> None:
    """A row a model: milliseconds with the range from p10 to p90, and items a second, over batch sizes."""
    figure = Figure(figsize=(11, 3.6 * len(found)), layout="constrained")
    grid = figure.subplots(len(found), 2, squeeze=False)
    for (left, right), one in zip(grid, found, strict=True):
        for name in dict.fromkeys(row.backend for row in one.rows):
            rows = [row for row in one.rows if row.backend == name and row.median]
            if not rows:
                continue
            batches = [row.batch for row in rows]
            middle = np.array([row.median for row in rows]) * 1e3
            low, high = (np.array([getattr(row, key) for row in rows]) * 1e3 for key in ("p10", "p90"))
            reach = np.maximum([middle - low, high - middle], 0)
            left.errorbar(batches, middle, reach, marker="o", ms=4, capsize=3, label=name)
            right.plot(batches, [row.throughput for row in rows], marker="o", ms=4, label=name)
        left.set(title=one.name, xlabel="batch", ylabel="ms a step", xscale="log", yscale="log")
        right.set(title=one.name, xlabel="batch", ylabel="items a second", xscale="log")
        for axis in (left, right):
            axis.set_xticks(list(one.work), [str(batch) for batch in one.work], minor=False)
            axis.grid(alpha=0.3)
            axis.legend()
    _save(figure, path)


def draw_roofline(path: Path, found: Sequence[Bench], limit: Device) -> None:
    """FLOP/s over FLOPs a byte, both logarithmic: the device's bound, and each model at each batch size."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axis = figure.subplots()
    ridge = limit.flops_per_second / limit.bytes_per_second
    seen = [w.intensity for one in found for w in one.work.values()]
    reach = np.geomspace(min([*seen, ridge]) / 3, max([*seen, ridge]) * 3, 200)
    bound = np.minimum(limit.flops_per_second, reach * limit.bytes_per_second)
    axis.plot(reach, bound / 1e9, color="black", label="bound measured here")
    for one in found:
        for name in dict.fromkeys(row.backend for row in one.rows):
            rows = [row for row in one.rows if row.backend == name and row.flops_per_second]
            if rows:
                across = [one.work[row.batch].intensity for row in rows]
                axis.plot(across, [(row.flops_per_second or 0) / 1e9 for row in rows], "o", ms=5,
                          label=f"{one.name}, {name}")  # fmt: skip
    axis.set(xscale="log", yscale="log", xlabel="FLOPs a byte (nodes one by one)", ylabel="GFLOP/s")
    axis.grid(alpha=0.3, which="both")
    axis.legend(fontsize=8)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=110)
