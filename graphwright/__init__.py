"""graphwright: architectures as YAML graph specs, compiled to torch.

    import graphwright as gw
    graph = gw.load("resnet50", classes=10)     # a Graph: print it, draw it, transform it
    model = gw.build(graph)                     # an ordinary torch.fx.GraphModule

Names are imported when first used, so that `import graphwright` is quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

#: Every public name and the module it lives in.
_PUBLIC = {
    "Graph": "graphwright.compiler.ir.graph",
    "SpecError": "graphwright.compiler.places",
    "TRANSFORMS": "graphwright.compiler.transforms",
    "count": "graphwright.compiler.lowering.cost",
    "diff": "graphwright.compiler.ir.diff",
    "dump": "graphwright.compiler.ir.text",
    "outline": "graphwright.compiler.outline.fold",
    "parse": "graphwright.compiler.ir.text",
    "structural_hash": "graphwright.compiler.ir.hashing",
    "analyze": "graphwright.doors",
    "build": "graphwright.doors",
    "compile": "graphwright.doors",
    "draw": "graphwright.doors",
    "evaluate": "graphwright.doors",
    "explore": "graphwright.doors",
    "export": "graphwright.doors",
    "from_torch": "graphwright.compiler.importing.torch.module",
    "load": "graphwright.doors",
    "predict": "graphwright.doors",
    "train": "graphwright.doors",
    "write": "graphwright.compiler.language.writing",
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'graphwright' has no attribute '{name}'")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
