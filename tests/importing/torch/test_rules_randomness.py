"""Each row for dropout and its kin: nothing in inference, and in training the op with exactly the module's rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.importing.torch.rules import randomness
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops import random
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import SpecError
from tests.importing.torch.parity import Case, case, floats

X, PICTURE = floats(4, 6, 5), floats(4, 6, 5, 3)


class Drop(nn.Module):
    """Noise as people draw it; nothing in inference."""

    def __init__(self, draw: Any) -> None:
        super().__init__()
        self.draw = draw

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.draw(x) * 1.5 if self.training else x * 1.5


def new_empty(x: torch.Tensor) -> torch.Tensor:
    return x * x.new_empty((x.shape[0], 1, 1)).bernoulli_(0.75).div_(0.75)


def empty(x: torch.Tensor) -> torch.Tensor:
    noise = torch.empty((x.shape[0], 1, 1), dtype=x.dtype, device=x.device)
    return noise.bernoulli_(0.75).div(0.75) * x


def empty_like(x: torch.Tensor) -> torch.Tensor:
    return x * torch.empty_like(x).bernoulli_(0.75).div_(0.75)


def full(x: torch.Tensor) -> torch.Tensor:
    return x * (torch.bernoulli(torch.full((4, 1, 1), 0.75)) / 0.75)


def with_p(x: torch.Tensor) -> torch.Tensor:
    return x * torch.bernoulli(x[:, :, :1], 0.75).div(0.75)


def floored(x: torch.Tensor) -> torch.Tensor:
    return x.div(0.75) * (0.75 + torch.rand((x.shape[0], 1, 1))).floor_()


def floored_like(x: torch.Tensor) -> torch.Tensor:
    return x / 0.75 * torch.floor(torch.rand_like(x) + 0.75)


CASES = [
    case("rand.default", Drop(floored), X),
    case("rand_like.default", Drop(floored_like), X),
    case("floor.default", Drop(floored), X),
    case("dropout.default", nn.Sequential(nn.Dropout(0.25), nn.Dropout(0.0)), X),
    case("dropout.default", nn.Sequential(nn.Dropout(0.1, inplace=True)), X),
    case("alpha_dropout.default", nn.AlphaDropout(0.25), X),
    case("feature_dropout.default", nn.Dropout2d(0.25), PICTURE),
    case("feature_dropout.default", nn.Dropout1d(0.25), X),
    case("feature_dropout.default", nn.Dropout3d(0.25), floats(2, 3, 4, 5, 6)),
    case("new_empty.default", Drop(new_empty), X),
    case("empty.memory_format", Drop(empty), X),
    case("empty_like.default", Drop(empty_like), X),
    case("bernoulli.float", Drop(new_empty), X),
    case("bernoulli.default", Drop(full), X),
    case("bernoulli.p", Drop(with_p), X),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=str)
def test_a_row_is_nothing_in_inference(row: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row.check(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("module", "inputs", "op"),
    [
        (nn.Dropout(0.3), X, random.Dropout(0.3)),
        (nn.Dropout(0.1, inplace=True), X, random.Dropout(0.1)),
        (nn.Dropout1d(0.15), X, random.Dropout1d(0.15)),
        (nn.Dropout2d(0.2), PICTURE, random.Dropout2d(0.2)),
        (nn.AlphaDropout(0.7), X, random.AlphaDropout(0.7)),
        (Drop(new_empty), X, random.DropPath(0.25)),
        (Drop(empty), X, random.DropPath(0.25)),
        (Drop(full), X, random.DropPath(0.25)),
        (Drop(empty_like), X, random.Dropout(0.25)),
        (Drop(with_p), X, random.Dropout1d(0.25)),
        (Drop(floored), X, random.DropPath(0.25)),
        (Drop(floored_like), X, random.Dropout(0.25)),
    ],
    ids=lambda v: str(v) if isinstance(v, Op) else "",
)
def test_in_training_it_is_the_op_with_exactly_the_rate(module: nn.Module, inputs: torch.Tensor, op: Op) -> None:
    graph, _ = read_module(nn.Sequential(module), (inputs,), {})
    assert [n.op for n in graph.nodes if n.op.family == op.family] == [op]
    made = lower(graph).train()
    assert len({made(inputs).sum().item() for _ in range(6)}) > 1


def test_noise_of_another_kind_is_refused() -> None:
    def by_data(x: torch.Tensor) -> torch.Tensor:
        return x * torch.bernoulli(x.sigmoid())

    def crooked(x: torch.Tensor) -> torch.Tensor:
        return x * x.new_empty((x.shape[0], 1, 5)).bernoulli_(0.75).div_(0.75)

    def half_scaled(x: torch.Tensor) -> torch.Tensor:
        return x * x.new_empty((x.shape[0], 1, 1)).bernoulli_(0.75).div_(0.5)

    for draw, said in ((by_data, "bernoulli"), (crooked, "noise of shape"), (half_scaled, "another number")):
        with pytest.raises(SpecError, match=said):
            read_module(Drop(draw), (X,), {})


def test_every_row_has_a_case() -> None:
    assert randomness.RULES.keys() - {c.row for c in CASES} == set()
