"""A whole training step compiled as one graph: forward and backward pass, losses, clipping and the optimiser's update.

What an uncompiled step does with `loss.backward()` and `optimizer.step()` is written with `torch.autograd.grad` and the
optimisers' functional forms, which torch's compiler can trace; the optimiser keeps its state where it always does,
so checkpoints are the same. All numbers that change from step to step enter as tensors: a float would compile anew.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

#: What an optimiser keeps for a parameter, beside a count of steps.
KEPT = {torch.optim.AdamW: ("exp_avg", "exp_avg_sq"), torch.optim.SGD: ("momentum_buffer",)}
#: (first output or None, objective, terms) of a batch; the arguments are the batch's inputs, targets and term weights.
Forward = Callable[[Tensor, Sequence[Tensor], Sequence[Any]], tuple[Tensor | None, Tensor, Mapping[str, Tensor]]]


class WholeStep:
    """One step of `forward` and `optimizer` as one compiled graph; called for a step, it moves the weights.

    `clip` is the largest norm of the gradient (0: any).
    """

    def __init__(
        self, forward: Forward, optimizer: torch.optim.Optimizer, clip: float, backend: str = "inductor"
    ) -> None:
        self.forward, self.optimizer, self.clip, self.backend = forward, optimizer, clip, backend
        self.adaptive = isinstance(optimizer, torch.optim.AdamW)
        # without the rate, which would be taken for a constant of the graph
        self.groups = [{k: v for k, v in group.items() if k != "lr"} for group in optimizer.param_groups]
        self.parameters: list[Tensor] = [p for group in optimizer.param_groups for p in group["params"]]
        self.compiled = torch.compile(self._step, fullgraph=True, backend=backend)

    @staticmethod
    def possible() -> bool:
        """Whether this torch traces a backward pass (2.11 does)."""
        return hasattr(torch._dynamo.config, "trace_autograd_ops")

    def __call__(
        self, inputs: Tensor, targets: Sequence[Tensor], weights: Sequence[Any], rate: float
    ) -> tuple[Tensor | None, Tensor, Mapping[str, Tensor]]:
        """(first output, objective, terms) before the update."""
        with _traced():
            return self.compiled(inputs, targets, weights, torch.tensor(rate, dtype=torch.float64), self._state())

    def _state(self) -> list[tuple[list[Tensor], ...]]:
        """The optimiser's state by group: its tensors, one list a kind, and the counts of steps last."""
        optimizer = self.optimizer
        kinds = KEPT[type(optimizer)] if optimizer.defaults.get("momentum", 1) else ()
        found = []
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                kept = optimizer.state[parameter]
                for kind in kinds:
                    if kept.get(kind) is None:
                        kept[kind] = torch.zeros_like(parameter)
                if self.adaptive:
                    # double, since 1 - 0.999^t of the first steps would lose four digits in single precision
                    kept["step"] = kept.get("step", torch.zeros(())).to(parameter.device, torch.float64)
            states = [optimizer.state[parameter] for parameter in group["params"]]
            found.append(tuple([state[kind] for state in states] for kind in (*kinds, *(["step"] * self.adaptive))))
        return found

    def _step(
        self, inputs: Tensor, targets: Sequence[Tensor], weights: Sequence[Any], rate: Tensor,
        state: Sequence[tuple[list[Tensor], ...]],
    ) -> tuple[Tensor | None, Tensor, Mapping[str, Tensor]]:  # fmt: skip
        output, loss, terms = self.forward(inputs, targets, weights)
        gradients = list(torch.autograd.grad(loss, self.parameters, allow_unused=True))
        with torch.no_grad():
            if self.clip:
                # as torch.nn.utils.clip_grad_norm_ does, whose epsilon this is
                norm = torch.nn.utils.get_total_norm([gradient for gradient in gradients if gradient is not None])
                factor = (self.clip / (norm + 1e-6)).clamp(max=1.0)
                gradients = [None if gradient is None else gradient * factor for gradient in gradients]
            start = 0
            for group, kept in zip(self.groups, state, strict=True):
                count = len(group["params"])
                self._update(group, gradients[start : start + count], rate, kept)
                start += count
        shown = None if output is None else output.detach()
        return shown, loss.detach(), {name: term.detach() for name, term in terms.items()}

    def _update(
        self, group: Mapping[str, Any], found: Sequence[Tensor | None], rate: Tensor, state: tuple[list[Tensor], ...]
    ) -> None:
        """One update of a group's parameters in place, of those that have a gradient, by torch's own functions."""
        learning = [k for k, gradient in enumerate(found) if gradient is not None]
        gradients = [gradient for gradient in found if gradient is not None]
        parameters = [group["params"][k] for k in learning]
        kept, decay = tuple([tensors[k] for k in learning] for tensors in state), group["weight_decay"]
        if self.adaptive:
            means, squares, steps = kept
            adamw(
                parameters, gradients, means, squares, [], steps, foreach=True, capturable=True, amsgrad=False,
                beta1=group["betas"][0], beta2=group["betas"][1], lr=rate, weight_decay=decay, eps=group["eps"],
                maximize=False,
            )  # fmt: skip
            return
        buffers: list[Tensor | None] = list(kept[0]) if kept else [None] * len(parameters)
        step_size: Any = rate  # torch's annotation lacks tensors, which its code takes
        sgd(
            parameters, gradients, buffers, foreach=True, weight_decay=decay, momentum=group["momentum"],
            lr=step_size, dampening=0.0, nesterov=group["nesterov"], maximize=False,
        )  # fmt: skip


@contextmanager
def _traced() -> Iterator[None]:
    """Lets the compiler trace `torch.autograd.grad`."""
    tracing: AbstractContextManager[Any] = torch._dynamo.config.patch(trace_autograd_ops=True)
    with tracing, warnings.catch_warnings():
        # torch 2.13's compiler uses torch.jit where it is imported, and warns of that.
        warnings.filterwarnings("ignore", message=r"`torch\.jit", category=DeprecationWarning)
        yield
