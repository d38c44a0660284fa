"""Names of nodes, parameters and buffers; what the model shares stays shared."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.places import SpecError
from tests.importing.torch.parity import Function, built, check, floats, integers, same


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.fc(self.norm(x)).relu() * self.scale


class Net(nn.Module):
    """Blocks in a list, one of them called twice, a bare parameter and both kinds of buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(6) for _ in range(3))
        self.token = nn.Parameter(floats(1, 1, 6, seed=5))
        self.register_buffer("shift", floats(6, seed=6))
        self.register_buffer("secret", floats(6, seed=7), persistent=False)
        self.norm = nn.BatchNorm1d(5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        for block in self.blocks:
            x = block(x)
        return self.norm(self.blocks[0](x) + self.shift * self.secret)


X = floats(2, 4, 6)


def test_names_are_those_of_the_state_dict() -> None:
    net = Net()
    graph, weights = read_module(net, (X,), {})
    theirs = net.state_dict()
    assert weights.keys() - theirs.keys() == {"secret"}
    assert theirs.keys() - weights.keys() <= {"norm.num_batches_tracked"}
    for name, tensor in theirs.items():
        if name in weights:
            assert torch.equal(weights[name], tensor), name
    made = built(graph, weights)
    assert [k for k, _ in made.named_parameters()] == [k for k, _ in net.named_parameters() if k in weights] or (
        {k for k, _ in made.named_parameters()} == {k for k, _ in net.named_parameters()}
    )
    assert {k: v.shape for k, v in made.named_parameters()} == {k: v.shape for k, v in net.named_parameters()}


def test_a_module_called_twice_has_its_weights_once() -> None:
    graph = check(Net(), X)
    again = [n for n in graph.nodes if n.marks.tie]
    assert {n.marks.tie for n in again} == {"blocks.0.norm", "blocks.0.fc"}
    assert all(n.name.startswith("blocks.0_2.") for n in again)


def test_nodes_are_named_by_module_and_op() -> None:
    graph, _ = read_module(Net(), (X,), {})
    names = [n.name for n in graph.nodes]
    assert {"blocks.0.norm", "blocks.0.fc", "blocks.0.scale", "blocks.2.relu", "token", "norm"} <= set(names)
    assert not [n for n in names if n.startswith(("_", "aten")) or "default" in n]
    assert {s.name: s.block for s in graph.scopes}["blocks.1"] == "Block"


def test_an_embedding_tied_to_the_head() -> None:
    class Language(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(7, 6)
            self.body = nn.Linear(6, 6)
            self.head = nn.Linear(6, 7, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.head(self.body(self.embed(tokens)))

    net, tokens = Language(), integers(2, 5)
    graph, weights = read_module(net, (tokens,), {})
    made = built(graph, weights)
    same(made(tokens), net(tokens))
    assert sum(p.numel() for p in made.parameters()) == sum(p.numel() for p in net.parameters())
    made(tokens).sum().backward()
    net(tokens).sum().backward()
    (mine,) = [p.grad for p in made.parameters() if p.shape == (7, 6)]
    torch.testing.assert_close(mine, net.embed.weight.grad, rtol=1e-6, atol=1e-6)


def test_a_module_under_two_names() -> None:
    layer = nn.Linear(6, 6)
    net = nn.Sequential(layer, nn.ReLU(), layer, nn.BatchNorm1d(4), nn.Sequential(nn.ReLU(), layer))
    graph, weights = read_module(net, (X,), {})
    made = built(graph, weights)
    assert sum(p.numel() for p in made.parameters()) == sum(p.numel() for p in net.parameters())
    same(made.eval()(X), net.eval()(X))


def test_a_weight_that_is_computed_from_parameters() -> None:
    class Standardised(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
            return nn.functional.conv2d(x, weight, self.bias, padding=1)

    net = nn.Sequential(Standardised(3, 4, 3), nn.ReLU())
    graph = check(net, floats(2, 3, 6, 6))
    _, weights = read_module(net, (floats(2, 3, 6, 6),), {})
    assert weights.keys() == {"0.weight", "0.bias"}
    assert graph.by_name


def test_layers_called_on_tensors_named_like_python() -> None:
    class Inner(nn.Module):
        def forward(self, input: torch.Tensor, type: torch.Tensor) -> torch.Tensor:
            return input * type

    graph = check(Inner(), X, X + 1)
    assert [e.name for e in graph.inputs] == ["input", "type"]


def test_arguments_of_every_kind() -> None:
    class Many(nn.Module):
        def forward(self, *inputs: torch.Tensor, a: torch.Tensor, b: torch.Tensor | None = None) -> dict[str, Any]:
            return {"sum": inputs[0] + inputs[1], "more": [a * 2, None], "n-1": a.abs() if b is None else b}

    graph, weights = read_module(Many(), (X, X + 1), {"a": X * 3})
    assert [port for port, _ in graph.outputs] == ["sum", "more_0", "n_1"]
    same(built(graph, weights)(X, X + 1, X * 3), [X + (X + 1), X * 3 * 2, (X * 3).abs()])


def test_too_few_inputs_are_told_from_a_model_that_fails() -> None:
    with pytest.raises(SpecError, match=r"Bilinear cannot be called on 1 input: missing a required argument: 'input2'"):
        read_module(nn.Bilinear(3, 3, 2), (X,), {})


def test_a_model_that_computes_nothing() -> None:
    check(Function(lambda x: x), X)
    check(Function(lambda x: (x, x)), X)


def test_a_parameter_that_is_returned() -> None:
    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.Parameter(floats(3, 2))

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x + 1, self.rows

    net = Table()
    graph, weights = read_module(net, (X,), {})
    same(built(graph, weights)(X), net(X))
