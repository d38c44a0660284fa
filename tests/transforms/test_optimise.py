"""The pipeline: its law on random graphs and shipped models, its switches, and torch's own fusion beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from graphwright.backends import weights
from graphwright.commands import building
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms.fold_batch_norm import FoldBatchNorm
from graphwright.compiler.transforms.optimise import Optimise, carried
from tests.oracles import distance, randomise
from tests.random_graphs import random_graph
from tests.transforms.laws import kept, ops

Spec = Callable[..., Graph]

#: Shipped models, params and sizes that make them small, and how many nodes stay of how many.
MODELS: dict[str, tuple[dict[str, Any], dict[str, int], int, int]] = {
    "resnet18": ({}, {"H": 32, "W": 32}, 69, 49),
    "cifar_resnet": ({}, {}, 73, 52),
    "mobilenetv2_100": ({}, {"H": 32, "W": 32}, 152, 100),
    "convnext_tiny": ({"depths": [1, 1, 2, 1], "dims": [8, 16, 24, 32]}, {"H": 32, "W": 32}, 67, 52),
    "poolformerv2_s12": ({"depths": [1, 1, 2, 1], "dims": [8, 16, 24, 32]}, {"H": 32, "W": 32}, 139, 83),
    "revcol_tiny": ({"depths": [1, 1, 2, 1], "channels": [8, 16, 24, 32]}, {"H": 32, "W": 32}, 347, 280),
    "inception_v4": ({}, {"H": 75, "W": 75}, 488, 294),
    "prototypes_mnist": ({}, {}, 27, 16),
}

SWITCHES = ("norms", "branches", "noops", "equal", "constants", "scales", "siblings")

#: Something for every switch.
ALL = """
inputs: {x: [N, 4, 6, 6]}
nodes:
  conv: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1, bias: false}
  bn: batch_norm
  side: {op: conv2d, in: x, out: 4, kernel: 1}
  sum: {op: add, in: [bn, side]}
  drop: dropout
  one: {op: tanh, in: drop}
  two: {op: tanh, in: drop}
  both: {op: mul, in: [one, two]}
  index: {op: formula, value: 3 - i, over: {i: 4}}
  table: {op: parameter, shape: [4, 4], init: {normal: {std: 1}}}
  rows: {op: embedding, in: {index: index, table: table}}
  placed: {op: matmul, in: [both.0, rows]}
  a: {op: linear, in: placed, out: 3}
  b: {op: linear, in: placed, out: 3}
  c: {op: linear, in: placed, out: 3}
  gamma: {op: parameter, shape: [3]}
  scaled: {op: mul, in: [a, gamma]}
  total: {op: add, in: [scaled, b, c]}
""".replace("both.0", "wide").replace(
    "  index:", "  wide: {op: slice, in: both, dims: 3, stop: 4}\n  index:"
)  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs(seed: int) -> None:
    kept(random_graph(seed, 12), Optimise(), seed=seed)


@pytest.mark.parametrize("name", MODELS)
def test_shipped_models(name: str) -> None:
    params, sizes, before, after = MODELS[name]
    graph = load(name, params)
    assert len(graph.deployed().nodes) == before
    assert len(kept(graph, Optimise(), sizes).nodes) == after


def test_every_switch_switches(spec: Spec) -> None:
    graph = spec(ALL)
    full = kept(graph, Optimise())
    assert ops(full) == ["conv2d", "tanh", "mul", "slice", "buffer", "matmul", "linear", "split", "add"]
    for switch in SWITCHES:
        assert len(kept(graph, Optimise(**{switch: False})).nodes) > len(full.nodes), switch
    none = Optimise(**dict.fromkeys(SWITCHES, False))
    assert none(graph).nodes == graph.deployed().nodes


def test_what_was_done_adds_up(spec: Spec) -> None:
    found = Optimise().traced(spec(ALL))
    assert found.before - sum(found.removed.values()) == len(found.graph.nodes)
    assert found.removed == {"drop_noops": 1, "merge_equal": 1, "fold_constants": 2, "fold_batch_norm": 1,
                             "fuse_branches": 2, "fold_affine": 2, "fuse_siblings": 1}  # fmt: skip


def test_training_branches_and_their_weights_go(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
targets: {y: "int64[N]"}
nodes:
  fc: {op: linear, in: x, out: 3}
  aux: {op: linear, in: x, out: 3, train_only: true}
outputs: {out: fc}
losses:
  main: {op: cross_entropy, in: {pred: fc, target: y}}
  side: {op: cross_entropy, in: {pred: aux, target: y}}
""")
    made = Optimise()(graph)
    assert (ops(made), made.losses, made.targets) == (["linear"], (), ())
    state = carried(graph, made, lower(graph, cone="train").state_dict())
    assert state.keys() == {"fc.weight", "fc.bias"}


def test_transforms_of_a_spec_and_options(spec: Spec) -> None:
    graph = spec(ALL + "transforms: [{optimise: {siblings: false, limit: 15}}]\n")
    assert graph == Optimise(siblings=False, limit=15)(spec(ALL))
    assert "embedding" in ops(graph)


@pytest.mark.parametrize(("groups", "bias"), [(1, False), (2, True), (4, False)])
def test_folding_is_torchs_own(spec: Spec, groups: int, bias: bool) -> None:
    graph = spec(f"""
inputs: {{x: [N, 4, 8, 8]}}
nodes:
  conv: {{op: conv2d, out: 8, kernel: 3, stride: 2, padding: 1, groups: {groups}, bias: {str(bias).lower()}}}
  bn: {{op: batch_norm, eps: 1e-3}}
""")
    module = lower(graph).eval()
    with torch.no_grad():
        randomise(module)
    conv, norm = module.get_submodule("conv"), module.get_submodule("bn")
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    theirs = fuse_conv_bn_eval(conv, norm)
    assert theirs.bias is not None
    for transform in (FoldBatchNorm(), Optimise()):
        ours = carried(graph, transform(graph), module.state_dict())
        assert distance(ours["conv.weight"], theirs.weight) < 1e-6
        assert distance(ours["conv.bias"], theirs.bias) < 1e-6


def test_commands_optimise(tmp_path: Path, capsys: pytest.CaptureFixture[str], spec: Spec) -> None:
    spec(ALL)
    path, file = str(tmp_path / "spec0.yaml"), tmp_path / "x.safetensors"
    building.compile(path, backend="eager", steps=1, optimise=True)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("  optimise      19 -> 9 nodes: drop_noops -1, merge_equal -1, fold_constants -2")
    building.export(path, None, file, optimise=True, as_json=True)
    report = json.loads(capsys.readouterr().out)["optimise"]
    assert (report["nodes_before"], report["nodes"]) == (19, 9)
    assert report["difference"] < 1e-5
    assert weights.read(file).keys() == lower(Optimise()(spec(ALL))).state_dict().keys()
