"""The dialect of tags and keywords: `- Conv: {args: {out_channels: 64}, source: B3, tags: P3}` in named sections.

Modules are numbered from 1 through all sections, 0 is the image; checkpoints number them from 0.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from graphwright.compiler.importing.yolo.arguments import value, whole
from graphwright.compiler.importing.yolo.keywords import HEADS, JOINS, MODULES, NAMES, arguments, block
from graphwright.compiler.importing.yolo.layers import Call, Head, Layer, Model
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.places import Problem, SpecError, fail, suggest


@dataclass(frozen=True)
class Entry:
    """One module of the file. `index` counts from 1."""

    index: int
    section: str
    module: Scalar
    args: Map
    source: Tree | None
    tag: Scalar | None


def read(tree: Map, path: Path, classes: int | None) -> Model:
    """The model of a file with tags. Raises `SpecError` with all mistakes."""
    problems: list[Problem] = []
    reader = _Reader(tree, 80 if classes is None else classes)
    unknown: dict[str, list[Entry]] = {}
    for entry in _entries(tree, problems):
        try:
            reader.source(entry)
            if entry.module.text in MODULES:
                reader.add(entry)
            else:
                unknown.setdefault(entry.module.text, []).append(entry)
        except SpecError as error:
            problems += error.problems
    for name, where in unknown.items():
        shown = ", ".join(str(e.index) for e in where)
        message = f"no module '{name}' in the vocabulary (module{'s' if len(where) > 1 else ''} {shown})"
        problems.append(Problem(where[0].module.place, message, suggest(name, MODULES)))
    if problems:
        raise SpecError(sorted(problems, key=lambda p: p.place))
    title = tree.get("name")
    return Model(
        title.text if isinstance(title, Scalar) else path.stem,
        f"Rewritten from {path.name}. Module k + 1 of the file, `k` in its checkpoints, is the node that ends in _k.",
        reader.classes,
        3,
        tuple(reader.layers),
        reader.heads,
        library="yolo_tagged, yolo",
    )


def _entries(tree: Map, problems: list[Problem]) -> list[Entry]:
    found: list[Entry] = []
    index = 0
    sections = tree.get("model")
    for section, modules in sections if isinstance(sections, Map) else ():
        if not isinstance(modules, Seq):
            problems.append(Problem(modules.place, f"'{section.text}' must be a list of modules", "- Conv: {}"))
            continue
        for item in modules.items:
            index += 1
            try:
                found.append(_entry(item, index, section.text))
            except SpecError as error:
                problems += error.problems
    return found


def _entry(item: Tree, index: int, section: str) -> Entry:
    if not (isinstance(item, Map) and len(item.entries) == 1):
        raise fail(item.place, f"module {index} must be one name with its settings", "- Conv: {args: {...}}")
    (module, settings) = item.entries[0]
    if isinstance(settings, Scalar) and settings.empty:
        settings = Map((), settings.place)
    if not isinstance(settings, Map):
        raise fail(settings.place, f"the settings of module {index} must be a mapping", "{args: {...}, source: -1}")
    known = ("args", "source", "tags", "output", "external")
    if wrong := [k for k, _ in settings if k.text not in known]:
        raise fail(wrong[0].place, f"'{wrong[0].text}' is no setting of a module", suggest(wrong[0].text, known))
    args, tag = settings.get("args"), settings.get("tags")
    if args is not None and not isinstance(args, Map):
        raise fail(args.place, f"the arguments of module {index} must be a mapping", "{out_channels: 64}")
    if tag is not None and not isinstance(tag, Scalar):
        raise fail(tag.place, f"module {index} has one tag", "tags: P3")
    return Entry(index, section, module, args or Map((), module.place), settings.get("source"), tag)


class _Reader:
    """Modules to layers, one after the other; tags and numbers to names."""

    def __init__(self, tree: Map, classes: int) -> None:
        self.classes = classes
        self.tags: dict[str, int] = {}
        self.names: dict[int, str] = defaultdict(str, {0: "image"})
        self.strides: dict[int, Fraction] = defaultdict(lambda: Fraction(1))
        self.layers: list[Layer] = []
        self.heads: dict[str, Head] = {}
        anchor = tree.get("anchor")
        self.anchor = anchor if isinstance(anchor, Map) else Map((), tree.place)
        self.sources: tuple[int, ...] = ()

    def source(self, entry: Entry) -> None:
        """What the module reads, and its own name for those that read it."""
        source = entry.source
        items = source.items if isinstance(source, Seq) else (source,)
        tag = entry.tag
        if tag is not None and tag.text in self.tags:
            raise fail(tag.place, f"the tag '{tag.text}' is taken by module {self.tags[tag.text]}", "give it another")
        if tag is not None:
            self.tags[tag.text] = entry.index
        if not items:
            raise fail(entry.module.place, f"module {entry.index} reads nothing", "-1 is the module above")
        self.sources = tuple(self._source(item, entry.index) for item in items)
        self.strides[entry.index] = self.strides[self.sources[0]]
        if isinstance(source, Seq) != (entry.module.text in JOINS):
            wants = "one source" if isinstance(source, Seq) else "a list of sources"
            raise fail(entry.module.place, f"{entry.module.text} reads {wants} (module {entry.index})")

    def _source(self, tree: Tree | None, index: int) -> int:
        if tree is None:
            return index - 1
        found = value(tree, {})
        if isinstance(found, str):
            if found not in self.tags:
                raise fail(tree.place, f"no tag '{found}' before module {index}", suggest(found, self.tags))
            return self.tags[found]
        at = index + found if isinstance(found, int) and found < 0 else found
        if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < index:
            raise fail(tree.place, f"module {index} reads {found!r}, which is not before it", "a tag, -1, or 0")
        return at

    def add(self, entry: Entry) -> None:
        """The layer of a module of the vocabulary."""
        module = MODULES[entry.module.text]
        shown = f"{entry.module.text} (module {entry.index})"
        given = arguments(entry.module, entry.args, module, shown)
        stem = NAMES.get(module.op, module.op)
        if entry.tag and entry.module.text not in HEADS:
            stem = entry.tag.text.lower()
        name = self.names[entry.index] = f"{''.join(c if c.isalnum() else '_' for c in stem)}_{entry.index - 1}"
        reads = tuple(self.names[s] for s in self.sources)
        if entry.module.text in HEADS:
            self._head(entry, name, given, reads)
            return
        if module.op == "cb_fuse":
            index = given["index"]
            if len(index) != len(reads) - 1:
                raise fail(entry.args.place, f"CBFuse takes {len(reads) - 1} indices here, not {len(index)}")
            more = tuple(f"{r}.{k}" for r, k in zip(reads, index, strict=False))
            self.strides[entry.index] = self.strides[self.sources[-1]]
            self.layers.append(Layer(name, Call("cb_fuse"), reads[-1:], "coarse", more, section=entry.section))
            return
        call = block(module, given, entry.args)
        factor = 1 / Fraction(given["scale"]) if module.op == "upsample" else Fraction(call.arguments.get("stride", 1))
        self.strides[entry.index] *= factor * module.stride
        self.layers.append(Layer(name, call, reads, section=entry.section))

    def _head(self, entry: Entry, name: str, given: dict[str, Any], reads: tuple[str, ...]) -> None:
        aside = entry.section == "auxiliary" or (entry.tag is not None and entry.tag.text.lower() == "aux")
        found: dict[str, Any] = {"classes": "$classes"}
        found["strides"] = [int(self.strides[s]) for s in self.sources]
        if entry.module.text == "MultiheadSegmentation":
            del found["strides"][-1]  # the last map holds the prototypes
            found["masks"] = given["masks"]
        if given.get("version") == "v7":
            found["anchors"] = self._anchors(entry, len(reads))
            call, head = Call("implicit_detection", found), Head("boxes", train_only=aside)
        else:
            count = whole(self.anchor.get("reg_max"), 16, "reg_max")
            found |= ({"bins": count} if count != 16 else {}) | ({"groups": 1} if given.get("grouped") is False else {})
            extra = ("masks", "prototypes") if "masks" in given else ()
            call = Call(MODULES[entry.module.text].op, found)
            head = Head("sides", extra=extra, bins=count, train_only=aside)
        self.heads[name] = head
        self.layers.append(Layer(name, call, reads, section=entry.section, train_only=aside))

    def _anchors(self, entry: Entry, levels: int) -> list[list[int]]:
        tree = self.anchor.get("anchor")
        found = value(tree, {}) if tree is not None else None
        if not (isinstance(found, list) and len(found) == levels and all(isinstance(a, list) for a in found)):
            place = entry.module.place if tree is None else tree.place
            raise fail(place, f"anchors must be {levels} lists of widths and heights", "anchor: [[12, 16, ...]]")
        return found
