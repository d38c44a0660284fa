"""Lines that are partly hidden, with and without message passing between slices (Spatial CNN, arXiv:1712.06080).

    python -m benchmarks.occluded_lines

Pictures of 40 x 48 pixels in noise, each with two lines from the top to the bottom, three pixels wide and slanted by up
to 12; a band of 18 rows of noise hides them. A small convolutional network tells the lines' pixels, hidden ones too.
One has the four passes of SCNN after its features, the other four convolutions with the same kernels: parameters are
the same, and a pixel sees ten rows and columns around it. 600 steps of Adam, three seeds; counted are hidden pixels
of lines that are found all the same, intersection over union, over all and over hidden pixels, and the average
precision of hidden pixels, which knows no threshold. Results go to `results/occluded-lines.json`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import torch
from sklearn.metrics import average_precision_score
from torch import Tensor, nn
from torch.nn import functional as F

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower

RESULTS = Path(__file__).parent / "results" / "occluded-lines.json"
HEIGHT, WIDTH, BATCH, STEPS, RATE, SEEDS, TESTED = 40, 48, 32, 600, 3e-3, 3, 512
BAND, SLANT = 18, 12
NET = """
graphwright: 1
name: lines
inputs: {image: [N, 1, 40, 48]}
nodes:
  features:
    repeat: {width: [16, 16]}
    nodes:
      conv: {op: conv2d, out: $width, kernel: 3, padding: 1, bias: false}
      norm: batch_norm
      act: relu
  context:
    repeat: {dim: [2, 2, 3, 3], reverse: [false, true, false, true]}
    op: CONTEXT
    dim: $dim
    reverse: $reverse
  out: {op: conv2d, out: 1, kernel: 1}
outputs: {logit: out}
blocks:
  passes:
    params: {dim: int, reverse: bool}
    inputs: {x: [N, C, _, _]}
    nodes:
      weight: {op: parameter, shape: "$([C, C, 1, 9] if dim == 2 else [C, C, 9, 1])", init: {normal: {std: 0.0132}}}
      kernel: {op: squeeze, in: weight, dim: $dim}
      slices: {loop: {over: own, dim: $dim, reverse: $reverse}, op: message, in: {own: x, kernel: kernel}}
  message:
    inputs: {own: [N, C, L], kernel: [C, C, K], heard: [N, C, L]}
    outputs: {heard: sum}
    nodes:
      conv: {op: conv1d, in: {x: heard, weight: kernel}, out: $C, kernel: $K, padding: $(K // 2), bias: false}
      relu: relu
      sum: {op: add, in: [own, relu]}
  convolutions:
    params: {dim: int, reverse: bool}
    inputs: {x: [N, C, _, _]}
    nodes:
      conv: {op: conv2d, out: $C, kernel: "$([1, 9] if dim == 2 else [9, 1])", padding: same, bias: false}
      relu: relu
      sum: {op: add, in: [relu, x]}
"""


def pictures(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures [N, 1, H, W], where the lines are, and what boxes hide, both [N, 1, H, W]."""
    rows = torch.linspace(0, 1, HEIGHT)[None, None, :, None]
    top = torch.rand(count, 2, 1, 1, generator=generator) * (WIDTH - 8) + 4
    slant = (2 * torch.rand(count, 2, 1, 1, generator=generator) - 1) * SLANT
    middle = top * (1 - rows) + (top + slant).clamp(2, WIDTH - 3) * rows
    lines = ((torch.arange(WIDTH) - middle).abs() < 1.5).any(1, keepdim=True)
    first = 6 + torch.rand(count, 1, 1, 1, generator=generator) * (HEIGHT - BAND - 12)
    y = torch.arange(HEIGHT)[:, None] - first
    hidden = ((y >= 0) & (y < BAND)).expand(count, 1, HEIGHT, WIDTH)
    noise = 0.5 * torch.randn(count, 1, HEIGHT, WIDTH, generator=generator)
    return noise + (lines & ~hidden), lines, hidden


def trained(context: str, seed: int) -> nn.Module:
    """The network after its steps, each on new pictures."""
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lines.yaml"
        path.write_text(NET.replace("CONTEXT", context), encoding="utf-8")
        model = lower(load(path), seed=seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        images, lines, _ = pictures(BATCH, generator)
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(images), lines.float()).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def measured(context: str, seed: int) -> dict[str, float]:
    """Intersection over union of the lines, and where they are hidden; and how much of the hidden is found."""
    model = trained(context, seed)
    images, lines, hidden = pictures(TESTED, torch.Generator().manual_seed(1000))
    with torch.no_grad():
        logits = model(images)
    found = logits > 0

    def share(a: Tensor, b: Tensor) -> float:
        return float(a.sum() / b.sum())

    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "iou": share(found & lines, found | lines),
        "hidden iou": share(found & lines & hidden, (found | lines) & hidden),
        "hidden found": share(found & lines & hidden, lines & hidden),
        "hidden average precision": average_precision_score(lines[hidden].numpy(), logits[hidden].numpy()),
    }


def main() -> None:
    rows = {context: [measured(context, seed) for seed in range(SEEDS)] for context in ("passes", "convolutions")}
    means = {c: {k: sum(run[k] for run in runs) / SEEDS for k in runs[0]} for c, runs in rows.items()}
    print(json.dumps(means, indent=1))
    found = {"means": means, "runs": rows, "torch": torch.__version__, "threads": torch.get_num_threads()}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
