"""By pieces a model computes what it computes in one, bit for bit, under the same names."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from graphwright.backends.examples import example_inputs
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import Cone, lower
from graphwright.compiler.lowering.regional.choose import COPIES, NODES, pieces, worth
from graphwright.compiler.lowering.regional.module import Regional

#: Four equal blocks that read sizes of the input, have a parameter of their own, and overwrite where they may, also
#: what they read; they differ in a rate. Two blocks are of another width; the head reads a weight of the first block.
BLOCKS = """
graphwright: 1
name: blocks
inputs: {image: [N, 4, H=8, W=8]}
targets: {wanted: [N, 4, H, W]}
blocks:
  block:
    params: {width: int, rate: 0.0}
    inputs: {x: [N, $width, H, W]}
    nodes:
      act: relu
      conv: {op: conv2d, in: act, out: $width, kernel: 3, padding: 1, bias: false}
      norm: batch_norm
      gate: relu
      drop: {op: drop_path, p: $rate}
      shift: {op: parameter, shape: [$width, 1, 1]}
      shifts: {op: expand, in: shift, size: [$N, $width, $H, $W]}
      out: {op: add, in: [act, drop, shifts]}
    outputs: {x: out}
nodes:
  stem: {op: conv2d, in: image, out: 4, kernel: 1}
  stage: {op: block, in: stem, width: 4, rate: $(k / 10), repeat: {k: 5}}
  wide: {op: conv2d, in: stage, out: 6, kernel: 1}
  last: {op: block, in: wide, width: 6, repeat: 2}
  narrow: {op: conv2d, in: last, out: 4, kernel: 1}
  head: {op: conv2d, in: {x: narrow, weight: stage.0.conv.weight}, out: 4, kernel: 3, padding: 1}
outputs: {map: head, early: stage.1.norm}
losses:
  error: {op: mse, in: [head, wanted]}
