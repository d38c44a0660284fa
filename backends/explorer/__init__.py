"""The model explorer: a graph as one HTML page that needs no server, no network and no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from graphwright.backends.explorer.description import describe
from graphwright.backends.explorer.overlays import Overlay
from graphwright.backends.explorer.page import page
from graphwright.backends.explorer.recording import Pictures
from graphwright.backends.explorer.values import BUDGET
from graphwright.backends.files import replacing, suffix_of
from graphwright.compiler.ir.graph import Graph

__all__ = ["Overlay", "Pictures", "describe", "page", "write"]


def write(
    graph: Graph,
    path: str | Path,
    weights: Mapping[str, torch.Tensor] | None = None,
    texts: Mapping[str, str] | None = None,
    pictures: Pictures | None = None,
    budget: int = BUDGET,
    old: Graph | None = None,
    overlays: Sequence[Overlay] = (),
) -> int:
    """Writes the page of a graph, which appears only when it is whole; returns its size in bytes.

    `weights` is a `state_dict` under the graph's names; `texts` are spec files by the name that places give them,
    beside those that are found on disk. With `pictures`, the model is run on them, with initial values where there are
    no weights; the numbers that its formulas are shown with have at most `budget` bytes. With `old`, the page
    shows what differs from that graph. `overlays` are numbers that nodes can be coloured by.
    """
    suffix_of(path, (".html", ".htm"), "pages")
    content = page(describe(graph, weights, texts, pictures, budget, old, overlays)).encode()
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return len(content)
