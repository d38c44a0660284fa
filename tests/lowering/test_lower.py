"""Lowered graphs: names, places, tied and given parameters, free sizes, buffers that are reused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower


def spec(tmp_path: Path, nodes: str, inputs: str = "x: [N, 4, H=8, W=8]", rest: str = "") -> Graph:
    path = tmp_path / "m.yaml"
    path.write_text(f"graphwright: 1\nname: m\ninputs: {{{inputs}}}\nnodes:\n{nodes}\n{rest}")
    return load(path)


def test_fx_nodes_carry_name_and_line(tmp_path: Path) -> None:
    graph = spec(tmp_path, "  conv: {op: conv2d, out: 4, kernel: 1}\n  act: gelu")
    nodes = [n for n in lower(graph).graph.nodes if "spec_node" in n.meta]
    assert [(n.meta["spec_node"], n.meta["place"].line) for n in nodes] == [("conv", 5), ("act", 6)]
    assert "line 6, in act" in nodes[1].meta["stack_trace"]


def test_a_parameter_given_by_name_is_shared_and_counted_once(tmp_path: Path) -> None:
    graph = spec(
        tmp_path,
        "  embed: {op: embedding, count: 11, dim: 4}\n  act: tanh\n"
        "  logits: {op: linear, out: 11, bias: false, in: {x: act, weight: embed.weight}}",
        "tokens: 'int64[N, L=5]'",
    )
    module = lower(graph)
    assert module.logits.weight is module.embed.weight
    assert sum(p.numel() for p in module.parameters()) == 44
    tokens = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(module(tokens), torch.tanh(module.embed.weight[tokens]) @ module.embed.weight.T)


def test_a_computed_weight_is_an_input(tmp_path: Path) -> None:
    nodes = (
        "  raw: {op: parameter, shape: [6, 4, 3, 3], init: {normal: {std: 1.0}}}\n"
        "  mean: {op: mean, in: raw, dims: [1, 2, 3], keep: true}\n"
        "  centred: {op: sub, in: [raw, mean]}\n"
        "  conv: {op: conv2d, out: 6, kernel: 3, in: {x: x, weight: centred}}"
    )
    module = lower(spec(tmp_path, nodes))
    assert set(module.state_dict()) == {"raw", "conv.bias"}
    x = torch.randn(2, 4, 8, 8)
    weight = module.raw - module.raw.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(module(x), F.conv2d(x, weight, module.conv.bias))
    module(x).sum().backward()
    assert module.raw.grad is not None


def test_tied_nodes_are_one_module(tmp_path: Path) -> None:
    graph = spec(tmp_path, "  a: {op: conv2d, out: 4, kernel: 1}\n  b: {op: conv2d, out: 4, kernel: 1, tie: a}")
    module = lower(graph)
    assert set(module.state_dict()) == {"a.weight", "a.bias"}
    x = torch.randn(1, 4, 8, 8)
    torch.testing.assert_close(module(x), module.a(module.a(x)))


def test_free_sizes_follow_the_input(tmp_path: Path) -> None:
    nodes = (
        "  down: {op: conv2d, out: 4, kernel: 3, stride: 2, padding: 1}\n"
        "  up: {op: upsample, size: [$H, $W]}\n"
        "  grid: {op: formula, over: {i: $H, j: $W}, value: i * W + j}\n"
        "  sum: {op: add, in: [up, grid]}"
    )
    graph = spec(tmp_path, nodes)
    assert str(graph.types["down"]) == "float32[N, 4, ceil(H/2), ceil(W/2)]"
    module = lower(graph)
    for height, width in ((8, 8), (7, 12), (33, 5)):
        x = torch.randn(3, 4, height, width)
        index = torch.arange(height)[:, None] * width + torch.arange(width)
        expected = F.interpolate(module.down(x), size=(height, width)) + index
        torch.testing.assert_close(module(x), expected)


def test_activations_overwrite_only_what_nobody_else_reads(tmp_path: Path) -> None:
    nodes = (
        "  conv: {op: conv2d, out: 4, kernel: 1}\n  one: relu\n"
        "  tanh: {op: tanh, in: one}\n  two: {op: relu, in: tanh}\n"
        "  both: {op: conv2d, in: two, out: 4, kernel: 1}\n  three: {op: relu, in: both}\n"
        "  sum: {op: add, in: [both, three]}"
    )
    code = lower(spec(tmp_path, nodes)).code
    assert code.count("inplace = True") == 1, "conv's sole reader may; tanh needs its output; `both` is read twice"
    assert "relu(conv, inplace = True)" in code


def test_a_frozen_node_is_not_trained_and_a_constant_is_not_saved(tmp_path: Path) -> None:
    nodes = (
        "  conv: {op: conv2d, out: 4, kernel: 1, freeze: true, init: {weight: 0.5, bias: zeros}}\n"
        "  table: {op: formula, over: {i: 4}, value: i}\n"
        "  shape: {op: reshape, in: table, size: [4, 1, 1]}\n"
        "  sum: {op: add, in: [conv, shape]}"
    )
    module = lower(spec(tmp_path, nodes))
    assert set(module.state_dict()) == {"conv.weight", "conv.bias"}
    assert not any(p.requires_grad for p in module.parameters())
    x = torch.ones(1, 4, 2, 2)
    torch.testing.assert_close(module(x)[0, :, 0, 0], 2.0 + torch.arange(4))


def test_meta_allocates_nothing(tmp_path: Path) -> None:
    module = lower(load("resnet18"), device="meta")
    assert all(p.is_meta for p in module.parameters())


@pytest.mark.parametrize("seed", [0, 7])
def test_initial_values_depend_on_seed_and_name_alone(tmp_path: Path, seed: int) -> None:
    one = lower(spec(tmp_path, "  a: {op: conv2d, out: 4, kernel: 3}"), seed=seed)
    two = lower(spec(tmp_path, "  z: {op: conv2d, out: 4, kernel: 3}\n  a: {op: conv2d, out: 4, kernel: 3}"), seed=seed)
    assert torch.equal(one.a.weight, two.a.weight)
    assert not torch.equal(two.z.weight, two.a.weight)
    torch.manual_seed(123)
    before = torch.get_rng_state()
    lower(load("lenet"), seed=seed)
    assert torch.equal(before, torch.get_rng_state()), "lowering leaves the global generator alone"
