"""A flat graph folded back into blocks, copies and arguments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphwright.compiler.ir.graph import Graph, Marks, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.outline.arguments import ABSENT, Bound, Constant, Hole, Word, same, written
from graphwright.compiler.outline.form import Block, Copies, Expression, Item, Outline, Param, Reference, Steps
from graphwright.compiler.outline.matching import match_scopes
from graphwright.compiler.outline.naming import agreed, distinct, entry_names, last_word, numbered, results, value_words
from graphwright.compiler.outline.params import Closed, Closing
from graphwright.compiler.outline.scopes import Many, scope_tree
from graphwright.compiler.outline.series import Rows, Series
from graphwright.compiler.outline.shapes import Entry, Ref, Shape, initial_numbers, with_numbers

_INDICES = ("i", "s", "t", "k")
#: A structure used at one place only is a block of its own from so many entries on.
_LARGE = 6


@dataclass(eq=False)
class Draft:
    """One entry with its arguments, still to be named."""

    entry: Entry
    arguments: dict[str, Hole] = field(default_factory=dict)
    #: The numbers of its initial values that differ, by the words that lead to them.
    initial: dict[tuple[str, ...], Hole] = field(default_factory=dict)
    series: Series | None = None
    condition: Hole | None = None


@dataclass(eq=False)
class Draught:
    """A structure with its drafts, and what is open in it."""

    shape: Shape
    drafts: list[Draft] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    conditions: list[Hole] = field(default_factory=list)
    bound: list[Bound] = field(default_factory=list)
    height: int = 0
    block: str = ""
    closed: Closed | None = None
    ports: list[str] = field(default_factory=list)
    outs: list[str] = field(default_factory=list)


def outline(graph: Graph, steps: Steps | None = None) -> Outline:
    """The graph as blocks, copies and arguments; by default with all `steps` of folding."""
    return Folding(graph, steps or Steps()).run()


class Folding:
    """The state of one folding: structures by identity, and the blocks so far."""

    def __init__(self, graph: Graph, steps: Steps) -> None:
        self.graph, self.steps = graph, steps
        self.types: dict[str, Type] = dict(graph.types)
        self.blocks: list[Block] = []
        self.names: set[str] = {*OPS}
        self.numbers: dict[str, int] = {}
        self.drawn: dict[int, Draught] = {}
        self.collapsed: set[int] = set()

    def run(self) -> Outline:
        """The outline of the whole graph; its losses are a body of their own."""
        losing = bool(self.graph.losses)
        first = next((k for k, n in enumerate(self.graph.nodes) if losing and n.name.startswith("losses.")), None)
        nodes = self.graph.nodes[:first]
        later = self.graph.nodes[first:] if first is not None else ()
        made = {n.name for n in nodes}
        kept = [v for _, v in self.graph.outputs]
        kept += [v for n in later for v in n.reads if self.graph.producer(v) in made]
        body = self.body(self.graph, nodes, kept, self.graph.outputs)
        losses = None
        if later:
            terms = self.graph.losses
            losses = self.body(self.graph, later, [t.value for t in terms], ((t.name, t.value) for t in terms),
                               "losses.", [f"losses.{t.name}" for t in terms])  # fmt: skip
        return Outline(self.graph, tuple(self.blocks), body, losses)

    def body(
        self, graph: Graph, nodes: Sequence[Node], kept: Sequence[str], outputs: Iterable[tuple[str, str]],
        prefix: str = "", apart: Iterable[str] = (),
    ) -> Block:  # fmt: skip
        """The body of a graph, whose inputs and outputs keep their names."""
        apart = apart if self.steps.scopes else [n.name for n in nodes]
        root, values = scope_tree(graph, nodes, kept, prefix, apart)
        if not prefix:
            root.feeds = [e.name for e in (*graph.inputs, *graph.targets)]
        root.outs = list(dict.fromkeys(v for v in kept if v not in root.feeds))
        shapes = match_scopes(root, values, self.steps)
        uses = Counter(id(e.shape) for s in shapes for e in s.entries if e.shape)
        self.collapsed |= {id(e.shape) for s in shapes for e in s.entries if e.shape and uses[id(e.shape)] == 1
                           and not e.shape.lists and _only_numbers(e)}  # fmt: skip
        serial = {id(e.shape) for s in shapes for e in s.entries if e.shape and e.series}
        top = {id(e.shape) for e in shapes[-1].entries}
        for shape in shapes[:-1]:
            drawn = self._draw(shape)
            if not self.steps.blocks:
                continue
            named = not shape.hint.startswith(".")
            large = len(shape.entries) > _LARGE and id(shape) not in top
            series = id(shape) in serial and not _is_series(shape)
            if uses[id(shape)] > 1 or shape.lists or (named and (large or series)):
                self._close(drawn)
        drawn = self._draw(shapes[-1])
        drawn.ports = [last_word(v) if v in graph.by_name else v for v in root.feeds]
        if prefix:
            drawn.ports = distinct(value_words(root.feeds), {e.name for e in drawn.shape.entries})
        for hole in (*drawn.holes, *drawn.conditions):
            known = hole.known
            hole.form = Constant(known[0] if known else hole.spare)
        Closing([], []).close([], [], drawn.bound)
        block = self._block(drawn)
        found: dict[str, Ref] = {v: (-1, k) for k, v in enumerate(root.feeds)}
        found |= {v: ref for ref, v in zip(drawn.shape.outs, root.outs, strict=True)}
        refs = tuple((port, self._reference(drawn, found[v])) for port, v in outputs)
        inputs = tuple((p, None) for p in drawn.ports)
        return Block("", inputs, block.items, refs)

    # -- drafts -------------------------------------------------------------------------------
    def _draw(self, shape: Shape) -> Draught:
        drawn = Draught(shape)
        self.drawn[id(shape)] = drawn
        for entry in shape.entries:
            drawn.drafts.append(self._draft(entry, drawn))
        return drawn

    def _draft(self, entry: Entry, drawn: Draught) -> Draft:
        draft = Draft(entry)
        if entry.series:
            count = Hole([len(c) if c else ABSENT for c in entry.copies], "depth", entry.name)
            inner = self.drawn[id(entry.shape)] if entry.shape else None
            height = inner.height if inner and not inner.block else 0
            draft.series = Series(count, Word(_INDICES[min(height, 3)]), stage=height > 0)
            draft.series.indexed = id(drawn.shape) not in self.collapsed
            drawn.height = max(drawn.height, height + 1)
        opened = self._opened(entry, draft, drawn)
        opened.sort(key=lambda pair: any(v is ABSENT for r in pair[1] for v in r or ()))
        for hole, rows in opened:
            (drawn.conditions if hole.name == "if" else drawn.holes).extend(_lift(hole, rows, draft.series))
        if draft.series is not None:
            words = [draft.series.index, *(word for word, _, _ in draft.series.lists)]
            inner = self.drawn[id(entry.shape)] if entry.shape else None
            drawn.bound.append(Bound(words, inner.bound if inner and inner.closed is None else []))
            drawn.holes += [hole for _, hole, _ in draft.series.lists if hole not in drawn.holes]
            drawn.holes += draft.series.holes
        if entry.optional:
            draft.condition = Hole([bool(c) for c in entry.copies], "if", self._known_as(entry))
            drawn.conditions.append(draft.condition)
        return draft

    def _known_as(self, entry: Entry) -> str:
        """What a flag for the entry can be called after: its name, or what it is if that is only a number."""
        if not entry.name[:1].isdigit():
            return entry.name
        inner = self.drawn[id(entry.shape)] if entry.shape else None
        return (entry.op.name if entry.op else inner.block if inner else "") or entry.name

    def _opened(self, entry: Entry, draft: Draft, drawn: Draught) -> list[tuple[Hole, Rows]]:
        """What each copy sets, as rows of values."""
        if entry.op is not None:
            return self._arguments(entry, draft)
        inner = self.drawn[id(entry.shape)]
        found: list[tuple[Hole, Rows]] = []
        if inner.closed is None:
            if draft.series is None:
                drawn.bound += inner.bound
            drawn.height = max(drawn.height, inner.height)
            holes = [(h, h.values) for h in (*inner.holes, *inner.conditions)]
        else:
            holes = []
            for column in inner.closed.params:
                hole = Hole([], column.word.text, entry.name, spare=column.spare)
                draft.arguments[column.word.text] = hole
                holes.append((hole, column.values))
        for hole, values in holes:
            found.append((hole, [[values[p.index] for p in copies] if copies else None for copies in entry.copies]))
        return found

    def _arguments(self, entry: Entry, draft: Draft) -> list[tuple[Hole, Rows]]:
        found: list[tuple[Hole, Rows]] = []
        nodes = [[p.node for p in copies] for copies in entry.copies]
        assert entry.op is not None
        for known in entry.op.fields() if entry.op is not Loop else ():
            name = known.name
            if name in entry.op.filled:
                continue
            rows: Rows = [[getattr(n.op, name) for n in row if n] if row else None for row in nodes]
            if not known.required and all(same(v, known.default) for r in rows for v in r or ()):
                continue
            draft.arguments[name] = Hole([], name, entry.name)
            found.append((draft.arguments[name], rows))
        for path, number in initial_numbers(entry.marks.init):
            rows = [[dict(initial_numbers(n.marks.init))[path] for n in row if n] if row else None for row in nodes]
            if not all(same(v, number) for r in rows for v in r or ()):
                draft.initial[path] = Hole([], path[-1], entry.name)
                found.append((draft.initial[path], rows))
        return found

    # -- blocks -------------------------------------------------------------------------------
    def _close(self, drawn: Draught) -> None:
        shape = drawn.shape
        inputs = [[] if k in shape.lists else [self.types[m.feeds[k]] for m in shape.members]
                  for k in range(shape.ports)]  # fmt: skip
        result = [self.types[shape.value(shape.outs[0], k)] for k in range(len(shape.members))]
        drawn.closed = Closing(inputs, result).close(drawn.holes, drawn.conditions, drawn.bound)
        drawn.block = self._block_name(shape)
        self.blocks.append(self._block(drawn))

    def _block_name(self, shape: Shape) -> str:
        word = shape.hint.rpartition(".")[2] if "." in shape.hint else shape.hint
        if not word.strip("#"):
            word = next((w for w in reversed(shape.hint.split(".")) if w.strip("#")), "block")
        word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word.replace("#", "")).lower()
        word = word.strip("_") or "block"
        name = word
        while name in self.names:
            self.numbers[word] = self.numbers.get(word, 0) + 1
            name = f"{word}_block" if self.numbers[word] == 1 else f"{word}_{self.numbers[word]}"
        self.names.add(name)
        return name

    def _block(self, drawn: Draught) -> Block:
        """A structure whose names are settled, as a block."""
        shape, closed = drawn.shape, drawn.closed
        if not drawn.outs:
            self._name_ports(drawn)
        items = tuple(self._item(draft, drawn) for draft in drawn.drafts)
        outs = tuple((name, self._reference(drawn, ref)) for name, ref in zip(drawn.outs, shape.outs, strict=True))
        sizes = closed.sizes if closed else [None] * shape.ports
        order = sorted(range(shape.ports), key=lambda k: k not in shape.carried)
        inputs = tuple((drawn.ports[k], sizes[k]) for k in order)
        params = {}
        for column in closed.params if closed else ():
            name = column.word.text
            params[name] = Param(closed.types[name], closed.defaults.get(name, ...))  # type: ignore[union-attr]
        return Block(
            drawn.block, inputs, items, outs, params, lists=frozenset(drawn.ports[k] for k in shape.lists)
        )  # fmt: skip

    def _name_ports(self, drawn: Draught) -> None:
        shape = drawn.shape
        entries = {n for e in shape.entries for n in entry_names(e)}
        words = ["x"]
        if shape.ports != 1 or shape.lists:
            words = agreed(shape.members, shape.ports)
        drawn.ports = drawn.ports or distinct(words, entries)
        single = len(shape.outs) == 1
        wishes = ["out" if single or e < 0 else shape.entries[e].name for e, _ in shape.outs]
        wishes = [w if "." not in w else next(o for o in (w.rpartition(".")[2], "out") if o not in entries)
                  for w in wishes]  # fmt: skip
        if id(shape) in self.collapsed:
            inner = self.drawn[id(shape.entries[0].shape)] if shape.entries[0].shape else None
            if inner and not inner.outs:
                self._name_ports(inner)
            drawn.outs = [inner.outs[out] if inner else "out" for _, out in shape.outs]
            return
        drawn.outs = distinct(wishes, set(drawn.ports))
        for port, out in shape.carried.items():
            if not (single and port == min(shape.carried)):
                drawn.outs[out] = drawn.ports[port]

    # -- items --------------------------------------------------------------------------------
    def _item(self, draft: Draft, drawn: Draught) -> Item:
        entry, series = draft.entry, draft.series
        name, copies = entry.name, None
        inner = self.drawn[id(entry.shape)] if entry.shape else None
        if inner is not None and not inner.outs:
            self._name_ports(inner)
        if inner is not None and id(inner.shape) in self.collapsed:
            return self._collapsed(draft, drawn, inner)
        if series is not None:
            step = numbered(series.index.text, entry.number or 0)
            name = entry.prefix + step
            lists = {word.text: written(hole) for word, hole, _ in series.lists}
            ends = [(inner.ports[p], inner.outs[o]) if inner else (entry.ports[p], "out")
                    for p, o in (entry.carried or {}).items()]  # fmt: skip
            count = written(series.count) if series.count.form else len(entry.copies[0])
            index = series.index.text if series.indexed else ""
            copies = Copies(count, entry.prefix, entry.number or 0, index, lists, tuple(ends))
        condition = written(draft.condition) if draft.condition else None
        if isinstance(condition, bool):
            condition = Expression(str(condition).lower())
        return Item(
            name, entry.op, inner.block if inner else "",
            self._block(inner) if inner and not inner.block else self._loop_body(entry),
            self._written(draft, inner),
            tuple((port, ref) for port, feed in zip(inner.ports if inner else entry.ports, entry.feeds, strict=True)
                  for ref in self._references(drawn, feed)),
            copies, results(entry), condition, self._reference(drawn, entry.otherwise) if entry.otherwise else None,
            self._marks(draft), _loop_options(entry),
            tuple(n.name for parts in entry.copies for p in parts for n in p.nodes()),
        )  # fmt: skip

    def _collapsed(self, draft: Draft, drawn: Draught, inner: Draught) -> Item:
        """A scope that only holds numbered copies, as the copies themselves."""
        item = self._item(inner.drafts[0], inner)
        outside = {p: self._reference(drawn, f) for p, f in zip(inner.ports, draft.entry.feeds, strict=True)}
        inputs = tuple((port, outside[ref.name]) for port, ref in item.inputs)
        assert item.copies is not None
        return replace(item, name=draft.entry.name, inputs=inputs, copies=replace(item.copies, prefix=None))

    def _written(self, draft: Draft, inner: Draught | None) -> dict[str, Any]:
        """The arguments but those that are the block's default."""
        found = {name: written(hole) for name, hole in draft.arguments.items()}
        defaults = inner.closed.defaults if inner and inner.closed else {}
        if draft.entry.op is Loop:
            return {}
        return {n: v for n, v in found.items() if n not in defaults or not same(v, defaults[n])}

    def _marks(self, draft: Draft) -> Marks:
        marks = draft.entry.marks
        numbers = {path: written(hole) for path, hole in draft.initial.items()}
        return replace(marks, init=with_numbers(marks.init, numbers)) if numbers else marks

    def _loop_body(self, entry: Entry) -> Block | None:
        part = next(c[0] for c in entry.copies if c)
        body = getattr(part.node.op, "body", None) if part.node else None
        if body is None:
            return None
        self.types |= body.types
        return self.body(body, body.nodes, [v for _, v in body.outputs], body.outputs)

    def _references(self, drawn: Draught, feed: Ref) -> list[Reference]:
        return [self._reference(drawn, ref) for ref in (feed if isinstance(feed, Many) else (feed,))]

    def _reference(self, drawn: Draught, ref: Ref) -> Reference:
        index, out = ref
        if index < 0:
            return Reference(drawn.ports[out])
        draft = drawn.drafts[index]
        entry = draft.entry
        name = (
            entry.name if draft.series is None else entry.prefix + numbered(draft.series.index.text, entry.number or 0)
        )
        if isinstance(out, str):
            return Reference(name, (out,))
        if entry.shape is not None:
            inner = self.drawn[id(entry.shape)]
            if not inner.outs:
                self._name_ports(inner)
            first = inner.shape.outs[out][1] == 0 if id(inner.shape) in self.collapsed else out == 0
            return Reference(name, () if first else (inner.outs[out],))
        return Reference(name, (results(entry)[out],) if out else ())


def _only_numbers(entry: Entry) -> bool:
    """Whether an entry is a scope that only holds numbered copies, which can then be its own."""
    assert entry.shape is not None
    inner = entry.shape.entries
    plain = not entry.series and not entry.optional and entry.marks == Marks()
    plain = plain and all(isinstance(out, int) for _, out in entry.shape.outs)
    return plain and len(inner) == 1 and inner[0].series and inner[0].prefix == "" and inner[0].number == 0 \
        and not inner[0].optional  # fmt: skip


def _is_series(shape: Shape) -> bool:
    """Whether a structure is nothing but copies of another."""
    return len(shape.entries) == 1 and shape.entries[0].shape is not None


def _lift(hole: Hole, rows: Rows, series: Series | None) -> list[Hole]:
    """The hole seen from around its entry."""
    if series is not None:
        return series.fill(hole, rows)
    hole.values = [r[0] if r else ABSENT for r in rows]
    return [hole]


def _loop_options(entry: Entry) -> dict[str, Any] | None:
    if entry.op is not Loop:
        return None
    op = next(c[0] for c in entry.copies if c).node.op  # type: ignore[union-attr]
    return {k: v for k, v in op.arguments().items() if k not in ("body", "names")}
