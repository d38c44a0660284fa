"""The graph as text, and back: `parse(dump(graph)) == graph`, places included.

The print is the debugger, the form tests compare, and what a run folder keeps. One line a node:

    conv1 = conv2d(x=image) out=64 kernel=7 : float32[N, 64, H - 6, W - 6] {weight: float32[64, 3, 7, 7]} @0:15:3:5
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph, Marks, Node, Rewrite, Scope, Setting, Term
from graphwright.compiler.ir.types import Type, parse_size, parse_type
from graphwright.compiler.ops import OPS
from graphwright.compiler.places import NOWHERE, Place

_HEADER = "graphwright-graph 1"


def dump(graph: Graph, *, places: bool = True) -> str:
    """The graph as text; without `places` it is what tests compare."""
    files: dict[str, int] = {}

    def at(place: Place) -> str:
        if not places or place == NOWHERE:
            return ""
        index = files.setdefault(place.file, len(files))
        return f" @{index}:{place.line}:{place.column}:{place.width}"

    body: list[str] = []
    for word, entries in (("input", graph.inputs), ("target", graph.targets)):
        for e in entries:
            defaults = f" defaults={_write(dict(e.defaults))}" if e.defaults else ""
            body.append(f"{word} {e.name} : {e.type}{defaults}{_doc(e.doc)}{at(e.place)}")
    for scope in graph.scopes:
        body.append(f"scope {_write(scope.name)} block={_write(scope.block)}{_marks(scope.marks)}{at(scope.place)}")
    body += [_node(node) + at(node.place) for node in graph.nodes]
    body += [f"output {port} = {value}" for port, value in graph.outputs]
    body += [f"loss {t.name} = {t.value} weight={_write(t.weight)}" for t in graph.losses]
    body += [
        f"rewrite {r.rule} names={_write(dict(r.names))} numbers={_write(dict(r.numbers))}" for r in graph.rewrites
    ]
    for word, settings in (("train", graph.train), ("expect", graph.expect)):
        body += [f"{word} {_key(key)} = {_write(s.value)}{at(s.place)}" for key, s in settings.items()]
    head = [_HEADER, f"name {_write(graph.name)}", f"doc {_write(graph.doc)}", f"source {_write(graph.source)}"]
    return "\n".join([*head, *(f"file {_write(name)}" for name in files), *body]) + "\n"


def _key(key: str) -> str:
    """The name of a setting: a word, or quoted."""
    return key if re.fullmatch(r"[\w.-]+", key) else _write(key)


def _doc(doc: str) -> str:
    return f" doc={_write(doc)}" if doc else ""


def _marks(marks: Marks) -> str:
    changed = {k: v for k, v in asdict(marks).items() if v != getattr(Marks(), k)}
    return f" marks={_write(changed)}" if changed else ""


def _node(node: Node) -> str:
    inputs = ", ".join(f"{port}={value}" for port, value in node.inputs)
    arguments = "".join(f" {k}={_write(v)}" for k, v in node.op.arguments().items())
    state = "".join(
        " " + open_ + ", ".join(f"{n}: {t}" for n, t in tensors) + close
        for open_, close, tensors in (("{", "}", node.parameters), ("<", ">", node.buffers)) if tensors
    )  # fmt: skip
    outputs = "; ".join(map(str, node.outputs))
    return f"{node.name} = {node.op.name}({inputs}){arguments} : {outputs}{state}{_marks(node.marks)}"


def _write(value: Any) -> str:
    """A value as JSON; sizes are strings that begin with `$`, other such strings double it."""
    return json.dumps(_encode(value), ensure_ascii=False)


def _encode(value: Any) -> Any:
    if isinstance(value, Dim):
        return f"${value}"
    if isinstance(value, Graph):
        return {"$graph": dump(value)}
    if isinstance(value, str):
        return f"${value}" if value.startswith("$") else value
    if isinstance(value, (list, tuple)):
        return [_encode(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _encode(v) for k, v in value.items()}
    return value


def _decode(value: Any, sequence: type = tuple) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        return value[1:] if value.startswith("$$") else parse_size(value[1:])
    if isinstance(value, list):
        return sequence(_decode(v, sequence) for v in value)
    if isinstance(value, dict):
        return parse(value["$graph"]) if "$graph" in value else {k: _decode(v, sequence) for k, v in value.items()}
    return value


class _Line:
    """A cursor over one line."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def take(self, pattern: str) -> str | None:
        match = re.compile(pattern).match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group(match.lastindex or 0)

    def value(self, sequence: type = tuple) -> Any:
        value, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
        return _decode(value, sequence)

    def field(self, name: str, default: Any = None, sequence: type = tuple) -> Any:
        return self.value(sequence) if self.take(rf" {name}=") else default

    def types(self) -> tuple[Type, ...]:
        found = []
        while text := self.take(r"(?:; )?(\w+\[[^\]]*\])"):
            found.append(parse_type(text))
        return tuple(found)

    def tensors(self, open_: str, close: str) -> tuple[tuple[str, Type], ...]:
        if not self.take(rf" {re.escape(open_)}"):
            return ()
        found = []
        while name := self.take(r"(?:, )?([\w.]+): "):
            found.append((name, self.types()[0]))
        self.take(re.escape(close))
        return tuple(found)


