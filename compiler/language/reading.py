"""YAML text to a tree of `Scalar`, `Seq` and `Map`, each with its place.

Scalars stay text: they are read later, by the type of the field they fill. Built from parser events
with an explicit stack, so that depth, size and aliases are bounded before they can hurt.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import yaml

from graphwright.compiler.language import limits
from graphwright.compiler.places import Place, Problem, SpecError, fail

Tree = Union["Scalar", "Seq", "Map"]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A piece of text. Only a plain (unquoted) one can be a number, a boolean or nothing."""

    text: str
    place: Place
    plain: bool = True

    @property
    def empty(self) -> bool:
        return self.plain and self.text in ("", "~", "null")


@dataclass(frozen=True, slots=True)
class Seq:
    """A list."""

    items: tuple[Tree, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Map:
    """A mapping, in order."""

    entries: tuple[tuple[Scalar, Tree], ...]
    place: Place

    def get(self, key: str) -> Tree | None:
        """The value under `key`."""
        return next((v for k, v in self.entries if k.text == key), None)

    def key(self, key: str) -> Scalar | None:
        """The key itself, for its place."""
        return next((k for k, _ in self.entries if k.text == key), None)

    def __iter__(self) -> Iterator[tuple[Scalar, Tree]]:
        return iter(self.entries)

    def keys(self) -> list[str]:
        return [k.text for k, _ in self.entries]


def read_file(path: Path, shown: str = "") -> tuple[str, Map]:
    """The text of a file and its tree; places name the file as `shown`, by default its path."""
    shown = shown or str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.FILE_BYTES + 1)
    except OSError as error:
        raise fail(Place(shown, 0, 0), f"cannot read {shown}: {error.strerror}") from None
    if len(data) > limits.FILE_BYTES:
        raise fail(Place(shown, 0, 0), f"the file is larger than {limits.FILE_BYTES:,} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fail(Place(shown, line, 1), f"the file is not UTF-8 text (byte {error.start})") from None
    return text, read_text(text, shown)


def read_text(text: str, file: str = "<text>") -> Map:
    """The tree of one YAML document, whose top level must be a mapping."""
    try:
        tree = _build(text, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        what = " ".join(p for p in (error.context, error.problem) if p)
        raise SpecError([Problem(place, f"not YAML: {what}", _yaml_hint(error, text))], {file: text}) from None
    except yaml.YAMLError as error:
        raise SpecError([Problem(Place(file, 1, 1), f"not YAML: {error}")], {file: text}) from None
    except SpecError as error:
        raise SpecError(error.problems, {file: text}) from None
    if not isinstance(tree, Map):
        problem = Problem(Place(file, 1, 1), "a spec is a mapping", "start with `graphwright: 1`")
        raise SpecError([problem], {file: text})
    return tree


def _yaml_hint(error: yaml.MarkedYAMLError, text: str) -> str:
    mark, opened = error.problem_mark, error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not with tabs"
    if mark and re.search(r"\w\Z", line[: mark.column]) and line[mark.column : mark.column + 1] == "[":
        return 'quote a type inside braces: "int64[N, L]"'
    if mark and opened and "flow" in (error.context or "") and opened.line != mark.line:
        return f"is the bracket of line {opened.line + 1}, column {opened.column + 1}, closed?"
    return "quote text that holds ': ', ' #' or brackets, or check the brackets"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python's collector of cycles rests: it would walk a growing tree of small values again and again, for nothing."""
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()


@_uncollected()
def _build(text: str, file: str) -> Tree | None:
    stack: list[tuple[type, Place, list[Tree], str | None]] = []
    anchors: dict[str, tuple[Tree, int]] = {}
    sizes: list[int] = []
    root: Tree | None = None
    total = documents = 0
    events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)  # their classes differ between the two parsers
    for event in events:
        kind = type(event).__name__
        if kind in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
            continue
        mark = event.start_mark
        width = 1
        if kind == "ScalarEvent" and event.end_mark.line == mark.line:
            width = max(1, event.end_mark.column - mark.column)
        place = Place(file, mark.line + 1, mark.column + 1, width)
        if kind == "DocumentStartEvent":
            documents += 1
            if documents > 1:
                raise fail(place, "a spec is one YAML document", "remove the second `---`")
            continue
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            _no_tag(event, place)
            if len(stack) >= limits.NESTING:
                raise fail(place, f"nested deeper than {limits.NESTING} levels")
            stack.append((Map if kind[0] == "M" else Seq, place, [], event.anchor))
            sizes.append(1)
            continue
        if kind == "AliasEvent":
            if event.anchor not in anchors:
                raise fail(place, f"no anchor '&{event.anchor}' before this alias")
            tree, size = anchors[event.anchor]
        elif kind == "ScalarEvent":
            _no_tag(event, place)
            tree, size = Scalar(event.value, place, not event.style), 1
            if event.anchor:
                anchors[event.anchor] = (tree, size)
        else:
            cls, start, children, anchor = stack.pop()
            size = sizes.pop()
            tree = Seq(tuple(children), start) if cls is Seq else _map(children, start)
            if anchor:
                anchors[anchor] = (tree, size)
        total += size if kind == "AliasEvent" else 1
        if total > limits.FILE_VALUES:
            raise fail(place, f"more than {limits.FILE_VALUES:,} values, aliases counted as often as they are used")
        if stack:
            stack[-1][2].append(tree)
            sizes[-1] += size
        else:
            root = tree
    return root


def _no_tag(event: Any, place: Place) -> None:
    if event.tag is not None and event.tag != "!":
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        raise fail(place, f"the tag '{tag}' is not part of the language", "a spec is plain data")


def _map(children: list[Tree], place: Place) -> Map:
    entries: list[tuple[Scalar, Tree]] = []
    seen: dict[str, Place] = {}
    for key, value in zip(children[::2], children[1::2], strict=True):
        if not isinstance(key, Scalar):
            raise fail(key.place, "a key must be text")
        if key.text in seen:
            raise fail(key.place, f"duplicate key '{key.text}'", f"first on line {seen[key.text].line}")
        seen[key.text] = key.place
        entries.append((key, value))
    return Map(tuple(entries), place)
