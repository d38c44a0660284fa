"""Names of imported nodes: the module's path where a module is one node, else the op within the module's path.

A node that owns parameters has its module's name exactly. Others give way: they take a suffix, or move beside a node
that they cannot be inside of. A module that is called again is a scope of its own, `head_2`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from graphwright.compiler.importing.torch.convert import Hint
from graphwright.compiler.importing.torch.flat import Call
from graphwright.compiler.ir.graph import Graph, Node

#: What no name of a node holds.
TAKEN = re.compile(r"[^A-Za-z0-9_-]")


def named(graph: Graph, hints: Mapping[str, Hint], kinds: Mapping[str, str]) -> tuple[Graph, dict[str, str]]:
    """The graph with readable names, and the new name of each old one; `kinds` has the class of each module."""
    names = _Names(graph, hints, kinds).names
    nodes = tuple(_renamed(node, names) for node in graph.nodes)
    outputs = tuple((port, _value(value, names)) for port, value in graph.outputs)
    return graph.with_(nodes=nodes, outputs=outputs), names


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    marks = replace(node.marks, tie=names[node.marks.tie]) if node.marks.tie else node.marks
    inputs = tuple((port, _value(value, names)) for port, value in node.inputs)
    return replace(node, name=names[node.name], inputs=inputs, marks=marks)


def _value(value: str, names: Mapping[str, str]) -> str:
    head = re.split(r"[:.]", value, maxsplit=1)[0]
    return names[head] + value[len(head) :] if head in names else value


class _Names:
    def __init__(self, graph: Graph, hints: Mapping[str, Hint], kinds: Mapping[str, str]) -> None:
        self.hints, self.nodes = hints, [n.name for n in graph.nodes]
        self.visits: dict[tuple[str, str], list[int]] = defaultdict(list)
        self.fixed = {hints[n].fixed for n in self.nodes if hints[n].fixed}
        self.used = set(self.fixed) | {e.name for e in graph.inputs}
        self.paths = {n: self._path(hints[n].call) for n in self.nodes}
        self.free = [n for n in self.nodes if not hints[n].fixed]
        members = Counter(self.paths[n] for n in self.free)
        below = {p for path in (*members, *self.fixed) for p in _prefixes(path)}
        alone = {p for p, count in members.items() if p and count == 1 and p not in below and p not in self.fixed}
        shorts = self._agreed({n: n for n in self.free if self.paths[n] not in alone}, kinds)
        self.names = {n: hints[n].fixed for n in self.nodes if hints[n].fixed}
        for name in self.free:
            path = self.paths[name]
            base = path if path in alone else f"{path}.{shorts[name]}" if path else shorts[name]
            self.names[name] = self._unused(self._outside(base), below)

    def _agreed(self, names: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, str]:
        """Short names, numbered within a module, so that modules of one class call like nodes alike.

        The module with the most nodes is numbered as it stands. The others are aligned with it, in order; what has no
        counterpart there takes the next free number.
        """
        modules: dict[str, list[str]] = defaultdict(list)
        for name in self.nodes:
            modules[self.paths[name]].append(name)
        likes: dict[str, list[str]] = defaultdict(list)
        for path in modules:
            likes[kinds.get(self._original(modules[path][0])) or path].append(path)
        found: dict[str, str] = {}
        for paths in likes.values():
            paths.sort(key=lambda p: -len(modules[p]))
            template: list[tuple[str, str]] = []  # what a node is, and its short name
            for path in paths:
                mine = modules[path]
                marks = [self.hints[n].short if n in names else self._anchor(n, path) for n in mine]
                given = {}
                if template:
                    match = SequenceMatcher(None, [t[0] for t in template], marks, autojunk=False)
                    for block in match.get_matching_blocks():
                        for k in range(block.size):
                            given[mine[block.b + k]] = template[block.a + k][1]
                taken = {short for _, short in template}
                for name in mine:
                    if name in names and name not in given:
                        given[name] = _numbered(self.hints[name].short, taken)
                        taken.add(given[name])
                found |= {n: given[n] for n in mine if n in names}
                template = template or [(m, given.get(n, "")) for m, n in zip(marks, mine, strict=True)]
        return found

    def _original(self, name: str) -> str:
        return self.hints[name].call.path

    def _anchor(self, name: str, path: str) -> str:
        return "=" + self.hints[name].fixed[len(path) :]

    def _path(self, call: Call) -> str:
        """The module's path, with a number at every level that is called more than once."""
        renamed, before = "", ""
        for path, visit in call.stack:
            if not path or path == before:
                continue
            inner = path[len(before) + 1 :] if before and path.startswith(before + ".") else path
            if before and not path.startswith(before + "."):
                renamed = ""  # a module that lives elsewhere in the tree
            seen = self.visits[renamed, path]
            if visit not in seen:
                seen.append(visit)
            count = seen.index(visit)
            inner = ".".join(TAKEN.sub("_", part) for part in inner.split("."))
            renamed = f"{renamed}.{inner}" if renamed else inner
            renamed += f"_{count + 1}" if count else ""
            before = path
        return renamed

    def _outside(self, name: str) -> str:
        """A name that would lie inside a node that owns parameters, moved beside it."""
        for prefix in _prefixes(name):
            if prefix in self.fixed:
                return f"{prefix}_{name[len(prefix) + 1 :].replace('.', '_')}"
        return name

    def _unused(self, name: str, scopes: set[str]) -> str:
        candidate, count = name, 1
        while candidate in self.used or candidate in scopes:
            count += 1
            candidate = f"{name}_{count}"
        self.used.add(candidate)
        return candidate


def _numbered(short: str, taken: Collection[str]) -> str:
    count, name = 1, short
    while name in taken:
        count += 1
        name = f"{short}_{count}"
    return name


def _prefixes(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]
