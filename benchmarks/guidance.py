"""What a guide does for a deep fully connected network on CIFAR-10: writes results/guidance.json and guidance.svg.

    python benchmarks/guidance.py [ARM ...] [--work DIR]

Arms: no guide; an untrained residual network as the guide; the same one trained; and as a control the untrained one
that is shown the batch in another order, so that only the extra term is left of it. The same seeds, data and recipe for
all; CIFAR-10 is read from the shared folder, `../shared/data` or `$GRAPHWRIGHT_SHARED/data`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import torch

from graphwright.compiler.language.load import load
from graphwright.training.data.source import open_data
from graphwright.training.data.split import Want, adapt
from graphwright.training.run import read_metrics
from graphwright.training.train import train

SHARED = Path(os.environ.get("GRAPHWRIGHT_SHARED", Path(__file__).parents[2] / "shared")) / "data"
RESULTS = Path(__file__).parent / "results"
#: Pictures of each class that are trained on, and tested on.
TRAINED, TESTED = 1000, 300
TARGET = {"size": 32, "first": 256, "width": 256, "depth": 20, "classes": 10}
GUIDE = {"depth": 1, "width": 8}
RECIPE: dict[str, Any] = {"epochs": 5, "batch": 128, "lr": 1e-3, "weight_decay": 0.01, "flip": True, "log_every": 1000}
GUIDE_RECIPE: dict[str, Any] = {
    "epochs": 6, "batch": 128, "optimizer": "adamw", "lr": 4e-3, "weight_decay": 0.02, "crop": 0, "flip": True,
    "log_every": 1000,
}  # fmt: skip
SEEDS = (0, 1, 2)


def arms(trained: Path) -> dict[str, dict[str, Any] | None]:
    """The `guidance` of each arm."""
    untrained = {"guide": "cifar_resnet", "params": GUIDE}
    return {
        "none": None,
        "untrained": untrained,
        "trained": {"guide": str(trained)},
        "shuffled": {**untrained, "feed": "shuffled"},
    }


def subset(folder: Path) -> str:
    """The first pictures of each class as one file of arrays, so that JPEGs are decoded once."""
    parts, arrays = open_data(f"cifar10:{SHARED / 'cifar10-jpeg.zip'}", 0.2), {}
    assert parts.test is not None
    for word, part, count in (("train", parts.train, TRAINED), ("test", parts.test, TESTED)):
        rows = torch.cat([(part.labels == k).nonzero()[:count, 0] for k in range(10)])
        split = adapt(part, Want((3, 32, 32), torch.float32), 1, lambda done, total: None)
        arrays[f"x_{word}"] = split.read(rows).permute(0, 2, 3, 1).numpy()
        arrays[f"y_{word}"] = part.labels[rows].numpy()
    np.savez(folder / "cifar.npz", **arrays)
    return f"npz:{folder / 'cifar.npz'}"


def measured(folder: Path, data: str, guidance: dict[str, Any] | None, seed: int) -> dict[str, Any]:
    """One run: its accuracy and alignment after every epoch."""
    recipe = {**RECIPE, "seed": seed, **({"guidance": guidance} if guidance else {})}
    result = train(load("deep_fcn", TARGET), data, folder, recipe)
    lines = [line for line in read_metrics(folder / "metrics.jsonl") if line["kind"] == "epoch"]
    keys = [key for key in ("accuracy", "test_accuracy", "guidance") if key in lines[0]]
    curves = {f"{key}_by_epoch": [round(line[key], 5) for line in lines] for key in keys}
    return {"seed": seed, "test_accuracy": result.accuracy, "seconds": round(result.seconds, 1), **curves}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("arms", nargs="*", help="some of: none untrained trained shuffled")
    parser.add_argument("--work", type=Path, help="a folder to keep data and guide in, so that it can be gone on with")
    options = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = options.work or Path(name)
        folder.mkdir(exist_ok=True)
        data = f"npz:{folder / 'cifar.npz'}" if (folder / "cifar.npz").exists() else subset(folder)
        guide = train(load("cifar_resnet", GUIDE), data, folder / "guide", GUIDE_RECIPE, resume=True)
        found: dict[str, Any] = {
            "target": {"spec": "deep_fcn", **TARGET}, "recipe": RECIPE,
            "guide": {"spec": "cifar_resnet", **GUIDE, "accuracy_trained": guide.accuracy, "recipe": GUIDE_RECIPE},
            "data": {"name": "CIFAR-10", "trained": 10 * TRAINED, "tested": 10 * TESTED}, "device": "cpu",
            "machine": platform.machine(), "threads": 1, "torch": torch.__version__,
        }  # fmt: skip
        runs = found["runs"] = before(found)
        for seed in SEEDS:
            for arm, guidance in arms(folder / "guide").items():
                done = [row["seed"] for row in runs.get(arm, [])]
                if arm in (options.arms or [arm]) and seed not in done:
                    with tempfile.TemporaryDirectory() as place:
                        runs.setdefault(arm, []).append(measured(Path(place) / "run", data, guidance, seed))
                    (RESULTS / "guidance.json").write_text(json.dumps(found, indent=1) + "\n")
                    draw(runs, RESULTS / "guidance.svg")
                    print(json.dumps({arm: runs[arm][-1]}), flush=True)
    print(table(runs))


def before(settings: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What was measured earlier with the same settings."""
    path = RESULTS / "guidance.json"
    held = json.loads(path.read_text()) if path.exists() else {}
    runs: dict[str, list[dict[str, Any]]] = held.pop("runs", {})
    return runs if held == json.loads(json.dumps(settings)) else {}


def table(runs: dict[str, list[dict[str, Any]]]) -> str:
    """Test accuracy of every arm, mean and deviation over the seeds, after the first, the middle and the last epoch."""
    lines = ["| guide | first epoch | half way | end |", "| --- | --- | --- | --- |"]
    for arm, rows in runs.items():
        epochs = len(rows[0]["test_accuracy_by_epoch"])
        cells = []
        for epoch in (0, epochs // 2 - 1, epochs - 1):
            values = [100 * row["test_accuracy_by_epoch"][epoch] for row in rows]
            cells.append(f"{statistics.mean(values):.1f} ± {statistics.stdev(values) if len(values) > 1 else 0:.1f}")
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(runs: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Test accuracy by epoch, a line for each seed."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for colour, (arm, rows) in zip(plt.rcParams["axes.prop_cycle"].by_key()["color"], runs.items(), strict=False):
        for k, row in enumerate(rows):
            values = [100 * a for a in row["test_accuracy_by_epoch"]]
            axes.plot(range(1, len(values) + 1), values, color=colour, label=None if k else f"guide: {arm}")
    axes.set(xlabel="epoch", ylabel="test accuracy, %")
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    main()
