"""Samples in the shape that a model's input wants, read by row number.

Pictures become uint8 [C, H, W] (decoded once and kept, if they fit) and other arrays keep their dtype; `Scaling`
then turns a batch into what the model reads: floats in [0, 1], less the mean, over the deviation of each channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from graphwright.backends.pictures import reason
from graphwright.compiler.ir.dims import symbols
from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.labels import Masks, Objects, Readable, Stored, resized
from graphwright.training.data.part import Files, Part
from graphwright.training.data.pictures import MODES, decode, decode_mask, refuse

#: Decoded pictures are kept in memory up to this many bytes; beyond, each batch is decoded when it is needed.
IN_MEMORY = 2 << 30
#: The samples that means and deviations are measured on, where not all are in memory.
MEASURED = 2048

#: Called with (done, total) now and then while pictures are decoded.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Want:
    """What the model's input takes: the shape of one sample, and its dtype."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def is_picture(self) -> bool:
        return len(self.shape) == 3 and self.dtype.is_floating_point


@dataclass(frozen=True)
class Split:
    """Samples by row: `read(rows)` is [b, *shape], uint8 for pictures; `labels[rows]` is what is known of them."""

    labels: Readable
    read: Callable[[Tensor], Tensor]
    #: Whether reading is slow enough to be done ahead of time.
    decodes: bool = False

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Scaling:
    """x -> (x - mean) / deviation for each channel of a picture, or for all elements of another sample."""

    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def __call__(self, x: Tensor, want: Want) -> Tensor:
        if not want.dtype.is_floating_point:
            return x.to(want.dtype)
        x = x.to(want.dtype) / 255 if x.dtype == torch.uint8 else x.to(want.dtype)
        shape = (-1, *[1] * (x.dim() - 2))
        mean = torch.tensor(self.mean, dtype=want.dtype).to(x.device).view(shape)
        deviation = torch.tensor(self.deviation, dtype=want.dtype).to(x.device).view(shape)
        return (x - mean) / deviation


def wanted(graph: Graph, resize: int) -> Want:
    """What the only input of the graph takes; free sizes take `resize` where it is given, else their defaults."""
    if len(graph.inputs) != 1:
        names = ", ".join(e.name for e in graph.inputs)
        raise fail(NOWHERE, f"data of one kind feeds one input; {graph.name} has {names}", "train it from Python")
    entry: Entry = graph.inputs[0]
    shape = entry.type.at(sizes_at(graph, resize)).shape[1:]
    return Want(tuple(int(s) for s in shape), DTYPES[entry.type.dtype])


def sizes_at(graph: Graph, resize: int) -> dict[str, int]:
    """The numbers that free sizes take in a run: height and width `resize` where it is given, else their defaults."""
    entry, sizes = graph.inputs[0], dict(graph.sizes)
    if resize and entry.type.rank == 4:
        for size in entry.type.shape[2:]:
            sizes.update(dict.fromkeys(symbols(size), resize))
    return sizes


def adapt(part: Part, want: Want, workers: int, progress: Progress) -> Split:
    """The part as the model wants it. Raises where that can't be: too few channels, another number of elements."""
    if isinstance(part.items, Files):
        return _from_files(part.items, part.labels, want, workers, progress)
    items = part.items
    if want.is_picture and items.dim() in (3, 4):
        items = _fit(items[:, None] if items.dim() == 3 else items, want.shape)
    elif prod(items.shape[1:]) != prod(want.shape):
        raise fail(
            NOWHERE,
            f"a sample of the data is {list(items.shape[1:])}, the model's input {list(want.shape)}",
            "change the input's sizes, or the data",
        )
    items = items.reshape(-1, *want.shape)
    return Split(_adapted(part.labels, want, workers, progress), items.__getitem__)


