"""Exports: one table from the suffix of a file to what writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from graphwright.backends import aoti, onnx, pt2, source, weights
from graphwright.backends.files import suffix_of
from graphwright.compiler.ir.graph import Graph

#: Each writes the file whole or not at all, verifies it, and returns what there is to report.
EXPORTS: dict[str, Callable[[Graph, nn.Module, str | Path], dict[str, Any]]] = {
    ".safetensors": weights.export,
    ".pt2": pt2.export,
    ".onnx": onnx.export,
    ".aoti.pt2": aoti.export,
    ".py": source.export,
}


def export(graph: Graph, module: nn.Module, path: str | Path) -> dict[str, Any]:
    """Writes the deployed model in the format that the suffix names."""
    suffix = suffix_of(path, EXPORTS, "exports")
    found = EXPORTS[suffix](graph, module, path)
    return {"file": str(path), "bytes": Path(path).stat().st_size, **found}
