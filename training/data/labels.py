"""What is known of each sample: its class, the class of each of its pixels, or the objects in it.

Labels of any kind have a length, are taken by rows, and move to a device. Classes are an int64 tensor [n]. Masks are
stored as uint8 [n, H, W] and read as int64 [b, H, W]. Objects are boxes, padded to one number for all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

#: The value of a stored mask where the class is not known, and what it is read as (`ignore` of the losses).
UNKNOWN, IGNORED = 255, -100
#: The label of a row that holds no object.
NOTHING = -1
#: An object as a source finds it: corners in shares of the picture, its class, and whether it is a crowd.
Object: TypeAlias = tuple[list[float], int, bool]


@dataclass(frozen=True)
class Objects:
    """Objects of n pictures, at most M in each.

    `boxes` [n, M, 4] are corners x1 y1 x2 y2, as shares of the picture or, once it has its size, in pixels; `labels`
    int64 [n, M] are classes, -1 in rows without an object; `crowd` bool [n, M] marks boxes around many objects, which
    are neither learnt nor counted.
    """

    boxes: Tensor
    labels: Tensor
    crowd: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Any) -> Objects:
        return Objects(self.boxes[rows], self.labels[rows], self.crowd[rows])

    def to(self, device: torch.device, non_blocking: bool = False) -> Objects:
        """The same on a device."""
        return Objects(*(t.to(device, non_blocking=non_blocking) for t in (self.boxes, self.labels, self.crowd)))

    def scaled(self, width: int, height: int) -> Objects:
        """Shares of a picture in pixels of that size."""
        return Objects(self.boxes * torch.tensor([width, height, width, height]), self.labels, self.crowd)

    def with_rows(self, count: int) -> Objects:
        """The same with room for `count` objects in a picture; rows beyond hold none."""
        rows = count - self.labels.shape[1]
        boxes, crowd = F.pad(self.boxes, (0, 0, 0, rows)), F.pad(self.crowd, (0, rows))
        return Objects(boxes, F.pad(self.labels, (0, rows), value=NOTHING), crowd)

    def cropped(self, x: Tensor, y: Tensor, width: int, height: int) -> Objects:
        """Seen through a window of width x height at (x, y), both [n].

        An object stays if its centre does, cut off at the border (arXiv:1512.02325, section 2.2).
        """
        boxes = self.boxes - torch.stack([x, y, x, y], 1).to(self.boxes).unsqueeze(1)
        centre = (boxes[..., :2] + boxes[..., 2:]) / 2
        size = boxes.new_tensor([width, height])
        inside = ((centre >= 0) & (centre <= size)).all(-1)
        boxes = boxes.clamp_min(0).minimum(size.repeat(2))
        return Objects(boxes, torch.where(inside, self.labels, NOTHING), self.crowd)

    def mirrored(self, which: Tensor, width: int) -> Objects:
        """Left and right exchanged in the pictures that `which` [n] says."""
        x1, y1, x2, y2 = self.boxes.unbind(-1)
        flipped = torch.stack([width - x2, y1, width - x1, y2], -1)
        return Objects(torch.where(which.view(-1, 1, 1), flipped, self.boxes), self.labels, self.crowd)


def padded(found: Sequence[Sequence[Object]]) -> Objects:
    """The objects of each picture with as many rows as the fullest picture has."""
    count = max([1, *map(len, found)])
    boxes = torch.zeros(len(found), count, 4)
    labels = torch.full((len(found), count), NOTHING)
    crowd = torch.zeros(len(found), count, dtype=torch.bool)
    if all_of_them := [o for objects in found for o in objects]:
        rows = torch.repeat_interleave(torch.arange(len(found)), torch.tensor([len(o) for o in found]))
        places = torch.cat([torch.arange(len(o)) for o in found])
        corners, kinds, many = zip(*all_of_them, strict=True)
        boxes[rows, places], labels[rows, places] = torch.tensor(corners, dtype=torch.float32), torch.tensor(kinds)
        crowd[rows, places] = torch.tensor(many)
    return Objects(boxes, labels, crowd)


@dataclass(frozen=True)
class MaskFiles:
    """The mask files of each sample: (class, name) pairs. A file with the class None holds class numbers itself;
    another is that class wherever it is not 0.
    """

    names: tuple[tuple[tuple[int | None, str], ...], ...]
    read: Callable[[str], bytes]
    classes: int

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Masks:
    """Masks by row, int64 [b, H, W] with -100 where the class is not known, from a reader of uint8."""

    count: int
    read: Callable[[Tensor], Tensor]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: Tensor) -> Tensor:
        stored = self.read(rows).long()
        return torch.where(stored == UNKNOWN, IGNORED, stored)


#: Labels as a source gives them, as a split holds them, and those of some rows.
Stored: TypeAlias = Tensor | Objects | MaskFiles
Readable: TypeAlias = Tensor | Objects | Masks
Labels: TypeAlias = Tensor | Objects


def resized(masks: Tensor, height: int, width: int) -> Tensor:
    """Masks [n, H, W] of another size; a pixel takes the class of the nearest one."""
    if tuple(masks.shape[1:]) == (height, width):
        return masks
    return F.interpolate(masks[:, None].float(), (height, width), mode="nearest-exact")[:, 0].to(masks.dtype)
