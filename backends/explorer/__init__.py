"""The model explorer: a graph as one HTML page that needs no server, no network and no other file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from graphwright.backends.explorer.description import describe
from graphwright.backends.explorer.page import page
from graphwright.backends.files import replacing, suffix_of
from graphwright.compiler.ir.graph import Graph

__all__ = ["describe", "page", "write"]


def write(
    graph: Graph,
    path: str | Path,
    weights: Mapping[str, torch.Tensor] | None = None,
    texts: Mapping[str, str] | None = None,
) -> int:
    """Writes the page of a graph, which appears only when it is whole; returns its size in bytes.

    `weights` is a `state_dict` under the graph's names; `texts` are spec files by the name that places give them,
    beside those that are found on disk.
    """
    suffix_of(path, (".html", ".htm"), "pages")
    content = page(describe(graph, weights, texts)).encode()
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return len(content)
