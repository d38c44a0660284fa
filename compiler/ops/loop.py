"""The loop: one body, one set of weights, run over slices or a number of times. The only op with a graph inside."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import DTYPES, Type
from graphwright.compiler.ops.op import Op, arg


class Looped(nn.Module):
    """Runs a lowered body; its parameters are the body's, under the body's names."""

    def __init__(self, body: nn.Module, loop: Loop, kinds: tuple[Type, ...]) -> None:
        super().__init__()
        self.step: Callable[..., Any]
        object.__setattr__(self, "step", body)  # not a submodule: the names below are the only ones
        self._parameters, self._buffers, self._modules = body._parameters, body._buffers, body._modules
        self.loop = loop
        self.carried = {entry.name for entry in loop.body.inputs} - {loop.over}
        self.starts = {
            entry.name: [_origin(size, kinds) for size in entry.type.shape]
            for entry in loop.body.inputs if entry.name not in loop.names
        }  # fmt: skip

    def forward(self, inputs: tuple[torch.Tensor, ...]) -> Any:
        """Each step reads its slice, what the step before put out under an input's name, and the other inputs whole."""
        loop = self.loop
        given = dict(zip(loop.names, inputs, strict=True))
        state = {entry.name: self._zeros(entry.name, entry.type.dtype, inputs)
                 for entry in loop.body.inputs if entry.name not in given}  # fmt: skip
        rows = given[loop.over].unbind(loop.dim) if loop.over else (None,) * (loop.times or 0)
        rows = rows[::-1] if loop.reverse else rows
        steps: list[dict[str, torch.Tensor]] = []
        for row in rows:
            values = {**given, **state, **({loop.over: row} if loop.over else {})}
            found = self.step(*(values[entry.name] for entry in loop.body.inputs))
            found = found if isinstance(found, dict) else {loop.results_[0]: found}
            if loop.until and steps:
                done, ended = steps[-1][loop.until], found.pop(loop.until)
                found = {name: torch.where(done, steps[-1][name], new) for name, new in found.items()}
                found[loop.until] = done | ended
            state = {**state, **{name: value for name, value in found.items() if name in self.carried}}
            steps.append(found)
        if not loop.over:
            last = tuple(steps[-1][name] for name in loop.results_)
            return last if len(last) > 1 else last[0]
        steps = steps[::-1] if loop.reverse else steps
        stacked = tuple(torch.stack([step[name] for step in steps], loop.dim) for name in loop.results_)
        return stacked if len(stacked) > 1 else stacked[0]

    def _zeros(self, name: str, dtype: str, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        sizes = [inputs[s[0]].shape[s[1]] if isinstance(s, tuple) else s for s in self.starts[name]]
        return torch.zeros(
            sizes, dtype=inputs[0].dtype if dtype == "float32" else DTYPES[dtype], device=inputs[0].device
        )


def _origin(size: Size, kinds: tuple[Type, ...]) -> int | tuple[int, int]:
    """A number, or the input and dimension where the size can be read when the model runs."""
    if isinstance(size, int):
        return size
    return next((k, axis) for k, kind in enumerate(kinds) for axis, s in enumerate(kind.shape) if s == size)


@dataclass(frozen=True)
class Loop(Op, name="loop", ports="x*", family="loop"):
    """`h_i = body(row_i, h_{i-1})`, `h_0` given or 0: the modifier `loop` of a block or scope.

    `{over: row, dim: 2}` gives the input `row` slice by slice along dim 2 and stacks the outputs there, from the
    last slice to the first with `reverse: true`;
    `{times: n, until: done}` runs n times, keeping the values once the output `done` holds.
    """

    body: Any = arg(doc="the graph of one step")
    over: str = arg("", "the input that is sliced")
    dim: int = arg(0, "the dimension it is sliced along")
    reverse: bool = arg(False, "run from the last slice to the first; outputs stay in the order of the slices")
    times: int | None = arg(None, "how often, where no input is sliced", min=1)
    until: str = arg("", "a boolean output that ends the loop")
    names: tuple[str, ...] = arg((), "names of the inputs that are given")

    free_ports: ClassVar[bool] = True

    @property
    def results_(self) -> tuple[str, ...]:
        return tuple(port for port, _ in self.body.outputs)

    def outputs(self) -> tuple[str, ...]:
        return self.results_

    def fitted(self, kinds: tuple[Type, ...]) -> Loop:
        """The loop for inputs of these types: its body is typed anew where it was made for others."""
        from graphwright.compiler.lowering.retype import retype  # a body is a graph

        given = dict(zip(self.names, kinds, strict=True))
        if self.over:
            kind = given[self.over]
            given[self.over] = Type((*kind.shape[: self.dim], *kind.shape[self.dim + 1 :]), kind.dtype)
        old = {e.name: e.type for e in self.body.inputs}
        if all(old[name] == kind for name, kind in given.items()):
            return self
        new = {s: t for n, kind in given.items() for s, t in zip(old[n].shape, kind.shape, strict=True) if s != t}
        kept = {e.name: Type(tuple(new.get(s, s) for s in e.type.shape), e.type.dtype) for e in self.body.inputs}
        inputs = tuple(dataclasses.replace(e, type=given.get(e.name, kept[e.name])) for e in self.body.inputs)
        return dataclasses.replace(self, body=retype(self.body.with_(inputs=inputs)))

    def _trips(self, kinds: tuple[Type, ...]) -> Size:
        return kinds[self.names.index(self.over)].shape[self.dim] if self.over else self.times or 0

    def result(self, kinds: tuple[Type, ...]) -> tuple[Type, ...]:
        types = [self.body.types[value] for _, value in self.body.outputs]
        if not self.over:
            return tuple(types)
        trips = self._trips(kinds)
        return tuple(Type((*t.shape[: self.dim], trips, *t.shape[self.dim :]), t.dtype) for t in types)

    def module(self, kinds: tuple[Type, ...]) -> nn.Module:
        return self.ready(kinds, "", 0, torch.device("meta"))

    def ready(self, kinds: tuple[Type, ...], name: str, seed: int, device: torch.device) -> nn.Module:
        from graphwright.compiler.lowering.lower import lower  # the body is lowered as any graph is

        return Looped(lower(self.body, seed=seed, device=device, prefix=f"{name}."), self, kinds)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """The body's, once a trip."""
        from graphwright.compiler.lowering.cost import count

        return count(self.body).macs * self._trips(inputs)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size | None:
        from graphwright.compiler.lowering.cost import count

        report = count(self.body)
        return None if report.uncounted else report.flops * self._trips(inputs)
