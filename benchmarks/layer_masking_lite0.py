"""Layer masking on EfficientNet-Lite0 with its ImageNet weights: the identities bit for bit, and LIME.

    python -m benchmarks.layer_masking_lite0 --spec … --weights … --pictures … --classes … [--count 8] [--samples 512]

The laws are those of `graphwright analyze layer-masking`, at half the 16x16 patches. LIME explains the predicted class
of the first picture that is classified rightly, with superpixels (scikit-image) hidden by layer masking, and by grey;
its weights are compared with Grad-CAM, and by what is left of the class's probability once the superpixels that speak
most for it are hidden, with grey for both, beside as many random ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.imagenet import RESULTS, machine, names_of, options, read_pictures
from benchmarks.masking_accuracy import OURS, saliency, ways
from graphwright.analyses.masking.experiments import Predict, lime
from graphwright.analyses.masking.sources import Labels, superpixels
from graphwright.compiler.language.load import load
from graphwright.doors import analyze

#: Superpixels, how many of them are hidden, and draws of as many random ones.
SEGMENTS, HIDDEN, DRAWS = 100, 20, 16


def left(predict: Predict, image: torch.Tensor, labels: Labels, hidden: np.ndarray[Any, Any], target: int) -> float:
    """The class's probability without these segments."""
    mask = torch.from_numpy(~np.isin(labels, hidden))[None, None]
    with torch.no_grad():
        return float(torch.softmax(predict(image[None], mask), 1)[0, target])


def cosine(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--out", type=Path, default=RESULTS / "layer-masking-lite0.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    graph = load(given.spec)
    images, targets = read_pictures(given.pictures, given.classes, slice(0, given.count))
    laws = analyze("layer-masking", graph, images, weights=given.weights).laws
    classes, heat = saliency(graph, given.weights, images)
    chosen = int((classes == targets).nonzero()[0])
    image, target = images[chosen], int(targets[chosen])
    shown = image.numpy()
    labels = superpixels((shown - shown.min()) / (shown.max() - shown.min()), SEGMENTS)
    count = int(labels.max()) + 1
    means = np.bincount(labels.ravel(), heat[chosen].ravel().astype(np.float64)) / np.bincount(labels.ravel())
    calls = ways(graph, given.weights)
    rng = np.random.default_rng(0)
    whole = left(calls["grey"], image, labels, np.zeros(0), target)
    by_chance = [left(calls["grey"], image, labels, rng.permutation(count)[:HIDDEN], target) for _ in range(DRAWS)]
    found: dict[str, Any] = {}
    for name in (OURS, "grey"):
        weights = lime(calls[name], image, labels, target, given.samples)
        top = np.argsort(-weights)[:HIDDEN]
        found[name] = {
            "cosine_with_grad_cam": round(cosine(weights - weights.mean(), means - means.mean()), 4),
            "probability_without_its_top": round(left(calls["grey"], image, labels, top, target), 4),
            "largest_weights": [round(float(w), 4) for w in np.sort(weights)[::-1][:5]],
        }
        print(name, found[name], flush=True)
    report = {
        "model": "EfficientNet-Lite0", "pictures": given.count, "laws": [law.as_dict() for law in laws],
        "lime": {"picture": names_of(given.classes)[target][1], "segments": count, "samples": given.samples,
                 "hidden": HIDDEN, "seed": 0, "probability": round(whole, 4),
                 "probability_without_as_many_by_chance": round(float(np.mean(by_chance)), 4), **found},
        **machine(),
    }  # fmt: skip
    given.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
