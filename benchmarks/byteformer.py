"""A small ByteFormer told digits by the bytes of their image files, and a linear model of how often each byte occurs.

    python -m benchmarks.byteformer [--encoding TIFF|PNG] [--epochs 8]

The 1797 digits of scikit-learn, 8x8 pixels, each written as a file; files are filled up with -1 to the longest one.
Four fifths are learned from. Results go to `results/byteformer.json`, one entry an encoding.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower

RESULTS = Path(__file__).parent / "results" / "byteformer.json"
SMALL: dict[str, Any] = {
    "classes": 10, "dim": 64, "heads": 2, "kernel": 8, "window": 16, "shift": 8, "max_tokens": 100,
}  # fmt: skip
BATCH, RATE, WARM_UP = 64, 5e-4, 50


def written(pixels: np.ndarray, encoding: str) -> np.ndarray:
    """The bytes of the image's file."""
    file = io.BytesIO()
    Image.fromarray((pixels * 15).astype(np.uint8)).save(file, format=encoding)
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def files(encoding: str) -> tuple[torch.Tensor, torch.Tensor]:
    """All files as int64[N, L], and their digits."""
    images, digits = load_digits(return_X_y=True)
    found = [written(image.reshape(8, 8), encoding) for image in images]
    longest = max(map(len, found))
    rows = [np.pad(file.astype(np.int64), (0, longest - len(file)), constant_values=-1) for file in found]
    return torch.from_numpy(np.stack(rows)), torch.from_numpy(digits)


def histograms(rows: torch.Tensor) -> np.ndarray:
    """How often each byte occurs."""
    counts = F.one_hot(rows % 257, 257)[..., :256].sum(1)
    return counts.double().numpy()


def trained(rows: torch.Tensor, digits: torch.Tensor, learned: torch.Tensor, epochs: int) -> torch.nn.Module:
    """AdamW; the rate rises to `RATE` in `WARM_UP` steps, and then falls on a cosine to zero."""
    model = lower(load("byteformer_tiny", {**SMALL, "length": rows.shape[1]}), seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.05)
    steps = epochs * (len(learned) // BATCH)
    rise = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / WARM_UP, total_iters=WARM_UP)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - WARM_UP)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, fall], [WARM_UP])
    generator = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for batch in learned[torch.randperm(len(learned), generator=generator)].split(BATCH)[: len(learned) // BATCH]:
            loss = F.cross_entropy(model(rows[batch]), digits[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoding", choices=["TIFF", "PNG"], default="TIFF")
    parser.add_argument("--epochs", type=int, default=8)
    given = parser.parse_args()
    rows, digits = files(given.encoding)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))
    learned, held = order[: len(rows) * 4 // 5], order[len(rows) * 4 // 5 :]
    linear = LogisticRegression(max_iter=2000).fit(histograms(rows[learned]), digits[learned].numpy())
    start = time.perf_counter()
    model = trained(rows, digits, learned, given.epochs)
    seconds = round(time.perf_counter() - start)
    with torch.no_grad():
        accuracy = (model(rows[held]).argmax(1) == digits[held]).double().mean().item()
    baseline = float(linear.score(histograms(rows[held]), digits[held].numpy()))
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found[given.encoding] = {
        "bytes": rows.shape[1], "parameters": sum(p.numel() for p in model.parameters()), "epochs": given.epochs,
        "accuracy": round(accuracy, 4), "accuracy of byte histograms": round(baseline, 4), "seconds": seconds,
        "torch": torch.__version__,
    }  # fmt: skip
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found[given.encoding]))


if __name__ == "__main__":
    main()
