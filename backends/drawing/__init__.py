"""Drawings of a graph: tables of formats, `write` for files and `picture` for notebooks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import which
from typing import Literal

from graphwright.backends.drawing import explorer, json, tensorboard
from graphwright.backends.drawing.dot import dot
from graphwright.backends.drawing.drawing import Box, Cluster, Direction, Drawing, Edge
from graphwright.backends.drawing.mermaid import mermaid
from graphwright.backends.drawing.raster import raster
from graphwright.backends.drawing.sketch import draw
from graphwright.backends.drawing.svg import svg
from graphwright.backends.files import replacing, suffix_of
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail

__all__ = ["FORMATS", "Box", "Cluster", "Drawing", "Edge", "draw", "picture", "write"]

Engine = Literal["own", "dot"]

#: From the suffix of a file to what makes its contents.
FORMATS: dict[str, Callable[[Drawing], str | bytes]] = {
    ".svg": svg,
    ".dot": dot,
    ".png": partial(raster, suffix="png"),
    ".pdf": partial(raster, suffix="pdf"),
    ".mmd": mermaid,
    ".json": json.text,
}
#: Formats that hold every node of a graph, and are folded and laid out by the program that reads them.
WHOLE: dict[str, Callable[[Graph], str]] = {
    ".pbtxt": tensorboard.text,
    ".explorer.json": explorer.text,
    **{f".{figure}.explorer.json": partial(explorer.overlay_text, figure=figure) for figure in explorer.FIGURES},
}
#: How long graphviz may think; its layout of thousands of nodes can take hours.
PATIENCE = 120


def write(
    graph: Graph,
    path: str | Path,
    depth: int | None = None,
    full: bool = False,
    direction: Direction = "TB",
    engine: Engine = "own",
) -> Drawing:
    """Draws a graph into a file, which appears only when it is whole; returns what was drawn.

    The layout is our own, the same on every machine; `engine="dot"` takes graphviz' for svg, png and pdf.
    """
    suffix = suffix_of(path, [*FORMATS, *WHOLE], "drawings")
    if suffix in WHOLE:
        with replacing(path) as temporary:
            temporary.write_text(WHOLE[suffix](graph), encoding="utf-8")
        return draw(graph, full=True)
    drawing = draw(graph, depth, full, direction)
    with replacing(path) as temporary:
        laid_out = engine == "dot" and suffix in (".svg", ".png", ".pdf")
        content = _by_graphviz(drawing, suffix[1:]) if laid_out else FORMATS[suffix](drawing)
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    return drawing


def picture(graph: Graph) -> str:
    """The SVG that a notebook shows for a graph."""
    return svg(draw(graph))


def _by_graphviz(drawing: Drawing, suffix: str) -> bytes:
    """The picture as laid out by graphviz' program."""
    if which("dot") is None:
        raise fail(NOWHERE, "there is no 'dot' program on this machine", "install graphviz, or leave out --engine")
    try:
        done = subprocess.run(
            ["dot", f"-T{suffix}"], input=dot(drawing).encode(), capture_output=True, timeout=PATIENCE, check=True
        )
    except subprocess.TimeoutExpired:
        raise fail(NOWHERE, f"dot took more than {PATIENCE} s", "draw less with --depth, or without --engine") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise fail(NOWHERE, f"dot failed: {lines[0]}", "leave out --engine") from None
    return done.stdout