def measure(split: Split, want: Want) -> Scaling:
    """Mean and deviation of the training samples, by channel for pictures, else of all elements together."""
    if not want.dtype.is_floating_point:
        return Scaling()
    step = max(1, len(split) // MEASURED) if split.decodes else 1
    total, square, count = torch.zeros(1), torch.zeros(1), 0
    identity = Scaling((0.0,), (1.0,))
    for rows in torch.split(torch.arange(0, len(split), step), 1024):
        x = identity(split.read(rows), want).double()
        x = x.flatten(2) if want.is_picture else x.reshape(len(rows), 1, -1)
        total = total + x.sum((0, 2))
        square = square + x.square().sum((0, 2))
        count += x.shape[0] * x.shape[2]
    mean = total / count
    deviation = (square / count - mean.square()).clamp_min(0).sqrt()
    deviation = torch.where(deviation < 1e-6, 1.0, deviation)
    return Scaling(tuple(mean.tolist()), tuple(deviation.tolist()))


# -- pictures ---------------------------------------------------------------------------------
def _fit(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Pictures [n, C, H, W] with the wanted channels and size."""
    channels = shape[0]
    if x.shape[1] != channels:
        if (x.shape[1], channels) == (1, 3):
            x = x.expand(-1, 3, -1, -1)
        elif (x.shape[1], channels) == (3, 1):
            weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # ITU-R 601, as in Pillow
            grey = (x.float() * weights).sum(1, keepdim=True)
            x = grey.round().to(x.dtype) if x.dtype == torch.uint8 else grey
        else:
            raise fail(NOWHERE, f"pictures have {x.shape[1]} channels, the model's input {channels}", "")
    if tuple(x.shape[2:]) != shape[1:]:
        chunks = [F.interpolate(c, shape[1:], mode="bilinear", antialias=True) for c in torch.split(x, 4096)]
        x = torch.cat(chunks)
    return x.contiguous()


def _from_files(files: Files, labels: Stored, want: Want, workers: int, progress: Progress) -> Split:
    if not want.is_picture or want.shape[0] not in MODES:
        rule = f"a picture file gives 1, 3 or 4 channels; the model's input is {list(want.shape)}"
        raise fail(NOWHERE, rule, "give the spec an input [N, 3, H, W]")

    def one(row: int) -> Tensor:
        size = None if files.sizes is None else files.sizes[row]
        return decode(files.read(files.names[row]), want.shape, size)

    rows = _Rows("picture", files.names, want.shape, one)
    read, decodes = rows.reader(workers, progress)
    return Split(_adapted(labels, want, workers, progress), read, decodes)


def _adapted(labels: Stored, want: Want, workers: int, progress: Progress) -> Readable:
    """Labels for pictures of the wanted size."""
    height, width = want.shape[-2:] if want.is_picture else (0, 0)
    if isinstance(labels, Objects):
        return labels.scaled(width, height)
    if isinstance(labels, Tensor):
        return Masks(len(labels), resized(labels, height, width).__getitem__) if labels.dim() == 3 else labels

    def one(row: int) -> Tensor:
        return decode_mask(((k, labels.read(n)) for k, n in labels.names[row]), labels.classes, height, width)

    names = tuple(", ".join(name for _, name in files) for files in labels.names)
    rows = _Rows("mask", names, (height, width), one)
    return Masks(len(labels), rows.reader(workers, progress)[0])


@dataclass(frozen=True)
class _Rows:
    """Files decoded row by row, `one(row)` to uint8 of one shape."""

    kind: str
    names: Sequence[str]
    shape: tuple[int, ...]
    one: Callable[[int], Tensor]

    def reader(self, workers: int, progress: Progress) -> tuple[Callable[[Tensor], Tensor], bool]:
        """A function from rows to their tensors, and whether it decodes each time because not all fit in memory."""
        pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
        if len(self.names) * prod(self.shape) > IN_MEMORY:
            return lambda rows: torch.stack(list(pool.map(self._load, rows.tolist()))), True
        kept = torch.empty(len(self.names), *self.shape, dtype=torch.uint8)
        broken: dict[str, str] = {}

        def fill(row: int) -> None:
            try:
                kept[row] = self.one(row)
            except Exception as error:  # decoders raise what they like; all bad files are reported together below
                broken[self.names[row]] = reason(error)

        with pool:
            for done, _ in enumerate(pool.map(fill, range(len(self.names)), chunksize=64), 1):
                if done % 256 == 0 or done == len(self.names):
                    progress(done, len(self.names))
        if broken:
            raise refuse(broken, self.kind)
        return kept.__getitem__, False

    def _load(self, row: int) -> Tensor:
        try:
            return self.one(row)
        except Exception as error:
            raise refuse({self.names[row]: reason(error)}, self.kind) from None
