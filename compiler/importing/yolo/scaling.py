"""Width and depth factors of a file of rows: from `scales` and a letter, or from `depth_multiple`, `width_multiple`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphwright.compiler.importing.yolo.arguments import value, whole
from graphwright.compiler.language.reading import Map, Tree
from graphwright.compiler.places import fail, suggest

#: The letter of a file's name that chooses the scale, as in yolov8s.yaml.
_LETTER = re.compile(r"yolo(?:e-)?v?\d+([nslmxb])")


@dataclass(frozen=True)
class Scale:
    """`depth` multiplies repeats, `width` multiplies channels, after they are cut to `most`; `letter` is its name."""

    depth: float = 1.0
    width: float = 1.0
    most: float = math.inf
    letter: str = ""
    multiple: int = 8

    def repeats(self, count: int) -> int:
        """How often a module stands in a row: rounded half to even, at least once."""
        return max(round(count * self.depth), 1) if count > 1 else count

    def channels(self, count: int) -> int:
        """A width of the file, scaled and rounded up."""
        return math.ceil(min(count, self.most) * self.width / self.multiple) * self.multiple


def read_scale(tree: Map, path: Path, letter: str | None) -> Scale:
    """The scale that `letter` names, or the file's name, or the first one."""
    scales = tree.get("scales")
    multiple = whole(tree.get("channel_multiple"), 8, "channel_multiple")
    if not isinstance(scales, Map) or not scales.keys():
        if letter is not None:
            raise fail(tree.place, f"the file has no `scales`, so no scale '{letter}'")
        depth, width = (_number(tree.get(f"{key}_multiple"), 1.0) for key in ("depth", "width"))
        return Scale(depth, width, multiple=multiple)
    found = _LETTER.search(path.stem)
    named = found.group(1) if found and found.group(1) in scales.keys() else scales.keys()[0]  # noqa: SIM118
    chosen = scales.get(letter or named)
    if chosen is None:
        raise fail(scales.place, f"the file has no scale '{letter}'", suggest(str(letter), scales.keys()))
    numbers = value(chosen, {})
    if not (isinstance(numbers, list) and len(numbers) == 3 and all(_factor(n) for n in numbers)):
        raise fail(
            chosen.place, f"a scale is three numbers above zero, not {numbers!r}", "[depth, width, most channels]"
        )
    return Scale(float(numbers[0]), float(numbers[1]), float(numbers[2]), letter or named, multiple)


def _number(tree: Tree | None, default: float) -> float:
    found = default if tree is None else value(tree, {})
    if tree is None or _factor(found):
        return float(found)
    raise fail(tree.place, f"a factor is a number above zero, not {found!r}", "1.0")


def _factor(found: Any) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool) and found > 0
