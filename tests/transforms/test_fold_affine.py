"""Affine maps per channel: into which layers they fold, exactly, and where they stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.transforms.fold_affine import FoldAffine
from tests.transforms.laws import kept, ops

Spec = Callable[..., Graph]

HEAD = "inputs: {x: [N, 4, 6, 6]}\nnodes:\n"

#: Nodes, and the ops that are left of them.
FOLDED = {
    "batch norm before a convolution": ("""
  bn: batch_norm
  conv: {op: conv2d, out: 6, kernel: 3, bias: false}""", ["conv2d"]),
    "before groups": ("""
  bn: {op: batch_norm, affine: false, eps: 1e-3}
  conv: {op: conv2d, out: 6, kernel: 2, stride: 2, groups: 2}""", ["conv2d"]),
    "before a pointwise convolution, padded by nothing": ("""
  bn: batch_norm
  conv: {op: conv2d, out: 6, kernel: 1, padding: same}""", ["conv2d"]),
    "before two layers": ("""
  bn: batch_norm
  a: {op: conv2d, in: bn, out: 3, kernel: 1}
  b: {op: conv2d, in: bn, out: 3, kernel: 1, bias: false}
  sum: {op: add, in: [a, b]}""", ["conv2d", "conv2d", "add"]),
    "by way of the head of a classifier": ("""
  bn: batch_norm
  pool: {op: adaptive_avg_pool2d, size: 1}
  flat: flatten
  fc: {op: linear, out: 5}""", ["adaptive_avg_pool2d", "flatten", "linear"]),
    "before tokens": ("""
  bn: batch_norm
  tokens: {op: rearrange, pattern: "n c h w -> n (h w) c"}
  fc: {op: linear, out: 5, bias: false}""", ["rearrange", "linear"]),
    "layer scale": ("""
  last: {op: rearrange, pattern: "n c h w -> n h w c"}
  fc: {op: linear, out: 5}
  gamma: {op: parameter, shape: [5]}
  scale: {op: mul, in: [fc, gamma]}
  relu: relu""", ["rearrange", "linear", "relu"]),
    "layer scale behind a rearrangement": ("""
  last: {op: rearrange, pattern: "n c h w -> n h w c"}
  fc: {op: linear, out: 5, bias: false}
  first: {op: rearrange, pattern: "n h w c -> n c h w"}
  gamma: {op: parameter, shape: [5, 1, 1]}
  scale: {op: mul, in: [gamma, first]}
  relu: relu""", ["rearrange", "linear", "rearrange", "relu"]),
    "scale and shift after a convolution": ("""
  conv: {op: conv2d, out: 6, kernel: 3, padding: 1, groups: 2, bias: false}
  gamma: {op: parameter, shape: [6, 1, 1]}
  beta: {op: parameter, shape: [1, 6, 1, 1]}
  scale: {op: mul, in: [conv, gamma]}
  shift: {op: add, in: [scale, beta]}
  relu: relu""", ["conv2d", "relu"]),
    "after a transposed convolution": ("""
  conv: {op: conv_transpose2d, out: 6, kernel: 2, stride: 2, groups: 2}
  gamma: {op: parameter, shape: [6, 1, 1]}
  scale: {op: mul, in: [conv, gamma]}
  relu: relu""", ["conv_transpose2d", "relu"]),
    "a learned factor before padding": ("""
  relu: relu
  gamma: {op: parameter, shape: [4, 1, 1]}
  scale: {op: mul, in: [relu, gamma]}
  conv: {op: conv2d, out: 6, kernel: 3, padding: 1}""", ["relu", "conv2d"]),
    "one learned number for all": ("""
  relu: relu
  a: {op: parameter, shape: [1]}
  b: {op: parameter, shape: [1]}
  scale: {op: mul, in: [relu, a]}
  shift: {op: add, in: [scale, b]}
  conv: {op: conv2d, out: 6, kernel: 1, bias: false}""", ["relu", "conv2d"]),
    "a number": ("""
  conv: {op: conv2d, out: 6, kernel: 3}
  scale: {op: scale, factor: 0.5}
  relu: relu""", ["conv2d", "relu"]),
}  # fmt: skip

#: What no layer can take in.
STAYS = {
    "a shift before padding": """
  bn: batch_norm
  conv: {op: conv2d, out: 6, kernel: 3, padding: 1}""",
    "before a transposed convolution": """
  bn: batch_norm
  conv: {op: conv_transpose2d, out: 6, kernel: 2}""",
    "before an activation": """
  bn: batch_norm
  relu: relu
  conv: {op: conv2d, out: 6, kernel: 1}""",
    "read elsewhere too": """
  bn: batch_norm
  conv: {op: conv2d, in: bn, out: 4, kernel: 1}
  sum: {op: add, in: [bn, conv]}""",
    "flattened maps": """
  bn: batch_norm
  flat: flatten
  fc: {op: linear, out: 5}""",
    "the greatest": """
  bn: batch_norm
  pool: {op: adaptive_max_pool2d, size: 1}
  conv: {op: conv2d, out: 6, kernel: 1}""",
    "another dimension": """
  fc: {op: linear, out: 5}
  gamma: {op: parameter, shape: [6, 1]}
  scale: {op: mul, in: [fc, gamma]}
  relu: relu""",
    "a position table": """
  fc: {op: linear, out: 5}
  place: {op: parameter, shape: [6, 5]}
  sum: {op: add, in: [fc, place]}
  relu: relu""",
    "a factor that is shared": """
  gamma: {op: parameter, shape: [6]}
  a: {op: linear, in: x, out: 6}
  one: {op: mul, in: [a, gamma]}
  b: {op: linear, in: one, out: 6}
  two: {op: mul, in: [b, gamma]}
  relu: relu""",
    "a layer that is shared": """
  a: {op: linear, in: x, out: 6}
  gamma: {op: parameter, shape: [6]}
  one: {op: mul, in: [a, gamma]}
  b: {op: linear, in: one, out: 6, tie: a}
  relu: relu""",
    "a wider result": """
  gamma: {op: parameter, shape: [3, 1, 1, 1, 1]}
  conv: {op: conv2d, in: x, out: 4, kernel: 1}
  wide: {op: mul, in: [conv, gamma]}
  relu: relu""",
    "a layer that is an output": """
  conv: {op: conv2d, in: x, out: 4, kernel: 1}
  bn: {op: batch_norm, in: conv}
  relu: relu
