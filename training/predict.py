"""`predict`: a run's trained model on single pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from graphwright.backends.weights import load as load_weights
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.part import Files, Part
from graphwright.training.data.pictures import upright
from graphwright.training.data.split import adapt
from graphwright.training.evaluate import trained_weights
from graphwright.training.run import Record, Run
from graphwright.training.tasks import TASKS
from graphwright.training.tasks.task import Answer, Drawable

#: So many classes are told of each picture.
TOP = 5
#: Pictures in a batch.
BATCH = 64


@torch.no_grad()
def predict(
    run: str | Path, files: Sequence[str | Path], top: int = TOP, out: str | Path | None = None
) -> list[dict[str, Any]]:
    """What the trained model says of pictures, with the name of each as `file`.

    A classifier gives `class`, `probability` and the best few as `top`; a segmenter `shares` of the classes; a detector
    `boxes`, each with `class`, `score` and `box`, the corners in the file's own pixels. `out` is a folder for pictures
    with masks or boxes drawn on them.
    """
    names = tuple(str(f) for f in files)
    record = Run(Path(run)).record()
    if out is not None and not TASKS[record.task].draws:
        raise fail(NOWHERE, "classes are not drawn on pictures", "leave out -o")
    answers = _answers(Run(Path(run)), record, names)
    folder = None if out is None else _folder(Path(out), names)
    found = []
    for name, answer in zip(names, answers, strict=True):
        with upright(Path(name).read_bytes()) as image:
            found.append({"file": name, **answer.as_json(image.size, top)})
            if folder is not None and isinstance(answer, Drawable):
                answer.drawn(image).save(folder / f"{Path(name).stem}.png")
    return found


def _answers(folder: Run, record: Record, names: Sequence[str]) -> list[Answer]:
    """What the trained model says of each file."""
    graph = folder.graph()
    missing = [n for n in names if not Path(n).is_file()]
    if missing:
        raise fail(NOWHERE, f"no file '{missing[0]}'", "predict takes picture files")
    part = Part(Files(tuple(names), lambda name: Path(name).read_bytes()), torch.zeros(len(names), dtype=torch.int64))
    split = adapt(part, record.want, record.recipe.workers, lambda done, total: None)
    module = lower(graph, cone="deploy")
    weights, wanted = trained_weights(folder), module.state_dict()
    load_weights(module, {k: v for k, v in weights.items() if k in wanted}, folder.weights)
    module.eval()
    found: list[Answer] = []
    for rows in torch.split(torch.arange(len(names)), BATCH):
        output = module(record.scaling(split.read(rows), record.want))
        first = next(iter(output.values())) if isinstance(output, dict) else output
        found += TASKS[record.task].answers(first, record.want, record.classes)
    return found


def _folder(path: Path, names: Sequence[str]) -> Path:
    """The folder for drawn pictures, which take the names of the files."""
    twice = [stem for stem, count in Counter(Path(n).stem for n in names).items() if count > 1]
    if twice:
        raise fail(NOWHERE, f"two of the files are called '{twice[0]}'", "draw them into two folders")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fail(NOWHERE, f"{path} cannot be made: {error.strerror}", "choose another -o") from None
    return path
