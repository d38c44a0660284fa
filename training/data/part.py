"""Samples as they lie on disk, before a model's input decides their shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from graphwright.training.data.labels import MaskFiles, Stored


@dataclass(frozen=True)
class Files:
    """Picture files: their names, and how the bytes of one are read (from a folder, from inside a zip).

    `sizes` are the (width, height) that each must have, where the labels depend on it.
    """

    names: tuple[str, ...]
    read: Callable[[str], bytes]
    sizes: tuple[tuple[int, int], ...] | None = None

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Part:
    """Samples and what is known of them. `items` is a tensor [n, ...] (pictures are [n, C, H, W]) or files."""

    items: Tensor | Files
    labels: Stored

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> Tensor:
        """Labels that are classes, int64 [n]."""
        assert isinstance(self.labels, Tensor)
        return self.labels

    def take(self, rows: Tensor) -> Part:
        """The samples at `rows`."""
        items, labels, chosen = self.items, self.labels, rows.tolist()
        if isinstance(items, Files):
            sizes = None if items.sizes is None else tuple(items.sizes[k] for k in chosen)
            items = Files(tuple(items.names[k] for k in chosen), items.read, sizes)
        else:
            items = items[rows]
        if isinstance(labels, MaskFiles):
            return Part(items, replace(labels, names=tuple(labels.names[k] for k in chosen)))
        return Part(items, labels[rows])


@dataclass(frozen=True)
class Parts:
    """What a source gives: the names of the classes, a part to train on, and one to test on if it has one."""

    classes: tuple[str, ...]
    train: Part
    test: Part | None = None
