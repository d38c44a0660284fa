"""A model as an `.aoti.pt2` file: compiled ahead of time by AOTInductor, run by torch without Python code of the model.

The package holds machine code for the kind of processor that compiled it, with the weights inside; free sizes stay free
as they do in a `.pt2`. It is loaded by `torch._inductor.aoti_load_package`, or from C++ without Python.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from graphwright.backends.files import replacing
from graphwright.backends.pt2 import free_sizes, program_of, quiet, verify
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail


def export(graph: Graph, module: nn.Module, path: str | Path) -> dict[str, Any]:
    """Compiles the deployed model, loads it back and compares it with the module, also at another batch size."""
    need_compiler()
    with quiet(), torch.no_grad():
        program = program_of(graph, module)
        with replacing(path) as temporary:
            torch._inductor.aoti_compile_and_package(program, package_path=str(temporary))
            loaded = torch._inductor.aoti_load_package(str(temporary))
            difference = verify(graph, module, loaded, program)
    return {"free": sorted(free_sizes(graph, program)), "difference": difference}


def need_compiler() -> None:
    """Fails at once where there is no C++ compiler, which is otherwise found out in the middle of compiling."""
    if not has_compiler():
        hint = "install g++ or clang++, or name one in the environment variable CXX"
        raise fail(NOWHERE, "an .aoti.pt2 package needs a C++ compiler, and this machine has none", hint)


def has_compiler() -> bool:
    """Whether inductor finds a C++ compiler on this machine."""
    from torch._inductor.cpp_builder import get_cpp_compiler  # takes seconds to import
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, RuntimeError):
        return False
    return True
