"""The prototype network told digits apart, and what its prototypes are: `python -m benchmarks.prototypes [mnist]`.

The 1797 digits of scikit-learn, 8x8 pixels, of which four fifths are learned from; or 10,000 digits of MNIST, 28x28,
from the shared folder, `../shared/data` or `$GRAPHWRIGHT_SHARED/data`. Adam at 2e-3 as in the paper, without its
elastic deformations. A prototype is decoded, and its picture compared with the pictures learned from: whether the
nearest ones are all of one class. Results go to `results/prototypes.json`, one entry a data set.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.training.data.idx import read

SHARED = Path(os.environ.get("GRAPHWRIGHT_SHARED", Path(__file__).parents[2] / "shared")) / "data"
RESULTS = Path(__file__).parent / "results" / "prototypes.json"
#: Epochs, and samples of a step.
RECIPES = {"digits": (120, 100), "mnist": (30, 250)}
LEARNED, NEAREST, RATE = 10_000, 5, 2e-3


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures from 0 to 1 and labels, to learn from and to test with; every fifth is for the test."""
    bunch = load_digits()
    pictures = torch.from_numpy(bunch.images / 16).float()[:, None]
    labels, test = torch.from_numpy(bunch.target).long(), torch.arange(len(bunch.target)) % 5 == 0
    return pictures[~test], labels[~test], pictures[test], labels[test]


def mnist() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The first pictures of MNIST, and all of its test part."""
    parts = read(str(SHARED / "mnist"))
    assert parts.test is not None
    learned, test = (part.items for part in (parts.train, parts.test))
    assert isinstance(learned, Tensor)
    assert isinstance(test, Tensor)
    return learned[:LEARNED] / 255, parts.train.classes[:LEARNED], test / 255, parts.test.classes


def trained(pictures: Tensor, labels: Tensor, epochs: int, batch: int) -> nn.Module:
    """The training graph after Adam at a constant rate."""
    torch.manual_seed(0)
    graph = load("prototypes_mnist", {"size": pictures.shape[-1]})
    model = lower(graph, cone="train")
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    for _ in range(epochs):
        for rows in torch.randperm(len(pictures)).split(batch):
            losses = model(pictures[rows], labels[rows])["losses"]
            loss = torch.stack([term.weight * losses[term.name] for term in graph.losses]).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def measured(name: str) -> dict[str, Any]:
    """Accuracy, the loss terms on the test part, and the classes of the pictures nearest to each decoded prototype."""
    pictures, labels, test, wanted = digits() if name == "digits" else mnist()
    epochs, batch = RECIPES[name]
    start = time.perf_counter()
    model = trained(pictures, labels, epochs, batch)
    with torch.no_grad():
        found = model(test, wanted)
    cases = found["outputs"]["cases"].flatten(1)
    nearest = torch.cdist(cases, pictures.flatten(1)).topk(NEAREST, largest=False).indices
    classes = labels[nearest]
    pure = (classes == classes[:, :1]).all(1)
    return {
        "learned": len(pictures), "test": len(test), "epochs": epochs, "batch": batch, "rate": RATE,
        "accuracy": (found["outputs"]["logits"].argmax(1) == wanted).double().mean().item(),
        "losses": {term: value.item() for term, value in found["losses"].items()},
        "nearest": NEAREST, "classes_of_nearest": classes.tolist(),
        "prototypes_whose_nearest_share_a_class": int(pure.sum()), "prototypes": len(cases),
        "classes_among_them": len(classes[pure][:, 0].unique()),
        "seconds": round(time.perf_counter() - start, 1), "torch": torch.__version__,
    }  # fmt: skip


def main() -> None:
    """Run the data sets named, or the digits, and keep the other entries."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in sys.argv[1:] or ["digits"]:
        results[name] = measured(name)
        print(name, json.dumps(results[name]))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
