"""The rules of the linear interpreter, op by op: the identities of a run, at values where functions are delicate."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphwright.analyses.linear.rules import RULES
from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.compiler.places import SpecError
from tests.analyses.systems import check, pictures, small, spec

#: Functions of one number with their arguments; at 0, at saturation and far out.
FUNCTIONS = [
    "relu", "relu6", "leaky_relu", "prelu", "elu", "{op: elu, alpha: 0.5}", "selu", "{op: celu, alpha: 0.7}", "silu",
    "mish", "gelu",
    "{op: gelu, approximate: tanh}", "sigmoid", "tanh", "hardsigmoid", "hardswish", "{op: hardtanh, min: -0.5, max: 2}",
    "softplus", "{op: softplus, beta: 2, threshold: 3}", "softsign", "log_sigmoid",
    "{op: threshold, threshold: 0.5, value: 3}",
    "{op: clamp, min: -1}", "{op: maximum, other: 0.3}", "{op: minimum, other: -0.3}", "square", "abs",
    "exp", "sin", "cos", "erf",
    "{op: pow, other: 3}", "neg", "{op: scale, factor: -2}", "{op: add, other: 1.5}", "{op: sub, other: 1.5}",
    "{op: div, other: 4}",
    "{op: glu, dim: 1}", "{op: formula, in: {a: c}, value: '2 * a * a - sigmoid(a) / 3 + max(a, 0.5)'}",
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_of_one_number(tmp_path: Path, function: str) -> None:
    graph = small(tmp_path, f"  c: {{op: scale, in: x, factor: 1}}\n  y: {function}", "y")
    x = torch.linspace(-12, 12, 288, dtype=torch.float64).reshape(2, 4, 6, 6)
    x[0, 0, 0] = torch.tensor([0.0, 1e-300, -1e-12, 1e-6, -1e-3, 0.019])
    check(graph, x)


TOKENS = "  t: {op: rearrange, in: x, pattern: n c h w -> n (h w) c}\n"
#: Other ops, on x [N, 4, 6, 6].
LAYERS = {
    "same": "  y: {op: conv2d, out: 3, kernel: 3, stride: 2, padding: same, groups: 1}",
    "transposed": "  y: {op: conv_transpose2d, out: 3, kernel: 3, stride: 2, output_padding: 1}",
    "reflected": "  y: {op: conv2d, out: 3, kernel: 3, padding: 1, padding_mode: reflect}",
    "max pool, same": "  y: {op: max_pool2d, kernel: 3, stride: 2, padding: same}",
    "max pool, padded": "  y: {op: max_pool2d, kernel: 3, stride: 2, padding: 1, ceil: true}",
    "adaptive max pool": "  y: {op: adaptive_max_pool2d, size: 4}",
    "average pool": "  y: {op: avg_pool2d, kernel: 3, stride: 2, padding: 1, count_include_pad: false}",
    "largest": "  y: {op: amax, dims: [2, 3], keep: true}",
    "smallest": "  y: {op: min, dims: 1}",
    "largest few": "  a: {op: topk, k: 2, dim: 1}\n  y: {op: scale, in: a.values, factor: 2}",
    "instance norm": "  y: {op: instance_norm, affine: true}",
    "instance norm, tracked": "  y: {op: instance_norm, affine: true, track: true}",
    "group norm": "  y: {op: group_norm, groups: 2}",
    "layer norm": "  y: {op: layer_norm, dims: 2}",
    "layer norm over channels": "  y: {op: layer_norm, dim: 1}",
    "rms norm": "  y: {op: rms_norm, eps: 1e-6}",
    "blend": "  a: {op: tanh, in: x}\n  w: {op: parameter, shape: [1], init: 0.3}\n"
             "  y: {op: lerp, in: {x: x, start: a, weight: w}}",
    "blend, of one": "  y: {op: lerp}",
    "normalize": "  y: {op: normalize, dim: 1}",
    "pad with a constant": "  y: {op: pad, size: [1, 2, 0, 1], value: 0.7}",
    "pad by reflection": "  y: {op: pad, size: [1, 2, 0, 1], mode: reflect}",
    "upsample": "  y: {op: interpolate, scale: 2, mode: bilinear}",
    "joined with a constant": "  p: {op: scale, factor: 0}\n  q: {op: cos, in: p}\n  y: {op: concat, in: [x, q]}",
    "a weight by broadcasting": "  p: {op: parameter, shape: [4, 1, 1]}\n  y: {op: mul, in: [x, p]}",
    "a learned constant": "  p: {op: parameter, shape: [1, 4, 6, 6]}\n  y: {op: sub, in: [p, x]}",
    "quotient": "  s: {op: exp, in: x}\n  y: {op: div, in: [x, s]}",
    "product": "  s: {op: tanh, in: x}\n  y: {op: mul, in: [s, x]}",
    "matrix product": "  t: {op: transpose, in: x}\n  y: {op: matmul, in: [x, t]}",
    "einsum": "  y: {op: einsum, in: [x, x], equation: 'nchw,ndhw->ncd'}",
    "choice": "  m: {op: gt, in: x, other: 0}\n  s: {op: scale, in: x, factor: -3}\n  y: {op: where, in: [m, x, s]}",
    "choice of a number": "  m: {op: gt, in: x, other: 0}\n  y: {op: where, in: [m, x], other: 2}",
    "larger of two": "  s: {op: sin, in: x}\n  y: {op: maximum, in: [x, s]}",
    "causal attention": "  y: {op: attention, in: [x, x, x], causal: true}",
    "windows": """
  a: {op: rearrange, pattern: n c (a p) (b q) -> (n a b) (p q) c, sizes: {p: 3, q: 3}}
  b: {op: linear, out: 5}
  c: relu
  d: {op: unflatten, dim: 0, sizes: [-1, 4]}
  e: {op: transpose, in: d, dims: [0, 1]}
  f: softsign
  y: {op: rearrange, pattern: w n t c -> n (w t c)}""",
    "heads": f"{TOKENS}  y: {{op: multi_head_attention, heads: 2}}",
    "heads over other tokens": f"""{TOKENS}
  s: {{op: slice, in: t, dims: 1, stop: 5}}
  l: {{op: linear, in: s, out: 6}}
  y: {{op: multi_head_attention, in: {{q: t, k: l}}, heads: 2, bias: false}}""",
    "bilinear": "  s: {op: tanh, in: x}\n  y: {op: bilinear, in: [x, s], out: 5}",
    "bilinear in one value": "  y: {op: bilinear, in: [x, x], out: 5}",
    "neighbouring channels": "  y: {op: local_response_norm, size: 3, alpha: 0.5}",
    "neighbouring channels of rows": "  f: {op: flatten, start: 2}\n  y: {op: local_response_norm, size: 2, k: 2}",
    "pool of squares": "  y: {op: lp_pool2d, kernel: 3, stride: 2, ceil: true}",
    "pool of cubes": "  a: square\n  y: {op: lp_pool2d, kernel: 2, p: 3}",
    "length": "  y: {op: norm, dims: [1, 2]}",
    "length by cubes": "  y: {op: norm, dims: 1, p: 3, keep: true}",
    "logarithm": "  a: exp\n  b: {op: add, other: 1}\n  y: log",
    "norm by its parts": """
  a: {op: square, in: x}
  b: {op: mean, dims: 1, keep: true}
  c: {op: add, other: 0.1}
  d: rsqrt
  y: {op: mul, in: [d, x]}""",
    "a negative power": "  a: {op: exp, in: x}\n  b: {op: pow, other: -0.5}\n  y: {op: mul, in: [b, x]}",
    "a reciprocal": "  a: {op: exp, in: x}\n  b: reciprocal\n  y: {op: mul, in: [x, b]}",
    "a root": "  a: {op: exp, in: x}\n  b: {op: pow, other: 0.5}\n  y: {op: mul, in: [b, x]}",
    **{
        f"{cell}{more}": f"{TOKENS}  y: {{op: {cell}, hidden: 3{more}}}"
        for cell in ("lstm", "gru", "rnn")
        for more in ("", ", layers: 2, bias: false, bidirectional: true")
    },
    "rectified steps": f"{TOKENS}  y: {{op: rnn, hidden: 3, activation: relu}}",
    "the last cell": f"""{TOKENS}
  l: {{op: lstm, hidden: 3, layers: 2}}
  p: {{op: permute, in: l.cell, dims: [1, 0, 2]}}
  y: {{op: scale, factor: 2}}""",
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_layers(tmp_path: Path, layer: str) -> None:
    graph = small(tmp_path, LAYERS[layer], "y")
    check(graph, pictures(graph))


LOOP = """
graphwright: 1
name: looped
inputs: {image: [N, 3, %s, 6]}
nodes:
  c: {op: conv2d, out: 4, kernel: 3, padding: 1}
  down: {loop: {over: own, dim: 2, reverse: true}, op: message, in: {own: c}}
  p: {op: mean, dims: [2, 3]}
  y: {op: linear, out: 5}
