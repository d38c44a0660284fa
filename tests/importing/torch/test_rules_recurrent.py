"""Each row for recurrent layers, inside a module, with the batch first and second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from graphwright.compiler.importing.torch.rules import recurrent
from tests.importing.torch.parity import Case, case, floats

X = floats(3, 5, 4)


class Sequence(nn.Module):
    """A recurrent layer whose outputs and states are read."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out, state = self.layer(x)
        return out * 2, (state[0] if isinstance(state, tuple) else state) + 1


CASES = [
    case("lstm.input", Sequence(nn.LSTM(4, 6, batch_first=True)), X),
    case("lstm.input", Sequence(nn.LSTM(4, 6, 2, bidirectional=True)), X),
    case("gru.input", Sequence(nn.GRU(4, 6, 2, bias=False, batch_first=True)), X),
    case("rnn_tanh.input", Sequence(nn.RNN(4, 6, batch_first=True)), X),
    case("rnn_relu.input", Sequence(nn.RNN(4, 6, nonlinearity="relu", bidirectional=True)), X),
]


@pytest.mark.parametrize("row", CASES, ids=str)
def test_a_row_computes_the_same(row: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row.check(monkeypatch, tmp_path)


def test_every_row_has_a_case() -> None:
    assert {c.row for c in CASES} == set(recurrent.RULES)
