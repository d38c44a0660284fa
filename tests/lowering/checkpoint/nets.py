"""Small nets with checkpointed scopes, with all that is not the same when it runs twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from tests.library.counter import integers, signed

NET = """
graphwright: 1
name: net
params: {depth: 3, drop: 0.3}
inputs: {image: [N, 4, 6, 6]}
nodes:
  stem: {op: conv2d, out: 5, kernel: 1}
  blocks: {op: block, repeat: $depth, drop: $drop, checkpoint: true}
  pool: {op: mean, dims: [2, 3]}
outputs: {logits: pool}
targets: {label: "int64[N]"}
losses: {main: {op: cross_entropy, in: [logits, label]}}
blocks:
  block:
    params: {drop: float}
    inputs: {x: [N, C, _, _]}
    nodes:
      conv: {op: conv2d, out: $C, kernel: 3, padding: 1, bias: false}
      norm: batch_norm
      act: relu
      scale: {op: parameter, shape: [1], init: 0.9}
      scaled: {op: mul, in: [act, scale]}
      dropout: {op: dropout, p: $drop}
      drop_path: {op: drop_path, p: $drop}
      sum: {op: add, in: [x, drop_path]}
"""
INPUTS = (signed("image", (3, 4, 6, 6)), integers("label", (3,), 5))


def net(folder: Path, *changes: tuple[str, str], **params: Any) -> Graph:
    """The net, with changes to its text, and values of its params."""
    text = NET
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "net.yaml"
    path.write_text(text)
    return load(path, params)


def plain(graph: Graph) -> Graph:
    """The graph without its marks to recompute."""
    return graph.with_(
        scopes=tuple(replace(s, marks=replace(s.marks, checkpoint=False)) for s in graph.scopes),
        nodes=tuple(replace(n, marks=replace(n.marks, checkpoint=False)) for n in graph.nodes),
    )
