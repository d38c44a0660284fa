"""The dialect of rows: `[from, repeats, module, args]` under `backbone` and `head`, numbered through."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from graphwright.compiler.importing.yolo import arguments
from graphwright.compiler.importing.yolo.arguments import value, whole
from graphwright.compiler.importing.yolo.heads import HEADS, read_head
from graphwright.compiler.importing.yolo.layers import Call, Head, Layer, Model
from graphwright.compiler.importing.yolo.modules import MODULES, Module, checked
from graphwright.compiler.importing.yolo.scaling import Scale, read_scale
from graphwright.compiler.importing.yolo.units import settle
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.places import Problem, SpecError, fail, suggest


@dataclass(frozen=True)
class Row:
    """One row. `sources` are the numbers of the rows that it reads; -1 is the image."""

    index: int
    section: str
    sources: tuple[int, ...]
    many: bool
    repeats: int
    module: Scalar
    args: Seq


@dataclass(frozen=True)
class File:
    """What a file says beside its rows. `family` is v5, v9 (the original repositories) or ultralytics."""

    family: str
    scale: Scale
    classes: int
    names: dict[str, Any]
    modules: frozenset[str]
    bins: int
    end_to_end: bool


def read(tree: Map, path: Path, letter: str | None, classes: int | None) -> Model:
    """The model of a file of rows. Raises `SpecError` with all mistakes."""
    problems: list[Problem] = []
    rows = _rows(tree, problems)
    _complain(problems)
    file = _file(tree, path, letter, classes, rows)
    layers, heads = _Reader(file).read(rows, problems)
    blocks = _blocks(tree, rows, problems)
    _complain(problems)
    name = path.stem + (f"_{file.scale.letter}" if file.scale.letter and file.scale.letter not in path.stem[-1] else "")
    return Model(
        name,
        f"Rewritten from {path.name}{f', scale {file.scale.letter}' if file.scale.letter else ''}. "
        "Row k of the file, `model.k` in its checkpoints, is the node that ends in _k.",
        file.classes,
        whole(tree.get("ch") or tree.get("channels"), 3, "the number of input channels"),
        tuple(layers),
        heads,
        blocks,
    )


def _blocks(tree: Map, rows: list[Row], problems: list[Problem]) -> dict[str, Call]:
    """The blocks that the file changes: the activation; and the norm, which classifiers leave at torch's defaults."""
    found: dict[str, Call] = {}
    if (given := tree.get("activation")) is not None:
        try:
            found["activation"] = arguments.activation(given.text if isinstance(given, Scalar) else "a list", given)
        except SpecError as error:
            problems += error.problems
    if any(r.module.text == "Classify" for r in rows):
        found["bn"] = Call("batch_norm")
    return found


def _complain(problems: list[Problem]) -> None:
    if problems:
        raise SpecError(sorted(problems, key=lambda p: p.place))


def _rows(tree: Map, problems: list[Problem]) -> list[Row]:
    found: list[Row] = []
    index = -1
    for section in ("backbone", "head"):
        rows = tree.get(section)
        if not isinstance(rows, Seq) or not rows.items:
            place = tree.place if rows is None else rows.place
            problems.append(Problem(place, f"'{section}' must be a list of rows", "[from, repeats, module, args]"))
            continue
        for row in rows.items:
            index += 1  # a row that cannot be read keeps its number
            try:
                found.append(_row(row, index, section))
            except SpecError as error:
                problems += error.problems
    return found


def _row(row: Tree, index: int, section: str) -> Row:
    if not (isinstance(row, Seq) and len(row.items) == 4):
        raise fail(row.place, f"row {index} must have four parts", "[from, repeats, module, args]")
    source, repeats, module, args = row.items
    count = value(repeats, {})
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise fail(repeats.place, f"row {index} repeats {count!r} times", "a whole number from 1")
    if not isinstance(module, Scalar):
        raise fail(module.place, f"row {index} must name one module", "[-1, 1, Conv, [64, 3, 2]]")
    if not isinstance(args, Seq):
        raise fail(args.place, f"the arguments of row {index} must be a list", "[64, 3, 2]")
    many = isinstance(source, Seq)
    sources = tuple(_source(s, index) for s in (source.items if isinstance(source, Seq) else (source,)))
    if not sources:
        raise fail(source.place, f"row {index} reads nothing", "-1 is the row above")
    return Row(index, section, sources, many, count, module, args)


def _source(tree: Tree, index: int) -> int:
    number = value(tree, {})
    if not isinstance(number, int) or isinstance(number, bool):
        raise fail(tree.place, f"row {index} reads {number!r}, which is no row", "a number; -1 is the row above")
    at = index + number if number < 0 else number
    if number == -1 or 0 <= at < index:
        return at
    hint = f"rows 0 to {index - 1}, or -1 to -{index}" if index else "-1 is the image"
    raise fail(tree.place, f"row {index} reads row {number}, which is not before it", hint)


def _file(tree: Map, path: Path, letter: str | None, classes: int | None, rows: list[Row]) -> File:
    number = whole(tree.get("nc"), 80, "nc, the number of classes,")
    anchors = _anchors(tree.get("anchors"))
    boxed = any(r.module.text in HEADS and any(_is(a, "anchors") for a in r.args.items) for r in rows)
    end_to_end = tree.get("end2end")
    return File(
        "v5" if boxed else "v9" if anchors is not None else "ultralytics",
        read_scale(tree, path, letter),
        classes or number,
        {"nc": classes or number, "anchors": anchors},
        frozenset(r.module.text for r in rows),
        whole(tree.get("reg_max"), 16, "reg_max"),
        end_to_end is not None and value(end_to_end, {}) is True,
    )


