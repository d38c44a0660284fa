"""A graph written as YAML that reads like a spec written by hand, and loads as the same graph."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from graphwright.compiler.ir.graph import Graph, Marks, Node
from graphwright.compiler.language.lines import Writer
from graphwright.compiler.language.load import load
from graphwright.compiler.outline.fold import outline
from graphwright.compiler.outline.form import Steps
from graphwright.compiler.places import NOWHERE, SpecError, fail

#: From the shortest text to the plainest.
LEVELS = (
    Steps(),
    Steps(optional=False),
    Steps(optional=False, blocks=False),
    Steps(optional=False, blocks=False, scopes=False),
)


def write(graph: Graph, steps: Steps | None = None) -> str:
    """The YAML text of a graph: `load` of it gives an equal graph.

    What a transform left for old weights (`rewrites`) is not part of a spec: the graph as it is now is written.

    Raises `SpecError` for what the language has no words for, such as an input with the size `2*H`.
    """
    return Writer(outline(graph, steps)).text()


def faithful(graph: Graph) -> str:
    """The YAML text of a graph, read back and compared: see `proved`."""
    return proved(graph)[0]


def proved(graph: Graph) -> tuple[str, Steps]:
    """The YAML text of a graph that was read back as the graph, and the steps of folding it was written with.

    Where the text of a level is not the graph, the next plainer one is tried.

    Raises `SpecError` if none is, naming what differs in the plainest.
    """
    found = ""
    for steps in LEVELS:
        last = steps == LEVELS[-1]
        try:
            text = write(graph, steps)
        except Exception:  # a defect of a step that the next level does without, or something without words
            if last:
                raise
            continue
        try:
            found = difference(graph, _read_back(text))
        except SpecError as error:
            found = f"the text of it has mistakes\n{error}"
        if not found:
            return text, steps
    raise fail(NOWHERE, f"'{graph.name}' has no spec that reads back as the same graph: {found}")


def _read_back(text: str) -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "written.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path)


def difference(a: Graph, b: Graph) -> str:
    """The first thing that two graphs do not share, in words; nothing if they are equal.

    Places may differ, and what scopes say for readers: the blocks they come from, and marks that stand at their nodes.
    """
    for word in ("name", "doc", "source", "inputs", "targets", "outputs", "losses"):
        if (x := getattr(a, word)) != (y := getattr(b, word)):
            return f"its {word} '{x}' read back as '{y}'"
    for word in ("train", "expect"):
        x, y = ({k: s.value for k, s in getattr(g, word).items()} for g in (a, b))
        if x != y:
            return f"its {word} '{x}' read back as '{y}'"
    if len(a.nodes) != len(b.nodes):
        return f"its {len(a.nodes)} nodes read back as {len(b.nodes)}"
    for m, n in zip(a.nodes, b.nodes, strict=True):
        bodies = [getattr(k.op, "body", None) for k in (m, n)]
        if all(isinstance(body, Graph) for body in bodies):
            if found := difference(*bodies):  # type: ignore[arg-type]
                return f"in '{m.name}', {found}"
            m, n = (replace(k, op=replace(k.op, body=None)) for k in (m, n))  # type: ignore[call-arg]
        if m != n or repr(m.op) != repr(n.op):  # 1, 1.0 and true are equal, and yet three values
            return f"the node '{m.name}': {_changed(m, n)}"
    x, y = _scope_marks(a), _scope_marks(b)
    return "" if x == y else f"the marks of its scopes '{x}' read back as '{y}'"


def _changed(m: Node, n: Node) -> str:
    pairs = {f.name: (str(getattr(m, f.name)), str(getattr(n, f.name))) for f in fields(Node) if f.compare}
    word, (x, y) = next(item for item in pairs.items() if item[1][0] != item[1][1])
    return f"its {word} '{x}' read back as '{y}'"


def _scope_marks(graph: Graph) -> dict[str, Any]:
    """The marks of scopes that change how a graph runs."""
    plain = {s.name: replace(s.marks, tie=None, freeze=False, train_only=False, doc="") for s in graph.scopes}
    return {name: marks for name, marks in plain.items() if marks != Marks()}
