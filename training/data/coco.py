"""`coco:PATH`: boxes from a COCO JSON file, with the pictures beside it.

PATH is one JSON file, to be split, or a folder with `train.json` and `test.json` (or `val`, `valid`, `validation`), or
with COCO's own `annotations/instances_train2017.json` and `instances_val2017.json`. Pictures are looked for where their
`file_name` says, from the folder of the JSON file, its `images`, or a folder of the JSON file's own name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graphwright.compiler.places import Place, Problem, SpecError, fail
from graphwright.training.data.folder import TEST_NAMES, bounded
from graphwright.training.data.labels import Object, padded
from graphwright.training.data.part import Files, Part, Parts

#: A box may reach beyond the picture by so many pixels (it was rounded), and is cut off there.
SLACK = 1.0
#: So many problems of a file are listed.
LISTED = 10


def read(where: str) -> Parts:
    """The parts at `where`; classes are the categories in the order of their ids."""
    train, test = _files(Path(where))
    classes, part = _read(train)
    if test is None:
        return Parts(classes, part)
    tested, other = _read(test)
    if tested != classes:
        found = f"has the categories {', '.join(tested[:8])}; {train} has {', '.join(classes[:8])}"
        raise fail(_at(test), f"it {found}", "both parts need the same categories, by id")
    return Parts(classes, part, other)


def _files(path: Path) -> tuple[Path, Path | None]:
    if path.is_file():
        return path, None
    found = sorted((*path.glob("*.json"), *path.glob("annotations/*.json"))) if path.is_dir() else []
    by_name = {re.sub(r"^instances_|\d+$", "", p.stem): p for p in found}
    if "train" in by_name:
        return by_name["train"], next((by_name[name] for name in TEST_NAMES if name in by_name), None)
    if len(found) == 1:
        return found[0], None
    layout = "name the JSON file, or a folder with train.json and test.json"
    raise fail(_at(path), f"no COCO JSON file is found at '{path}'", layout)


def _at(path: Path) -> Place:
    return Place(str(path), 0, 0)


def _read(path: Path) -> tuple[tuple[str, ...], Part]:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise fail(_at(path), f"it cannot be read as JSON: {error}", "is it a COCO annotation file?") from None
    for key in ("images", "annotations", "categories"):
        entries = record.get(key) if isinstance(record, dict) else None
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise fail(
                _at(path), f"it has no list '{key}' of records", "images, annotations, categories make COCO JSON"
            )
    return _Reading(path, record["images"], record["annotations"], record["categories"]).part()


class _Reading:
    """Goes through a file and gathers its mistakes."""

    def __init__(self, path: Path, images: Any, annotations: Any, categories: Any) -> None:
        self.path, self.problems = path, list[Problem]()
        self.categories = self._by_id(categories, "category", {"name": str})
        self.images = self._by_id(images, "image", {"file_name": str, "width": int, "height": int})
        self.annotations = annotations

    def part(self) -> tuple[tuple[str, ...], Part]:
        """The classes, and the samples in the order of the file."""
        order = sorted(self.categories)
        classes = tuple(self.categories[k]["name"] for k in order)
        number = {k: n for n, k in enumerate(order)}
        found: dict[Any, list[Object]] = {k: [] for k in self.images}
        for entry in self.annotations:
            self._object(entry, number, found)
        if not self.images:
            self._wrong("it has no images", "")
        if not classes or len(set(classes)) < len(classes):
            self._wrong(f"{len(set(classes))} names for {len(classes)} categories", "each category has its own name")
        images = list(self.images.values())
        folder = self._folder(images)
        if self.problems:
            more = len(self.problems) - LISTED
            last = [Problem(_at(self.path), f"and {more} more problems like these")] if more > 0 else []
            raise SpecError([*self.problems[:LISTED], *last])
        names = tuple(i["file_name"] for i in images)
        sizes = tuple((i["width"], i["height"]) for i in images)
        files = Files(names, lambda name: bounded(folder / name), sizes)
        return classes, Part(files, padded(list(found.values())))

    def _wrong(self, message: str, hint: str) -> None:
        self.problems.append(Problem(_at(self.path), message, hint))

    def _by_id(self, entries: Sequence[Mapping[str, Any]], what: str, keys: Mapping[str, type]) -> dict[Any, Any]:
        """Entries by id, those that are whole."""
        found: dict[Any, Any] = {}
        for entry in entries:
            key = entry.get("id")
            lacks = [k for k, kind in keys.items() if not isinstance(entry.get(k), kind) or not entry[k]]
            if not isinstance(key, int) or lacks:
                self._wrong(f"{what} {key} has no {' and no '.join(lacks) or 'number as id'}", "COCO JSON asks for it")
            elif key in found:
                self._wrong(f"two entries are {what} {key}", "ids are unique")
            else:
                found[key] = entry
        return found

    def _object(self, entry: Mapping[str, Any], number: Mapping[Any, int], found: dict[Any, list[Object]]) -> None:
        name, image, category = f"annotation {entry.get('id')}", entry.get("image_id"), entry.get("category_id")
        if image not in found:
            return self._wrong(f"{name} is of image {image}, which the file does not list", "")
        if category not in number:
            known = ", ".join(str(k) for k in list(number)[:8])
            return self._wrong(f"{name} is of category {category}; there are {known}", "")
        box = entry.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(_is_number(v) for v in box):
            return self._wrong(f"{name} has the bbox {box}", "four numbers: left, top, width, height")
        x, y, w, h = map(float, box)
        width, height = self.images[image]["width"], self.images[image]["height"]
        if w < 0 or h < 0 or x < -SLACK or y < -SLACK or x + w > width + SLACK or y + h > height + SLACK:
            rule = f"{name} has the bbox {box}, outside image {image} of {width}x{height}"
            return self._wrong(rule, "left, top, width, height, in pixels")
        corners = [max(0, x) / width, max(0, y) / height, min(x + w, width) / width, min(y + h, height) / height]
        if corners[2] > corners[0] and corners[3] > corners[1]:  # COCO itself has a few boxes without an area
            found[image].append((corners, number[category], bool(entry.get("iscrowd"))))
        return None

    def _folder(self, images: Sequence[Mapping[str, Any]]) -> Path:
        """Where the pictures lie: the first place that has them, all of them."""
        here, own = self.path.parent, self.path.stem.removeprefix("instances_")
        places = [here, here / "images", here / own, here.parent / own, here.parent / "images"]
        missing = {p: [i["file_name"] for i in images if not (p / i["file_name"]).is_file()] for p in places}
        best = min(places, key=lambda p: len(missing[p]))
        for name in missing[best]:
            self._wrong(f"there is no picture '{name}' in '{best}'", f"looked in {', '.join(map(str, places))}")
        return best


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
