"""Train shipped specs on small data sets and write what they reach to results/accuracy.json.

    python benchmarks/accuracy.py [digits] [mnist] [cifar10]

MNIST and CIFAR-10 are read from the shared folder, `../shared/data` or `$GRAPHWRIGHT_SHARED/data`.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

from graphwright.compiler.language.load import load
from graphwright.training.train import train

SHARED = Path(os.environ.get("GRAPHWRIGHT_SHARED", Path(__file__).parents[2] / "shared")) / "data"
RESULTS = Path(__file__).parent / "results" / "accuracy.json"


class Row(NamedTuple):
    """A spec, its params, data, the recipe where it differs from the spec's own, and the accuracy that is wanted."""

    spec: str
    params: dict[str, Any]
    data: str
    recipe: dict[str, Any]
    goal: float


ROWS: dict[str, Row] = {
    "digits": Row("digits", {}, "digits", {}, 0.98),
    "mnist": Row(
        "lenet", {"activation": "relu"}, f"mnist:{SHARED / 'mnist'}",
        {"epochs": 8, "batch": 128, "lr": 3e-3, "crop": 2, "ema": 0.995, "log_every": 100}, 0.992,
    ),
    "cifar10": Row(
        "cifar_resnet", {"depth": 1}, f"cifar10:{SHARED / 'cifar10-jpeg.zip'}",
        {"epochs": 10, "batch": 128, "optimizer": "sgd", "lr": 0.2, "weight_decay": 5e-4, "crop": 4, "flip": True,
         "ema": 0.99, "log_every": 100}, 0.90,
    ),
}  # fmt: skip


def measured(name: str) -> dict[str, Any]:
    """Train a row and say what came of it."""
    row = ROWS[name]
    with tempfile.TemporaryDirectory() as folder:
        result = train(load(row.spec, row.params), row.data, Path(folder) / "run", row.recipe)
    return {
        "spec": row.spec, "params": row.params, "recipe": row.recipe, "goal": row.goal,
        "accuracy": result.accuracy, "loss": result.loss, "epochs": result.epochs, "seconds": round(result.seconds, 1),
        "device": "cuda" if torch.cuda.is_available() else "cpu", "threads": torch.get_num_threads(),
        "torch": torch.__version__, "machine": platform.machine(),
    }  # fmt: skip


def main() -> None:
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in sys.argv[1:] or list(ROWS):
        found[name] = measured(name)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps({name: found[name]}), flush=True)


if __name__ == "__main__":
    main()
