"""The model explorer: a graph as one HTML page that needs no server, no network and no other file."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from graphwright.backends.explorer.description import describe
from graphwright.backends.explorer.live import Live, packed, plain, runtime
from graphwright.backends.explorer.overlays import Overlay
from graphwright.backends.explorer.page import MODEL, RUNTIME, page
from graphwright.backends.explorer.recording import Pictures, Reading
from graphwright.backends.explorer.values import BUDGET
from graphwright.backends.files import replacing, suffix_of
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail

__all__ = ["Live", "Overlay", "Pictures", "Reading", "describe", "live_files", "page", "plain", "write"]


def write(
    graph: Graph,
    path: str | Path,
    weights: Mapping[str, torch.Tensor] | None = None,
    texts: Mapping[str, str] | None = None,
    pictures: Pictures | None = None,
    budget: int = BUDGET,
    old: Graph | None = None,
    overlays: Sequence[Overlay] = (),
    live: Live | None = None,
) -> int:
    """Writes the page of a graph, which appears only when it is whole; returns its size in bytes.

    `weights` is a `state_dict` under the graph's names; `texts` are spec files by the name that places give them,
    beside those that are found on disk. With `pictures`, the model is run on them, with initial values where there are
    no weights; the numbers that its formulas are shown with have at most `budget` bytes. With `old`, the page
    shows what differs from that graph. `overlays` are numbers that nodes can be coloured by. With `live`, the page
    carries the model itself and runs it on other pictures, which is onnxruntime's work, in the browser.
    """
    suffix_of(path, (".html", ".htm"), "pages")
    description = describe(graph, weights, texts, pictures, budget, old, overlays)
    carried = {} if live is None else _carried(live, graph, weights, pictures, description)
    content = page(description, carried).encode()
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return len(content)


def live_files(
    graph: Graph,
    live: Live,
    pictures: Pictures,
    weights: Mapping[str, torch.Tensor] | None = None,
    texts: Mapping[str, str] | None = None,
) -> dict[str, bytes]:
    """The files of a live page for a server, by name: `index.html`, and what it fetches, gzipped."""
    description = describe(graph, weights, texts, pictures)
    carried = _carried(live, graph, weights, pictures, description)
    return {"index.html": page(description).encode(), **carried}


def _carried(
    live: Live, graph: Graph, weights: Mapping[str, torch.Tensor] | None, pictures: Pictures | None,
    description: dict[str, Any],
) -> dict[str, bytes]:  # fmt: skip
    """The files that a live page runs; the description is told how."""
    if pictures is None:
        raise fail(NOWHERE, "a live page begins with a picture", "give it pictures")
    model, description["run"]["live"] = packed(live, graph, weights or {}, pictures)
    return {MODEL: gzip.compress(model, 6, mtime=0), RUNTIME: runtime()}
