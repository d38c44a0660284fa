"""Grad-CAM, Eigen-CAM and integrated gradients against autograd by hand, an SVD, and captum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from graphwright.analyses.eigen_cam import EigenCam
from graphwright.analyses.features import last_map
from graphwright.analyses.grad_cam import GradCam
from graphwright.analyses.integrated_gradients import IntegratedGradients
from graphwright.backends.onnx import export as export_onnx
from graphwright.backends.proof import prove
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import write
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.compiler.transforms.instrument import tap
from graphwright.doors import build

MODELS = {
    "resnet18": ((), 64, "channels first"),
    "densenet121": ((), 64, "channels first"),
    "convnext_tiny": ((("depths", [1, 1, 1, 1]),), 64, "channels first"),
    "vit_tiny_patch16_224": ((("depth", 2),), 224, "tokens"),
    "swin_tiny_patch4_window7_224": ((("depths", [1, 1, 1, 1]),), 224, "channels last"),
    "mixer_s16_224": ((("depth", 2),), 224, "tokens"),
}


def model(name: str) -> tuple[Graph, torch.Tensor]:
    params, size, _ = MODELS[name]
    torch.manual_seed(0)
    return load(name, dict(params)), torch.randn(2, 3, size, size)


def tail(graph: Graph, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The last map and the logits by ordinary autograd: the map is what the gradient is taken at."""
    value = last_map(graph).value
    module = lower(tap(graph.deployed(), {"the_map": value})).eval()
    found = module(images)
    logits = next(v for k, v in found.items() if k != "the_map" and v.ndim == 2)
    return found["the_map"], logits


@pytest.mark.parametrize("name", MODELS)
def test_grad_cam_is_the_formula(name: str) -> None:
    graph, images = model(name)
    features = last_map(graph)
    assert features.layout == MODELS[name][2]
    result = GradCam().run(graph, build, images, torch.tensor([1, 2]))
    activation, logits = tail(graph, images)
    (slope,) = torch.autograd.grad(logits[[0, 1], [1, 2]].sum(), activation)
    if features.layout == "tokens":
        grid = (2, *map(int, features.grid), activation.shape[-1])
        slope, activation = (v[:, features.extra :].reshape(grid) for v in (slope, activation))
    channel, spatial = (1, (2, 3)) if features.layout == "channels first" else (3, (1, 2))
    expected = (slope.mean(spatial, keepdim=True) * activation).sum(channel).relu().detach()
    found = torch.from_numpy(result.arrays["grad_cam"])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6 * float(expected.max()) + 1e-9)
    assert next(law.value for law in result.laws) == 0
    assert all(law.holds for law in result.laws)


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_eigen_cam_is_the_first_singular_direction(name: str, centred: bool) -> None:
    graph, images = model(name)
    result = EigenCam(centred=centred).run(graph, build, images, None)
    activation, _ = tail(graph, images)
    extra = last_map(graph).extra
    rows = (activation.flatten(2).transpose(1, 2) if activation.ndim == 4 else activation[:, extra:]).detach().double()
    rows = rows - rows.mean(1, keepdim=True) if centred else rows
    heat = (rows @ torch.linalg.svd(rows, full_matrices=False)[2][:, 0, :, None])[..., 0]
    heat = heat * torch.sign(heat.gather(1, heat.abs().argmax(1, keepdim=True)))
    found = torch.from_numpy(result.arrays["eigen_cam"]).flatten(1).double()
    assert float((found - heat).abs().max() / heat.abs().max()) < 1e-4
    assert all(law.holds for law in result.laws)


def test_integrated_gradients_is_captums() -> None:
    captum = pytest.importorskip("captum.attr")
    graph = load("digits")
    images = torch.rand(3, *(int(s) for s in graph.inputs[0].type.at({**graph.sizes, "N": 3}).shape[1:]))
    classes = torch.tensor([0, 3, 7])
    result = IntegratedGradients(steps=12, baseline=0.25, parts=1).run(graph, build, images, classes)
    reference = captum.IntegratedGradients(build(graph))
    empty = torch.full_like(images, 0.25)
    expected: Any = reference.attribute(images, empty, classes, n_steps=12, method="gausslegendre")
    found = torch.from_numpy(result.arrays["integrated_gradients"])
    torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=1e-6)


def test_a_path_is_halved_until_the_shares_add_up() -> None:
    graph = load("digits")
    images = torch.rand(2, *(int(s) for s in graph.inputs[0].type.at({**graph.sizes, "N": 2}).shape[1:]))
    whole = IntegratedGradients(steps=2, parts=1, baseline=0.5, tolerance=1e-4).run(graph, build, images, None)
    parted = IntegratedGradients(steps=2, baseline=0.5, tolerance=1e-4).run(graph, build, images, None)
    assert not whole.laws[0].holds
    assert parted.laws[0].holds
    assert max(parted.numbers["parts"]) > 1
    for rise, total in zip(parted.numbers["rise"], parted.numbers["sum"], strict=True):
        assert total == pytest.approx(rise, abs=1e-3)


def test_grad_cam_is_captums() -> None:
    captum = pytest.importorskip("captum.attr")
    graph, images = model("resnet18")
    result = GradCam().run(graph, build, images, torch.tensor([5, 6]))
    module = build(graph)
    reference = captum.LayerGradCam(module, module.get_submodule("layer4.1.bn2"))
    at_norm = GradCam("layer4.1.bn2").run(graph, build, images, torch.tensor([5, 6]))
    expected = reference.attribute(images, torch.tensor([5, 6]), relu_attributions=True)[:, 0]
    torch.testing.assert_close(torch.from_numpy(at_norm.arrays["grad_cam"]), expected, rtol=1e-3, atol=1e-7)
    assert result.arrays["grad_cam"].shape == (2, 2, 2)


@pytest.mark.parametrize("analysis", [GradCam(), EigenCam(), IntegratedGradients(steps=4)], ids=lambda a: a.name)
def test_instrumented_graphs_compile_in_one_piece_and_read_back(analysis: Any, tmp_path: Path) -> None:
    graph = analysis(load("digits"))
    report = prove(graph, "aot_eager", build(graph), steps=1)
    assert (report.graphs, report.graph_breaks, report.recompiles, report.equal) == (1, 0, 0, True)
    path = tmp_path / "instrumented.yaml"
    path.write_text(write(graph))
    again = load(path)
    assert again.nodes == graph.nodes
    assert again.outputs == graph.outputs


def test_a_model_with_its_gradient_exports_to_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    graph = GradCam()(load("digits"))
    report = export_onnx(graph, build(graph), tmp_path / "cam.onnx")  # compares with onnxruntime
    assert report["difference"] < 1e-4
    assert report["free"] == ["H", "N", "W"]


def test_no_map_and_no_scores_are_mistakes() -> None:
    with pytest.raises(SpecError, match="no class scores"):
        GradCam()(load("unet"))
    with pytest.raises(SpecError, match="no node matches 'layer9'"):
        GradCam("layer9")(load("resnet18"))