def parse(text: str) -> Graph:
    """The graph that `dump` wrote; ValueError for any other text."""
    try:
        return _parse(text)
    except (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"not a graph's text: {type(error).__name__}: {error}") from None


def _parse(text: str) -> Graph:
    lines = text.removesuffix("\n").split("\n")
    if not lines or lines[0] != _HEADER:
        raise ValueError(f"not a graph's text: the first line must be '{_HEADER}'")
    files: list[str] = []
    top: dict[str, Any] = {"name": "", "doc": "", "source": ""}
    parts: dict[str, list[Any]] = {
        k: [] for k in ("input", "target", "scope", "output", "loss", "node", "train", "expect", "rewrite")
    }
    for text_line in lines[1:]:
        line = _Line(text_line)
        word = line.take(r"(input|target|scope|output|loss|train|expect|rewrite|file|name|doc|source) (?!=)")
        if word == "file":
            files.append(line.value())
        elif word in top:
            top[word] = line.value()
        else:
            parts[word or "node"].append(_READ[word or "node"](line, files))
    return Graph(
        top["name"], tuple(parts["input"]), tuple(parts["node"]), tuple(parts["output"]), tuple(parts["target"]),
        tuple(parts["loss"]), tuple(parts["scope"]), top["doc"], top["source"],
        dict(parts["train"]), dict(parts["expect"]), tuple(parts["rewrite"]),
    )  # fmt: skip


def _place(line: _Line, files: list[str]) -> Place:
    text = line.take(r" @([\d:]+)")
    if text is None:
        return NOWHERE
    index, *numbers = map(int, text.split(":"))
    return Place(files[index], *numbers)


def _read_marks(line: _Line) -> Marks:
    marks = line.field("marks", {}, list)
    values: dict[str, Any] = {k: tuple(v) if k == "tags" else v for k, v in marks.items()}
    return Marks(**values)


def _read_entry(line: _Line, files: list[str]) -> Entry:
    name = line.take(r"(\w+) : ") or ""
    return Entry(name, line.types()[0], line.field("defaults", {}), line.field("doc", ""), _place(line, files))


def _read_scope(line: _Line, files: list[str]) -> Scope:
    return Scope(line.value(), line.field("block", ""), _read_marks(line), _place(line, files))


def _read_node(line: _Line, files: list[str]) -> Node:
    name = line.take(r"([\w.-]+) = ") or ""
    op = OPS[line.take(r"(\w+)\(") or ""]
    inputs = []
    while port := line.take(r"(?:, )?(\w+)="):
        inputs.append((port, line.take(r"[\w.:-]+") or ""))
    line.take(r"\)")
    arguments = {}
    while key := line.take(r" (\w+)="):
        arguments[key] = line.value()
    line.take(" : ")
    outputs = line.types()
    state = line.tensors("{", "}"), line.tensors("<", ">")
    return Node(name, op(**arguments), tuple(inputs), outputs, *state, _read_marks(line), _place(line, files))


def _read_output(line: _Line, files: list[str]) -> tuple[str, str]:
    return line.take(r"([\w.]+) = ") or "", line.take(r".+") or ""


def _read_loss(line: _Line, files: list[str]) -> Term:
    return Term(line.take(r"([\w.-]+) = ") or "", line.take(r"[\w.:-]+") or "", line.field("weight", 1.0, list))


def _read_rewrite(line: _Line, files: list[str]) -> Rewrite:
    rule = line.take(r"(\w+)") or ""
    return Rewrite(rule, tuple(line.field("names", {}).items()), tuple(line.field("numbers", {}).items()))


def _read_setting(line: _Line, files: list[str]) -> tuple[str, Setting]:
    key = line.take(r"[\w.-]+") or line.value()
    line.take(" = ")
    return key, Setting(line.value(list), _place(line, files))


_READ: dict[str, Any] = {
    "input": _read_entry, "target": _read_entry, "scope": _read_scope, "node": _read_node, "output": _read_output,
    "loss": _read_loss, "train": _read_setting, "expect": _read_setting, "rewrite": _read_rewrite,
}  # fmt: skip
