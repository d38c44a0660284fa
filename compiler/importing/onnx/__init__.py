"""ONNX files as graphs: `read` gives the `Graph` of a file and its weights."""

from __future__ import annotations

from pathlib import Path

import torch

from graphwright.compiler.importing.building import Builder
from graphwright.compiler.importing.onnx.file import load
from graphwright.compiler.importing.onnx.naming import cleaned
from graphwright.compiler.importing.onnx.reading import Reader
from graphwright.compiler.importing.onnx.table import TABLE
from graphwright.compiler.ir.graph import Graph


def read(path: Path) -> tuple[Graph, dict[str, torch.Tensor]]:
    """The graph of an ONNX file, under the names of its modules where the exporter left them, and its weights.

    Free sizes stay free. Raises `SpecError` where the file is no model, with every operator that has no rule and
    every attribute that no op can express.
    """
    model = load(Path(path))
    title = model.graph.name if model.producer_name == "graphwright" else Path(path).stem
    name = cleaned(title).replace(".", "_") or "model"
    builder = Builder(name, "compiler/importing/onnx/table.py")
    return Reader(model, str(path), TABLE, builder).run()
