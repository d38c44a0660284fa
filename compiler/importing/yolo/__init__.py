"""YOLO-style model files, rewritten as specs.

Two dialects are read: rows of `[from, repeats, module, args]` with width and depth factors, and lists of
`module: {args, source, tags}`. Indices become names, module names become blocks of the library file `yolo`, and
activation strings are looked up, never evaluated.
"""

from __future__ import annotations

from pathlib import Path

from graphwright.compiler.importing.yolo import rows, tagged
from graphwright.compiler.importing.yolo.layers import Model
from graphwright.compiler.importing.yolo.writing import write
from graphwright.compiler.language.reading import Map, read_file
from graphwright.compiler.places import Place, SpecError, fail

__all__ = ["read", "rewrite"]


def rewrite(path: Path, scale: str | None = None, classes: int | None = None) -> str:
    """The spec, as YAML text, of the model file at `path`.

    `scale` names one of the file's `scales`, by default the letter in the file's name, then the first one. `classes`
    replaces the number of classes. Raises `SpecError` with every mistake found, each with its place.
    """
    model = read(path, scale, classes)
    if not model.layers:
        raise fail(Place(str(path), 1, 1), "the file computes nothing: all of its rows pass their input on")
    return write(model)


def read(path: Path, scale: str | None = None, classes: int | None = None) -> Model:
    """The layers of the model file at `path`, with names in place of indices."""
    text, tree = read_file(path)
    try:
        if isinstance(tree.get("model"), Map):
            if scale is not None:
                raise fail(tree.place, f"the file has no scales, so no scale '{scale}'")
            return tagged.read(tree, path, classes)
        if tree.get("backbone") is not None:
            return rows.read(tree, path, scale, classes)
        raise fail(
            tree.place,
            "no YOLO model file: it has neither `backbone` and `head` nor `model`, but " + ", ".join(tree.keys()[:8]),
            "rows under `backbone:` and `head:`, or tagged modules under `model:`",
        )
    except SpecError as error:
        raise SpecError(error.problems, {str(path): text, **error.sources}) from None
