"""How accuracy falls while more and more of a picture is masked: layer masking beside five fills.

    python -m benchmarks.masking_accuracy --spec lite0.yaml --weights lite0.safetensors
        --pictures imagenet-sample-256.zip --classes imagenet-classes.tsv [--limit 500] [--found predictions.npz]

EfficientNet-Lite0 (see `benchmarks/imagenet.py`) on ImageNet pictures without a part of their 16x16 patches, taken away
at random or the most salient first (by Grad-CAM of the predicted class). Bands are bootstraps over the pictures.
The shape leak compares a hidden object with the same mask in the wrong place; no object masks are at hand, so the
object is the superpixels (scikit-image) that Grad-CAM is strongest on. Predictions are kept in `--found`, so that a
measurement that was cut short goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.imagenet import RESULTS, machine, options, read_pictures
from graphwright.analyses.grad_cam import MAP, GradCam
from graphwright.analyses.layer_masking import LayerMasking
from graphwright.analyses.masking.experiments import Predict, class_entropy, filled, predicted, wilson
from graphwright.analyses.masking.fills import FILLS
from graphwright.analyses.masking.sources import Mask, patches, ranking, superpixels, without
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.doors import build

Predictions = dict[str, np.ndarray[Any, np.dtype[np.int64]]]
OURS = "layer masking"
#: Pictures between two savings, and the share of the picture that counts as its object.
PART, OBJECT = 25, 0.3


def ways(graph: Graph, weights: Path) -> dict[str, Predict]:
    """All ways to hide a part of a picture."""
    plain = build(graph, weights=weights).to(memory_format=torch.channels_last)
    masked = build(LayerMasking()(graph), weights=weights).to(memory_format=torch.channels_last)

    def turned(call: Callable[..., Any]) -> Predict:
        return lambda images, masks: call(images.contiguous(memory_format=torch.channels_last), masks)

    fills = {name: filled(lambda x: plain(x.contiguous(memory_format=torch.channels_last)), name) for name in FILLS}
    return {OURS: turned(masked), **fills}


def saliency(graph: Graph, weights: Path, images: torch.Tensor) -> tuple[torch.Tensor, np.ndarray[Any, Any]]:
    """The predicted classes, and Grad-CAM of them at the size of the pictures."""
    call, plain = build(GradCam()(graph), weights=weights), build(graph, weights=weights)
    with torch.no_grad():
        classes = plain(images).argmax(1)
    heat = call(images, classes)[MAP].detach()
    return classes, F.interpolate(heat[:, None], size=images.shape[2:], mode="bilinear")[:, 0].numpy()


def objects(images: torch.Tensor, heat: np.ndarray[Any, Any]) -> Mask:
    """True on the superpixels that are salient, until they cover their share of the picture."""
    found = []
    for picture, warm in zip(images.numpy(), heat, strict=True):
        low, high = picture.min(), picture.max()
        labels = superpixels((picture - low) / (high - low), 100)
        ranked = ranking(labels, "most-salient", warm)
        sizes = np.bincount(labels.ravel())[ranked]
        count = int(np.searchsorted(np.cumsum(sizes), OBJECT * labels.size)) + 1
        found.append(np.isin(labels, ranked[:count]))
    return np.stack(found)[:, None]


def answers(graph: Graph, weights: Path, images: torch.Tensor, first: int, given: argparse.Namespace) -> Predictions:
    """The predicted classes of some pictures under every way, order and fraction."""
    whole, heat = saliency(graph, weights, images)
    masks = {}
    labels = patches(224, 224, given.size)
    for order in given.orders:
        ranked = [ranking(labels, order, warm, first + k) for k, warm in enumerate(heat)]
        for fraction in given.fractions:
            masks[f"{order}|{fraction}"] = np.stack([without(labels, of, fraction) for of in ranked])[:, None]
    hidden = objects(images, heat)
    masks["object"], masks["displaced"] = ~hidden, ~np.roll(hidden, (112, 112), (2, 3))
    found: Predictions = {"whole": whole.numpy()}
    for name, predict in ways(graph, weights).items():
        for of, mask in masks.items():
            found[f"{name}|{of}"] = predicted(predict, images, torch.from_numpy(mask), PART).numpy()
    return found


def bands(samples: np.ndarray[Any, Any], drawn: np.ndarray[Any, Any]) -> list[float]:
    """The middle 95 % of the means of resampled pictures; samples [..., N] give one number a picture."""
    return [round(float(v), 4) for v in np.quantile(samples[drawn].mean(1), (0.025, 0.975))]


def summary(found: Predictions, targets: np.ndarray[Any, Any], given: argparse.Namespace) -> dict[str, Any]:
    """Accuracies with their bands, entropies, and paired differences from layer masking."""
    drawn = np.random.default_rng(0).integers(0, len(targets), (2000, len(targets)))
    right = {key: (value == targets).astype(np.float64) for key, value in found.items()}
    orders: dict[str, Any] = {}
    for order in given.orders:
        means = {}
        orders[order] = curves = {}
        for name in (OURS, *FILLS):
            at = [f"{name}|{order}|{f}" for f in given.fractions]
            means[name] = np.mean([right[a] for a in at], axis=0)
            curves[name] = {
                "accuracy": [round(float(right[a].mean()), 4) for a in at],
                "band": [bands(right[a], drawn) for a in at],
                "class_entropy": [round(class_entropy(torch.from_numpy(found[a])), 3) for a in at],
                "unchanged": [round(float((found[a] == found["whole"]).mean()), 4) for a in at],
                "mean_accuracy": round(float(means[name].mean()), 4), "mean_band": bands(means[name], drawn),
            }  # fmt: skip
        for name in FILLS:
            curves[name]["layer_masking_minus_this"] = bands(means[OURS] - means[name], drawn)
    kept = right["whole"] > 0
    leaks = {}
    for name in (OURS, *FILLS):
        gone, moved = right[f"{name}|object"][kept].mean(), right[f"{name}|displaced"][kept].mean()
        leaks[name] = {"object": round(gone, 4), "displaced": round(moved, 4), "ratio": round(gone / moved, 4)}
    return {
        "model": "EfficientNet-Lite0", "pictures": len(targets), "patch": given.size, "fractions": given.fractions,
        "unmasked": {"accuracy": float(right["whole"].mean()), "band": bands(right["whole"], drawn),
                     "class_entropy": round(class_entropy(torch.from_numpy(found["whole"])), 3)},
        "bands": "bootstrap over pictures, 2000 resamples, 95 %", "orders": orders,
        "shape_leak": {"object": f"superpixels that Grad-CAM is strongest on, {OBJECT} of the picture", **leaks},
        "seeds": {"order": "place of the picture", "noise": 0, "bootstrap": 0}, **machine(),
    }  # fmt: skip


def draw(report: dict[str, Any], path: Path) -> None:
    """Accuracy and class entropy against the masked fraction."""
    import matplotlib.pyplot as plt

    orders = report["orders"]
    figure, panels = plt.subplots(2, len(orders), figsize=(4.2 * len(orders), 6), sharex=True, squeeze=False)
    for column, (order, curves) in enumerate(orders.items()):
        for name, curve in curves.items():
            at = [0.0, *report["fractions"]]
            start = report["unmasked"]
            style = {"color": "black", "linewidth": 2.2} if name == OURS else {"linewidth": 1.3}
            (line,) = panels[0][column].plot(at, [start["accuracy"], *curve["accuracy"]], label=name, **style)
            low, high = zip(start["band"], *curve["band"], strict=True)
            panels[0][column].fill_between(at, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
            entropies = [start["class_entropy"], *curve["class_entropy"]]
            panels[1][column].plot(at, entropies, color=line.get_color(), linewidth=style["linewidth"])
        panels[0][column].set_title(f"16x16 patches, {order.replace('-', ' ')}" + " first" * (order != "random"))
        panels[1][column].set_xlabel("masked fraction")
    panels[0][0].set_ylabel("top-1 accuracy")
    panels[1][0].set_ylabel("class entropy (nats)")
    panels[0][-1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--size", type=int, default=16, help="side of a patch in pixels")
    parser.add_argument("--orders", nargs="+", default=["random", "most-salient"])
    parser.add_argument("--fractions", nargs="+", type=float, default=[0.1, 0.3, 0.5, 0.7, 0.9])
    parser.add_argument("--found", type=Path, default=Path("masking-predictions.npz"))
    parser.add_argument("--out", type=Path, default=RESULTS / "masking-accuracy.json")
    parser.add_argument("--picture", type=Path, default=Path("docs/masking-accuracy.png"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    graph = load(given.spec)
    images, targets = read_pictures(given.pictures, given.classes)
    plain, count = build(graph, weights=given.weights).to(memory_format=torch.channels_last), len(images)
    right = int((predicted(lambda x, _: plain(x), images, images) == targets).sum())
    turn = np.random.default_rng(0).permutation(len(images))[: given.limit]
    images, targets = images[turn], targets[turn]
    found: Predictions = dict(np.load(given.found)) if given.found.exists() else {}
    done = len(found["whole"]) if found else 0
    for first in range(done, len(images), PART):
        more = answers(graph, given.weights, images[first : first + PART], first, given)
        found = {k: np.concatenate([found[k], v]) if found else v for k, v in more.items()}
        np.savez(given.found, **found)
        count = len(found["whole"])
        print(count, {k: round(float((found[f"{k}|random|0.5"] == targets.numpy()[:count]).mean()), 3)
                      for k in (OURS, *FILLS)}, flush=True)  # fmt: skip
    report = summary({k: v[: len(images)] for k, v in found.items()}, targets.numpy(), given)
    report["unmasked"]["all_pictures"] = {
        "pictures": count,
        "accuracy": right / count,
        "band": list(wilson(right, count)),
    }
    given.out.write_text(json.dumps(report, indent=1) + "\n")
    draw(report, given.picture)
    print(json.dumps({k: v for k, v in report.items() if k != "orders"}, indent=1))


if __name__ == "__main__":
    main()
