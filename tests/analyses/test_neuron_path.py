"""Neuron paths: the identities of the joint score in float64, against autograd by hooks, captum and planted paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from graphwright.analyses.contract import Build, named
from graphwright.analyses.neuron_path import NeuronPath
from graphwright.analyses.paths.interventions import CANDIDATES, SLOPES, edited
from graphwright.analyses.paths.neurons import channels, layers_of
from graphwright.analyses.paths.quadrature import rule
from graphwright.analyses.paths.search import Model
from graphwright.backends.onnx import export as export_onnx
from graphwright.backends.proof import prove
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import write
from graphwright.compiler.lowering.lower import lower
from graphwright.doors import build as built_as_is
from tests.oracles import randomise
from tests.random_graphs import random_graph

TINY = {"size": 16, "patch": 8, "dim": 16, "heads": 2, "mlp_ratio": 2, "classes": 5}

RESIDUAL = """
graphwright: 1
name: residual
inputs: {x: [N, 3, 6]}
nodes:
  fc1a: {op: linear, out: 7}
  acta: gelu
  fc2a: {op: linear, out: 6}
  suma: {op: add, in: [x, fc2a]}
  fc1b: {op: linear, in: suma, out: 9}
  actb: gelu
  fc2b: {op: linear, out: 6}
  sumb: {op: add, in: [suma, fc2b]}
  pool: {op: select, dim: 1, index: 0}
  head: {op: linear, out: 4}
