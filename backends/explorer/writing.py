"""The spec files that a graph came from, for the page's view of them, and the lines that each place stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from graphwright.backends.drawing.text import clean
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.library import ROOT
from graphwright.compiler.places import Place

#: A file that is larger than this is no spec (the language's own limit).
LARGEST = 4 * 2**20


@dataclass
class Writings:
    """Files by the name that places give them, those that were given in `texts` first."""

    texts: dict[str, str]
    numbers: dict[str, int] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.numbers = {name: k for k, name in enumerate(filter(self._lines, self.texts))}

    def place(self, place: Place) -> list[int] | None:
        """`[file, line, column, last line]`, or nothing where the text is not at hand."""
        lines = self._lines(place.file) if place.line else []
        if not 0 < place.line <= len(lines):
            return None
        number = self.numbers.setdefault(place.file, len(self.numbers))
        return [number, place.line, place.column, last_line(lines, place.line)]

    def files(self, graph: Graph) -> list[dict[str, str]]:
        """All files, in the order of their numbers."""
        for setting in (*graph.expect.values(), *graph.train.values()):
            self.place(setting.place)
        return [{"name": clean(name, 300), "text": "\n".join(self.lines[name])} for name in self.numbers]

    def _lines(self, name: str) -> list[str]:
        if name not in self.lines:
            text = self.texts[name] if name in self.texts else _read(name)
            self.lines[name] = [_printable(line) for line in text.splitlines()]
        return self.lines[name]


def _read(name: str) -> str:
    """The text of a file of the library or of the user; nothing where it is gone."""
    shipped = ROOT / name.removeprefix("specs/")
    path = shipped if name.startswith("specs/") and shipped.is_file() else Path(name)
    try:
        return path.read_text(encoding="utf-8") if path.is_file() and path.stat().st_size <= LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line)


def last_line(lines: Sequence[str], first: int) -> int:
    """The last line of what begins on line `first`: all that is indented deeper, without blank lines at the end."""
    indent, last = _indent(lines[first - 1]), first
    for number in range(first + 1, len(lines) + 1):
        line = lines[number - 1].strip()
        if not line or line.startswith("#"):
            continue
        if _indent(lines[number - 1]) <= indent and line[0] not in "]})":
            break
        last = number
    return last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def renamed(graph: Graph, old: str, new: str) -> Graph:
    """The graph with the places of one file in another."""

    def moved(thing: Any) -> Any:
        return replace(thing, place=replace(thing.place, file=new)) if thing.place.file == old else thing

    return graph.with_(
        **{part: tuple(map(moved, getattr(graph, part))) for part in ("inputs", "targets", "nodes", "scopes")},
        **{part: {k: moved(s) for k, s in getattr(graph, part).items()} for part in ("train", "expect")},
    )
