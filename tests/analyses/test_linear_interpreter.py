"""The linear interpreter: the identities of arXiv:1908.05168 in float64, against autograd and dense algebra."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from graphwright.analyses.contract import named
from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.language.load import load
from graphwright.compiler.ops.formula import Formula
from tests.analyses.systems import TOY, built, check, held, pictures, small, spec
from tests.oracles import reference_model

#: Image models of the library: params that make them small, height and width, and options. `benchmarks/linear_laws.py`
#: has every one at full depth.
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
    "swin_tiny_patch4_window7_224": ({"size": 64, "window": 2, "depths": [1, 2, 1, 1]}, None, {}),
    "revcol_tiny": ({"depths": [1, 1, 1, 1]}, 32, {}),
    "gelan_c": ({}, 64, {"of": "model.22.box.cat"}),
}


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
    leaf = x.clone().requires_grad_()  # captum warns of inputs that it has to mark itself
    theirs = attr.InputXGradient(build(graph.deployed())).attribute(leaf, target=torch.tensor([1, 7])).detach()
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