outputs: {logits: head}
"""


def spec(text: str, folder: Path) -> Graph:
    path = folder / "spec.yaml"
    path.write_text(text)
    return load(path)


def vit(depth: int = 3) -> Graph:
    return load("vit_tiny_patch16_224", {**TINY, "depth": depth})


def sharing(graph: Graph, change: Any = None) -> Build:
    """Float64 modules with the same random weights for every graph made from this one."""
    base = lower(graph.deployed()).double().eval()
    randomise(base)
    if change is not None:
        with torch.no_grad():
            change(base)
    state = base.state_dict()

    def build(instrumented: Graph) -> Any:
        module = lower(instrumented).double().eval()
        module.load_state_dict({k: state[k] for k in module.state_dict()})
        return module.requires_grad_(False)

    return build


def ready(graph: Graph, build: Build, count: int = 2, classes: int = 4, size: int = 16, **options: Any) -> Model:
    torch.manual_seed(1)
    shape = graph.inputs[0].type.at({"N": count, "H": size, "W": size}).shape
    return NeuronPath(**options).model(graph, build, torch.randn(*shape, dtype=torch.float64),
                                       torch.arange(count) % classes)  # fmt: skip


# -- the intervention -------------------------------------------------------------------------
MODELS: dict[str, tuple[dict[str, Any], int]] = {
    "vit_tiny_patch16_224": ({**TINY, "depth": 2}, 16),
    "mixer_s16_224": ({"depth": 1, "dim": 32}, 224),
    "swin_tiny_patch4_window7_224": ({"dim": 12, "depths": [1, 1, 1, 1]}, 224),
    "convnext_tiny": ({"depths": [1, 1, 1, 1]}, 32),
    "resnet18": ({}, 32),
    "mobilenetv2_050": ({}, 32),
    "densenet121": ({"depths": [1, 1, 1, 1]}, 32),
    "cifar_resnet": ({"depth": 1}, 16),
    "lenet": ({}, 28),
    "digits": ({}, 8),
}


@pytest.mark.parametrize("name", MODELS)
def test_scale_one_is_the_model_and_zeroing_is_completed(name: str) -> None:
    params, size = MODELS[name]
    graph = load(name, params)
    build = sharing(graph)
    model = ready(graph, build, size=size, quadrature="gauss:12")
    plain = build(graph.deployed())(model.images)
    ones = model.images.new_ones(2, sum(model.widths))
    for held in (0, 1, len(model.layers)):
        assert torch.equal(model.edited(model.images, ones, model.held(held))["logits"], plain)
    paths = torch.stack([torch.randint(0, w, (2,)) for w in model.widths], 1)
    fall = model.chance(ones) - model.chance(1 - model.units(paths), len(model.layers))
    torch.testing.assert_close(model.joint(paths), fall, rtol=1e-3, atol=1e-4 * float(model.chance(ones).max()))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_scale_one_is_the_model_on_random_graphs(seed: int) -> None:
    graph = random_graph(seed, 8).deployed()
    if not channels(graph):
        return
    layers = layers_of(graph, "op:relu", "all")
    made = edited(graph, layers, "neuron-path")
    build = sharing(graph)
    inputs = [torch.randn(*e.type.at({"N": 2}).shape, dtype=torch.float64) for e in graph.inputs]
    ones = torch.ones(2, sum(x.width for x in layers), dtype=torch.float64)
    for flags in (torch.zeros, torch.ones):
        held = flags(2, len(layers), dtype=torch.bool)
        found = named(build(made)(*inputs, ones, held), made)
        plain = named(build(graph)(*inputs), graph)
        assert all(torch.equal(found[port], plain[port]) for port in plain)


def test_completeness_in_float64() -> None:
    graph = vit()
    model = ready(graph, sharing(graph), quadrature="gauss:20")
    paths = torch.tensor([[1, 2, 3], [30, 20, 10]])
    ones = model.images.new_ones(2, sum(model.widths))
    fall = model.chance(ones) - model.chance(1 - model.units(paths), 3)
    assert float(fall.abs().min()) > 1e-6
    assert float((model.joint(paths) - fall).abs().max()) < 1e-12


@pytest.mark.parametrize("places", ["class", "patches", "all"])
def test_removal_is_a_hook_that_writes_zeros(places: Any) -> None:
    graph = vit()
    build = sharing(graph)
    model = ready(graph, build, places=places)
    paths = torch.tensor([[4, 5, 6], [7, 8, 9]])
    where = {"class": slice(0, 1), "patches": slice(1, None), "all": slice(None)}[places]
    module = build(graph.deployed())
    for k in range(3):
        module.get_submodule(f"blocks.{k}.mlp.fc2").register_forward_pre_hook(_zeroing(paths[:, k], where))
    expected = torch.softmax(module(model.images), 1)
    torch.testing.assert_close(model.chances(1 - model.units(paths)), expected, rtol=1e-12, atol=1e-14)


def _zeroing(neurons: torch.Tensor, where: slice) -> Any:
    def hook(_: nn.Module, given: Any) -> Any:
        value = given[0].clone()
        for n, i in enumerate(neurons):
            value[n, where, i] = 0
        return (value,)

    return hook


def test_a_neuron_that_nothing_reads_can_go() -> None:
    def cut(base: Any) -> None:
        base.get_submodule("blocks.1.mlp.fc2").weight[:, 3] = 0

    graph = vit()
    model = ready(graph, sharing(graph, cut))
    scale = model.images.new_ones(2, sum(model.widths))
    scale[:, model.widths[0] + 3] = 0
    assert torch.equal(model.chance(scale), model.chance(torch.ones_like(scale)))


# -- the scores -------------------------------------------------------------------------------
def by_hooks(module: Any, images: torch.Tensor, targets: torch.Tensor, steps: int, where: slice) -> Any:
    """The published algorithm, written down again from its description, one picture at a time."""
    found = [published(module, image, int(target), steps, where) for image, target in zip(images, targets, strict=True)]
    return torch.tensor([path for path, _ in found]), torch.stack([score for _, score in found])


def published(
    module: Any, image: torch.Tensor, target: int, steps: int, where: slice
) -> tuple[list[int], torch.Tensor]:
    """Path and score of a picture, with hooks and autograd: rows of layers are leaves that overwrite what is there."""
    readers = [m for name, m in module.named_modules() if name.endswith("mlp.fc2")]
    ramp = torch.arange(steps, dtype=image.dtype)[:, None] / steps
    clean: list[torch.Tensor] = []
    hooks = [r.register_forward_pre_hook(lambda _, y: clean.append(y[0][0, where])) for r in readers]
    module(image[None])
    [h.remove() for h in hooks]

    def slopes(rows: list[torch.Tensor]) -> list[torch.Tensor]:
        leaves = [r.detach().requires_grad_() for r in rows]
        hooks = [r.register_forward_pre_hook(_row(leaf, where)) for r, leaf in zip(readers, leaves, strict=False)]
        chance = torch.softmax(module(image.expand(steps, *image.shape)), 1)[:, target]
        [h.remove() for h in hooks]
        return [g.mean(0) for g in torch.autograd.grad(chance.sum(), leaves)]

    def row(layer: int, neuron: int) -> torch.Tensor:
        value = clean[layer].expand(steps, -1, -1).clone()
        value[:, :, neuron] *= ramp
        return value

    def sums(found: list[torch.Tensor]) -> list[torch.Tensor]:
        """Of slopes and of values over the path so far, at each token."""
        empty = torch.zeros(len(clean[0]), dtype=image.dtype)
        return [sum((v[:, i] for v, i in zip(values, path, strict=False)), empty) for values in (found, clean)]

    path: list[int] = []
    for layer in range(len(clean)):
        found = slopes([*(row(k, i) for k, i in enumerate(path)), clean[layer] * ramp[:, :, None]])
        slope, value = sums(found)
        path.append(int(((found[-1] + slope[:, None]) * (clean[layer] + value[:, None])).sum(0).argmax()))
    slope, value = sums(slopes([row(k, i) for k, i in enumerate(path)]))
    return path, (slope * value).sum()


def _row(leaf: torch.Tensor, where: slice) -> Any:
    def hook(_: nn.Module, given: Any) -> Any:
        value = given[0].clone()
        value[:, where] = leaf
        return (value,)

    return hook


@pytest.mark.parametrize("places", ["class", "patches"])
def test_official_is_the_published_algorithm(places: Any) -> None:
    graph = vit()
    build = sharing(graph)
    analysis = NeuronPath(score="official", places=places)
    model = ready(graph, build, count=3, score="official", places=places)
    found = analysis.find(model)
    where = slice(0, 1) if places == "class" else slice(1, None)
    module = build(graph.deployed())
    paths, scores = by_hooks(module, model.images, model.targets, 20, where)
    assert found.paths.tolist() == paths.tolist()
    torch.testing.assert_close(model.joint(found.paths), scores, rtol=1e-10, atol=1e-14)
    fast = NeuronPath(score="official", places=places, quadrature="left:20/8").model(
        graph, build, model.images, model.targets
    )
    assert torch.equal(NeuronPath(score="official").find(fast).paths, found.paths)
    torch.testing.assert_close(fast.joint(found.paths), scores, rtol=1e-6, atol=1e-10)


def test_one_neuron_has_one_score() -> None:
    graph = vit(1)
    build = sharing(graph)
    for neuron in (0, 17):
        path = torch.full((2, 1), neuron)
        scores = [ready(graph, build, score=s, quadrature="gauss:8").joint(path) for s in ("complete", "official")]
        torch.testing.assert_close(*scores, rtol=1e-12, atol=1e-15)


def test_closed_form_of_a_logistic_model(tmp_path: Path) -> None:
    graph = spec("{graphwright: 1, name: logistic, inputs: {x: [N, 3]}, nodes: {fc1: {op: linear, out: 6}, act: relu,"
                 " fc2: {op: linear, out: 2}}, outputs: {logits: fc2}}", tmp_path)  # fmt: skip
    build = sharing(graph)
    model = ready(graph, build, count=4, classes=2, quadrature="gauss:20")
    hidden = model.clean()
    weight = build(graph.deployed()).get_submodule("fc2").weight
    logits = build(graph.deployed())(model.images)
    z = (logits[:, 0] - logits[:, 1]) * (1 - 2 * model.targets)
    for i in range(6):
        d = hidden[:, i] * (weight[0, i] - weight[1, i]) * (1 - 2 * model.targets)
        expected = torch.sigmoid(z) - torch.sigmoid(z - d)
        torch.testing.assert_close(model.joint(torch.full((4, 1), i)), expected, rtol=1e-10, atol=1e-13)


def test_shares_of_a_layer_are_captums(tmp_path: Path) -> None:
    captum = pytest.importorskip("captum.attr")
    graph = spec(RESIDUAL, tmp_path)
    build = sharing(graph)
    model = ready(graph, build, quadrature="gauss:8", layers="actb")
    module = build(graph.deployed())
    seen: list[torch.Tensor] = []
    hooks = [
        module.get_submodule(n).register_forward_pre_hook(lambda _, x: seen.append(x[0])) for n in ("fc1b", "fc2b")
    ]
    module(model.images)
    [h.remove() for h in hooks]
    before, act = seen

    def tail(units: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
        value = module.get_submodule("fc2b")(units) + rest
        return torch.softmax(module.get_submodule("head")(value[:, 0]), 1)

    empty = act.clone()
    empty[:, 0] = 0
    expected = captum.IntegratedGradients(tail).attribute(
        act, empty, model.targets, (before,), n_steps=8, method="gausslegendre"
    )  # fmt: skip
    ones = torch.ones(2, 9, dtype=torch.float64)
    found = model.score(torch.zeros_like(ones), ones, 1)
    torch.testing.assert_close(found[SLOPES], expected[:, 0], rtol=1e-6, atol=1e-9)  # its points are single precision
    assert torch.equal(found[CANDIDATES], found[SLOPES])


# -- compiled, written, exported --------------------------------------------------------------
@pytest.mark.parametrize("options", [{"quadrature": "gauss:2"}, {"score": "official", "quadrature": "left:3"}])
def test_graphs_compile_in_one_piece_and_read_back(options: dict[str, Any], tmp_path: Path) -> None:
    analysis, model = NeuronPath(**options), vit(1)
    for k, graph in enumerate((analysis(model), analysis.edited(model), analysis.influenced(model))):
        report = prove(graph, "aot_eager", built_as_is(graph), steps=1)
        assert (report.graphs, report.graph_breaks, report.recompiles, report.equal) == (1, 0, 0, True)
        path = tmp_path / f"{k}.yaml"
        path.write_text(write(graph))
        again = load(path)
        assert (again.nodes, again.outputs) == (graph.nodes, graph.outputs)


def test_a_whole_search_compiles_once() -> None:
    graph, compiled = vit(2), []

    def compile_(instrumented: Graph) -> Any:
        def count(module: Any, _: Any) -> Any:
            compiled.append(instrumented.outputs)
            return module.forward

        torch._dynamo.reset()
        return torch.compile(built_as_is(instrumented), backend=count, fullgraph=True, dynamic=False)

    images, targets = torch.randn(2, 3, 16, 16), torch.tensor([0, 1])
    with torch.no_grad():
        analysis = NeuronPath(quadrature="gauss:2")
        model = analysis.model(graph, compile_, images, targets)
        found = analysis.find(model)
        plain = analysis.find(analysis.model(graph, built_as_is, images, targets))
    assert len(compiled) == 1
    assert torch.equal(found.paths, plain.paths)


@pytest.mark.parametrize("options", [{"quadrature": "gauss:2"}, {"score": "official", "quadrature": "left:3"}])
def test_onnxruntime_gives_the_same_numbers(options: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    graph = NeuronPath(**options)(spec(RESIDUAL, tmp_path))
    report = export_onnx(graph, built_as_is(graph), tmp_path / "path.onnx")  # compares with onnxruntime
    assert report["difference"] < 1e-5
    assert report["free"] == ["N"]


def test_quadrature() -> None:
    gauss = rule("gauss:4")
    assert abs(sum(w * p**7 for p, w in zip(gauss.points, gauss.weights, strict=True)) - 1 / 8) < 1e-15
    for function in (np.exp, np.cos, lambda p: 1 / (1 + np.exp(4 - 6 * p))):
        left, through = (sum(w * function(p) for p, w in zip(r.points, r.weights, strict=True))
                         for r in (rule("left:20"), rule("left:20/10")))  # fmt: skip
        assert abs(left - through) < 1e-5
    assert rule("left:3").points == (0.0, 1 / 3, 2 / 3)
