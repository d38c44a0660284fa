"""What `graphwright import` can read: where a model comes from, as a table, and what each source makes of it.

A source is named by the user, never by a spec: `package.module:function` runs that function, as running Python would.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from graphwright.compiler.places import NOWHERE, fail
from graphwright.sources import files, modules
from graphwright.sources.found import Found, Wish

#: `prefix:rest`.
NAMED: dict[str, Callable[[str, Wish], Found]] = {
    "timm": modules.timm,
    "torchvision": modules.torchvision,
    "yolo": files.yolo,
}
#: Files by suffix.
FILES: dict[str, Callable[[Path, Wish], Found]] = {
    ".pt2": files.pt2,
    ".onnx": files.onnx,
    ".json": files.keras,
    ".keras": files.keras,
}


def find(source: str, wish: Wish) -> Found:
    """The model that a source names.

    Raises `SpecError` where there is no such model, it cannot be exported, or an operation has no rule.
    """
    head, colon, rest = source.partition(":")
    suffix = Path(source).suffix.lower()
    if colon and head in NAMED:
        return NAMED[head](rest, wish)
    if suffix in FILES:
        if not Path(source).is_file():
            raise fail(NOWHERE, f"no file {source}", "check the path")
        return FILES[suffix](Path(source), wish)
    if colon and all(part.isidentifier() for part in head.split(".")) and rest.isidentifier():
        return modules.function(head, rest, wish)
    known = ", ".join([*(f"{n}:NAME" for n in NAMED), "package.module:function", *(f"x{s}" for s in FILES)])
    raise fail(NOWHERE, f"'{source}' is nothing that can be imported", f"one of {known}")
