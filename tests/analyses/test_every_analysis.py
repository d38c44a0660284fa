"""What holds for every analysis of the table: its graph leaves in every format, and never waits for the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import graphwright as gw
from graphwright.analyses import ANALYSES
from graphwright.backends.examples import example_inputs
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.doors import emit, instrumented
from tests.oracles import randomise

SPEC = """
graphwright: 1
name: small
inputs: {image: [N, 3, H=12, W=12]}
nodes:
  conv: {op: conv2d, out: 6, kernel: 3, padding: 1, bias: false}
  norm: batch_norm
  relu: relu
  pool: {op: adaptive_avg_pool2d, size: 1}
  flatten: flatten
  head: {op: linear, out: 5}
outputs: {logits: head}
"""
#: Options without which an analysis does not start.
NEEDED = {"guidance": {"guide": "cifar_resnet", "params": "{depth: 1, width: 4}"}}
#: Operations whose results the host waits for.
WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "item", "unique")


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return load(path)


def made(name: str, graph: Graph) -> tuple[Any, nn.Module]:
    """The analysis, and the model it is of."""
    model = lower(graph)
    randomise(model)
    return instrumented(name, NEEDED.get(name, {})), model.eval()


class Waits(TorchDispatchMode):
    """Notes the operations that a device would have to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function.overloadpacket.__name__ in WAITING:
            self.found.append(str(function))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ANALYSES)
def test_no_analysis_waits_for_the_host(name: str, graph: Graph) -> None:
    analysis, _ = made(name, graph)
    wanted = analysis(graph)
    module, inputs = lower(wanted).eval(), example_inputs(wanted)
    with torch.no_grad(), Waits() as waits:
        module(*inputs)
        assert not waits.found
        torch.ones(1).item()
    assert waits.found == ["aten._local_scalar_dense.default"]


@pytest.mark.parametrize("suffix", [".yaml", ".onnx", ".pt2", ".py"])
@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_leaves_in_every_format(name: str, suffix: str, graph: Graph, tmp_path: Path) -> None:
    """Exports are compared with the module as they are written; the spec is read back and must be the same graph."""
    analysis, model = made(name, graph)
    path = emit(analysis, graph, model, tmp_path / f"x{suffix}")
    assert path.stat().st_size > 500
    if suffix == ".yaml":
        again, wanted = gw.load(path), analysis(graph)
        assert {n.name: (n.op, n.inputs) for n in again.nodes} == {n.name: (n.op, n.inputs) for n in wanted.nodes}
