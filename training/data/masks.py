"""`masks:PATH`: pictures and the class of each of their pixels, from a directory or straight from a .zip.

    images/a.jpg  masks/a.png  classes.txt           pixels number the lines of classes.txt, from 0; 255 is unknown
    images/a.jpg  masks/cat/a.png  masks/dog/a.png   a mask for each class; a pixel that none of them has is background

Both lie at the top, to be split, or in `train` and `test` (or `val`, `valid`, `validation`). A picture that no class
folder has a mask for is background; with numbered masks every picture has one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail
from graphwright.training.data.folder import SUFFIXES, TEST_NAMES, hidden, listing
from graphwright.training.data.labels import UNKNOWN, MaskFiles
from graphwright.training.data.part import Files, Part, Parts

CLASSES = "classes.txt"
#: So many files are listed in an error.
LISTED = 5


def read(where: str) -> Parts:
    """The pictures and masks at `where`."""
    names, opener = listing(Path(where))
    paths = [PurePosixPath(n) for n in names]
    pictures = [p for p in paths if p.suffix.lower() in SUFFIXES and not hidden(p)]
    top = next((p.parent for p in paths if p.name == CLASSES), None)
    folders = {p.parts[:k] for p in pictures for k, part in enumerate(p.parts) if part == "images"}
    if not folders:
        layout = "images/a.jpg with masks/a.png and classes.txt, or with masks/<class>/a.png"
        raise fail(NOWHERE, f"'{where}' has no folder 'images' with pictures", f"the layout is {layout}")
    train = next((f for f in sorted(folders) if f[-1:] == ("train",)), min(folders))
    test = next((f for name in TEST_NAMES for f in sorted(folders) if f[-1:] == (name,) and f != train), None)
    by_class = sorted({_class(p, f) for f in (train, test) if f is not None for p in pictures} - {""})
    if by_class and top is not None:
        raise fail(NOWHERE, f"'{where}' has both {CLASSES} and folders of masks by class", "remove one of the two")
    classes = ("background", *by_class) if by_class else _classes(top, opener, where)
    return Parts(
        classes,
        _part(train, pictures, classes, bool(by_class), opener, where),
        None if test is None else _part(test, pictures, classes, bool(by_class), opener, where),
    )


def _class(path: PurePosixPath, folder: tuple[str, ...]) -> str:
    """The class of a mask FOLDER/masks/<class>/name, else nothing."""
    inner = path.parts[len(folder) :] if path.parts[: len(folder)] == folder else ()
    return inner[1] if len(inner) == 3 and inner[0] == "masks" else ""


def _classes(top: PurePosixPath | None, opener: Callable[[str], bytes], where: str) -> tuple[str, ...]:
    if top is None:
        hint = "one class a line, the first is the value 0; or put masks into a folder for each class"
        raise fail(NOWHERE, f"'{where}' has no {CLASSES}, so the numbers in its masks have no names", hint)
    lines = opener(str(top / CLASSES)).decode("utf-8", "replace").splitlines()
    names = tuple(line.strip() for line in lines if line.strip())
    if not 2 <= len(names) <= UNKNOWN or len(set(names)) < len(names):
        raise fail(NOWHERE, f"{CLASSES} names {len(names)} classes", f"2 to {UNKNOWN} different names, one a line")
    return names


def _part(
    folder: tuple[str, ...], pictures: Sequence[PurePosixPath], classes: Sequence[str], by_class: bool,
    opener: Callable[[str], bytes], where: str,
) -> Part:  # fmt: skip
    inside = {p: p.parts[len(folder) :] for p in pictures if p.parts[: len(folder)] == folder}
    images = sorted(p for p, inner in inside.items() if inner[0] == "images" and len(inner) == 2)
    masks: dict[str, list[tuple[int | None, str]]] = {}
    for path in sorted(p for p, inner in inside.items() if inner[0] == "masks"):
        label = classes.index(_class(path, folder)) if by_class and _class(path, folder) else None
        masks.setdefault(path.stem, []).append((label, str(path)))
    _check(images, masks, by_class, where)
    files = MaskFiles(tuple(tuple(masks.get(p.stem, ())) for p in images), opener, len(classes))
    return Part(Files(tuple(map(str, images)), opener), files)


def _check(images: Sequence[PurePosixPath], masks: Mapping[str, object], by_class: bool, where: str) -> None:
    """Refuses masks without a picture, and the reverse where each picture must have one."""
    stems = Counter(p.stem for p in images)
    without = [f"picture '{p}' has no mask" for p in images if not by_class and p.stem not in masks]
    alone = [f"masks called '{name}' belong to no picture" for name in masks if name not in stems]
    twice = [f"two pictures are called '{s}'" for s in sorted(stems) if stems[s] > 1]
    found = [*without, *alone, *twice]
    if found:
        more = [f"and {len(found) - LISTED} more like it"] if len(found) > LISTED else []
        hint = "a mask has the name of its picture, whatever their suffixes"
        raise SpecError([Problem(NOWHERE, f"{where}: {text}", hint) for text in (*found[:LISTED], *more)])
