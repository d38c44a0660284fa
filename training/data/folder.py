"""`folder:PATH`: class folders, from a directory or straight from a .zip (nothing is extracted).

Layouts: `train/<class>/*` with `test/<class>/*` (or `val`, `valid`, `validation`) or without, or `<class>/*`; a single
folder around all of it is skipped. Classes are sorted by name.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import torch

from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.part import Files, Part, Parts

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"))
TEST_NAMES = ("test", "val", "valid", "validation")
#: One picture file is at most this large.
LIMIT = 256 << 20

Table = dict[str, list[tuple[str, str]]]


def read(where: str) -> Parts:
    """The class folders at `where`."""
    names, opener = listing(Path(where))
    table = _table(names)
    train = table.get("train") or table.get("")
    if not train:
        layout = "train/<class>/*.jpg and test/<class>/*.jpg, or <class>/*.jpg"
        raise fail(NOWHERE, f"'{where}' holds no class folders with pictures", f"the layout is {layout}")
    classes = tuple(sorted({label for label, _ in train}))
    if len(classes) < 2:
        raise fail(NOWHERE, f"'{where}' holds a single class, {classes[0]}", "one folder for each class")
    test = next((table[name] for name in TEST_NAMES if "train" in table and name in table), None)
    return Parts(
        classes,
        _part(train, classes, opener, where),
        None if test is None else _part(test, classes, opener, where),
    )


def _part(found: Sequence[tuple[str, str]], classes: Sequence[str], opener: Callable[[str], bytes], where: str) -> Part:
    number = {name: k for k, name in enumerate(classes)}
    strange = sorted({label for label, _ in found} - set(classes))
    if strange:
        raise fail(NOWHERE, f"'{where}' tests on {', '.join(strange[:5])}, a class it has no training pictures of", "")
    labels = torch.tensor([number[label] for label, _ in found])
    return Part(Files(tuple(name for _, name in found), opener), labels)


def listing(path: Path) -> tuple[list[str], Callable[[str], bytes]]:
    """Names of all files, with / between folders and in a fixed order, and the function that reads one."""
    if path.is_dir():
        inside = [(Path(root) / f).relative_to(path) for root, _, files in os.walk(path) for f in files]
        return sorted(p.as_posix() for p in inside), lambda name: bounded(path / name)
    if not path.is_file():
        raise fail(NOWHERE, f"no folder or file '{path}'", "check the path in --data")
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise fail(NOWHERE, f"{path} cannot be read as a zip archive: {error}", "is it a folder or a .zip?") from None
    return sorted(archive.namelist()), lambda name: _zipped(archive, name)


def bounded(path: Path) -> bytes:
    """The bytes of a file that is not too large."""
    if path.stat().st_size > LIMIT:
        raise OSError(f"larger than {LIMIT >> 20} MiB")
    return path.read_bytes()


def _zipped(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > LIMIT:
        raise OSError(f"larger than {LIMIT >> 20} MiB")
    with archive.open(name) as file:
        return file.read(size + 1)  # `archive.read` would unpack all there is, whatever was announced


def _table(names: Sequence[str]) -> Table:
    """(class, name) pairs by the folder that the class folder lies in: "train", "test", or "" at the top."""
    paths = [PurePosixPath(n) for n in names]
    pictures = [p for p in paths if p.suffix.lower() in SUFFIXES and not hidden(p)]
    if pictures and min(len(p.parts) for p in pictures) > 2 and not any(p.parts[0] == "train" for p in pictures):
        outer = {p.parts[0] for p in pictures}
        skip = 1 if len(outer) == 1 else 0
    else:
        skip = 0
    table: Table = {}
    for path in pictures:
        inner = path.parts[skip:]
        if len(inner) in (2, 3):
            part = inner[0] if len(inner) == 3 else ""
            table.setdefault(part, []).append((inner[-2], str(path)))
    return table


def hidden(path: PurePosixPath) -> bool:
    """Whether a file is the system's own."""
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)
