"""Samples as they lie on disk, before a model's input decides their shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Files:
    """Picture files: their names, and how the bytes of one are read (from a folder, from inside a zip)."""

    names: tuple[str, ...]
    read: Callable[[str], bytes]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Part:
    """Samples and their classes. `items` is a tensor [n, ...] (pictures are [n, C, H, W]) or files."""

    items: Tensor | Files
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor) -> Part:
        """The samples at `rows`."""
        if isinstance(self.items, Files):
            names = tuple(self.items.names[k] for k in rows.tolist())
            return Part(Files(names, self.items.read), self.labels[rows])
        return Part(self.items[rows], self.labels[rows])


@dataclass(frozen=True)
class Parts:
    """What a source gives: the names of the classes, a part to train on, and one to test on if it has one."""

    classes: tuple[str, ...]
    train: Part
    test: Part | None = None