def _anchors(tree: Tree | None) -> Any:
    """None, how many a level, or a list of widths and heights for each level."""
    if tree is None:
        return None
    found = value(tree, {})
    if isinstance(found, int) and not isinstance(found, bool) and found > 0:
        return found
    levels = found if isinstance(found, list) else []
    pairs = all(isinstance(level, list) and level and len(level) % 2 == 0 for level in levels)
    if levels and pairs and all(isinstance(n, (int, float)) for level in levels for n in level):
        return levels
    raise fail(tree.place, "anchors are a number, or for each level a list of widths and heights", "anchors: 3")


def _is(tree: Tree, word: str) -> bool:
    return isinstance(tree, Scalar) and tree.text == word


class _Reader:
    """Rows to layers, one after the other: what each row is called, and by how much its map is smaller.

    What stands for a row with a mistake does not matter, since the mistake is reported.
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.names: dict[int, str] = defaultdict(str, {-1: "image"})
        self.strides: dict[int, Fraction] = defaultdict(lambda: Fraction(1))
        self.heads: dict[str, Head] = {}

    def read(self, rows: list[Row], problems: list[Problem]) -> tuple[list[Layer], dict[str, Head]]:
        """The layers of all rows. Modules outside the vocabulary are reported once each, with all their rows."""
        layers: list[Layer] = []
        unknown: dict[str, list[Row]] = {}
        for row in rows:
            self.strides[row.index] = self.strides[row.sources[0]]
            if row.module.text not in MODULES and row.module.text not in HEADS:
                unknown.setdefault(row.module.text, []).append(row)
                continue
            try:
                layers += self._layer(row)
            except SpecError as error:
                problems += error.problems
        for name, where in unknown.items():
            shown = ", ".join(str(r.index) for r in where)
            near = suggest(name, (*MODULES, *HEADS)) or "a spec can have it as a block of its own"
            rows_ = f"row {shown}" if len(where) == 1 else f"rows {shown}"
            problems.append(Problem(where[0].module.place, f"no module '{name}' in the vocabulary ({rows_})", near))
        return layers, self.heads

    def _layer(self, row: Row) -> list[Layer]:
        if row.module.text in HEADS:
            return [self._head(row)]
        module = MODULES[row.module.text]
        given = self._arguments(row, module)
        reads = tuple(self.names[s] for s in row.sources)
        if row.many != (module.name in ("concat", "cb_fuse", "add")):
            wants = "one row" if row.many else "a list of rows"
            raise fail(row.module.place, f"{row.module.text} reads {wants} (row {row.index})")
        if not module.name:  # a row that only gives its input another number
            self.names[row.index] = reads[0]
            return []
        repeats = self.file.scale.repeats(row.repeats)
        call = settle(row.module.text, module, given, repeats, self.file)
        self.strides[row.index] *= module.stride({**dict(module.fixed), **given})
        name = self.names[row.index] = f"{module.name}_{row.index}"
        several = repeats if not module.depth else 1
        if module.name == "cb_fuse":
            index = given["index"]
            if len(index) != len(reads) - 1:
                raise fail(row.args.place, f"CBFuse takes {len(reads) - 1} indices here, not {len(index)}")
            more = tuple(f"{read}.{k}" for read, k in zip(reads, index, strict=False))
            self.strides[row.index] = self.strides[row.sources[-1]]
            return [Layer(name, Call("cb_fuse"), reads[-1:], "coarse", more, section=row.section)]
        return [Layer(name, call, reads, repeat=several, section=row.section)]

    def _arguments(self, row: Row, module: Module) -> dict[str, Any]:
        shown = row.module.text
        arguments_ = module.arguments
        if shown == "Bottleneck" and self.file.family == "v5":  # the older module has no kernels argument
            arguments_ = tuple(a for a in arguments_ if a.name != "kernels")
        module.check(len(row.args.items), row.args.place, f"{shown} (row {row.index})")
        given: dict[str, Any] = {}
        for argument, tree in zip(arguments_, row.args.items, strict=False):
            read = checked(value(tree, self.file.names), argument.kind, tree, shown, argument.name)
            if argument.kind == "classes":
                read = "$classes" if _is(tree, "nc") else read
            if argument.name != "_" and read is not None:
                given[argument.name] = read
            elif argument.name != "_" and not argument.optional and argument.kind != "any":
                raise fail(tree.place, f"{shown} needs a value for {argument.name}")
        if module.scaled and given["out"] != self._uncut:
            given["out"] = self.file.scale.channels(given["out"])
        return given

    @property
    def _uncut(self) -> int:
        """The one width that the original repositories do not scale: that of an anchor head's values."""
        if self.file.family == "ultralytics":
            return -1
        anchors = self.file.names["anchors"]
        count = len(anchors[0]) // 2 if isinstance(anchors, list) else anchors
        return int(count) * (self.file.classes + 5)

    def _head(self, row: Row) -> Layer:
        strides = [self.strides[s] for s in row.sources]
        call, head = read_head(row.module, row.args, strides, self.file)
        name = self.names[row.index] = f"{HEADS[row.module.text].name}_{row.index}"
        self.heads[name] = head
        return Layer(name, call, tuple(self.names[s] for s in row.sources), section=row.section)
