"""A model as one readable `.py` file that needs torch alone: a class for each block, the spec's names, its lines."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from graphwright.backends.compare import compare
from graphwright.backends.examples import example_inputs
from graphwright.backends.files import replacing
from graphwright.backends.source.inert import complaint
from graphwright.backends.source.write import source
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.gradient import differentiates
from graphwright.compiler.places import NOWHERE, fail

__all__ = ["export", "imported", "source"]


def export(graph: Graph, module: nn.Module, path: str | Path) -> dict[str, Any]:
    """Writes the deployed model, imports the file, gives it the module's weights and compares the two."""
    text = source(graph)
    if found := complaint(text):
        raise fail(NOWHERE, f"the written model is not plain: {found}", "report this as a defect")
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        twin = imported(temporary)
        twin.load_state_dict(module.state_dict(), strict=True)
        inputs = example_inputs(graph)
        with torch.set_grad_enabled(differentiates(graph)):  # such a file keeps its tape, for training through it
            difference = compare(twin.eval()(*inputs), module.eval()(*inputs))
        if difference.absolute:
            message = f"the written model differs by {difference.absolute:.3g}"
            raise fail(NOWHERE, message, "report this as a defect; the file was not written")
    return {"lines": text.count("\n"), "difference": difference.absolute}


def imported(path: str | Path) -> nn.Module:
    """The model of a file that `export` has written."""
    name = "graphwright_exported"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = bytecode
    model: nn.Module = module.model()
    return model
