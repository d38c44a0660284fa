"""The latch task of "Hopfield Networks is All You Need" (arXiv:2008.02217): `python -m benchmarks.latch`.

As in the authors' example: 4,096 sequences of 32 one-hot characters out of 20, the first of which is one of two and
says the class, the others are of the remaining eighteen; the middle 3,072 are learned from, the rest judges. AdamW at
1e-3, 32 sequences a step, gradients clipped to a norm of 1, 20 epochs. Which sequences they are depends on torch's
generator at seed 43. Results go to `results/latch.json`: accuracy on the other sequences after each epoch.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower

RESULTS = Path(__file__).parent / "results" / "latch.json"
SEQUENCES, INSTANCES, CHARACTERS, HELD_OUT = 4096, 32, 20, 512
EPOCHS, BATCH, RATE = 20, 32, 1e-3
#: The example's second setting of a layer: eight heads that look for three steps.
STEPS: dict[str, Any] = {"hidden": 8, "heads": 8, "steps": 3, "beta": 0.25, "dropout": 0.5}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "Hopfield": ("hopfield_latch", {}),
    "Hopfield, three steps": ("hopfield_latch", STEPS),
    "pooling": ("hopfield_latch_pooling", {}),
    "pooling, three steps": ("hopfield_latch_pooling", STEPS),
    "lookup": ("hopfield_latch_lookup", {}),
}


def sequences() -> tuple[Tensor, Tensor]:
    """One-hot sequences [N, L, C], and 0 or 1 for each: its first character."""
    generator = torch.Generator().manual_seed(43)
    drawn = torch.randint(2, CHARACTERS, (SEQUENCES, INSTANCES), generator=generator)
    labels = torch.randint(0, 2, (SEQUENCES,), generator=generator)
    drawn[:, 0] = labels
    return F.one_hot(drawn, CHARACTERS).float(), labels.float()


def measured(spec: str, params: dict[str, Any]) -> dict[str, Any]:
    """Accuracy by epoch on the sequences held out."""
    torch.manual_seed(42)
    model = lower(load(spec, {"instances": INSTANCES, "characters": CHARACTERS, **params}))
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    inputs, labels = sequences()
    learned = torch.arange(HELD_OUT, SEQUENCES - HELD_OUT)
    held_out = torch.cat([torch.arange(HELD_OUT), torch.arange(SEQUENCES - HELD_OUT, SEQUENCES)])
    start, found = time.perf_counter(), []
    for _ in range(EPOCHS):
        model.train()
        for rows in learned[torch.randperm(len(learned))].split(BATCH):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(model(inputs[rows]), labels[rows]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        model.eval()
        with torch.no_grad():
            found.append(((model(inputs[held_out]) > 0) == labels[held_out].bool()).double().mean().item())
    reached = next((epoch + 1 for epoch, accuracy in enumerate(found) if accuracy == 1.0), None)
    return {
        "spec": spec, "params": params, "parameters": sum(p.numel() for p in model.parameters()),
        "accuracies": found, "all_right_after_epochs": reached, "seconds": round(time.perf_counter() - start, 1),
        "threads": torch.get_num_threads(), "torch": torch.__version__,
    }  # fmt: skip


def main() -> None:
    results = {name: measured(*row) for name, row in ROWS.items()}
    for name, row in results.items():
        print(f"{name:24} last {row['accuracies'][-1]:.4f}  all right after {row['all_right_after_epochs']} epochs")
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
