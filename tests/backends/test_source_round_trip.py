"""A graph written as Python and imported again is the graph it was, under its names and with its bits.

The law is equality of structure where every node is an operation of torch's own. Others come back as the operations
of torch that they are made of; then the imported graph, written and imported once more, is itself.
"""

from __future__ import annotations

import string
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

import graphwright as gw
from graphwright.backends.examples import example_inputs
from graphwright.backends.source import imported, source
from graphwright.compiler.importing.torch.read import Weights
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.lower import lower
from tests.backends.specs import AUXILIARY, CONVNET, TIED, graph_of
from tests.importing.torch.parity import built, same
from tests.oracles import randomise
from tests.random_graphs import differences, random_graph


def again(graph: Graph, weights: Weights, inputs: tuple[torch.Tensor, ...], folder: Path) -> tuple[Graph, Weights]:
    """The graph of the file that is written for a graph, and the weights it was given."""
    path = folder / "written.py"
    path.write_text(source(graph), encoding="utf-8")
    module = imported(path)
    module.load_state_dict(weights, strict=True)
    free = {k: tuple(a for a, s in enumerate(e.type.shape) if isinstance(s, Dim)) for k, e in enumerate(graph.inputs)}
    return gw.from_torch(module, inputs, name=graph.name, free=free)


def structure(graph: Graph) -> str:
    """What a file keeps of a graph: a model that returns one tensor does not name it, and inputs that never meet may
    have different batches."""
    outputs = tuple((f"out{k}", value) for k, (_, value) in enumerate(graph.outputs))
    return structural_hash(graph.with_(outputs=outputs, inputs=tuple(map(_renamed, graph.inputs))))


def _renamed(entry: Entry) -> Entry:
    """An input with its sizes called by their order, unless a node may speak of them."""
    letters = count()
    names: dict[str, Dim] = {}
    shape = tuple(
        names.setdefault(str(s), Dim.symbol(string.ascii_uppercase[next(letters)])) if isinstance(s, Dim) else s
        for s in entry.type.shape
    )
    return replace(entry, type=Type(shape, entry.type.dtype))


def check(graph: Graph, folder: Path, sizes: dict[str, int] | None = None, *, equal: bool) -> Graph:
    """Asserts the law; the graph as it was imported first."""
    graph = graph.deployed()
    inputs = example_inputs(graph, sizes or {})
    lowered = lower(graph).eval()
    randomise(lowered)
    state = lowered.state_dict()
    first, weights = again(graph, state, inputs, folder)
    same(built(first, weights).eval()(*inputs), _in_order(lowered(*inputs)))
    if equal:
        assert structure(first) == structure(graph)
        assert weights.keys() == state.keys()
        assert trained(first) == trained(graph)
        return first
    second, last = again(first, weights, inputs, folder)
    assert structure(second) == structure(first)
    assert last.keys() == weights.keys()
    assert trained(second) == trained(first)
    same(built(second, last).eval()(*inputs), _in_order(lowered(*inputs)))
    return second


def _in_order(value: Any) -> Any:
    return list(value.values()) if isinstance(value, dict) else value


def trained(graph: Graph) -> dict[str, bool]:
    """Which parameters are trained."""
    return {n: p.requires_grad for n, p in lower(graph, device="meta").named_parameters()}


SMALL = {"H": 32, "W": 32}
#: Models made of torch's own operations.
EQUAL = [("lenet", {}, {}), ("resnet18", {}, SMALL), ("digits", {}, {}), ("mobilenetv2_050", {}, SMALL),
         ("cifar_resnet", {}, {}), ("unet", {}, SMALL)]  # fmt: skip
#: Models with rearrangements, drop path and sizes of their own, as few and narrow blocks as their params allow.
OTHERS = [("convnext_tiny", {"depths": [1, 1, 1, 1], "dims": [4, 8, 8, 8]}, SMALL), ("tiny_vgg", {}, {}),
          ("vit_tiny_patch16_224", {"dim": 12}, {"N": 2}),
          ("swin_tiny_patch4_window7_224", {"size": 64, "window": 2, "depths": [2, 1, 1, 1], "dim": 12}, {}),
          ("mixer_s16_224", {"depth": 1, "dim": 16, "size": 64}, {})]  # fmt: skip


