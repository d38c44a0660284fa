"""Which samples a step sees, and how they are changed: functions of (seed, epoch, step) alone.

The order is drawn for the whole batch of all processes, and each takes its rows, so neither a restart nor the
number of processes nor of parts changes what a step learns from (mixup alone picks its partners within a part).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from graphwright.training.data.labels import IGNORED, Labels, Objects
from graphwright.training.data.split import Scaling, Split, Want
from graphwright.training.recipe import Recipe
from graphwright.training.seeds import generator, mix


@dataclass(frozen=True)
class Batch:
    """One part of a step's batch, ready for the model, with its labels, and mixup's partners and weight."""

    inputs: Tensor
    labels: Labels
    partners: Labels | None
    weight: float


@dataclass(frozen=True)
class Feed:
    """Batches of a split for one process of `world`, on `device`."""

    split: Split
    want: Want
    scaling: Scaling
    recipe: Recipe
    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def batch(self) -> int:
        """Samples in a step: the recipe's, or as many whole parts as a smaller data set has."""
        parts = self.recipe.accumulate * self.world
        return min(self.recipe.batch, len(self.split)) // parts * parts

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch; the rest, other samples each time, are left out."""
        return len(self.split) // self.batch if self.batch else 0

    def rows(self, step: int) -> Tensor:
        """The samples of a step, [batch], of all processes."""
        epoch, position = divmod(step, self.steps_per_epoch)
        return _order(len(self.split), self.recipe.seed, epoch)[position * self.batch :][: self.batch]

    def parts(self, step: int) -> Iterator[Batch]:
        """This process's parts of a step."""
        rows, draw = self.rows(step), Draw.of(self.recipe, self.batch, step)
        size = self.batch // (self.recipe.accumulate * self.world)
        for k in range(self.recipe.accumulate):
            here = slice((k * self.world + self.rank) * size, (k * self.world + self.rank + 1) * size)
            yield self._load(rows[here], draw.part(here))

    def steps(self, first: int, last: int) -> Iterator[list[Batch]]:
        """The parts of each step from `first` up to `last`; the next step's are decoded meanwhile."""
        if not self.split.decodes:
            yield from (list(self.parts(step)) for step in range(first, last))
            return
        with ThreadPoolExecutor(1, thread_name_prefix="feed") as ahead:
            coming = ahead.submit(lambda step: list(self.parts(step)), first) if first < last else None
            for step in range(first, last):
                ready = coming.result()  # type: ignore[union-attr]
                if step + 1 < last:
                    coming = ahead.submit(lambda step: list(self.parts(step)), step + 1)
                yield ready

    def _load(self, rows: Tensor, draw: Draw) -> Batch:
        inputs = self.split.read(rows).to(self.device, non_blocking=True)
        labels = self.split.labels[rows].to(self.device, non_blocking=True)
        inputs = draw.apply(self.scaling(inputs, self.want), self.recipe)
        labels = draw.follow(labels, self.recipe, self.want)
        if not self.recipe.mixup or not inputs.is_floating_point() or isinstance(labels, Objects):
            return Batch(inputs, labels, None, 1.0)
        mixed = torch.lerp(inputs.roll(1, 0), inputs, draw.weight)
        return Batch(mixed, labels, labels.roll(1, 0), draw.weight)


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=generator("order", seed, epoch))


@dataclass(frozen=True)
class Draw:
    """The random choices for a batch: crop offsets in [0, 2 crop], whether mirrored, mixup's weight."""

    top: Tensor
    left: Tensor
    mirrored: Tensor
    weight: float

    @staticmethod
    def of(recipe: Recipe, count: int, step: int) -> Draw:
        """The choices for a step, the same on every process."""
        random = generator("augment", recipe.seed, step)
        weight = 1.0
        if recipe.mixup:
            weight = float(np.random.default_rng(mix("mixup", recipe.seed, step)).beta(recipe.mixup, recipe.mixup))
        return Draw(
            torch.randint(0, 2 * recipe.crop + 1, (count,), generator=random),
            torch.randint(0, 2 * recipe.crop + 1, (count,), generator=random),
            torch.rand(count, generator=random) < 0.5,
            weight,
        )

    def part(self, here: slice) -> Draw:
        """The choices for some of the rows."""
        return Draw(self.top[here], self.left[here], self.mirrored[here], self.weight)

    def apply(self, x: Tensor, recipe: Recipe) -> Tensor:
        """Crop and mirror pictures [b, C, H, W]; other samples are left alone. Padding is the mean, 0 once scaled."""
        if x.dim() != 4:
            return x
        if recipe.crop:
            x = crop(x, self.top.to(x.device), self.left.to(x.device), recipe.crop)
        if recipe.flip:
            x = torch.where(self.mirrored.to(x.device).view(-1, 1, 1, 1), x.flip(-1), x)
        return x

    def follow(self, labels: Labels, recipe: Recipe, want: Want) -> Labels:
        """The labels of what `apply` makes of the pictures: masks and boxes move with them."""
        if not want.is_picture:
            return labels
        if isinstance(labels, Objects):
            return self._follow_objects(labels, recipe, *want.shape[1:])
        if labels.dim() != 3:
            return labels
        if recipe.crop:  # what comes in is of no class
            top, left = self.top.to(labels.device), self.left.to(labels.device)
            labels = crop(labels[:, None] - IGNORED, top, left, recipe.crop)[:, 0] + IGNORED
        if recipe.flip:
            labels = torch.where(self.mirrored.to(labels.device).view(-1, 1, 1), labels.flip(-1), labels)
        return labels

    def _follow_objects(self, objects: Objects, recipe: Recipe, height: int, width: int) -> Objects:
        device = objects.boxes.device
        if recipe.crop:
            left, top = (t.to(device) - recipe.crop for t in (self.left, self.top))
            objects = objects.cropped(left, top, width, height)
        return objects.mirrored(self.mirrored.to(device), width) if recipe.flip else objects


def crop(x: Tensor, top: Tensor, left: Tensor, padding: int) -> Tensor:
    """Each picture of [b, C, H, W] moved by (top - padding, left - padding), with zeros coming in."""
    count, channels, height, width = x.shape
    padded = F.pad(x, (padding,) * 4)
    rows = (top[:, None] + torch.arange(height, device=x.device))[:, None, :, None]
    columns = (left[:, None] + torch.arange(width, device=x.device))[:, None, None, :]
    each = torch.arange(count, device=x.device)[:, None, None, None]
    channel = torch.arange(channels, device=x.device)[None, :, None, None]
    return padded[each, channel, rows, columns]
