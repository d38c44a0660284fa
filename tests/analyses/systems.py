"""Models and checks that the tests of the linear interpreter share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from graphwright.analyses.contract import Build, Result
from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.oracles import randomise

TOY = """
graphwright: 1
name: toy
inputs: {image: [N, 3, 8, 8]}
nodes:
  conv: {op: conv2d, out: 8, kernel: 3, padding: 1}
  bn: batch_norm
  relu: relu
  pool: {op: max_pool2d, kernel: 2}
  squeeze: {op: adaptive_avg_pool2d, in: pool, size: 1}
  fc: {op: conv2d, out: 8, kernel: 1}
  gate: sigmoid
  se: {op: mul, in: [gate, pool]}
  inorm: {op: instance_norm, affine: true}
  tokens: {op: rearrange, pattern: n c h w -> n (h w) c}
  ln: {op: layer_norm, in: tokens}
  q: {op: linear, in: ln, out: 8}
  k: {op: linear, in: ln, out: 8}
  v: {op: linear, in: ln, out: 8}
  att: {op: attention, in: [q, k, v]}
  sum: {op: add, in: [tokens, att]}
  gelu: gelu
  mean: {op: mean, dims: 1}
  head: {op: linear, out: 5}
outputs: {logits: head}
"""


def built(graph: Graph, dtype: torch.dtype = torch.float64) -> Build:
    """Modules with the same random weights and statistics for every graph made from this one."""
    base = lower(graph.deployed()).to(dtype).eval()
    randomise(base)
    state = base.state_dict()

    def build(instrumented: Graph) -> Any:
        module = lower(instrumented).to(dtype).eval()
        assert not module.load_state_dict(state, strict=False).unexpected_keys
        return module

    return build


def pictures(graph: Graph, size: int | None = None, count: int = 2, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    sizes = {**graph.sizes, "N": count, **({"H": size, "W": size} if size else {})}
    generator = torch.Generator().manual_seed(1)
    return torch.randn(graph.inputs[0].type.at(sizes).shape, generator=generator, dtype=dtype)  # type: ignore[arg-type]


def spec(tmp_path: Path, text: str) -> Graph:
    (tmp_path / "toy.yaml").write_text(text)
    return load(tmp_path / "toy.yaml")


def small(tmp_path: Path, nodes: str, last: str, shape: str = "[N, 4, 6, 6]") -> Graph:
    return spec(
        tmp_path, f"graphwright: 1\nname: toy\ninputs: {{x: {shape}}}\nnodes:\n{nodes}\noutputs: {{y: {last}}}\n"
    )


def held(result: Result) -> None:
    broken = [law.as_dict() for law in result.laws if not law.holds]
    assert not broken
    assert len(result.laws) >= 4


def check(graph: Graph, x: torch.Tensor, **options: Any) -> Result:
    result = LinearInterpreter(**options).run(graph, built(graph), x, None)
    held(result)
    return result
