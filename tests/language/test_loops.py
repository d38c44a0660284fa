"""The modifier `loop` against the same recurrence written out in torch, values and gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower

Spec = Callable[..., Graph]

ROWS = """
inputs: {x: [N, 4, H=6, 5]}
nodes:
  scan:
    op: step
    in: {row: x}
    loop: {over: row, dim: 2}
blocks:
  step:
    inputs: {row: any, state: any}
    nodes:
      mix: {op: conv1d, in: state, out: 4, kernel: 3, padding: 1}
      act: tanh
      new: {op: add, in: [row, act]}
    outputs: {state: new}
"""
TIMES = """
inputs: {x: [N, 3]}
nodes:
  turn:
    op: step
    in: {x: x}
    loop: {times: 4}
blocks:
  step:
    inputs: {x: any, h: any}
    nodes:
      inner: {op: linear, in: h, out: 3}
      both: {op: add, in: [inner, x]}
      new: {op: sigmoid, in: both}
    outputs: {h: new}
"""


GIVEN = TIMES.replace("in: {x: x}", "in: {x: x, h: x}")


def rows(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`h_i = x_i + tanh(conv(h_{i-1}))`, `h_{-1} = 0`."""
    state, found = torch.zeros_like(x[:, :, 0]), []
    for row in x.unbind(2):
        state = row + torch.tanh(torch.nn.functional.conv1d(state, weight, bias, padding=1))
        found.append(state)
    return torch.stack(found, 2)


def times(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """`h <- sigmoid(W h + b + x)`, four times from 0."""
    h = torch.zeros_like(x)
    for _ in range(4):
        h = torch.sigmoid(h @ weight.T + bias + x)
    return h


def given(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same, from x."""
    h = x
    for _ in range(4):
        h = torch.sigmoid(h @ weight.T + bias + x)
    return h


@pytest.mark.parametrize(
    ("text", "slow", "shape"),
    [(ROWS, rows, (2, 4, 6, 5)), (ROWS, rows, (1, 4, 9, 5)), (TIMES, times, (3, 3)), (GIVEN, given, (3, 3))],
)
def test_loop_is_the_recurrence(
    spec: Spec, text: str, slow: Callable[..., torch.Tensor], shape: tuple[int, ...]
) -> None:
    module = lower(spec(text)).double()
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    weight, bias = module.parameters()
    found, wanted = module(x), slow(x, weight, bias)
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < 1e-12
    probe = torch.randn(wanted.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    tensors = [x, weight, bias]
    for a, b in zip(
        torch.autograd.grad(found, tensors, probe), torch.autograd.grad(wanted, tensors, probe), strict=True
    ):
        assert (a - b).abs().max() < 1e-12
        assert a.abs().max() > 0


def test_reverse_is_the_flipped_loop(spec: Spec) -> None:
    ahead, back = lower(spec(ROWS)), lower(spec(ROWS.replace("dim: 2}", "dim: 2, reverse: true}")))
    x = torch.randn(2, 4, 6, 5, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(back(x), ahead(x.flip(2)).flip(2), atol=1e-6)
    assert not torch.allclose(back(x), ahead(x))


def test_loop_types_counts_and_text(spec: Spec) -> None:
    graph = spec(ROWS)
    (node,) = graph.nodes
    assert [str(t) for t in node.outputs] == ["float32[N, 4, H, 5]"]
    assert count(graph).parameters == 4 * 4 * 3 + 4
    assert count(graph).macs == 6 * 4 * 4 * 3 * 5  # one set of weights, used once a row
    assert parse(dump(graph)) == graph


def test_loop_state_dict_has_one_set_of_weights(spec: Spec) -> None:
    names = sorted(lower(spec(ROWS)).state_dict())
    assert [n.rpartition(".")[2] for n in names] == ["bias", "weight"]
    assert all(n.startswith("scan.") for n in names)
