"""Running a model on tensors that have a shape and no memory, and counting the bytes that they would take."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.types import DTYPES, Type
from graphwright.compiler.places import NOWHERE, fail


class Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all storages that ops make, from when they are made to when nothing refers to them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._known: set[int] = set()

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage, if it is not counted yet."""
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key not in self._known:
            self._known.add(key)
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return result


@contextmanager
def pretended(graph: Graph, sizes: Mapping[str, int]) -> Iterator[Callable[[nn.Module], tuple[Tensor, ...]]]:
    """In this context torch computes shapes alone. What it gives puts such tensors in place of a module's, and makes
    the inputs and targets of the graph. Sizes that torch refuses when it runs are a mistake.
    """

    def prepare(module: nn.Module) -> tuple[Tensor, ...]:
        _pretend(module)
        entries = (*graph.inputs, *graph.targets)
        return tuple(_blank(e.type.at(sizes)) for e in entries)

    try:
        with FakeTensorMode():
            yield prepare
    except ValueError as error:  # torch refuses sizes when it runs, such as one value a channel for a batch norm
        raise fail(NOWHERE, f"'{graph.name}' cannot be run at these sizes: {error}", "another batch") from None


def _blank(kind: Type) -> Tensor:
    return torch.empty([int(s) for s in kind.shape], dtype=DTYPES[kind.dtype])


def _pretend(module: nn.Module) -> None:
    """Tensors of the context in place of a module's own; what is shared stays shared."""
    made: dict[int, Tensor] = {}
    for part in module.modules():
        for table in (part._parameters, part._buffers):
            for name, old in table.items():
                if old is None:
                    continue
                if id(old) not in made:
                    new = torch.empty(old.shape, dtype=old.dtype)
                    made[id(old)] = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
                table[name] = made[id(old)]  # type: ignore[assignment]


def arithmetic(precision: str) -> AbstractContextManager[Any]:
    """The precision of a forward pass: `fp32`, or `bf16` where torch's autocast allows it."""
    return torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()


def batched(graph: Graph, batch: int | None) -> dict[str, int]:
    """The graph's sizes as numbers: those of reports, with `batch` samples, or 2: one is too few for batch norms."""
    sizes = graph.sizes
    first = graph.inputs[0].type.shape if graph.inputs else ()
    if first and str(first[0]) in sizes:
        defaults = graph.inputs[0].defaults
        sizes[str(first[0])] = batch or defaults.get(str(first[0]), 2)
    return sizes
