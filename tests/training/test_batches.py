"""Which samples a step sees, and how they are changed."""

from __future__ import annotations

import pytest
import torch

from graphwright.training.data.batches import Batch, Draw, Feed, crop
from graphwright.training.data.split import Scaling, Split, Want
from graphwright.training.recipe import Recipe

PICTURES = torch.randint(0, 256, (50, 3, 6, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
WANT = Want((3, 6, 5), torch.float32)


def feed(recipe: Recipe, rank: int = 0, world: int = 1, decodes: bool = False) -> Feed:
    split = Split(torch.arange(50) % 7, PICTURES.__getitem__, decodes)
    scaling = Scaling((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    return Feed(split, WANT, scaling, recipe, torch.device("cpu"), rank, world)


def joined(parts: list[Batch]) -> torch.Tensor:
    return torch.cat([p.inputs for p in parts])


def test_an_epoch_sees_each_sample_at_most_once_in_another_order_each_time():
    feeding = feed(Recipe(batch=8))
    epochs = [torch.cat([feeding.rows(step) for step in range(6 * k, 6 * k + 6)]) for k in range(3)]
    assert feeding.steps_per_epoch == 6
    assert all(len(rows.unique()) == 48 for rows in epochs)
    assert not torch.equal(epochs[0], epochs[1])
    assert torch.equal(feed(Recipe(batch=8)).rows(7), feeding.rows(7))
    assert not torch.equal(feed(Recipe(batch=8, seed=1)).rows(7), feeding.rows(7))


def test_processes_and_parts_share_one_batch():
    recipe = Recipe(batch=8, crop=1, flip=True)
    whole = joined(list(feed(recipe).parts(9)))
    parts = Recipe(batch=8, crop=1, flip=True, accumulate=2)
    assert torch.equal(joined(list(feed(parts).parts(9))), whole)
    shared = [p for pair in zip(*(feed(parts, rank, 2).parts(9) for rank in (0, 1)), strict=True) for p in pair]
    assert torch.equal(joined(shared), whole)


def test_reading_ahead_gives_the_same_batches():
    recipe = Recipe(batch=8, crop=1, flip=True, mixup=0.4)
    now, ahead = feed(recipe).steps(3, 7), feed(recipe, decodes=True).steps(3, 7)
    pairs = [(a, b) for x, y in zip(now, ahead, strict=True) for a, b in zip(x, y, strict=True)]
    assert len(pairs) == 4
    assert all(torch.equal(a.inputs, b.inputs) and a.weight == b.weight for a, b in pairs)


def test_scaling():
    plain = Scaling((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))(PICTURES, WANT)
    assert plain[3, 1, 2, 4].item() == pytest.approx((PICTURES[3, 1, 2, 4].item() / 255 - 0.4) / 0.3, abs=1e-6)


def test_crop_moves_each_picture_by_its_own_offset():
    x = torch.arange(24.0).view(2, 1, 3, 4) + 1
    moved = crop(x, torch.tensor([1, 0]), torch.tensor([1, 2]), 1)
    assert torch.equal(moved[0], x[0])
    assert moved[1, 0].tolist() == [[0, 0, 0, 0], [14, 15, 16, 0], [18, 19, 20, 0]]


def test_flip_mirrors_the_drawn_ones():
    recipe = Recipe(flip=True)
    draw = Draw(torch.zeros(2).long(), torch.zeros(2).long(), torch.tensor([True, False]), 1.0)
    x = torch.rand(2, 3, 4, 4)
    flipped = draw.apply(x, recipe)
    assert torch.equal(flipped[0], x[0].flip(-1))
    assert torch.equal(flipped[1], x[1])


def test_mixup_blends_inputs_and_names_partners():
    (plain,), (mixed,) = (list(feed(Recipe(batch=8, mixup=a)).parts(2)) for a in (0.0, 0.5))
    assert 0 < mixed.weight < 1
    assert torch.equal(mixed.partners, plain.labels.roll(1))
    torch.testing.assert_close(mixed.inputs, mixed.weight * plain.inputs + (1 - mixed.weight) * plain.inputs.roll(1, 0))
    weights = {next(iter(feed(Recipe(batch=8, mixup=0.5)).parts(step))).weight for step in range(20)}
    assert len(weights) == 20


def test_a_data_set_smaller_than_a_batch_is_one_batch():
    assert feed(Recipe(batch=64, accumulate=4)).batch == 48
    assert feed(Recipe(batch=64, accumulate=4)).steps_per_epoch == 1
