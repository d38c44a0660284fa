"""Small detectors and a small segmenter trained on the built-in shapes: writes results/detection.json and pictures.

    python benchmarks/detection.py [gelan_t] [ssd300_vgg16] [unet] [--work DIR]

`results/detection-NAME.png` shows test pictures, what is true beside what the model says. A run that was interrupted is
gone on with where its folder was kept by `--work`.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.training.evaluate import evaluate
from graphwright.training.run import read_metrics
from graphwright.training.train import train

RESULTS = Path(__file__).parent / "results"
DATA = "shapes"


class Row(NamedTuple):
    """A spec, its params, the recipe, and the figure that is wanted."""

    params: dict[str, Any]
    recipe: dict[str, Any]
    figure: str
    goal: float


ROWS: dict[str, Row] = {
    "gelan_t": Row(
        {"classes": 3},
        {"epochs": 40, "batch": 32, "optimizer": "adamw", "lr": 2e-3, "weight_decay": 0.02, "warmup": 2.0, "clip": 10.0,
         "flip": True, "crop": 6, "ema": 0.99, "resize": 64},
        "map50", 0.8,
    ),
    "ssd300_vgg16": Row(
        {"classes": 3, "size": 64, "width": 0.25, "extras": [[1024, 3, 1, 6], [512, 3, 2, 1]],
         "ratios": [[2], [2], [2]], "sides": [11, 18, 27, 40], "steps": [8, 16, 32]},
        {"epochs": 25, "batch": 16, "optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.02, "warmup": 1.0, "clip": 10.0,
         "flip": True, "crop": 6, "ema": 0.99},
        "map50", 0.8,
    ),
    "unet": Row(
        {"classes": 4, "width": 16, "depth": 3},
        {"epochs": 15, "batch": 16, "optimizer": "adamw", "lr": 2e-3, "warmup": 1.0, "flip": True, "crop": 6,
         "ema": 0.99, "resize": 64},
        "mean_iou", 0.8,
    ),
}  # fmt: skip


def measured(name: str, folder: Path) -> dict[str, Any]:
    """Train a row, or go on with it, and say what came of it; its picture is left in the results."""
    row = ROWS[name]
    graph = load(name, row.params)
    began = time.process_time()
    result = train(graph, DATA, folder, {"log_every": 10, "checkpoint_every": 10, **row.recipe}, resume=True)
    seconds = time.process_time() - began
    found = evaluate(folder)
    shutil.copy(folder / "predictions.png", RESULTS / f"detection-{name}.png")
    epochs = [line for line in read_metrics(folder / "metrics.jsonl") if line["kind"] == "epoch"]
    return {
        "spec": name, "params": row.params, "recipe": row.recipe, "data": DATA, "samples": found["samples"],
        "parameters": sum(p.numel() for p in lower(graph, device="meta").parameters()),
        "goal": {row.figure: row.goal}, **{key: value for key, value in found.items() if isinstance(value, float)},
        "classes": found["classes"], "epochs": result.epochs, "processor_seconds": round(seconds, 1),
        f"{row.figure}_by_epoch": [round(line[f"test_{row.figure}"], 4) for line in epochs],
        "device": "cpu", "threads": torch.get_num_threads(), "torch": torch.__version__, "machine": platform.machine(),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help=f"some of: {' '.join(ROWS)}")
    parser.add_argument("--work", type=Path, help="a folder to keep the runs in, so that they can be gone on with")
    options = parser.parse_args()
    torch.set_num_threads(1)
    path = RESULTS / "detection.json"
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.rows or list(ROWS):
            row = measured(name, (options.work or Path(temporary)) / name)
            found = json.loads(path.read_text()) if path.exists() else {}
            path.write_text(json.dumps({**found, name: row}, indent=1) + "\n")
            print(json.dumps({name: row}), flush=True)


if __name__ == "__main__":
    main()
