"""Sums of convolutions in one: the outputs stay, whatever kernels are summed, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms.fold_batch_norm import FoldBatchNorm
from graphwright.compiler.transforms.fuse_branches import FuseBranches
from graphwright.compiler.transforms.weights import rewrite_weights
from tests.oracles import distance, randomise

Spec = Callable[..., Graph]

BLOCK = """
inputs: {x: [N, 4, H=9, W=11]}
nodes:
%s
  relu: {op: relu, in: sum}
  last: {op: conv2d, out: 3, kernel: 1}
"""

#: Branches of x that one convolution can stand for.
ONE = {
    "repvgg": """
  a: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1, bias: false}
  bn1: {op: batch_norm, eps: 1e-3}
  b: {op: conv2d, in: x, out: 4, kernel: 1, bias: false}
  bn2: batch_norm
  bn3: {op: batch_norm, in: x, affine: false}
  sum: {op: add, in: [bn1, bn2, bn3]}""",
    "smaller first, strides and groups": """
  a: {op: conv2d, in: x, out: 6, kernel: 1, stride: 2, groups: 2}
  b: {op: conv2d, in: x, out: 6, kernel: 5, stride: 2, padding: 2, groups: 2, bias: false}
  sum: {op: add, in: [a, b]}""",
    "a sum of sums, with the input itself": """
  a: {op: conv2d, in: x, out: 4, kernel: [1, 3], padding: [0, 1], groups: 4}
  b: {op: conv2d, in: x, out: 4, kernel: [3, 3], padding: 1, groups: 4}
  some: {op: add, in: [a, b]}
  bn: {op: batch_norm, in: x}
  sum: {op: add, in: [x, some, bn, x]}""",
    "behind identities": """
  a: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1}
  ia: identity
  b: {op: conv2d, in: x, out: 4, kernel: 1, bias: false}
  ib: identity
  ic: {op: identity, in: x}
  sum: {op: add, in: [ia, ib, ic]}""",
    "dilated": """
  a: {op: conv2d, in: x, out: 5, kernel: 5, padding: 4, dilation: 2}
  b: {op: conv2d, in: x, out: 5, kernel: 3, padding: 2, dilation: 2}
  c: {op: conv2d, in: x, out: 5, kernel: 1}
  sum: {op: add, in: [c, b, a]}""",
}

#: Sums that are none: other windows, other readers, other inputs, a term that is no convolution, a plain shortcut.
OTHER = {
    "not centred": """
  a: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1}
  b: {op: conv2d, in: x, out: 4, kernel: 2, padding: 1, dilation: 2}
  sum: {op: add, in: [a, b]}""",
    "read elsewhere": """
  a: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1}
  b: {op: conv2d, in: x, out: 4, kernel: 1}
  sum: {op: add, in: [a, b]}
  more: {op: mul, in: [b, sum]}
  again: {op: add, in: [sum, more]}""",
    "other inputs": """
  first: {op: relu, in: x}
  a: {op: conv2d, in: first, out: 4, kernel: 3, padding: 1}
  b: {op: conv2d, in: x, out: 4, kernel: 1}
  sum: {op: add, in: [a, b]}""",
    "no convolution": """
  a: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1}
  b: {op: relu, in: x}
  sum: {op: add, in: [a, b]}""",
    "a shortcut": """
  a: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1}
  sum: {op: add, in: [a, x]}""",
    "reflected": """
  a: {op: conv2d, in: x, out: 4, kernel: 3, padding: 1, padding_mode: reflect}
  b: {op: conv2d, in: x, out: 4, kernel: 1}
  sum: {op: add, in: [a, b]}""",
}


def fused_outputs(graph: Graph, x: torch.Tensor) -> tuple[Graph, torch.Tensor, torch.Tensor]:
    """The fused graph, its outputs, and those before."""
    module = lower(graph).eval()
    with torch.no_grad():
        randomise(module)
        wanted = module(x)
        fused = verify(FuseBranches()(FoldBatchNorm()(graph)))
        one = lower(fused).eval()
        state = rewrite_weights(fused, module.state_dict())
        one.load_state_dict(state)
        assert all(torch.equal(a, state[k]) for k, a in rewrite_weights(fused, state).items())  # once is enough
        return fused, one(x), wanted


@pytest.mark.parametrize("name", ONE)
def test_one_convolution_in_their_place(spec: Spec, name: str) -> None:
    graph = spec(BLOCK % ONE[name].strip("\n"))
    fused, found, wanted = fused_outputs(graph, torch.randn(2, 4, 9, 11))
    assert [n.op.name for n in fused.nodes] == ["conv2d", "relu", "conv2d"]
    assert distance(found, wanted) < 1e-5
    assert wanted.std() > 0.01
    assert parse(dump(fused)) == fused


@pytest.mark.parametrize("name", OTHER)
def test_what_is_no_such_sum_stays(spec: Spec, name: str) -> None:
    graph = spec(BLOCK % OTHER[name].strip("\n"))
    assert FuseBranches()(graph).nodes == graph.nodes
