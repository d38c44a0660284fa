"""How a reversible region runs: forward without a record, backward by undoing its steps from the last to the first.

A step is undone by running its own nodes once more, on values that are at hand again, and solving for the value that it
replaced; the gradients are taken on the way, by `torch.func.vjp`, which a compiled graph can hold. What was drawn at
random is kept from the first run, and running statistics are not updated a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp


@dataclass
class Coupling:
    """How a new value and the old one that it replaces give each other: `join(old, *rest)`, `undo(new, *rest)`."""

    old: str
    join: nn.Module
    undo: nn.Module


@dataclass
class Stage:
    """A step, lowered. `first` and `again` compute `rest` from `reads`; without a coupling it is the new value alone.

    `first` also gives `masks` factors that it drew at random, which `again` takes as its last inputs. `parameters` and
    `buffers` are those of `again`, by their names there; a shared one has several. After the step `drops` are not read.
    """

    new: str
    reads: tuple[str, ...]
    first: nn.Module
    again: nn.Module
    masks: int
    parameters: tuple[str, ...]
    buffers: tuple[str, ...]
    coupling: Coupling | None = None
    drops: tuple[str, ...] = ()


class Reversible(nn.Module):
    """A region. Its modules belong to the model, so they are not registered here, but passed as `scopes` to be kept."""

    def __init__(self, stages: Sequence[Stage], tensors: Sequence[str], numbers: Sequence[str], kept: Sequence[str],
                 outputs: Sequence[str]) -> None:  # fmt: skip
        super().__init__()
        self.stages, self.tensors, self.numbers = tuple(stages), tuple(tensors), tuple(numbers)
        self.kept, self.outputs = tuple(kept), tuple(outputs)

    def forward(
        self, scopes: Any, parameters: Sequence[Tensor], tensors: Sequence[Tensor], numbers: Sequence[int]
    ) -> Any:
        """The outputs, from the parameters of all stages, and the values of the names `tensors` and `numbers`."""
        apply: Callable[..., Any] = _Chain.apply
        return apply(self, len(tensors), tuple(numbers), *tensors, *parameters)


class _Chain(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, chain: Reversible, count: int, numbers: tuple[int, ...], *tensors: Tensor) -> Any:
        values: dict[str, Any] = dict(zip(chain.tensors, tensors[:count], strict=True))
        values |= zip(chain.numbers, numbers, strict=True)
        masks: list[Tensor] = []
        for stage in chain.stages:
            found = stage.first(*[values[name] for name in stage.reads])
            rest = found[: len(found) - stage.masks]
            masks += found[len(rest) :]
            pair = stage.coupling
            values[stage.new] = rest[0] if pair is None else pair.join(values[pair.old], *rest)
            for name in stage.drops:
                del values[name]
        ctx.chain, ctx.numbers = chain, numbers
        ctx.counts = len(chain.kept), len(masks)
        kind = tensors[0].device.type
        ctx.autocast = (kind, torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else None
        ctx.save_for_backward(*[values[name] for name in chain.kept], *masks, *tensors[count:])
        return tuple(values[name] for name in chain.outputs)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        if ctx.autocast is None:
            return _backward(ctx, slopes)
        with torch.autocast(ctx.autocast[0], ctx.autocast[1]):
            return _backward(ctx, slopes)


def _backward(ctx: Any, slopes: tuple[Tensor, ...]) -> tuple[Any, ...]:
    chain, (kept, drawn) = ctx.chain, ctx.counts
    saved = list(ctx.saved_tensors)
    values: dict[str, Any] = dict(zip(chain.kept, saved[:kept], strict=True))
    values |= zip(chain.numbers, ctx.numbers, strict=True)
    masks, parameters = saved[kept : kept + drawn], saved[kept + drawn :]
    gradients: dict[str, Tensor] = dict(zip(chain.outputs, slopes, strict=True))
    of_parameters: list[Tensor] = []
    for stage in reversed(chain.stages):
        names = stage.parameters
        own = [parameters.pop() for _ in names][::-1]
        factors = [masks.pop() for _ in range(stage.masks)][::-1]
        slope = gradients.pop(stage.new) if stage.new in gradients else torch.zeros_like(values[stage.new])
        found, by_name = _undo(stage, values, dict(zip(names, own, strict=True)), factors, slope)
        of_parameters = [by_name[name] for name in names] + of_parameters
        for name, gradient in found:
            gradients[name] = gradients[name] + gradient if name in gradients else gradient
    return None, None, None, *[gradients.get(name) for name in chain.tensors], *of_parameters


def _undo(
    stage: Stage, values: dict[str, Any], parameters: dict[str, Tensor], masks: list[Tensor], slope: Tensor
) -> tuple[list[tuple[str, Tensor]], dict[str, Tensor]]:
    """Put the old value back among `values`; the gradients by what the step read, and by its parameters."""
    smooth = {name: values[name] for name in stage.reads if _is_smooth(values[name])}

    def run(inputs: dict[str, Tensor], own: dict[str, Tensor]) -> tuple[Tensor, ...]:
        scratch = {name: stage.again.get_buffer(name).clone() for name in stage.buffers}
        given = [inputs[name] if name in inputs else values[name] for name in stage.reads]
        state = {**own, **scratch}
        rest: tuple[Tensor, ...] = functional_call(stage.again, state, (*given, *masks), tie_weights=False)
        return rest

    rest: tuple[Tensor, ...] = ()
    pull: Callable[..., Any] = _nothing
    if stage.reads:
        rest, pull = vjp(run, smooth, parameters)[:2]
    found: list[tuple[str, Tensor]] = []
    slopes = [slope]
    if (pair := stage.coupling) is not None:
        values[pair.old] = pair.undo(values.pop(stage.new), *rest)
        of_old, *slopes = vjp(pair.join, values[pair.old], *rest)[1](slope)
        found.append((pair.old, of_old))
    of_reads, of_parameters = pull(tuple(slopes))
    return [*found, *of_reads.items()], of_parameters


def _nothing(slopes: tuple[Tensor, ...]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The gradients of a step that has no nodes of its own."""
    return {}, {}


def _is_smooth(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()
