"""`--data KIND:WHERE`: one table of sources, each a function from a place on disk to the parts found there.

A `Part` is samples as they lie on disk, arrays or picture files, with their classes as numbers; nothing is decoded
or resized before it is known what the model wants (see `split.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graphwright.compiler.places import NOWHERE, fail, suggest
from graphwright.training.data import arrays, cifar, coco, digits, folder, idx, masks, shapes
from graphwright.training.data.part import Part, Parts
from graphwright.training.seeds import generator

#: What can be known of a sample.
CLASSES, MASKS, OBJECTS = "classes", "masks", "boxes"


@dataclass(frozen=True)
class Source:
    """One kind of data: how it is written on the command line, and a reader for each kind of labels that it has."""

    usage: str
    readers: Mapping[str, Callable[[str], Parts]]

    @property
    def needs_place(self) -> bool:
        return ":" in self.usage


SOURCES: dict[str, Source] = {
    "digits": Source("digits", {CLASSES: digits.read}),
    "mnist": Source("mnist:DIR", {CLASSES: idx.read}),
    "cifar10": Source("cifar10:PATH", {CLASSES: cifar.read}),
    "folder": Source("folder:PATH", {CLASSES: folder.read}),
    "npz": Source("npz:FILE", {CLASSES: arrays.read}),
    "masks": Source("masks:PATH", {MASKS: masks.read}),
    "coco": Source("coco:PATH", {OBJECTS: coco.read}),
    "shapes": Source("shapes", {MASKS: shapes.masks, OBJECTS: shapes.objects}),
}


def open_data(text: str, held_out: float, labels: str = CLASSES) -> Parts:
    """The parts that `text` names, with labels of a kind. Without a test part, the share `held_out` of each class (or
    of all samples, where they are not of one class) is set aside as one.

    The split does not depend on a run's seed, so runs with different seeds are measured on the same samples.
    """
    kind, _, where = text.partition(":")
    if kind not in SOURCES:
        usages = ", ".join(s.usage for s in SOURCES.values())
        raise fail(NOWHERE, f"no data source '{kind}'", suggest(kind, SOURCES) or f"known: {usages}")
    source = SOURCES[kind]
    if source.needs_place != bool(where):
        rule = "says where the data is" if source.needs_place else "takes no place"
        raise fail(NOWHERE, f"data source '{kind}' {rule}, not '{text}'", f"write --data {source.usage}")
    if labels not in source.readers:
        usages = ", ".join(s.usage for s in SOURCES.values() if labels in s.readers)
        raise fail(NOWHERE, f"data source '{kind}' has no {labels}, which the model learns", f"with {labels}: {usages}")
    parts = source.readers[labels](where)
    if parts.test is not None:
        return parts
    train, test = hold_out(parts.train, held_out)
    return Parts(parts.classes, train, test)


def hold_out(part: Part, share: float) -> tuple[Part, Part]:
    """The part in two, `share` of each class in the second (at least one sample, if the class has two)."""
    draw = generator("held out")
    kept: list[Tensor] = []
    held: list[Tensor] = []
    one_class = isinstance(part.labels, Tensor) and part.labels.dim() == 1
    strata = part.labels if one_class else torch.zeros(len(part), dtype=torch.int64)
    for label in torch.unique(strata).tolist():
        rows = (strata == label).nonzero().flatten()
        rows = rows[torch.randperm(len(rows), generator=draw)]
        count = min(max(round(share * len(rows)), 1), len(rows) - 1)
        held.append(rows[:count])
        kept.append(rows[count:])
    return tuple(part.take(torch.cat(rows).sort().values) for rows in (kept, held))  # type: ignore[return-value]


def match_classes(parts: Parts, classes: Sequence[str], source: str) -> None:
    """Refuses data whose classes aren't those that a run was trained on."""
    if list(parts.classes) != list(classes):
        known, found = ", ".join(classes[:12]), ", ".join(parts.classes[:12])
        raise fail(NOWHERE, f"the run knows the classes {known}; {source} has {found}", "evaluate on data of its kind")
