"""What nodes of an outline read, in the language's words: by which name, and whether it must be written at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphwright.compiler.outline.form import Block, Item, Outline, Reference


@dataclass
class Sight:
    """What can be read in a body: the text of each of its inputs, and what an unwritten `in` means at its top."""

    texts: dict[str, str]
    first: dict[str, str] | None
    #: The outputs that the name of an input brings along; by default itself.
    brought: dict[str, dict[str, str]] = field(default_factory=dict)


class Reads:
    """The references of one outline."""

    def __init__(self, made: Outline) -> None:
        self.blocks = {b.name: b for b in made.blocks}
        #: What was found out about a body, by its identity.
        self.found: dict[tuple[int, str], Any] = {}

    def reference(self, body: Block, ref: Reference, sight: Sight) -> str:
        """A reference as it is written in a body."""
        if any(n == ref.name for n, _ in body.inputs):
            return sight.texts[ref.name]
        return self._item_text(self.held(body, ref.name), ref.path)

    def _item_text(self, item: Item, path: tuple[str, ...]) -> str:
        name = read_as(item)
        inner = item.body
        if inner is None or self.declares(inner, item):
            return ".".join((name, *path))
        wanted = dict(inner.outputs)[path[0]] if path else inner.outputs[0][1]
        if self.default(inner, wanted):
            return name
        return f"{name}.{self._item_text(self.held(inner, wanted.name), wanted.path)}"

    def held(self, body: Block, name: str) -> Item:
        """The item of that name."""
        key = (id(body), "")
        if key not in self.found:
            self.found[key] = {i.name: i for i in body.items}
        item: Item = self.found[key][name]
        return item

    def default(self, body: Block, ref: Reference) -> bool:
        """Whether a reference means what a body puts out if nothing is said: the first output of its last node."""
        if not body.items or ref.name != body.items[-1].name:
            return False
        item = body.items[-1]
        if item.body is None or self.declares(item.body, item):
            return not ref.path
        return self.default(item.body, dict(item.body.outputs)[ref.path[0]] if ref.path else item.body.outputs[0][1])

    def declares(self, block: Block, item: Item | None = None) -> bool:
        """Whether a body has an `outputs` section: where its output is not just that of its last node."""
        if item is not None and item.loop is None and item.copies is None and item.condition is None:
            return False  # what is inside an inline scope can be read by its path
        if item is not None and item.loop is not None:
            return True
        return not (len(block.outputs) == 1 and self.default(block, block.outputs[0][1]))

    def ports(self, body: Block, ref: Reference) -> list[str]:
        """The names of the outputs of what a reference means."""
        if ref.path:
            return ["out"]
        item = next((i for i in body.items if i.name == ref.name), None)
        return ["out"] if item is None else self.item_ports(item)

    def item_ports(self, item: Item) -> list[str]:
        """The names of an item's outputs, as the language has them."""
        if item.op is not None and item.loop is None:
            return list(item.results)
        block = item.body or self.blocks[item.block]
        if self.declares(block, item if item.body else None):
            if len(block.outputs) == 1 and item.loop is None:
                inside = self.ports(block, block.outputs[0][1])
                return ["out"] if len(inside) == 1 else [block.outputs[0][0]]
            return [n for n, _ in block.outputs]
        return self.item_ports(block.items[-1])

    def passes(self, body: Block, k: int, item: Item | None = None) -> bool:
        """Whether a node that is left out hands on what it would have read, without an `else`: in a chain."""
        this = body.items[k]
        if this.otherwise is None or not this.inputs or this.otherwise != this.inputs[0][1] or this.loop is not None:
            return False
        readers = [(n, i) for n, i in enumerate(body.items) for _, r in i.inputs if r.name == this.name]
        readers += [(-1, i) for i in body.items if i.otherwise is not None and i.otherwise.name == this.name]
        out = [r for _, r in body.outputs if r.name == this.name]
        if k == len(body.items) - 1:
            return not readers and bool(out) and body.name != "" and not self.declares(body)
        return not out and len(readers) == 1 and readers[0][0] == k + 1 and _takes_first(readers[0][1], this.name)

    def readers(self, body: Block) -> dict[str, list[str]]:
        """Who reads each item, an inline scope once for each time that its nodes do."""
        found: dict[str, list[str]] = {}
        for k, item in enumerate(body.items):
            times = {p: self.times(item.body, p) if item.body and item.loop is None else 1 for p, _ in item.inputs}
            for port, ref in item.inputs:
                found.setdefault(ref.name, []).extend([item.name] * times[port])
            if item.otherwise is not None and not self.passes(body, k):
                found.setdefault(item.otherwise.name, []).append(f"{item.name} else")
        return found

    def times(self, body: Block, port: str) -> int:
        """How often the nodes of a body read one of its inputs."""
        key = (id(body), port)
        if key not in self.found:
            self.found[key] = self._count(body, port)
        times: int = self.found[key]
        return times

    def _count(self, body: Block, port: str) -> int:
        return sum(
            self.times(i.body, p) if i.body and i.loop is None else 1
            for i in body.items for p, ref in i.inputs if ref.name == port
        ) + sum(
            i.otherwise is not None and i.otherwise.name == port and not self.passes(body, k)
            for k, i in enumerate(body.items)
        )  # fmt: skip

    def brought(self, body: Block, ref: Reference, sight: Sight) -> dict[str, str]:
        """All outputs of what a reference leads to, as the language binds them to ports by name."""
        if any(n == ref.name for n, _ in body.inputs):
            return sight.brought.get(ref.name, {ref.name: sight.texts[ref.name]})
        return self._outputs_of(self.held(body, ref.name), ref.path, self.reference(body, ref, sight))

    def _outputs_of(self, item: Item, path: tuple[str, ...], text: str) -> dict[str, str]:
        inner = item.body
        if inner is not None and not self.declares(inner, item):
            wanted = dict(inner.outputs)[path[0]] if path else inner.outputs[0][1]
            if not self.default(inner, wanted):
                return self._outputs_of(self.held(inner, wanted.name), wanted.path, text)
        elif path:
            return {"out": text}
        return {p: text if not k else f"{text}.{p}" for k, p in enumerate(self.item_ports(item))}


