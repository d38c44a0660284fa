"""Mask sources, fills, and the experiments that masking is used for, on models whose answers are known."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from graphwright.analyses.masking import experiments, sources
from graphwright.analyses.masking.fills import FILLS
from graphwright.compiler.places import SpecError


def test_patches_are_numbered_row_by_row() -> None:
    labels = sources.patches(5, 6, 2)
    assert labels.tolist()[0] == [0, 0, 1, 1, 2, 2]
    assert labels.max() == 8
    assert (labels[4] == [6, 6, 7, 7, 8, 8]).all()


def test_segments_go_in_the_order_of_saliency() -> None:
    labels = sources.patches(4, 4, 2)
    saliency = np.array([[3.0, 0, 9, 9], [0, 0, 9, 9], [1, 1, 0, 0], [1, 1, 0, 0]])
    ranked = sources.ranking(labels, "most-salient", saliency)
    assert ranked.tolist() == [1, 2, 0, 3]
    assert sources.ranking(labels, "least-salient", saliency).tolist() == [3, 0, 2, 1]
    assert (~sources.without(labels, ranked, 0.5)).tolist() == [[False, False, True, True]] * 2 + [
        [True, True, False, False]
    ] * 2
    with pytest.raises(SpecError, match="needs a saliency map of"):
        sources.ranking(labels, "most-salient")


def test_random_orders_are_repeatable_and_nested() -> None:
    labels = sources.patches(32, 32, 4)
    ranked = sources.ranking(labels, seed=3)
    assert (ranked == sources.ranking(labels, seed=3)).all()
    assert sorted(ranked.tolist()) == list(range(64))
    masks = [sources.without(labels, ranked, f) for f in (0, 0.25, 0.5, 1)]
    assert [m.mean() for m in masks] == [1, 0.75, 0.5, 0]
    assert all((b <= a).all() for a, b in itertools.pairwise(masks))


def test_masks_from_words_and_files(tmp_path: Path) -> None:
    images = np.zeros((2, 3, 8, 6))
    assert sources.masks_for("patches:2", images, 0.5).mean() == 0.5
    boxed = sources.masks_for("box:1,2,3,5;4,0,6,1", images, 0)
    assert boxed.shape == (2, 1, 8, 6)
    assert int((~boxed[1]).sum()) == 2 * 3 + 2
    assert not boxed[0, 0, 2:5, 1:3].any()
    drawn = np.zeros((8, 6), dtype=np.uint8)
    drawn[:, 3:] = 255
    Image.fromarray(drawn).save(tmp_path / "m.png")
    np.save(tmp_path / "m.npy", drawn)
    for name in ("m.png", "m.npy"):
        assert (sources.masks_for(str(tmp_path / name), images, 0)[1, 0] == (drawn > 0)).all()


@pytest.mark.parametrize(("word", "message"), [
    ("box:1,2,3", "'1,2,3' is no box"), ("box:0,0,9,2", "no part of a picture of 6x8"),
    ("patches:x", "needs a number from 1"), ("none.png", "'none.png' is no mask"),
])  # fmt: skip
def test_wrong_masks_are_refused(word: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        sources.masks_for(word, np.zeros((1, 3, 8, 6)), 0.5)


def test_superpixels_follow_the_picture() -> None:
    pytest.importorskip("skimage")
    picture = np.zeros((3, 32, 32))
    picture[:, :, 16:] = 1.0
    labels = sources.superpixels(picture, 8)
    assert not set(labels[:, :15].ravel()) & set(labels[:, 17:].ravel())


@pytest.mark.parametrize("fill", FILLS)
def test_fills_leave_visible_pixels_alone(fill: str) -> None:
    images, mask = torch.randn(2, 3, 32, 32), torch.rand(2, 1, 32, 32) > 0.5
    filled = FILLS[fill](images, mask, torch.Generator().manual_seed(0))
    visible = mask.expand_as(images)
    assert torch.equal(filled[visible], images[visible])
    assert not torch.equal(filled, images)
    assert bool(filled.isfinite().all())


def test_what_fills_put_in() -> None:
    images = torch.randn(2, 3, 32, 32)
    mask = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    mask[..., :8] = True
    generator = torch.Generator()
    assert torch.equal(FILLS["grey"](images, mask, generator)[..., 8:], torch.zeros(2, 3, 32, 24))
    mean = FILLS["mean"](images, mask, generator)[..., 20, 20]
    torch.testing.assert_close(mean, images[..., :8].mean((2, 3)))
    flat = torch.full((1, 3, 32, 32), 0.7)
    torch.testing.assert_close(FILLS["blur"](flat, mask[:1], generator), flat)


def count_visible(images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """A model of two classes: 1 where at least half of the picture is visible, whatever is on it."""
    share = masks.double().mean((1, 2, 3))
    return torch.stack([torch.full_like(share, 0.5), share + 1e-9], 1)


def test_accuracy_falls_where_the_model_says_so() -> None:
    images = torch.zeros(10, 3, 16, 16)
    labels = [sources.patches(16, 16, 4)] * 10
    ranked = [sources.ranking(of, seed=k) for k, of in enumerate(labels)]
    curve = experiments.accuracy_curve(count_visible, images, torch.ones(10, dtype=torch.int64), labels, ranked,
                                       (0, 0.5, 0.75), batch=4)  # fmt: skip
    assert curve.accuracy == (1, 1, 0)
    assert curve.unchanged == (1, 1, 0)
    assert curve.entropy == (0, 0, 0)
    assert curve.mean == pytest.approx(2 / 3)
    assert curve.low[0] < 1
    assert curve.high[0] == pytest.approx(1)


def test_wilson_bounds_are_where_the_normal_test_turns() -> None:
    for right, trials in ((7, 20), (0, 20), (20, 20), (431, 500)):
        for bound in experiments.wilson(right, trials):
            apart = (right / trials - bound) ** 2
            assert apart == pytest.approx(1.959964**2 * bound * (1 - bound) / trials, abs=1e-12)


def test_class_entropy() -> None:
    assert experiments.class_entropy(torch.tensor([3, 1, 3, 1])) == pytest.approx(math.log(2))
    assert experiments.class_entropy(torch.tensor([5, 5, 5])) == 0


def test_lime_finds_the_segments_that_a_score_adds_up() -> None:
    labels = sources.patches(16, 16, 4)
    worth = np.zeros(16)
    worth[[2, 7, 11]] = [2.0, -1.0, 1.0]
    table = torch.from_numpy(worth[labels] / 16).float()

    def predict(images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        score = 0.2 * (masks[:, 0] * table).sum((1, 2))
        return torch.stack([score, torch.zeros_like(score)], 1)

    weights = experiments.lime(predict, torch.zeros(3, 16, 16), labels, 0, samples=256, width=10.0)
    assert np.corrcoef(weights, worth)[0, 1] > 0.99
    assert np.argsort(weights)[[-1, 0]].tolist() == [2, 7]


def test_a_model_that_reads_the_outline_leaks_shape() -> None:
    """One class has masks around the middle, and the model knows it."""
    images, targets = torch.zeros(8, 3, 16, 16), torch.ones(8, dtype=torch.int64)
    objects = torch.zeros(8, 1, 16, 16, dtype=torch.bool)
    objects[..., 5:11, 5:11] = True

    def outline(_: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        middle = (~masks[:, 0, 8, 8]).double() + masks.flatten(1).all(1).double()
        return torch.stack([torch.full_like(middle, 0.5), middle], 1)

    leak = experiments.shape_leak(outline, images, targets, objects)
    assert (leak.object, leak.displaced, leak.pictures, leak.ratio) == (1.0, 0.0, 8, math.inf)
    blind = experiments.shape_leak(lambda x, _: torch.tensor([[0.0, 1.0]]).expand(len(x), 2), images, targets, objects)
    assert blind.ratio == 1
