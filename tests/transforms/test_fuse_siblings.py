"""Layers of one input in one: which are siblings, what goes along, and that values are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.transforms.fuse_siblings import FuseSiblings
from tests.transforms.laws import kept, ops

Spec = Callable[..., Graph]

#: Nodes that read x [N, 4, 6, 6], and the ops that are left.
FUSED = {
    "q, k and v": ("""
  q: {op: linear, in: x, out: 5}
  k: {op: linear, in: x, out: 5, bias: false}
  v: {op: linear, in: x, out: 3}
  attend: {op: attention, in: {q: q, k: k, v: v}}""", ["linear", "split", "attention"]),
    "two that are concatenated": ("""
  q: {op: linear, in: x, out: 5}
  kv: {op: linear, in: x, out: 10}
  all: {op: concat, in: [q, kv], dim: 3}
  relu: relu""", ["linear", "relu"]),
    "with their activations": ("""
  a: {op: conv2d, in: x, out: 3, kernel: 1}
  ra: {op: gelu, in: a}
  b: {op: conv2d, in: x, out: 5, kernel: 1}
  rb: {op: gelu, in: b}
  c: {op: conv2d, in: rb, out: 3, kernel: 3, padding: 1}
  sum: {op: add, in: [ra, c]}""", ["conv2d", "gelu", "split", "conv2d", "add"]),
    "apart from one without": ("""
  a: {op: conv2d, in: x, out: 3, kernel: 3}
  b: {op: conv2d, in: x, out: 3, kernel: 3}
  c: {op: conv2d, in: x, out: 3, kernel: 3}
  ra: {op: relu, in: a}
  rb: {op: relu, in: b}
  sum: {op: add, in: [ra, rb, c]}""", ["conv2d", "relu", "split", "conv2d", "add"]),
    "that are outputs": ("""
  a: {op: conv2d, in: x, out: 3, kernel: 3, stride: 2, bias: false}
  b: {op: conv2d, in: x, out: 2, kernel: 3, stride: 2, bias: false}
  c: {op: conv2d, in: x, out: 1, kernel: 3, stride: 2, bias: false}
outputs: {a: a, b: b, c: c}""", ["conv2d", "split"]),
    "siblings of what siblings give": ("""
  a: {op: linear, in: x, out: 4}
  b: {op: linear, in: x, out: 4}
  c: {op: linear, in: x, out: 4}
  d: {op: linear, in: b, out: 4}
  e: {op: linear, in: b, out: 4}
  f: {op: linear, in: b, out: 4}
  sum: {op: add, in: [a, c, d, e, f]}""", ["linear", "split", "linear", "split", "add"]),
}  # fmt: skip

#: Layers that are no siblings, or where nothing is won.
APART = {
    "two with a split": """
  a: {op: linear, in: x, out: 4}
  b: {op: linear, in: x, out: 4}
  sum: {op: add, in: [a, b]}""",
    "other kernels": """
  a: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1}
  b: {op: conv2d, in: x, out: 4, kernel: 1}
  c: {op: conv2d, in: x, out: 4, kernel: 5, padding: 2}
  sum: {op: add, in: [a, b, c]}""",
    "groups": """
  a: {op: conv2d, in: x, out: 4, kernel: 1, groups: 2}
  b: {op: conv2d, in: x, out: 4, kernel: 1, groups: 2}
  c: {op: conv2d, in: x, out: 4, kernel: 1, groups: 2}
  sum: {op: add, in: [a, b, c]}""",
    "shared weights": """
  a: {op: linear, in: x, out: 4}
  b: {op: linear, in: x, out: 4, tie: a}
  c: {op: linear, in: x, out: 4}
  sum: {op: add, in: [a, b, c]}""",
    "a concat in another order": """
  a: {op: linear, in: x, out: 4}
  b: {op: linear, in: x, out: 4}
  all: {op: concat, in: [b, a], dim: 3}""",
    "other inputs": """
  a: {op: linear, in: x, out: 6}
  b: {op: linear, in: a, out: 6}
  c: {op: linear, in: b, out: 6}
  sum: {op: add, in: [a, b, c]}""",
}

HEAD = "inputs: {x: [N, 4, 6, 6]}\nnodes:\n"


@pytest.mark.parametrize("name", FUSED)
def test_siblings_are_one_layer(spec: Spec, name: str) -> None:
    nodes, left = FUSED[name]
    assert ops(kept(spec(HEAD + nodes.strip("\n")), FuseSiblings())) == left


@pytest.mark.parametrize("name", APART)
def test_others_stay_apart(spec: Spec, name: str) -> None:
    graph = spec(HEAD + APART[name].strip("\n"))
    assert kept(graph, FuseSiblings()).nodes == graph.nodes


@pytest.mark.parametrize(
    ("transform", "count"),
    [(FuseSiblings(widest=5), 3), (FuseSiblings(widest=4), 4), (FuseSiblings(least=3), 3), (FuseSiblings(least=4), 4)],
)
def test_numbers_say_where_it_pays(spec: Spec, transform: FuseSiblings, count: int) -> None:
    made = kept(spec(HEAD + FUSED["q, k and v"][0].strip("\n")), transform)
    assert len(made.nodes) == count


def test_the_first_keeps_its_name_and_the_split_stands_beside_it(spec: Spec) -> None:
    made = kept(spec(HEAD + FUSED["q, k and v"][0].strip("\n")), FuseSiblings())
    assert [n.name for n in made.nodes] == ["q", "split_q", "attend"]
    assert made.by_name["attend"].reads == ("split_q", "split_q:1", "split_q:2")
    assert [str(t) for t in made.by_name["split_q"].outputs] == [f"float32[N, 4, 6, {k}]" for k in (5, 5, 3)]
