"""Masks and boxes move with their pictures: a box drawn as a picture and a mask is moved like them, pixel for pixel."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from graphwright.training.data.batches import Draw
from graphwright.training.data.labels import IGNORED, Masks, Objects, padded, resized
from graphwright.training.data.split import Want
from graphwright.training.recipe import Recipe

WIDTH, HEIGHT = 24, 16
WANT = Want((1, HEIGHT, WIDTH), torch.float32)


def boxes_of(count: int, seed: int) -> Tensor:
    """Whole-numbered corners [n, 2, 4] in a picture of 24 x 16."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randint(0, WIDTH - 3, (count, 2), generator=draw)
    y = torch.randint(0, HEIGHT - 3, (count, 2), generator=draw)
    wide, high = (torch.randint(2, 9, (count, 2), generator=draw) for _ in range(2))
    return torch.stack([x, y, (x + wide).clamp(max=WIDTH), (y + high).clamp(max=HEIGHT)], -1).float()


def pixels_of(boxes: Tensor) -> Tensor:
    """1 inside a box [n, 4], else 0; [n, H, W]."""
    x, y = torch.arange(WIDTH) + 0.5, torch.arange(HEIGHT)[:, None] + 0.5
    x1, y1, x2, y2 = (side[:, None, None] for side in boxes.unbind(-1))
    return ((x > x1) & (x < x2) & (y > y1) & (y < y2)).float()


@pytest.mark.parametrize("keys", [{"crop": 5}, {"flip": True}, {"crop": 3, "flip": True}, {}])
def test_boxes_and_masks_follow_the_picture(keys: dict[str, int]) -> None:
    count, recipe = 40, Recipe(**keys)
    boxes, draw = boxes_of(count, 1), Draw.of(recipe, count, step=3)
    objects = Objects(boxes, torch.tensor([[4, 7]]).repeat(count, 1), torch.zeros(count, 2, dtype=torch.bool))
    moved = draw.follow(objects, recipe, WANT)
    assert isinstance(moved, Objects)
    pictures = [draw.apply(pixels_of(boxes[:, k])[:, None], recipe)[:, 0] for k in range(2)]
    kept = 0
    for k in range(2):
        for row in range(count):
            if moved.labels[row, k] >= 0:
                kept += 1
                assert torch.equal(pixels_of(moved.boxes[row, k][None])[0], pictures[k][row])
    assert kept == 2 * count if not recipe.crop else 0.5 * count < kept < 2 * count
    masks = pixels_of(boxes[:, 0]).long() * 3
    masks[:, 2, 5] = IGNORED
    followed = draw.follow(masks, recipe, WANT)
    assert isinstance(followed, Tensor)
    outside = draw.apply(torch.ones(count, 1, HEIGHT, WIDTH), recipe)[:, 0] == 0
    expected = draw.apply((masks - IGNORED).float()[:, None], recipe)[:, 0].long() + IGNORED
    assert torch.equal(followed, torch.where(outside, IGNORED, expected))
    assert bool(outside.any()) == bool(recipe.crop)


def test_an_object_stays_if_its_centre_does() -> None:
    found = padded([[([2, 2, 8, 6], 1, False), ([0, 0, 4, 2], 0, False)], []])
    moved = found[torch.tensor([0, 0])].cropped(torch.tensor([4, 0]), torch.tensor([0, 2]), 10, 10)
    assert moved.labels.tolist() == [[1, -1], [1, -1]]
    assert moved.boxes[0, 0].tolist() == [0, 2, 4, 6]
    assert moved.boxes[1, 0].tolist() == [2, 0, 8, 4]
    assert padded([[], []]).labels.tolist() == [[-1], [-1]]


def test_rows_are_padded_and_cut() -> None:
    found = padded([[([0, 0, 1, 1], 2, True)], [([0, 0, 1, 1], 0, False), ([0, 0, 1, 1], 1, False)]])
    assert found.labels.tolist() == [[2, -1], [0, 1]]
    assert found.crowd.tolist() == [[True, False], [False, False]]
    assert found.with_rows(3).labels.tolist() == [[2, -1, -1], [0, 1, -1]]
    assert found.with_rows(3).boxes.shape == (2, 3, 4)
    assert found[torch.tensor([0])].with_rows(1).labels.tolist() == [[2]]


def test_stored_masks_say_what_is_unknown() -> None:
    stored = torch.tensor([[[0, 255], [3, 254]]], dtype=torch.uint8)
    assert Masks(1, stored.__getitem__)[torch.tensor([0])].tolist() == [[[0, IGNORED], [3, 254]]]
    assert resized(stored, 4, 2)[0].tolist() == [[0, 255], [0, 255], [3, 254], [3, 254]]
