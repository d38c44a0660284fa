"""Compiled ahead of time by AOTInductor into a package of machine code, which runs without Python code of the model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import fx

from graphwright.backends.aoti import need_compiler
from graphwright.backends.pt2 import program_at, quiet
from graphwright.compiler.ir.graph import Graph


def compile(module: fx.GraphModule, example_inputs: Sequence[torch.Tensor], graph: Graph) -> Callable[..., Any]:
    """The loaded package. Runs forward only, without gradients, with the weights that the module has now."""
    need_compiler()
    with quiet(), torch.no_grad(), tempfile.TemporaryDirectory(prefix="graphwright-") as folder:
        program = program_at(graph, module, tuple(example_inputs))
        path = str(Path(folder) / "model.pt2")
        torch._inductor.aoti_compile_and_package(program, package_path=path)
        loaded: Callable[..., Any] = torch._inductor.aoti_load_package(path)
    return loaded
