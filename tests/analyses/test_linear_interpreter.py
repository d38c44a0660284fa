"""The linear interpreter: the identities of arXiv:1908.05168 in float64, against autograd and dense algebra."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from graphwright.analyses.contract import Build, Result, named
from graphwright.analyses.linear.rules import RULES
from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.backends.onnx import export as export_onnx
from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import write
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.places import SpecError
from tests.oracles import randomise, reference_model

#: Image models of the library: params that make them small, height and width, and options.
MODELS: dict[str, tuple[dict[str, Any], int | None, dict[str, Any]]] = {
    "lenet": ({}, None, {}),
    "digits": ({}, 8, {}),
    "tiny_vgg": ({}, None, {}),
    "cifar_resnet": ({}, 16, {}),
    "resnet18": ({}, 32, {}),
    "resnet50": ({"depths": [1, 1, 1, 1]}, 32, {}),
    "mobilenetv2_050": ({}, 32, {}),
    "densenet121": ({"depths": [2, 2, 2, 2]}, 32, {}),
    "convnext_tiny": ({"depths": [1, 1, 1, 1]}, 32, {}),
    "unet": ({"width": 8}, 32, {}),
    "vit_tiny_patch16_224": ({"depth": 2}, None, {}),
    "mixer_s16_224": ({"depth": 1, "dim": 64}, None, {}),
    "swin_tiny_patch4_window7_224": ({"depths": [1, 2, 1, 1]}, None, {}),
    "nasnet_a_mobile": ({"cells": 1}, None, {}),
    "revcol_tiny": ({"depths": [1, 1, 1, 1]}, 32, {}),
    "yolov9_c": ({}, 64, {"of": "detect.box_cat"}),
}

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


@pytest.mark.parametrize("name", MODELS)
def test_the_library_is_linear_at_a_picture(name: str) -> None:
    params, size, options = MODELS[name]
    graph = load(name, params)
    result = check(graph, pictures(graph, size), **options)
    assert len(result.laws) == 9
    assert result.laws[0].value == 0
    assert max(law.value for law in result.laws) <= 1e-12


def test_float32_within_1e_4() -> None:
    graph = load("resnet18")
    result = LinearInterpreter().run(
        graph, built(graph, torch.float32), pictures(graph, 32, dtype=torch.float32), torch.tensor([3, 5])
    )
    held(result)
    assert result.numbers["places"] == [3, 5]
    assert result.maps["vote"].shape == (2, 32, 32)


def test_an_imported_model() -> None:
    model = reference_model("timm", "tf_efficientnet_lite0", pretrained=False)
    graph, _ = read_module(model, (torch.randn(2, 3, 64, 64),), {}, free={0: (0,)}, train=False)
    check(graph, pictures(graph))


@pytest.mark.parametrize(
    "options", [{}, {"norm": "sigma"}, {"norm": "musigma"}, {"product": "right"}, {"product": "split"}]
)
def test_dense_matrix(tmp_path: Path, options: dict[str, Any]) -> None:
    """Rows by the adjoint are columns by replay; every source alone; the first values of a dense SVD."""
    graph = spec(tmp_path, TOY)
    x = pictures(graph)
    system = LinearInterpreter(**options).map(graph, built(graph), x)
    columns = system.columns(torch.arange(192)[:, None].expand(-1, 2))
    rows, shares = system.rows(torch.arange(5)[:, None].expand(-1, 2))
    dense = columns.permute(1, 2, 0)
    torch.testing.assert_close(rows.flatten(2).transpose(0, 1), dense, rtol=0, atol=1e-13)
    b = system.bias()
    total = torch.einsum("noi,ni->no", dense, x.flatten(1)) + b
    torch.testing.assert_close(total, system.value, rtol=0, atol=1e-13)
    alone = system.bias_of(range(len(system.names)))
    torch.testing.assert_close(alone.permute(2, 1, 0), shares, rtol=0, atol=1e-13)
    torch.testing.assert_close(alone.sum(0), b, rtol=0, atol=1e-13)
    found = system.singular(3)
    torch.testing.assert_close(found.values, torch.linalg.svdvals(dense)[:, :3], rtol=1e-12, atol=0)
    assert found.residual < 1e-12
    assert len(set(system.names)) == len(system.names)


def test_factors_that_stay_linear_differ(tmp_path: Path) -> None:
    """Without a gate among them, left, right and split are three exact readings of a product."""
    layers = "".join(f"  {name}: {{op: conv2d, in: x, out: 4, kernel: 1}}\n" for name in "ab")
    nodes = f"{layers}  c: {{op: mul, in: [a, b]}}"
    graph = small(tmp_path, nodes, "c")
    x = pictures(graph)
    parts = {
        p: LinearInterpreter(product=p).map(graph, built(graph), x).apply(x[None])[0]
        for p in ("left", "right", "split")
    }  # type: ignore[arg-type]
    assert not torch.allclose(parts["left"], parts["right"])
    torch.testing.assert_close((parts["left"] + parts["right"]) / 2, parts["split"], rtol=0, atol=1e-14)


def test_piecewise_linear_networks_have_autograds_jacobian() -> None:
    graph = load("digits")
    x, build = pictures(graph, 8), built(graph)
    module = build(graph.deployed())
    places = torch.arange(10)[:, None].expand(-1, 2)
    for mode in ("interpreter", "tangent"):
        system = LinearInterpreter(mode=mode).map(graph, build, x)  # type: ignore[arg-type]
        rows, _ = system.rows(places)
        for k in range(10):
            (slope,) = torch.autograd.grad(module(x := x.requires_grad_())[:, k].sum(), x)
            torch.testing.assert_close(rows[k], slope, rtol=0, atol=1e-14)


def test_input_x_gradient_of_captum() -> None:
    attr = pytest.importorskip("captum.attr")
    graph = load("digits")
    x, build = pictures(graph, 8), built(graph)
    result = LinearInterpreter().run(graph, build, x, torch.tensor([1, 7]))
    theirs = attr.InputXGradient(build(graph.deployed())).attribute(x, target=torch.tensor([1, 7]))
    torch.testing.assert_close(torch.from_numpy(result.arrays["row"]) * x, theirs, rtol=0, atol=1e-14)


def test_the_tangent_is_the_jacobian_and_not_the_interpreter(tmp_path: Path) -> None:
    graph = spec(tmp_path, TOY)
    x, build = pictures(graph), built(graph)
    held(LinearInterpreter(mode="tangent").run(graph, build, x, None))
    system = LinearInterpreter(mode="tangent").map(graph, build, x)
    module, leaf = build(graph.deployed()), x.clone().requires_grad_()
    # both samples at once: torch's batch norm has a wrong gradient for one sample with some strides
    slopes = [torch.autograd.grad(module(leaf)[:, k].sum(), leaf)[0] for k in range(5)]
    jacobian = torch.stack(slopes, 1)
    rows, _ = system.rows(torch.arange(5)[:, None].expand(-1, 2))
    torch.testing.assert_close(rows.transpose(0, 1), jacobian, rtol=0, atol=1e-12)
    columns = system.columns(torch.arange(192)[:, None].expand(-1, 2)).permute(1, 2, 0)
    torch.testing.assert_close(columns, jacobian.flatten(2), rtol=0, atol=1e-12)
    frozen, _ = LinearInterpreter().map(graph, build, x).rows(torch.arange(5)[:, None].expand(-1, 2))
    assert (frozen - rows).norm() > 0.1 * rows.norm()


def test_without_biases_b_is_nothing_and_the_network_homogeneous(tmp_path: Path) -> None:
    nodes = """
  a: {op: conv2d, out: 8, kernel: 3, bias: false}
  b: relu
  c: {op: max_pool2d, kernel: 2}
  d: {op: leaky_relu, slope: 0.2}
  e: flatten
  f: {op: linear, out: 3, bias: false}"""
    graph = small(tmp_path, nodes, "f")
    x, build = pictures(graph), built(graph)
    system = LinearInterpreter().map(graph, build, x)
    assert system.names == ()
    assert torch.equal(system.bias(), torch.zeros(2, 3, dtype=torch.float64))
    torch.testing.assert_close(build(graph)(2.5 * x), 2.5 * system.apply(x[None])[0], rtol=1e-14, atol=0)
    check(graph, x)


def test_a_wrong_mask_breaks_the_identity(tmp_path: Path) -> None:
    graph = spec(tmp_path, TOY)
    x, build = pictures(graph), built(graph)
    instrumented = LinearInterpreter()(graph)
    (mask,) = (n for n in instrumented.nodes if isinstance(n.op, Formula) and n.op.value == "x > 0")
    wrong = replace(mask, op=replace(mask.op, value="x < 0"))  # type: ignore[call-arg]
    other = instrumented.with_(nodes=tuple(wrong if n is mask else n for n in instrumented.nodes))
    on = torch.ones(instrumented.inputs[-1].type.at({"N": 2, "P": 1}).shape, dtype=torch.float64)  # type: ignore[arg-type]
    right, left = (named(build(g)(x, x[None], on), g) for g in (instrumented, other))
    torch.testing.assert_close(right["response"][0], right["logits"], rtol=0, atol=1e-13)
    assert (left["response"][0] - left["logits"]).abs().max() > 1e-3
    assert torch.equal(left["logits"], right["logits"])


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
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_layers(tmp_path: Path, layer: str) -> None:
    graph = small(tmp_path, LAYERS[layer], "y")
    check(graph, pictures(graph))


def test_every_op_without_a_rule_is_reported_at_once(tmp_path: Path) -> None:
    graph = small(tmp_path, "  a: log\n  b: {op: log_softmax, dim: 1}\n  c: {op: var, dims: 1}", "c")
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


def test_a_part_of_the_network() -> None:
    graph = load("resnet18")
    x, build = pictures(graph, 32), built(graph)
    chosen = LinearInterpreter(start="maxpool", of="layer2")
    span = chosen.span(graph.deployed())
    assert span.of.startswith("layer2.1.")
    assert span.start == "maxpool"
    held(chosen.run(graph, build, x, None))
    assert LinearInterpreter().map(graph, build, x).names[0] == "bn1.shift"
    assert chosen.map(graph, build, x).names[0].startswith("layer1.0.")


def test_a_batch_equals_its_samples(tmp_path: Path) -> None:
    graph = spec(tmp_path, TOY)
    x, build = pictures(graph, count=3), built(graph)
    together = LinearInterpreter().run(graph, build, x, torch.tensor([0, 1, 2]))
    for k in range(3):
        alone = LinearInterpreter().run(graph, build, x[k : k + 1], torch.tensor([k]))
        for name in ("row", "vote", "bias_by_source"):
            torch.testing.assert_close(
                torch.from_numpy(alone.arrays[name][0]), torch.from_numpy(together.arrays[name][k]), rtol=0, atol=1e-14
            )


@pytest.mark.parametrize(
    "options", [{}, {"direction": "rows"}, {"mode": "tangent"}, {"mode": "tangent", "direction": "rows"}]
)
def test_it_compiles_in_one_piece(tmp_path: Path, options: dict[str, Any]) -> None:
    graph = spec(tmp_path, TOY)
    instrumented = LinearInterpreter(**options)(graph)
    module = built(graph)(instrumented)
    given = [pictures(graph)]
    for entry in instrumented.inputs[1:]:
        shape: Any = entry.type.at({**instrumented.sizes, "N": 2, "P": 3}).shape
        given.append(torch.randn(shape, dtype=torch.float64))
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        found, expected = compiled(*given), module(*given)
    for port in expected:
        torch.testing.assert_close(found[port], expected[port], rtol=0, atol=1e-13)


@pytest.mark.parametrize("direction", ["replay", "rows"])
def test_onnx_and_the_written_spec_compute_the_same(tmp_path: Path, direction: str) -> None:
    nodes = """
  a: {op: conv2d, out: 6, kernel: 3, stride: 2, padding: 1}
  b: batch_norm
  c: relu
  d: {op: max_pool2d, kernel: 2, stride: 1}
  e: flatten
  f: {op: linear, out: 3}"""
    graph = small(tmp_path, nodes, "f")
    instrumented = LinearInterpreter(direction=direction)(graph)  # type: ignore[arg-type]
    report = export_onnx(instrumented, lower(instrumented).eval(), tmp_path / "x.onnx")
    assert report["difference"] < 1e-5
    assert {"N", "P"} <= set(report["free"])
    (tmp_path / "again.yaml").write_text(write(instrumented))
    again = load(tmp_path / "again.yaml")
    assert [(n.name, n.op) for n in again.nodes] == [(n.name, n.op) for n in instrumented.nodes]


def test_the_table_names_ops_of_the_compiler_only() -> None:
    from graphwright.compiler.ops import OPS

    assert {op.name for op in RULES} <= set(OPS)