outputs: {y: y}
blocks:
  message:
    inputs: {own: [N, C, L], heard: [N, C, L]}
    outputs: {heard: sum}
    nodes:
      conv: {op: conv1d, in: heard, out: $C, kernel: 3, padding: 1}
      relu: relu
      sum: {op: add, in: [own, %s]}
"""


def test_a_loop_is_its_body_trip_by_trip(tmp_path: Path) -> None:
    graph = spec(tmp_path, LOOP % (5, "relu"))
    result = check(graph, pictures(graph))
    assert sum("down" in name for name in result.numbers["sources"]) == 5  # in the first, what silence makes


def test_loops_that_cannot_be_taken_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="the number of its trips is free"):
        LinearInterpreter()(spec(tmp_path, LOOP % ("H", "relu")))
    odd = LOOP.replace("relu: relu", "relu: relu\n      odd: {op: prod, in: relu, dims: 1, keep: true}")
    with pytest.raises(SpecError, match=r"in its body, 'odd' \(prod\): it has no linear rule"):
        LinearInterpreter()(spec(tmp_path, odd % (5, "odd")))


def test_every_op_without_a_rule_is_reported_at_once(tmp_path: Path) -> None:
    graph = small(
        tmp_path, "  a: {op: prod, dims: 1, keep: true}\n  b: {op: log_softmax, dim: 1}\n  c: {op: var, dims: 1}", "c"
    )
    with pytest.raises(SpecError) as error:
        LinearInterpreter()(graph)
    messages = [str(p.message) for p in error.value.problems]
    assert [m.split("'")[1] for m in messages] == ["a", "b", "c"]
    assert all(p.place.line for p in error.value.problems)
    assert "rules.py" in str(error.value)


def test_a_softmax_at_the_end_and_mixed_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="does not depend on 'x' through anything linear"):
        LinearInterpreter()(small(tmp_path, "  y: {op: softmax, dim: 1}", "y"))
    with pytest.raises(SpecError, match="does not keep the samples of a batch apart"):
        LinearInterpreter()(small(tmp_path, "  m: {op: mean, dims: 0, keep: true}\n  y: {op: add, in: [x, m]}", "y"))
    with pytest.raises(SpecError, match="fixed batch size"):
        LinearInterpreter()(small(tmp_path, "  y: relu", "y", "[2, 4, 6, 6]"))


def test_the_table_names_ops_of_the_compiler_only() -> None:
    from graphwright.compiler.ops import OPS

    assert {op.name for op in RULES} <= set(OPS)
