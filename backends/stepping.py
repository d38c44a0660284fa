"""One step of a model on a backend, ready to be timed: forward, or forward and backward."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import fx

from graphwright.backends import FORWARD_ONLY, backend
from graphwright.backends.compare import tensors
from graphwright.backends.examples import example_sizes
from graphwright.backends.options import Options
from graphwright.backends.roofline import wait
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail

#: Calls after the first before a step is timed: CUDA graphs are captured in the second.
WARM_UP = 3


class Step:
    """A model compiled by a backend for these inputs. `first` is the seconds of compiling and of the first step.

    Backward, the outputs' sum is differentiated, the model in training mode.
    """

    def __init__(
        self, name: str, module: fx.GraphModule, inputs: Sequence[torch.Tensor], graph: Graph, options: Options,
        backward: bool = False,
    ) -> None:  # fmt: skip
        if backward and name in FORWARD_ONLY:
            raise fail(NOWHERE, f"backend '{name}' runs forward only", "leave out --backward")
        self.module, self.options, self.backward = module.train(backward), options, backward
        self.inputs, self.device = tuple(inputs), inputs[0].device
        options.check(self.device, name)
        self.begin: Callable[[], None] = (
            torch.compiler.cudagraph_mark_step_begin if name == "cudagraphs" else lambda: None
        )
        with warnings.catch_warnings():
            # torch 2.13's compiler uses torch.jit where it is imported, and warns of that.
            warnings.filterwarnings("ignore", message=r"`torch\.jit", category=DeprecationWarning)
            wait(self.device)
            start = time.perf_counter()
            with options.running(self.device), torch.set_grad_enabled(backward):
                self.compiled = backend(name)(module, self.inputs, graph)
            self.result = {k: v.detach().clone() for k, v in tensors(self()).items()}
            wait(self.device)
            self.first = time.perf_counter() - start
            for _ in range(WARM_UP):
                self()
        wait(self.device)

    def __call__(self) -> Any:
        """One step; what the forward pass gives."""
        self.begin()
        if not self.backward:
            with self.options.running(self.device), torch.no_grad():
                return self.compiled(*self.inputs)
        self.module.zero_grad(set_to_none=True)
        with self.options.running(self.device):
            result = self.compiled(*self.inputs)
        learning = [value.float().sum() for value in tensors(result).values() if value.requires_grad]
        if not learning:
            raise fail(NOWHERE, "no output depends on a parameter by a gradient", "leave out --backward")
        torch.autograd.backward(torch.stack(learning).sum())
        return result


def interleaved(steps: Mapping[str, Step], rounds: int) -> dict[str, list[float]]:
    """Seconds of each step in each round. They take turns, and another one begins each time, so that what else the
    machine does meets all of them alike.
    """
    found: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for k in range(rounds):
        for name in names[k % len(names) :] + names[: k % len(names)]:
            wait(steps[name].device)
            start = time.perf_counter()
            steps[name]()
            wait(steps[name].device)
            found[name].append(time.perf_counter() - start)
    return found


def sizes_at(graph: Graph, batch: int) -> dict[str, int]:
    """The sizes of reports, with this batch."""
    return {**example_sizes(graph), batch_symbol(graph): batch}


def batch_symbol(graph: Graph) -> str:
    """The first size of the first input, which must be free: a batch is what it counts."""
    first = graph.inputs[0].type.shape[:1] if graph.inputs else ()
    if not first or not str(first[0]).isidentifier():
        known = f"its first input is {graph.inputs[0].type}" if graph.inputs else "it has no inputs"
        raise fail(NOWHERE, f"'{graph.name}' has no batch size to choose: {known}", "its first size must be a symbol")
    return str(first[0])
