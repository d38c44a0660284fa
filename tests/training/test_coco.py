"""COCO JSON: boxes as the reference reads them, and what is said of files that are wrong."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from graphwright.compiler.places import SpecError
from graphwright.training.data.part import Files
from graphwright.training.data.source import open_data
from graphwright.training.data.split import Want, adapt
from tests.oracles import reference_module

WANT = Want((3, 16, 32), torch.float32)
SIZES = ((20, 10), (40, 30), (8, 8))


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def record(**changes: Any) -> dict[str, Any]:
    """Three pictures, the last without a box; categories 3 and 7, listed the other way round."""
    return {
        "images": [
            {"id": 10 + k, "file_name": f"{k}.png", "width": w, "height": h} for k, (w, h) in enumerate(SIZES)
        ],
        "annotations": [
            {"id": 1, "image_id": 11, "category_id": 7, "bbox": [4, 3, 20, 15], "area": 300, "iscrowd": 0},
            {"id": 2, "image_id": 10, "category_id": 3, "bbox": [0, 0, 20.4, 5], "area": 100, "iscrowd": 0},
            {"id": 3, "image_id": 11, "category_id": 3, "bbox": [30, 20, 10, 10], "area": 100, "iscrowd": 1},
            {"id": 4, "image_id": 11, "category_id": 3, "bbox": [5, 5, 0, 10], "area": 0, "iscrowd": 0},
        ],
        "categories": [{"id": 7, "name": "bee"}, {"id": 3, "name": "ant"}],
        **changes,
    }  # fmt: skip


def write(folder: Path, name: str = "boxes.json", pictures: str = "", **changes: Any) -> Path:
    (folder / pictures).mkdir(parents=True, exist_ok=True)
    for k, (width, height) in enumerate(SIZES):
        Image.new("RGB", (width, height), (10 * k, 0, 0)).save(folder / pictures / f"{k}.png")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(record(**changes)))
    return folder / name


def test_boxes_are_those_of_pycocotools(tmp_path: Path) -> None:
    path = write(tmp_path)
    parts = open_data(f"coco:{path}", 0.4, "boxes")
    assert parts.classes == ("ant", "bee")
    assert (len(parts.train), len(parts.test)) == (2, 1)
    with contextlib.redirect_stdout(io.StringIO()):
        reference = reference_module("pycocotools.coco").COCO(str(path))
    for part in (parts.train, parts.test):
        split = adapt(part, WANT, 1, silent)
        assert isinstance(part.items, Files)
        for row, name in enumerate(part.items.names):
            width, height = SIZES[int(name[0])]
            entries = [a for a in reference.loadAnns(reference.getAnnIds(10 + int(name[0]))) if a["bbox"][2] > 0]
            objects = split.labels[torch.tensor([row])]
            there = objects.labels[0] >= 0
            expected = np.array([a["bbox"] for a in entries]).reshape(-1, 4)
            expected = np.concatenate([expected[:, :2], expected[:, :2] + expected[:, 2:]], 1)
            expected = np.minimum(expected, [width, height] * 2) * np.array([32 / width, 16 / height] * 2)
            np.testing.assert_allclose(objects.boxes[0][there].numpy(), expected, rtol=1e-6)
            names = [reference.loadCats(a["category_id"])[0]["name"] for a in entries]
            assert [parts.classes[k] for k in objects.labels[0][there].tolist()] == names
            assert objects.crowd[0][there].tolist() == [bool(a["iscrowd"]) for a in entries]
            assert split.read(torch.tensor([row]))[0, 0, 0, 0] == 10 * int(name[0])


@pytest.mark.parametrize(
    ("train", "test", "pictures"),
    [
        ("train.json", "test.json", ""),
        ("train.json", "val.json", "images"),
        ("annotations/instances_train2017.json", "annotations/instances_val2017.json", "train2017"),
    ],
)
def test_folders_with_two_parts(tmp_path: Path, train: str, test: str, pictures: str) -> None:
    write(tmp_path, train, pictures)
    write(tmp_path, test, pictures.replace("train", "val"), annotations=[])
    parts = open_data(f"coco:{tmp_path}", 0.4, "boxes")
    assert parts.test is not None
    assert (len(parts.train), len(parts.test)) == (3, 3)
    assert int((parts.test.labels.labels >= 0).sum()) == 0
    assert adapt(parts.test, WANT, 1, silent).read(torch.arange(3)).shape == (3, 3, 16, 32)


def annotation(**changes: Any) -> dict[str, Any]:
    return {**record()["annotations"][0], **changes}


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"annotations": [annotation(image_id=99)]}, ["annotation 1 is of image 99, which the file does not list"]),
        ({"annotations": [annotation(category_id=4)]}, ["annotation 1 is of category 4; there are 3, 7"]),
        ({"annotations": [annotation(bbox=[30, 3, 20, 15])]}, ["annotation 1 has the bbox [30, 3, 20, 15], outside"]),
        ({"annotations": [annotation(bbox=[3, 3, -2, 15])]}, ["outside image 11 of 40x30"]),
        ({"annotations": [annotation(bbox=[3, "3", 2, 15])]}, ["annotation 1 has the bbox [3, '3', 2, 15]"]),
        ({"annotations": [annotation(bbox=None, id=5), annotation(image_id=0, id=6)]},
         ["annotation 5 ", "annotation 6 "]),
        ({"annotations": [annotation(image_id=99, id=k) for k in range(30)]}, ["annotation 0", "and 20 more"]),
        ({"categories": [{"id": 3, "name": "ant"}, {"id": 7, "name": "ant"}]}, ["1 names for 2 categories"]),
        ({"categories": [{"id": 3, "name": "ant"}, {"id": 3, "name": "bee"}]}, ["two entries are category 3"]),
        ({"categories": [{"id": 3}]}, ["category 3 has no name"]),
        ({"images": [{"id": 10, "file_name": "9.png", "width": 2, "height": 2}], "annotations": []},
         ["there is no picture '9.png' in"]),
        ({"images": [], "annotations": []}, ["it has no images"]),
        ({"images": {"id": 1}}, ["it has no list 'images' of records"]),
    ],
)  # fmt: skip
def test_mistakes_in_a_file(tmp_path: Path, changes: dict[str, Any], messages: list[str]) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(SpecError) as caught:
        open_data(f"coco:{path}", 0.4, "boxes")
    said = [p.message for p in caught.value.problems]
    for message in messages:
        assert any(message in line for line in said), said
    assert {p.place.file for p in caught.value.problems} == {str(path)}


def test_other_mistakes(tmp_path: Path) -> None:
    path = write(tmp_path, images=[{"id": 10, "file_name": "0.png", "width": 21, "height": 10}], annotations=[])
    parts = open_data(f"coco:{path}", 0.4, "boxes")
    with pytest.raises(
        SpecError, match=r"0\.png cannot be read as a picture: it is 20x10, and its labels are for 21x10"
    ):
        adapt(parts.train, WANT, 1, silent)
    path.write_text("{")
    with pytest.raises(SpecError, match="cannot be read as JSON"):
        open_data(f"coco:{path}", 0.4, "boxes")
    with pytest.raises(SpecError, match="no COCO JSON file is found"):
        open_data(f"coco:{tmp_path / 'nowhere'}", 0.4, "boxes")
    write(tmp_path, "train.json")
    write(tmp_path, "test.json", categories=[{"id": 7, "name": "bee"}], annotations=[])
    with pytest.raises(SpecError, match=r"it has the categories bee; .*train\.json has ant, bee"):
        open_data(f"coco:{tmp_path}", 0.4, "boxes")
