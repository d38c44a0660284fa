"""Backends: what runs a lowered model. Adding one is a file with `compile`, and a row in the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import fx

from graphwright.backends import aot, aot_eager, cudagraphs, eager, inductor, onnxruntime
from graphwright.backends.auto import best
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail, suggest


class Backend(Protocol):
    """Compiles a whole module as one graph; example inputs tell the device and the shapes to expect, and `graph` is
    what the module was lowered from.
    """

    def __call__(
        self, module: fx.GraphModule, example_inputs: Sequence[torch.Tensor], graph: Graph
    ) -> Callable[..., Any]: ...


BACKENDS: dict[str, Backend] = {
    "eager": eager.compile,
    "aot_eager": aot_eager.compile,
    "inductor": inductor.compile,
    "inductor_whole": inductor.whole,
    "inductor_regional": inductor.regional,
    "cudagraphs": cudagraphs.compile,
    "aot": aot.compile,
    "onnxruntime": onnxruntime.compile,
}
#: Those that run an exported program, which has no backward pass.
FORWARD_ONLY = ("aot", "onnxruntime")
#: What names the best backend of a device.
AUTO = "auto"


def resolve(name: str, device: str | torch.device, fixed: bool = False) -> tuple[str, str]:
    """A backend's name with `auto` resolved, and why it was chosen (empty where the user did); see `best`."""
    return best(device, fixed) if name == AUTO else (name, "")


def backend(name: str) -> Backend:
    """The backend called `name`; `auto` chooses by the device of the inputs, and takes the shapes to be free."""
    if name == AUTO:
        return _auto
    if name not in BACKENDS:
        known = (*BACKENDS, AUTO)
        raise fail(NOWHERE, f"no backend '{name}'", suggest(name, known) or "known: " + ", ".join(known))
    return BACKENDS[name]


def _auto(module: fx.GraphModule, example_inputs: Sequence[torch.Tensor], graph: Graph) -> Callable[..., Any]:
    name, _ = resolve(AUTO, example_inputs[0].device)
    return BACKENDS[name](module, example_inputs, graph)
