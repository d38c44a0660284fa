"""The lines of a spec, from the outline of a graph."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphwright.compiler.ir.graph import Entry
from graphwright.compiler.language.phrasing import (
    WIDTH,
    Line,
    argument,
    deeper,
    entry,
    joined,
    key,
    pair,
    param,
    plain,
    reference,
    references,
    repeat,
    said,
    said_of,
    scalar,
    setting,
    type_text,
    wrapped,
)  # fmt: skip
from graphwright.compiler.language.references import Reads, Sight, chains, leader_of, led, pattern, read_as
from graphwright.compiler.language.wiring import by_name
from graphwright.compiler.ops.op import Port
from graphwright.compiler.outline.form import Block, Item, Outline, Reference
from graphwright.compiler.places import NOWHERE, fail


class Writer:
    """The lines of a spec."""

    def __init__(self, made: Outline) -> None:
        self.outline, self.graph = made, made.graph
        self.reads = Reads(made)

    def text(self) -> str:
        """The whole spec."""
        graph, body = self.graph, self.outline.body
        head = [f"graphwright: 1\nname: {plain(graph.name)}\n"]
        for word in ("doc", "source"):
            if text := getattr(graph, word):
                head.append(joined(said(word, text)))
        sections = ["".join(head)]
        if graph.inputs:
            sections.append(self._entries("inputs", graph.inputs))
        inputs = {e.name: e.name for e in graph.inputs}
        nodes = self.nodes(body, Sight({n: n for n, _ in body.inputs}, inputs), None, self._read_by_losses())
        sections.append(joined([(0, "nodes:"), *deeper(nodes)]))
        sections.append(joined([(0, "outputs:"), *deeper(self._outputs(body))]))
        if graph.targets:
            sections.append(self._entries("targets", graph.targets))
        if self.outline.losses is not None:
            sections.append(joined([(0, "losses:"), *deeper(self._losses(self.outline.losses))]))
        for word in ("train", "expect"):
            if table := getattr(graph, word):
                sections.append(joined(wrapped(word, [f"{k}: {setting(s.value)}" for k, s in table.items()])))
        if self.outline.blocks:
            lines = []
            for k, block in enumerate(self.outline.blocks[::-1]):
                lines += ([(0, "")] if k else []) + [(0, f"{block.name}:"), *deeper(self.block(block))]
            sections.append(joined([(0, "blocks:"), *deeper(lines)]))
        return "\n".join(sections)

    def _entries(self, word: str, entries: Iterable[Entry]) -> str:
        lines: list[Line] = [(0, f"{word}:")]
        for e in entries:
            shape = type_text(e.type, e.defaults, e.name)
            if e.doc:
                quoted = shape if shape.startswith("[") else f'"{shape}"'
                shape = f"{{shape: {quoted}, doc: {plain(e.doc, flow=True)}}}"
            lines.append((1, f"{e.name}: {shape}"))
        return joined(lines)

    def block(self, block: Block) -> list[Line]:
        """The sections of a block."""
        lines: list[Line] = said("doc", block.doc) if block.doc else []
        if block.params:
            lines += wrapped("params", [f"{n}: {param(p)}" for n, p in block.params.items()])
        star = {n: "*" if n in block.lists else "" for n, _ in block.inputs}
        shown = [f"{n}{star[n]}: {'any' if s is None else '[' + ', '.join(s) + ']'}" for n, s in block.inputs]
        if not block.inputs:
            lines.append((0, "inputs: {}"))
        elif shown != ["x: any"]:
            lines += wrapped("inputs", shown)
        ports = {n: n for n, _ in block.inputs}
        texts = {n: f"{n}.*" if n in block.lists else n for n in ports}
        lines += [(0, "nodes:"), *deeper(self.nodes(block, Sight(texts, ports)))]
        if self.reads.declares(block):
            lines += self._section(block, Sight(texts, ports))
        return lines

    def _section(self, block: Block, sight: Sight, *, named: bool = False) -> list[Line]:
        refs = [(n, self.reads.reference(block, ref, sight)) for n, ref in block.outputs]
        if not named and len(refs) == 1 and len(self.reads.ports(block, block.outputs[0][1])) == 1:
            return [(0, f"outputs: {reference(refs[0][1])}")]
        ports = [f"{n}: {reference(r)}" for n, r in refs]
        line = f"outputs: {{{', '.join(ports)}}}"
        return [(0, line)] if len(line) <= WIDTH - 14 else [(0, "outputs:"), *((1, port) for port in ports)]

    def _outputs(self, body: Block) -> list[Line]:
        sight = Sight({n: n for n, _ in body.inputs}, None)
        listed: dict[str, list[str]] = {}
        lists = {n.rpartition(".")[0] for n, _ in body.outputs if n.rpartition(".")[2].isdecimal()}
        for name, ref in body.outputs:
            head, _, last = name.rpartition(".")
            key = head if head in lists and last.isdecimal() else name
            listed.setdefault(key, []).append(reference(self.reads.reference(body, ref, sight)))
        return [(0, f"{n}: [{', '.join(r)}]" if n in lists else f"{n}: {r[0]}") for n, r in listed.items()]

    def _read_by_losses(self) -> list[Reference]:
        """What losses read by its path, since it is no output."""
        if self.outline.losses is None:
            return []
        words = {v for _, v in self.graph.outputs} | {t.name for t in self.graph.targets}
        read = {self.graph.producer(v) for _, v in self.losses_read() if v not in words}
        return [Reference(i.name) for i in self.outline.body.items if read & set(i.nodes)]

    def _losses(self, body: Block) -> list[Line]:
        words = {v: n for n, v in reversed([*self.graph.outputs, *((t.name, t.name) for t in self.graph.targets)])}
        texts = {}
        for name, value in self.losses_read():
            texts[name] = words.get(value) or self.graph_reference(value)
        read = {ref.name for item in body.items for _, ref in item.inputs}
        terms = {name for name, ref in body.outputs if ref == Reference(name)}
        for term in self.graph.losses:
            if term.name not in terms or term.name in read:
                raise fail(NOWHERE, f"the loss '{term.name}' is '{term.value}', which is no node of its own")
        for item in body.items:
            if item.name not in terms and item.name not in read:
                raise fail(NOWHERE, f"'losses.{item.name}' is read by nothing, and yet is no loss")
        weights = {t.name: t.weight for t in self.graph.losses if t.weight != 1.0}
        return self.nodes(body, Sight(texts, None), weights)

    def losses_read(self) -> list[tuple[str, str]]:
        """The inputs of the losses and the values they are."""
        assert self.outline.losses is not None
        made = [n for n in self.graph.nodes if n.name.startswith("losses.")]
        names = {n.name for n in made}
        reads = dict.fromkeys(v for n in made for v in n.reads if self.graph.producer(v) not in names)
        return list(zip([n for n, _ in self.outline.losses.inputs], reads, strict=True))

    def graph_reference(self, value: str) -> str:
        """A value of the graph by its full path."""
        name, _, index = value.partition(":")
        if not index:
            return name
        node = self.graph.by_name[name]
        words = node.op.outputs()
        return f"{name}.{words[int(index)] if len(words) == len(node.outputs) else index}"

    def nodes(
        self, body: Block, sight: Sight, weights: Mapping[str, Any] | None = None, outside: Iterable[Reference] = ()
    ) -> list[Line]:
        """The entries of `nodes`. What `outside` refers to is read by path from around the body."""
        lines: list[Line] = []
        readers = self.reads.readers(body)
        for ref in outside:
            readers.setdefault(ref.name, []).append("outside")
        above: dict[str, str] | None = sight.first
        for k, item in enumerate(body.items):
            before = body.items[k - 1] if k else None
            usable = above if before is None or chains(before, item, readers) else None
            weight = {"weight": weights[item.name]} if weights and item.name in weights else {}
            lines += self._item(body, item, sight, usable, weight)
            text = read_as(item)
            ports = self.reads.item_ports(item)
            above = {p: text if not j else f"{text}.{p}" for j, p in enumerate(ports)}
        return lines

    def _item(
        self, body: Block, item: Item, sight: Sight, above: dict[str, str] | None, weight: Mapping[str, Any]
    ) -> list[Line]:
        feeds = [(p, self.reads.reference(body, ref, sight)) for p, ref in item.inputs]
        marks = [(k, plain(v, flow=True) if k == "doc" else scalar(v)) for k, v in said_of(item.marks).items()] + [
            (k, scalar(v)) for k, v in weight.items()
        ]
        front: list[tuple[str, str]] = []
        if item.copies is not None:
            front.append(("repeat", repeat(item.copies)))
        if item.condition is not None:
            front.append(("if", scalar(item.condition)))
            if item.otherwise is not None and not self.reads.passes(body, body.items.index(item)):
                front.append(("else", reference(self.reads.reference(body, item.otherwise, sight))))
        if item.body is not None:
            return self._scope(body, item, sight, feeds, above, front, marks)
        if item.op is not None:
            op, ports = item.op.name, item.op.ports
            rest = [(k, argument(v, item.op, k)) for k, v in item.arguments.items()]
            free = item.op.free_ports
        else:
            block = self.reads.blocks[item.block]
            op, ports, free = item.block, tuple(Port(n, many=n in block.lists) for n, _ in block.inputs), False
            rest = [(k, scalar(v)) for k, v in item.arguments.items()]
        brought = self.reads.brought(body, item.inputs[0][1], sight) if item.inputs else None
        if item.copies is not None and len(feeds) > len(item.copies.carried):
            above = None  # what is not handed on from copy to copy must be written
        listed = item.op is not None or (len(ports) == 1 and ports[0].many)
        reads = _reads(feeds, ports, free, above, brought, listed=listed)
        main: list[tuple[str, str]] = [("op", op), *([("in", reads)] if reads else []), *rest]
        if not front and not marks and len(main) == 1:
            return [(0, f"{key(item.name)}: {op}")]
        return entry(item.name, [*main, *front, *marks], [*front, *main, *marks])

    def _scope(
        self, body: Block, item: Item, sight: Sight, feeds: list[tuple[str, str]], above: dict[str, str] | None,
        front: list[tuple[str, str]], marks: list[tuple[str, str]],
    ) -> list[Line]:  # fmt: skip
        inner = item.body
        assert inner is not None
        names = "|".join(pattern(i) for i in inner.items)
        carried = {p for p, _ in item.copies.carried} if item.copies else set()
        leader = leader_of(inner)
        simple = not carried or (
            carried == {leader} and led(inner, str(leader)) and not self.reads.declares(inner, item)
        )  # fmt: skip
        clash = any(re.fullmatch(names, text.partition(".")[0]) for _, text in feeds)
        clash = clash and not (len(feeds) == 1 and led(inner, feeds[0][0]))
        main: list[tuple[str, str]] = []
        if item.loop is not None or clash or not simple:
            hidden = any(t.partition(".")[0] in carried for p, t in feeds if p not in carried)
            bound = {p for p, _ in inner.inputs} if item.loop is not None or clash or hidden else carried
            ports = tuple(Port(p) for p, _ in inner.inputs if p in bound)
            given = [(p, t) for p, t in feeds if p in bound]
            main.append(("inputs", "{" + ", ".join(f"{p.name}: any" for p in ports) + "}"))
            own = [r for p, r in item.inputs if p in bound]
            brought = self.reads.brought(body, own[0], sight) if own else None
            reads = _reads(given, ports, False, None, brought, listed=False, mapped=item.loop is not None)
            main += [("in", reads)] if reads else []
            texts = dict(feeds) | {p: p for p in bound}
            first: dict[str, str] | None = {p.name: p.name for p in ports}
        else:
            texts = dict(feeds)
            text = texts.get(leader or "")
            if leader is None or text is None:
                first = None
            elif above is not None and next(iter(above.values())) == text and self.reads.times(inner, leader) == 1:
                first = above
            elif not led(inner, leader):
                first = None
            else:
                main.append(("in", reference(text)))
                first = self.reads.brought(body, dict(item.inputs)[leader], sight)
        if item.loop is not None:
            main.append(("loop", scalar(dict(item.loop))))
        paths = (
            []
            if self.reads.declares(inner, item)
            else [r for _, r in inner.outputs if not self.reads.default(inner, r)]
        )
        brings = {p: self.reads.brought(body, r, sight) for p, r in item.inputs if texts[p] != p}
        nodes = self.nodes(inner, Sight(texts, first, brings), None, paths)
        lines = [*front, *main, *marks]
        out: list[Line] = [(0, f"{key(item.name)}:")]
        for word, value in lines:
            out += deeper(said(word, item.marks.doc) if word == "doc" else pair(word, value))
        out += [(1, "nodes:"), *deeper(deeper(nodes))]
        if self.reads.declares(inner, item):
            out += deeper(self._section(inner, Sight(texts, first), named=item.loop is not None))
        return out


def _reads(
    feeds: Sequence[tuple[str, str]], ports: Sequence[Port], free: bool, above: Mapping[str, str] | None,
    brought: Mapping[str, str] | None, *, listed: bool, mapped: bool = False,
) -> str:  # fmt: skip
    """The `in` of a node; empty where it reads the node above."""
    if not feeds:
        return ""
    wanted: dict[str, Any] = {}
    many = {p.name for p in ports if p.many}
    for port, text in feeds:
        if port in many:
            wanted.setdefault(port, []).append(text)
        else:
            wanted[port] = text
    if not free and ports and not ports[0].optional:
        if above and list(by_name(ports, dict(above)).items()) == list(wanted.items()):
            return ""
        if len(feeds) == 1 and not mapped and by_name(ports, dict(brought or {})) == wanted:
            return reference(feeds[0][1])
    order = [p.name for p in ports][: len(wanted)]
    short = listed and not free and len(ports) <= 3 and not ports[0].optional and not (many and len(ports) > 1)
    if short and list(wanted) == order:
        return "[" + ", ".join(reference(t) for _, t in feeds) + "]"
    return "{" + ", ".join(f"{p}: {references(t)}" for p, t in wanted.items()) + "}"
