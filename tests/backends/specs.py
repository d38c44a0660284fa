"""Small specs for the tests of backends."""

from __future__ import annotations

from pathlib import Path

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load

CONVNET = """
graphwright: 1
name: convnet
params: {classes: 3}
inputs: {image: [N, 2, H=8, W=8]}
nodes:
  conv: {op: conv2d, out: 4, kernel: 3, padding: 1}
  bn: batch_norm
  act: relu
  pool: {op: adaptive_avg_pool2d, size: 1}
  flatten: flatten
  head:
    nodes:
      fc: {op: linear, out: $classes}
outputs: {logits: head}
"""

TIED = """
graphwright: 1
name: tied
inputs: {tokens: "int64[N, L=5]"}
nodes:
  a: {op: embedding, in: tokens, count: 7, dim: 4}
  b: {op: linear, in: a, out: 4}
  c: {op: linear, in: b, out: 4, tie: b}
outputs: {last: c, first: a}
"""

AUXILIARY = """
graphwright: 1
name: auxiliary
inputs: {x: [N, 4]}
targets: {label: "int64[N]"}
nodes:
  body: {op: linear, out: 4}
  fc: {op: linear, in: body, out: 3}
  aux: {op: linear, in: body, out: 3, train_only: true}
outputs: {logits: fc}
losses:
  main: {op: cross_entropy, in: [fc, label]}
  side: {op: cross_entropy, in: [aux, label], weight: 0.3}
"""


def graph_of(text: str, folder: Path) -> Graph:
    """The graph of a spec given as text."""
    path = folder / "spec.yaml"
    path.write_text(text.lstrip())
    return load(path)