def _takes_first(item: Item, name: str) -> bool:
    """Whether an item reads that other one first, once, and nothing else at all."""
    if len(item.inputs) != 1 or item.inputs[0][1] != Reference(name) or item.loop is not None:
        return False
    if item.op is not None:
        return not item.op.free_ports and not item.op.ports[0].optional and item.op.ports[0].name == item.inputs[0][0]
    return item.body is None or led(item.body, item.inputs[0][0])


def led(body: Block, port: str) -> bool:
    """Whether a body reads one of its inputs only once, at its top, where nothing needs to be written."""
    uses = [i for i in body.items for _, r in (*i.inputs, *([("", i.otherwise)] if i.otherwise else []))
            if r.name == port]  # fmt: skip
    passed = len(uses) == 2 and uses[1] is uses[0] and uses[0].otherwise == Reference(port)
    return (len(uses) == 1 or passed) and uses[0] is body.items[0] and _takes_first(uses[0], port)


def leader_of(body: Block) -> str | None:
    """The input that the first op of a body reads first."""
    if not body.items or not body.items[0].inputs:
        return None
    item = body.items[0]
    name = item.inputs[0][1].name
    if item.body is not None and item.loop is None:
        inside = leader_of(item.body)
        name = dict(item.inputs)[inside].name if inside else ""
    return name if name in {n for n, _ in body.inputs} else None


def chains(before: Item, item: Item, readers: Mapping[str, list[str]]) -> bool:
    """Whether the node above may be read without a word: nobody else reads it, and it is what it seems."""
    if before.op is not None and before.op.bare:
        return False
    if before.marks.train_only and not item.marks.train_only:
        return False
    return readers.get(before.name, []) == [item.name] * len(readers.get(before.name, [])) and (
        len(readers.get(before.name, [])) <= 1 or (item.body is None)
    )


def read_as(item: Item) -> str:
    """The name that an item is read by."""
    copies = item.copies
    if copies is None or copies.prefix is None:
        return item.name
    if isinstance(copies.count, int):
        return f"{copies.prefix}{copies.start + copies.count - 1}"
    text = copies.count.text if copies.count.text.isidentifier() else f"({copies.count.text})"
    shift = copies.start - 1
    return f"{copies.prefix}$({text} {'+' if shift > 0 else '-'} {abs(shift)})" if shift else f"{copies.prefix}${text}"


def pattern(item: Item) -> str:
    """A pattern of the names that an item defines where it stands."""
    copies = item.copies
    if copies is None or copies.prefix is None:
        return re.escape(item.name.partition(".")[0])
    return re.escape(copies.prefix) + "[0-9]+"
