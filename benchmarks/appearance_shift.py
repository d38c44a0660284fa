"""IBN-a against batch norm where pictures look otherwise than those learned from.

    python -m benchmarks.appearance_shift

scikit-learn's digits at 16 x 16 pixels, of which every fifth is for the test, and the small residual network
`cifar_resnet` with one block a stage; the transform `ibn` takes the first norm of the blocks of all stages but the
last, as arXiv:1807.09441 does. AdamW at 3e-3 falling by a cosine, 15 epochs, three seeds. The pictures of the test are
shown as they are, with less contrast, darker, brighter and inverted; nothing of that is seen in training. Results go
to `results/appearance-shift.json`.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms.ibn import Ibn

RESULTS = Path(__file__).parent / "results" / "appearance-shift.json"
EPOCHS, BATCH, RATE, SEEDS, SIZE = 15, 64, 3e-3, 3, 16
SHIFTS: dict[str, Callable[[Tensor], Tensor]] = {
    "as they are": lambda x: x,
    "contrast 0.3": lambda x: 0.3 * x,
    "gamma 3": lambda x: x**3,
    "brighter by 0.4": lambda x: (x + 0.4).clamp(max=1),
    "inverted": lambda x: 1 - x,
}


def pictures() -> tuple[Tensor, Tensor, Tensor]:
    """Grey pictures [N, 3, 16, 16] from 0 to 1, labels, and which are for the test."""
    bunch = load_digits()
    small = torch.from_numpy(bunch.images / 16).float()[:, None]
    large = F.interpolate(small, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return large.expand(-1, 3, -1, -1), torch.from_numpy(bunch.target).long(), torch.arange(len(large)) % 5 == 0


def graphs() -> dict[str, Graph]:
    """The two networks."""
    plain = load("cifar_resnet", {"depth": 1})
    return {"batch norm": plain, "IBN-a": Ibn("layer[12].*.bn1")(plain)}


def accuracies(graph: Graph, seed: int) -> dict[str, float]:
    """Train, and the share of right answers under each shift."""
    torch.manual_seed(seed)
    model, (images, labels, test) = lower(graph), pictures()
    learned, classes = images[~test], labels[~test]
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.05)
    steps = EPOCHS * -(-len(learned) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(learned)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model((learned[rows] - 0.5) / 0.25), classes[rows]).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        found = {name: model((shift(images[test]) - 0.5) / 0.25).argmax(1) for name, shift in SHIFTS.items()}
    return {name: (guess == labels[test]).double().mean().item() for name, guess in found.items()}


def main() -> None:
    rows = {name: [accuracies(graph, seed) for seed in range(SEEDS)] for name, graph in graphs().items()}
    means = {name: {s: sum(run[s] for run in runs) / SEEDS for s in SHIFTS} for name, runs in rows.items()}
    for shift in SHIFTS:
        print(f"{shift:16}" + "".join(f"  {name} {means[name][shift]:.3f}" for name in means))
    RESULTS.write_text(
        json.dumps({
            "epochs": EPOCHS, "batch": BATCH, "rate": RATE, "means": means, "runs": rows,
            "torch": torch.__version__, "machine": platform.machine(), "threads": torch.get_num_threads(),
        }, indent=1) + "\n", encoding="utf-8",
    )  # fmt: skip


if __name__ == "__main__":
    main()
