"""Recurrent layers over x [N, T, C], from a zero state, under torch's parameter names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, arg

FAMILY = "recurrent"

#: Functions of x, state, weights, and how many blocks of `hidden` rows their weights have.
_CELLS: dict[str, tuple[Any, int]] = {
    "lstm": (torch.lstm, 4), "gru": (torch.gru, 3), "tanh": (torch.rnn_tanh, 1), "relu": (torch.rnn_relu, 1),
}  # fmt: skip


class Recurrent(nn.Module):
    """torch.nn.LSTM, GRU or RNN as plain parameters and one call, because dynamo refuses torch's own classes.

    Parameters: `weight_ih_l0 [gates hidden, C]`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then those with
    `_reverse`, then the next layer's. Values start uniform within 1 / sqrt(hidden).
    """

    def __init__(self, cell: str, size: int, hidden: int, layers: int, both: bool, bias: bool, dropout: float) -> None:
        super().__init__()
        self.cell, self.hidden, self.layers = cell, hidden, layers
        self.both, self.bias, self.dropout = both, bias, dropout
        rows = _CELLS[cell][1] * hidden
        directions = ("", "_reverse") if both else ("",)
        for layer in range(layers):
            width = size if layer == 0 else hidden * len(directions)
            for end in directions:
                self._add(f"weight_ih_l{layer}{end}", rows, width)
                self._add(f"weight_hh_l{layer}{end}", rows, hidden)
                if bias:
                    self._add(f"bias_ih_l{layer}{end}", rows)
                    self._add(f"bias_hh_l{layer}{end}", rows)

    def _add(self, name: str, *shape: int) -> None:
        self.register_parameter(name, nn.Parameter(torch.empty(shape, device="meta")))

    def reset_parameters(self) -> None:
        bound = self.hidden**-0.5
        for weight in self.parameters():
            nn.init.uniform_(weight, -bound, bound)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        zero = x.new_zeros(self.layers * (1 + self.both), x.shape[0], self.hidden)
        state = (zero, zero) if self.cell == "lstm" else zero
        found: tuple[torch.Tensor, ...] = _CELLS[self.cell][0](
            x, state, list(self.parameters()), self.bias, self.layers, self.dropout, self.training, self.both, True
        )
        return found


@dataclass(frozen=True)
class _Recurrent(Op):
    hidden: int = arg(doc="size of the state", min=1)
    layers: int = arg(1, "layers on top of each other", min=1)
    bidirectional: bool = arg(False, "run over the sequence from both ends; outputs are side by side")
    bias: bool = arg(True, "add learned biases")
    dropout: float = arg(0.0, "probability to drop between layers, in training", min=0, max=1)

    cell: ClassVar[str] = ""

    def check(self, x: Type) -> str | None:
        if x.rank != 3 or not isinstance(x.shape[2], int):
            return f"{self.name} needs x [N, T, C] with a fixed C, got {x}"
        return None

    def result(self, x: Type) -> tuple[Type, ...]:
        """By rule, because torch unrolls the steps on meta tensors, as many as the sequence is long."""
        ways = 1 + self.bidirectional
        state = Type((self.layers * ways, x.shape[0], self.hidden), x.dtype)
        return (Type((*x.shape[:2], ways * self.hidden), x.dtype), *[state] * (len(self.results) - 1))

    def kind(self) -> str:
        """The cell's row in the table."""
        return self.cell

    def module(self, x: Type) -> nn.Module:
        size = int(x.shape[2])
        return Recurrent(self.kind(), size, self.hidden, self.layers, self.bidirectional, self.bias, self.dropout)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """Per step, layer and direction: `gates hidden (in + hidden)`."""
        x, ways = inputs[0], 1 + self.bidirectional
        widths = x.shape[2] + (self.layers - 1) * ways * self.hidden + self.layers * self.hidden
        return x.shape[0] * x.shape[1] * ways * _CELLS[self.kind()][1] * self.hidden * widths


@dataclass(frozen=True)
class Lstm(_Recurrent, name="lstm", ports="x:float", results="out hidden cell", family=FAMILY):
    """`c' = f c + i g`, `h' = o tanh(c')` with gates i, f, g, o from x and h; torch.nn.LSTM.

    out [N, T, D hidden], hidden and cell [layers D, N, hidden], D = 2 if bidirectional else 1.
    """

    cell = "lstm"


@dataclass(frozen=True)
class Gru(_Recurrent, name="gru", ports="x:float", results="out state", family=FAMILY):
    """`h' = (1 - z) n + z h` with gates r, z, n from x and h; torch.nn.GRU. Shapes as in `lstm`."""

    cell = "gru"


@dataclass(frozen=True)
class Rnn(_Recurrent, name="rnn", ports="x:float", results="out state", family=FAMILY):
    """`h' = tanh(W x + b + U h + c)`; torch.nn.RNN. Shapes as in `lstm`."""

    activation: Literal["tanh", "relu"] = arg("tanh", "the non-linear function")

    def kind(self) -> str:
        return self.activation