"""


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    path = tmp_path / "spec.yaml"
    path.write_text(BLOCKS.lstrip())
    return load(path)


def both(graph: Graph, cone: Cone) -> tuple[Any, Regional, tuple[torch.Tensor, ...]]:
    """A model, another by pieces, and inputs."""
    flat, other = lower(graph, cone=cone), lower(graph, cone=cone)
    torch.manual_seed(0)
    inputs = example_inputs(graph)
    targets = tuple(torch.randn(entry.type.at(graph.sizes | {"N": len(inputs[0])}).shape) for entry in graph.targets)
    return flat, Regional(other), inputs if cone == "deploy" else (*inputs, *targets)


def leaves(value: Any) -> list[torch.Tensor]:
    """All tensors of a result."""
    return [t for v in value.values() for t in leaves(v)] if isinstance(value, dict) else [value]


def assert_same(ours: Any, theirs: Any) -> None:
    for a, b in zip(leaves(ours), leaves(theirs), strict=True):
        assert torch.equal(a, b)


def test_equal_blocks_share_a_function(graph: Graph) -> None:
    _, regional, _ = both(graph, "deploy")
    assert [(r.scopes, r.told()) for r in regional.regions] == [
        (tuple(f"stage.{k}" for k in (0, 2, 3, 4)), "4 x stage.0: one compilation")
    ]  # another value leaves the second block
    assert [step.scope for step in regional.steps] == ["", "stage.0", "", "stage.2", "stage.3", "stage.4", ""]
    assert len({step.code for step in regional.steps}) == regional.distinct == 4


@pytest.mark.parametrize("cone", ["deploy", "train"])
@pytest.mark.parametrize("training", [False, True])
def test_values_and_gradients_bit_for_bit(graph: Graph, cone: Cone, training: bool) -> None:
    flat, regional, inputs = both(graph, cone)
    flat.train(training), regional.train(training)
    results = []
    for model in (flat, regional):
        torch.manual_seed(1)
        results.append(model(*inputs))
        sum(t.sum() for t in leaves(results[-1])).backward()
    assert_same(results[1], results[0])
    gradients = dict(regional.named_parameters())
    for name, parameter in flat.named_parameters():
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, gradients[name].grad)
    assert_same(regional.state_dict(), flat.state_dict())  # the statistics of batch norm moved alike


def test_state_dict_is_the_flat_one(graph: Graph) -> None:
    flat, regional, _ = both(graph, "deploy")
    assert list(regional.state_dict()) == list(flat.state_dict())
    assert [n for n, _ in regional.named_buffers()] == [n for n, _ in flat.named_buffers()]
    assert_same(regional.state_dict(), flat.state_dict())


def test_one_model_with_the_module_it_came_from(graph: Graph) -> None:
    flat = lower(graph).eval()
    regional = Regional(flat)
    inputs = example_inputs(graph)
    before = flat(*inputs)["map"]
    regional.eval().load_state_dict({k: v + 1 if v.is_floating_point() else v for k, v in flat.state_dict().items()})
    assert not torch.equal(flat(*inputs)["map"], before)
    assert_same(regional(*inputs), flat(*inputs))
    flat.double()
    assert_same(regional(*[x.double() for x in inputs]), flat(*[x.double() for x in inputs]))


def test_a_copy_has_tensors_of_its_own_and_the_same_functions(graph: Graph) -> None:
    flat, regional, inputs = both(graph, "deploy")
    flat.eval(), regional.eval()
    copied = copy.deepcopy(regional)
    with torch.no_grad():
        for parameter in regional.parameters():
            parameter.zero_()
    assert_same(copied(*inputs), flat(*inputs))
    assert [step.code for step in copied.steps] == [step.code for step in regional.steps]


def test_what_differs_in_freezing_is_another_kind(graph: Graph) -> None:
    module = lower(graph)
    module.get_submodule("stage.3.conv").requires_grad_(False)
    found = Regional(module)
    assert [region.scopes for region in found.regions] == [("stage.0", "stage.2", "stage.4")]
    assert [step.scope for step in found.steps] == ["", "stage.0", "", "stage.2", "", "stage.4", ""]


def test_the_rule(graph: Graph) -> None:
    found = pieces(lower(graph, device="meta"))
    regions = [piece for piece, _ in found if piece.scope]
    assert len(regions) >= COPIES
    assert all(len(piece.nodes) >= NODES for piece in regions)
    assert sum(len(piece.nodes) for piece, _ in found) == len({n for piece, _ in found for n in piece.nodes})


@pytest.mark.parametrize(
    ("spec", "copies"),
    [("vit_tiny_patch16_224", [12]), ("resnet152", [35, 7]), ("convnext_base", [27, 3, 3, 3]), ("mixer_s16_224", [8])],
)
def test_deep_models_are_worth_it(spec: str, copies: list[int]) -> None:
    module = lower(load(spec), device="meta")
    assert worth(pieces(module))
    assert [len(region.scopes) for region in Regional(module).regions] == copies


@pytest.mark.parametrize("spec", ["lenet", "resnet18", "resnet50", "densenet121", "mobilenetv2_100"])
def test_models_with_few_equal_blocks_are_not(spec: str) -> None:
    assert not worth(pieces(lower(load(spec), device="meta")))


@pytest.mark.parametrize(
    ("spec", "params"),
    [
        ("vit_tiny_patch16_224", {"dim": "12"}),
        ("swin_tiny_patch4_window7_224", {"dim": "12"}),
        ("cifar_resnet", {}),
        ("revcol_tiny", {}),
        ("mobilenetv2_100", {}),
    ],
)
def test_shipped_models_bit_for_bit(spec: str, params: dict[str, str]) -> None:
    graph = load(spec, params)
    module = lower(graph).eval()
    inputs = example_inputs(graph, {"N": 1})
    with torch.no_grad():
        assert_same(Regional(module)(*inputs), module(*inputs))
