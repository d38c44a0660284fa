"""The built-in shapes: the same every time, and masks and boxes agree with what is drawn."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from graphwright.compiler.places import SpecError
from graphwright.training.data import shapes
from graphwright.training.data.source import open_data


@pytest.mark.parametrize("k", range(12))
def test_boxes_are_the_extents_of_the_mask(k: int) -> None:
    picture, mask, found = shapes.draw("train", k)
    again = shapes.draw("train", k)
    assert np.array_equal(picture, again[0])
    assert found == again[2]
    assert picture.shape == (3, 128, 128)
    assert 1 <= len(found) <= shapes.MOST
    union = np.zeros_like(mask)
    for corners, _, crowd in found:
        x1, y1, x2, y2 = (round(128 * s) for s in corners)
        union[y1:y2, x1:x2] = 1
        assert not crowd
    assert set(np.unique(mask)) == {0} | {label + 1 for _, label, _ in found}
    assert (mask[union == 0] == 0).all()
    corners, label, _ = found[-1]  # the last one lies above all
    x1, y1, x2, y2 = (round(128 * s) for s in corners)
    own = mask[y1:y2, x1:x2] == label + 1
    assert own.any(0).all()
    assert own.any(1).all()


def test_kinds_have_their_areas() -> None:
    """A disc fills pi / 4 of its square, wherever it is; a square and a triangle half of their boxes or more."""
    circle, low = (0.5, 0.5, 0.2), {"square": 0.5, "triangle": 0.4}
    for kind, name in enumerate(shapes.KINDS):
        for angle in np.linspace(0, 3, 7):
            inside = shapes._inside(kind, circle, angle, 400)
            x1, y1, x2, y2 = shapes._extent(inside)
            share = inside.mean() / ((x2 - x1) * (y2 - y1))
            if name == "disc":
                assert share == pytest.approx(np.pi / 4, abs=0.005)
            else:
                assert low[name] <= share <= 1 + 1e-9
            exact = {"disc": np.pi, "square": 2.0, "triangle": 3 * 3**0.5 / 4}[name] * 0.2**2
            assert inside.mean() == pytest.approx(exact, rel=0.02)


def test_the_pictures_never_change() -> None:
    digest = hashlib.sha256()
    for part in ("train", "test"):
        for k in range(3):
            _, mask, found = shapes.draw(part, k)
            digest.update(mask.tobytes() + repr([(label, np.round(c, 6).tolist()) for c, label, _ in found]).encode())
    assert digest.hexdigest()[:16] == "39be378420d916d9"


def test_both_kinds_of_labels(few_shapes: None) -> None:
    boxes, masks = (open_data("shapes", 0.2, kind) for kind in ("boxes", "masks"))
    assert boxes.classes == shapes.KINDS
    assert masks.classes == ("background", *shapes.KINDS)
    assert torch.equal(boxes.train.items, masks.train.items)
    assert len(boxes.test) == len(masks.test) == shapes.TEST
    with pytest.raises(SpecError, match="'shapes' has no classes") as caught:
        open_data("shapes", 0.2)
    assert "digits" in caught.value.problems[0].hint
    with pytest.raises(SpecError, match="'digits' has no boxes"):
        open_data("digits", 0.2, "boxes")
    with pytest.raises(SpecError, match="takes no place"):
        open_data("shapes:here", 0.2, "boxes")
