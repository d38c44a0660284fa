"""Dead nodes, nodes that do nothing, and equal nodes: what goes, what stays, and that values are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms.drop_noops import DropNoops
from graphwright.compiler.transforms.merge_equal import MergeEqual
from graphwright.compiler.transforms.optimise import carried
from graphwright.compiler.transforms.remove_dead import RemoveDead
from tests.transforms.laws import kept, ops

Spec = Callable[..., Graph]

NOOPS = """
inputs: {x: [N, 4, H=6, W=6]}
nodes:
  conv: {op: conv2d, out: 4, kernel: 3, padding: 1}
  same: identity
  drop: {op: dropout, p: 0.2}
  whole: {op: dropout2d, p: 0.2}
  path: {op: drop_path, p: 0.3}
  cut: detach
  one: {op: scale, factor: 1}
  only: {op: add, in: [one]}
  times: {op: mul, in: [only]}
  order: {op: permute, dims: [0, 1, 2, 3]}
  all: {op: slice, dims: 1, start: 0, stop: 4}
  pattern: {op: rearrange, pattern: "n c h w -> n c h w"}
  flat: {op: flatten, start: 2, end: 2}
  relu: relu
"""


def test_nodes_that_do_nothing_go(spec: Spec) -> None:
    assert ops(kept(spec(NOOPS), DropNoops())) == ["conv2d", "relu"]


def test_nodes_that_do_something_stay(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4, H=6, W=6]}
nodes:
  twice: {op: scale, factor: 2}
  more: {op: add, in: [twice], other: 0.5}
  wide: {op: cast, dtype: float64}
  back: {op: cast, dtype: float32}
  same: {op: cast, dtype: float32}
  turned: {op: permute, dims: [0, 1, 3, 2]}
  again: {op: rearrange, pattern: "n c h w -> n c w h"}
  part: {op: slice, dims: 1, stop: 3}
  both: {op: mul, in: [part, part]}
  flat: flatten
""")
    assert kept(graph, DropNoops()).nodes == graph.nodes


def test_an_input_does_not_become_an_output(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
nodes:
  drop: dropout
  same: identity
outputs: {first: drop, second: same}
""")
    assert [v for _, v in kept(graph, DropNoops()).outputs] == ["drop", "drop"]


def test_what_a_gradient_is_taken_at_stays(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
nodes:
  start: {op: identity, in: x}
  one: {op: tanh, in: start}
  two: {op: tanh, in: x}
  sum: {op: add, in: [one, two]}
  total: {op: sum, in: sum}
  slope: {op: gradient, in: {of: total, at: start}}
""")
    for transform in (DropNoops(), MergeEqual()):
        assert transform(graph) is graph


def test_dead_nodes_go_with_their_weights(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
nodes:
  fc: {op: linear, out: 3}
  side: {op: linear, in: x, out: 5}
  token: {op: parameter, shape: [5]}
  more: {op: add, in: [side, token]}
outputs: {one: fc, two: more}
""")
    graph = graph.with_(outputs=graph.outputs[:1])
    made = RemoveDead()(graph)
    assert [n.name for n in made.nodes] == ["fc"]
    state = dict(lower(graph.with_(outputs=(("one", "fc"), ("two", "more")))).state_dict())
    assert {"side.weight", "token"} < state.keys()
    assert carried(graph, made, state).keys() == lower(made).state_dict().keys()


def test_equal_nodes_are_one(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
nodes:
  a: {op: sigmoid, in: x}
  b: {op: sigmoid, in: x}
  a2: {op: split, in: a, sizes: [1, 3]}
  b2: {op: split, in: b, sizes: [1, 3]}
  i: {op: formula, value: i / 3, over: {i: 3}}
  j: {op: formula, value: i / 3, over: {i: 3}}
  sum: {op: add, in: [a2.1, b2.1, i, j]}
""")
    made = kept(graph, MergeEqual())
    assert [n.name for n in made.nodes] == ["a", "a2", "i", "sum"]
    assert made.by_name["sum"].reads == ("a2:1", "a2:1", "i", "i")


def test_equal_layers_are_one_only_if_they_share_weights(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
nodes:
  a: {op: linear, in: x, out: 3}
  b: {op: linear, in: x, out: 3}
  c: {op: linear, in: x, out: 3, tie: a}
  d: {op: linear, in: x, out: 3, tie: a}
  own: {op: buffer, shape: [3], persistent: false}
  other: {op: buffer, shape: [3], persistent: false}
  sum: {op: add, in: [a, b, c, d, own, other]}
""")
    made = kept(graph, MergeEqual())
    assert made.by_name["sum"].reads == ("a", "b", "a", "a", "own", "other")
    assert "c" not in made.by_name


def test_random_ops_and_training_branches_are_not_merged(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
nodes:
  a: {op: dropout, in: x}
  b: {op: dropout, in: x}
  c: {op: tanh, in: x}
  d: {op: tanh, in: x}
  sum: {op: add, in: [a, b, c, d]}
""")
    nodes = tuple(replace(n, marks=replace(n.marks, train_only=n.name == "c")) for n in graph.nodes)
    assert MergeEqual()(graph.with_(nodes=nodes)).nodes == nodes


def test_merging_takes_half_of_a_doubled_net(spec: Spec) -> None:
    branch = "".join(f"  {side}{k}: {{op: tanh, in: {f'{side}{k - 1}' if k else 'x'}}}\n"
                     for side in "ab" for k in range(5))  # fmt: skip
    graph = spec(f"inputs: {{x: [N, 4]}}\nnodes:\n{branch}  sum: {{op: add, in: [a4, b4]}}\n")
    made = kept(graph, MergeEqual())
    assert len(made.nodes) == 6
    x = torch.ones(2, 4)
    assert torch.equal(lower(made)(x), lower(graph)(x))
