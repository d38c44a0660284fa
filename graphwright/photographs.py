"""Picture files for a page: read as `analyze` reads them for a spec, and as `predict` does for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from graphwright.analyses.pictures import Preparation, preparation, read
from graphwright.backends.explorer import Pictures, Reading
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.part import Files, Part
from graphwright.training.data.split import adapt
from graphwright.training.run import Run


@dataclass(frozen=True)
class Photographer:
    """How a spec or a run reads pictures. A spec takes the options, a run has its own data's way."""

    graph: Graph
    run: Run | None
    mean: Sequence[float]
    std: Sequence[float]
    size: int | None = None
    crop: float = 0.875
    classes: Sequence[str] = ()

    def pictures(self, files: Sequence[Path]) -> Pictures:
        """The pictures of files and folders."""
        if self.run is not None:
            return of_run(self.run, files)
        return of_spec(self.graph, files, self.mean, self.std, self.size, self.crop, self.classes)

    def ring(self) -> Pictures:
        """A drawn ring, for a page that has to begin with something."""
        if self.run is not None:
            record = self.run.record()
            pixels = _ring(*_picture_shape(self.run))
            cells = torch.from_numpy((255 * pixels).round().astype(np.uint8).transpose(0, 3, 1, 2))
            reading = Reading(record.scaling.mean, record.scaling.deviation)
            return Pictures(("a ring",), pixels, record.scaling(cells, record.want), record.classes, reading=reading)
        how = preparation(self.graph.deployed(), self.mean, self.std, self.size)
        pixels = _ring(how.channels, how.size, how.size)
        reading = _reading(replace(how, crop=self.crop))
        return Pictures(("a ring",), pixels, how.normalised(pixels), tuple(self.classes), reading=reading)


def _ring(channels: int, height: int, width: int) -> np.ndarray:
    """A white ring on black, [1, H, W, C]."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1.25, 1.25, width), indexing="ij")
    ring = np.exp(-(((np.hypot(x, y) - 0.55) / 0.13) ** 2)).astype(np.float32)
    return np.repeat(ring[None, ..., None], channels, axis=-1)


def _reading(how: Preparation) -> Reading:
    return Reading(tuple(how.mean[: how.channels]), tuple(how.std[: how.channels]), how.crop)


def _picture_shape(run: Run) -> tuple[int, ...]:
    """The channels, height and width that a run's model reads."""
    want = run.record().want
    if not want.is_picture:
        raise fail(NOWHERE, f"the model of {run.path} takes no pictures: {list(want.shape)}", "leave out --image")
    return tuple(want.shape)


def of_spec(
    graph: Graph, files: Sequence[Path], mean: Sequence[float], std: Sequence[float], size: int | None = None,
    crop: float | None = None, classes: Sequence[str] = (),
) -> Pictures:  # fmt: skip
    """Pictures resized, cut and normalised; `crop` is the share of the shorter side that is kept."""
    how = preparation(graph.deployed(), mean, std, size)
    how = how if crop is None else replace(how, crop=crop)
    pixels, names = read(files, how)
    told = (
        f"The shorter side resized to {max(how.size, round(how.size / how.crop))}, the middle {how.size}×{how.size}; "
        f"then less {_listed(how.mean, how.channels)}, over {_listed(how.std, how.channels)}."
    )
    return Pictures(tuple(names), pixels, how.normalised(pixels), tuple(classes), told, _reading(how))


def of_run(run: Run, files: Sequence[Path]) -> Pictures:
    """Pictures as the run's own data, with the names of its classes."""
    record = run.record()
    height_and_width = _picture_shape(run)[1:]
    names = tuple(str(f) for f in files)
    missing = [n for n in names if not Path(n).is_file()]
    if missing:
        raise fail(NOWHERE, f"no picture {missing[0]}", "check the path")
    part = Part(Files(names, lambda name: Path(name).read_bytes()), torch.zeros(len(names), dtype=torch.int64))
    split = adapt(part, record.want, record.recipe.workers, lambda done, total: None)
    cells = split.read(torch.arange(len(names)))
    pixels = cells.permute(0, 2, 3, 1).float().numpy() / 255
    told = f"Resized to {'×'.join(map(str, height_and_width))} and scaled like the pictures of the run."
    inputs = record.scaling(cells, record.want)
    reading = Reading(record.scaling.mean, record.scaling.deviation)
    return Pictures(tuple(f.name for f in files), pixels, inputs, record.classes, told, reading)


def class_names(path: Path | None) -> tuple[str, ...]:
    """The lines of a text file, one name for each class."""
    if path is None:
        return ()
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise fail(
            NOWHERE, f"{path} has no names of classes: {error}", "a text file with one name in each line"
        ) from None


def _listed(numbers: Sequence[float], channels: int) -> str:
    return ", ".join(f"{n:g}" for n in numbers[:channels])
