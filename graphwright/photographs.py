"""Picture files for a page: read as `analyze` reads them for a spec, and as `predict` does for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from graphwright.analyses.pictures import preparation, read
from graphwright.backends.explorer import Pictures
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.part import Files, Part
from graphwright.training.data.split import adapt
from graphwright.training.run import Run


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
    return Pictures(tuple(names), pixels, how.normalised(pixels), tuple(classes), told)


def of_run(run: Run, files: Sequence[Path]) -> Pictures:
    """Pictures as the run's own data, with the names of its classes."""
    record = run.record()
    if not record.want.is_picture:
        raise fail(
            NOWHERE, f"the model of {run.path} takes no pictures: {list(record.want.shape)}", "leave out --image"
        )
    names = tuple(str(f) for f in files)
    missing = [n for n in names if not Path(n).is_file()]
    if missing:
        raise fail(NOWHERE, f"no picture {missing[0]}", "check the path")
    part = Part(Files(names, lambda name: Path(name).read_bytes()), torch.zeros(len(names), dtype=torch.int64))
    split = adapt(part, record.want, record.recipe.workers, lambda done, total: None)
    cells = split.read(torch.arange(len(names)))
    pixels = cells.permute(0, 2, 3, 1).float().numpy() / 255
    told = f"Resized to {'×'.join(map(str, record.want.shape[1:]))} and scaled like the pictures of the run."
    inputs = record.scaling(cells, record.want)
    return Pictures(tuple(f.name for f in files), pixels, inputs, record.classes, told)


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
