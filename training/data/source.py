"""`--data KIND:WHERE`: one table of sources, each a function from a place on disk to the parts found there.

A `Part` is samples as they lie on disk, arrays or picture files, with their classes as numbers; nothing is decoded
or resized before it is known what the model wants (see `split.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graphwright.compiler.places import NOWHERE, fail, suggest
from graphwright.training.data import arrays, cifar, digits, folder, idx
from graphwright.training.data.part import Part, Parts
from graphwright.training.seeds import generator


@dataclass(frozen=True)
class Source:
    """One kind of data: its reader, and how it is written on the command line."""

    read: Callable[[str], Parts]
    usage: str

    @property
    def needs_place(self) -> bool:
        return ":" in self.usage


SOURCES: dict[str, Source] = {
    "digits": Source(digits.read, "digits"),
    "mnist": Source(idx.read, "mnist:DIR"),
    "cifar10": Source(cifar.read, "cifar10:PATH"),
    "folder": Source(folder.read, "folder:PATH"),
    "npz": Source(arrays.read, "npz:FILE"),
}


def open_data(text: str, held_out: float) -> Parts:
    """The parts that `text` names. Without a test part, the share `held_out` of each class is set aside as one.

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
    parts = source.read(where)
    if parts.test is not None:
        return parts
    train, test = hold_out(parts.train, held_out)
    return Parts(parts.classes, train, test)


def hold_out(part: Part, share: float) -> tuple[Part, Part]:
    """The part in two, `share` of each class in the second (at least one sample, if the class has two)."""
    draw = generator("held out")
    kept: list[Tensor] = []
    held: list[Tensor] = []
    for label in torch.unique(part.labels).tolist():
        rows = (part.labels == label).nonzero().flatten()
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