outputs: {a: conv, b: relu}""",
}


@pytest.mark.parametrize("name", FOLDED)
def test_maps_fold_into_layers(spec: Spec, name: str) -> None:
    nodes, left = FOLDED[name]
    assert ops(kept(spec(HEAD + nodes.strip("\n")), FoldAffine())) == left


@pytest.mark.parametrize("name", STAYS)
def test_maps_stay_where_no_layer_takes_them_in(spec: Spec, name: str) -> None:
    graph = spec(HEAD + STAYS[name].strip("\n"))
    assert kept(graph, FoldAffine()).nodes == graph.nodes


def test_each_kind_has_a_switch(spec: Spec) -> None:
    graph = spec(
        HEAD
        + """
  bn: batch_norm
  conv: {op: conv2d, out: 6, kernel: 1}
  scale: {op: scale, factor: 2}
"""
    )
    assert ops(kept(graph, FoldAffine(norms=False))) == ["batch_norm", "conv2d"]
    assert ops(kept(graph, FoldAffine(scales=False))) == ["conv2d", "scale"]
    assert kept(graph, FoldAffine(False, False)).nodes == graph.nodes


def test_a_number_leaves_the_name_of_the_product(spec: Spec) -> None:
    made = kept(spec(HEAD + FOLDED["a number"][0]), FoldAffine())
    assert [n.name for n in made.nodes] == ["scale", "relu"]