@pytest.mark.parametrize(("name", "params", "sizes"), EQUAL, ids=[c[0] for c in EQUAL])
def test_models_of_torch_operations_come_back(
    name: str, params: dict[str, Any], sizes: dict[str, int], tmp_path: Path
) -> None:
    graph = gw.load(name, params)
    first = check(graph, tmp_path, sizes, equal=True)
    assert sorted(str(n.op) for n in first.nodes) == sorted(str(n.op) for n in graph.deployed().nodes)


@pytest.mark.parametrize(("name", "params", "sizes"), OTHERS, ids=[c[0] for c in OTHERS])
def test_other_models_come_to_rest(name: str, params: dict[str, Any], sizes: dict[str, int], tmp_path: Path) -> None:
    check(gw.load(name, params), tmp_path, sizes, equal=False)


def test_what_came_back_is_itself(tmp_path: Path) -> None:
    """Names too, once they are the importer's own."""
    graph = gw.load("cifar_resnet").deployed()
    inputs = example_inputs(graph)
    first, weights = again(graph, lower(graph).state_dict(), inputs, tmp_path)
    second, _ = again(first, weights, inputs, tmp_path)
    assert differences(second, first) == []


@pytest.mark.parametrize("spec", [CONVNET, TIED, AUXILIARY], ids=["convnet", "tied", "auxiliary"])
def test_small_specs(spec: str, tmp_path: Path) -> None:
    check(graph_of(spec, tmp_path), tmp_path, equal=True)


FROZEN = """
graphwright: 1
name: frozen
inputs: {x: [N, 4, H=6, W=6]}
nodes:
  stem:
    freeze: true
    nodes:
      conv: {op: conv2d, out: 4, kernel: 3, padding: 1}
      norm: batch_norm
      act: relu
  blocks:
    repeat: {k: 3, frozen: [true, false, true]}
    freeze: $frozen
    nodes:
      conv: {op: conv2d, out: 4, kernel: 1}
      norm: batch_norm
  head: {op: conv2d, out: 2, kernel: 1}
outputs: {y: head}
"""


def test_frozen_parameters_stay_frozen(tmp_path: Path) -> None:
    """In a chain, in a block of its own, and in one of several copies; what has no parameters is not frozen."""
    graph = graph_of(FROZEN, tmp_path)
    first = check(graph, tmp_path, equal=True)
    assert [n.name for n in first.nodes if n.marks.freeze] == [
        "stem.conv", "stem.norm", "blocks.0.conv", "blocks.0.norm", "blocks.2.conv", "blocks.2.norm"
    ]  # fmt: skip


def torch_named(graph: Graph) -> bool:
    """Whether every node is an operation that torch has, and is run for a result.

    Formulas are several operations, a sum of three is two, and dropout at rate 0 is nothing. A module that is never
    called for a result gives its name to the call that is (a tie has no direction in torch).
    """
    read = {graph.producer(v) for n in graph.nodes for v in n.reads} | {graph.producer(v) for _, v in graph.outputs}
    alone = {"formula": False, "dropout": True, "add": True}
    return all(
        alone.get(n.op.name, True)
        and n.name in read
        and not (n.op.name == "dropout" and n.op.p == 0)  # type: ignore[attr-defined]
        and not (n.op.name == "add" and len(n.inputs) != 2)
        for n in graph.nodes
    )


SEEDS = range(30)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_graphs(seed: int, tmp_path: Path) -> None:
    graph = random_graph(seed, 8).deployed()
    check(graph, tmp_path, equal=torch_named(graph))


def test_the_law_of_equality_is_tested() -> None:
    """Of the random graphs, enough are made of torch's operations alone."""
    assert sum(torch_named(random_graph(seed, 8).deployed()) for seed in SEEDS) >= len(SEEDS) // 4
