"""Backends: what runs a lowered model. Adding one is a file with `compile`, and a row in the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import fx

from graphwright.backends import aot_eager, cudagraphs, eager, inductor
from graphwright.compiler.places import NOWHERE, fail, suggest


class Backend(Protocol):
    """Compiles a whole module as one graph; example inputs tell the device and the shapes to expect."""

    def __call__(self, module: fx.GraphModule, example_inputs: Sequence[torch.Tensor]) -> Callable[..., Any]: ...


BACKENDS: dict[str, Backend] = {
    "eager": eager.compile,
    "aot_eager": aot_eager.compile,
    "inductor": inductor.compile,
    "cudagraphs": cudagraphs.compile,
}


def backend(name: str) -> Backend:
    """The backend called `name`."""
    if name not in BACKENDS:
        raise fail(NOWHERE, f"no backend '{name}'", suggest(name, BACKENDS) or "known: " + ", ".join(BACKENDS))
    return BACKENDS[name]
