"""A checkpointed region as a module: it keeps what it reads, and runs once more in the backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Checkpoint(nn.Module):
    """Calls `body`, and keeps its inputs alone. The modules in `body` belong to the model, so they are not registered
    here, but passed as `held` to be kept.

    The second run draws what the first one drew (if the region `draws`), and works on copies of buffers: those of its
    modules, and those among its inputs, at the positions `buffers`. So running statistics move once a step.
    """

    def __init__(self, body: nn.Module, buffers: Sequence[int], draws: bool) -> None:
        super().__init__()
        self.body, self.moving, self.draws = (body,), frozenset(buffers), draws
        self.again = False

    def forward(self, held: Any, *values: Any) -> Any:
        """The outputs, a tuple."""
        if not torch.is_grad_enabled():
            return self.body[0](*values)
        if torch.compiler.is_compiling():  # a compiled graph updates buffers once, at the end of its forward pass
            return checkpoint(self.body[0], *values, use_reentrant=False, preserve_rng_state=self.draws)
        buffers = {k: v for k, v in enumerate(values) if k in self.moving}

        def run(*others: Any) -> Any:  # a buffer that moves cannot be a saved input: autograd would refuse it
            given = iter(others)
            at = {k: b.clone() if self.again else b for k, b in buffers.items()}
            return self.body[0](*(at[k] if k in at else next(given) for k in range(len(values))))

        return checkpoint(
            run, *(v for k, v in enumerate(values) if k not in buffers), use_reentrant=False,
            preserve_rng_state=self.draws, context_fn=lambda: (nullcontext(), self._once_more()),
        )  # fmt: skip

    @contextmanager
    def _once_more(self) -> Iterator[None]:
        """Copies in place of buffers, within."""
        before = [(m, dict(m._buffers)) for m in self.body[0].modules() if m._buffers]
        for module, buffers in before:
            module._buffers.update({name: b if b is None else b.clone() for name, b in buffers.items()})
        self.again = True
        try:
            yield
        finally:
            self.again = False
            for module, buffers in before:
                module._buffers.update(buffers)
