"""Pictures with masks, numbered or a folder for each class, and what is said of those that are wrong."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from graphwright.compiler.places import SpecError
from graphwright.training.data.labels import IGNORED
from graphwright.training.data.source import open_data
from graphwright.training.data.split import Split, Want, adapt

WANT = Want((3, 6, 8), torch.float32)
NAMES = ("a", "b", "c", "d")


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def png(pixels: np.ndarray, mode: str = "L") -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    if mode == "P":
        image = Image.fromarray(pixels, "L")
        image.putpalette(bytes(range(255, -1, -1)) * 3)  # colours that are not the numbers
    image.save(buffer, "PNG")
    return buffer.getvalue()


def numbers() -> dict[str, np.ndarray]:
    """Masks of 6 x 8 with the classes 0 to 2, and 255 in a corner."""
    draw = np.random.default_rng(0)
    found = {name: draw.integers(0, 3, (6, 8), dtype=np.uint8) for name in NAMES}
    found["a"][0, 0] = 255
    return found


def pictures(prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}images/{name}.png": png(np.full((6, 8, 3), 40 * k, np.uint8)) for k, name in enumerate(NAMES)}


def numbered(prefix: str = "", mode: str = "L") -> dict[str, bytes]:
    return {**pictures(prefix), **{f"{prefix}masks/{n}.png": png(m, mode) for n, m in numbers().items()}}


CLASSES = {"classes.txt": b"sky\nsea\nsand\n"}


def lay(folder: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return f"masks:{folder}"


def check(split: Split, names: tuple[str, ...]) -> None:
    expected = torch.stack([torch.from_numpy(numbers()[n]).long() for n in names])
    assert torch.equal(split.labels[torch.arange(len(names))], torch.where(expected == 255, IGNORED, expected))


@pytest.mark.parametrize("mode", ["L", "P"])
@pytest.mark.parametrize("lazy", [True, False])
def test_numbered_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, lazy: bool) -> None:
    if lazy:
        monkeypatch.setattr("graphwright.training.data.split.IN_MEMORY", 0)
    lay(tmp_path, {**numbered("train/", mode), **numbered("val/", mode), **CLASSES})
    parts = open_data(f"masks:{tmp_path}", 0.25, "masks")
    assert parts.classes == ("sky", "sea", "sand")
    assert parts.test is not None
    for part in (parts.train, parts.test):
        split = adapt(part, WANT, 1, silent)
        assert split.decodes == lazy
        check(split, NAMES)
        assert split.read(torch.tensor([2]))[0, 0, 0, 0] == 80
    with pytest.raises(SpecError, match="'masks' has no boxes"):
        open_data(f"masks:{tmp_path}", 0.25, "boxes")


def test_a_zip_to_be_split_and_another_size(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in {**numbered("outer/"), "outer/classes.txt": CLASSES["classes.txt"]}.items():
            archive.writestr(name, data)
    parts = open_data(f"masks:{tmp_path / 'a.zip'}", 0.25, "masks")
    assert (len(parts.train), len(parts.test)) == (3, 1)
    split = adapt(parts.train, Want((3, 12, 16), torch.float32), 1, silent)
    small = adapt(parts.train, WANT, 1, silent)
    doubled = small.labels[torch.arange(3)].repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert torch.equal(split.labels[torch.arange(3)], doubled)


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    files = pictures()
    for name, mask in numbers().items():
        for label, word in ((1, "sea"), (2, "tree")):
            if (mask == label).any() and not (name == "b" and label == 2):
                files[f"masks/{word}/{name}.png"] = png(np.where(mask == label, 200, 0).astype(np.uint8))
    parts = open_data(lay(tmp_path, files), 0.25, "masks")
    assert parts.classes == ("background", "sea", "tree")
    assert parts.test is not None
    for part in (parts.train, parts.test):
        labels = adapt(part, WANT, 1, silent).labels[torch.arange(len(part))]
        for row, name in enumerate(part.items.names):
            mask = numbers()[Path(name).stem]
            mask[mask == (2 if "/b." in name else 255)] = 0
            mask[mask == 255] = 0
            assert labels[row].tolist() == mask.tolist()


def without(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {k: v for k, v in files.items() if k != name}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (numbered(), "has no classes.txt, so the numbers in its masks have no names"),
        ({**without(numbered(), "masks/b.png"), **CLASSES}, "picture 'images/b.png' has no mask"),
        ({**without(numbered(), "images/b.png"), **CLASSES}, "masks called 'b' belong to no picture"),
        ({**numbered(), "images/b.jpg": b"", **CLASSES}, "two pictures are called 'b'"),
        ({**numbered(), "classes.txt": b"sky\n"}, "classes.txt names 1 classes"),
        ({**numbered(), **CLASSES, "masks/sea/a.png": b""}, "has both classes.txt and folders of masks by class"),
        ({"a.png": b""}, "has no folder 'images' with pictures"),
    ],
)
def test_mistakes_in_the_layout(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    where = lay(tmp_path, files)
    with pytest.raises(SpecError, match=message):
        open_data(where, 0.25, "masks")


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (png(np.full((6, 8), 3, np.uint8)), r"b\.png cannot be read as a mask: it holds class 3; there are 0 to 2"),
        (png(np.zeros((6, 8, 3), np.uint8)), r"b\.png cannot be read as a mask: its pixels are RGB, not numbers"),
        (b"text", r"b\.png cannot be read as a mask"),
    ],
)
def test_mistakes_in_a_mask(tmp_path: Path, mask: bytes, message: str) -> None:
    where = lay(tmp_path, {**numbered(), **CLASSES, "masks/b.png": mask})
    parts = open_data(where, 0.25, "masks")
    part = next(p for p in (parts.train, parts.test) if any("b.png" in name for name in p.items.names))
    with pytest.raises(SpecError, match=message):
        adapt(part, WANT, 1, silent)
