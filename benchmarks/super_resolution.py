"""First singular vectors of a super-resolution network, as the linear system that it is at one picture.

    python -m benchmarks.super_resolution --pictures imagenet-sample-256.zip [--steps 2000]

Trains `super_resolution.yaml` (grey, x2, low resolution by area) on crops of the pictures, without the last 50, which
it is tested on. At test crops of 24x24 the frozen map (48x48 from 24x24 pixels) is asked for its singular vectors.
A wavelet is local, has no mean, and oscillates in a band: so for each vector is measured the share of places that hold
90 % of its energy, its mean against its mean absolute value, and its mean frequency and bandwidth (in cycles a pixel).
The control is the same for the bilinear interpolation that the network corrects, whose map is the same everywhere.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from benchmarks.imagenet import RESULTS, machine
from graphwright.analyses.linear.operator import Singular
from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.doors import build

SPEC = Path(__file__).with_suffix(".yaml")
SIDE, TEST = 48, 50


def greys(path: Path) -> list[torch.Tensor]:
    """The pictures as luminance [H, W] from 0 to 1."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".jpg"))
        return [
            torch.from_numpy(np.asarray(Image.open(io.BytesIO(archive.read(n))).convert("L"), dtype=np.float32) / 255)
            for n in names
        ]


def crops(pictures: list[torch.Tensor], count: int, generator: torch.Generator) -> torch.Tensor:
    """Random squares [count, 1, SIDE, SIDE]."""
    found = []
    for _ in range(count):
        picture = pictures[int(torch.randint(len(pictures), (), generator=generator))]
        top, left = (int(torch.randint(s - SIDE + 1, (), generator=generator)) for s in picture.shape)
        found.append(picture[top : top + SIDE, left : left + SIDE])
    return torch.stack(found)[:, None]


def trained(graph: Graph, pictures: list[torch.Tensor], steps: int, seed: int) -> torch.nn.Module:
    model = lower(graph, seed=seed)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        high = crops(pictures, 16, generator)
        loss = F.l1_loss(model(F.avg_pool2d(high, 2)), high)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 250 == 0:
            print(step, loss.item(), flush=True)
    return model


def psnr(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return -10 * math.log10(float((found.clamp(0, 1) - wanted).square().mean()))


def shape_of(vectors: torch.Tensor) -> dict[str, float]:
    """What tells a wavelet, as medians over vectors [k, H, W]."""
    energy = vectors.flatten(1).square()
    ordered = energy.sort(1, descending=True).values.cumsum(1) / energy.sum(1, keepdim=True)
    extent = ((ordered < 0.9).sum(1) + 1) / energy.shape[1]
    mean = vectors.flatten(1).mean(1).abs() / vectors.flatten(1).abs().mean(1)
    power = torch.fft.fft2(vectors).abs().square()
    rows, columns = (torch.fft.fftfreq(s, dtype=vectors.dtype) for s in vectors.shape[1:])
    frequency = (rows[:, None] ** 2 + columns[None] ** 2).sqrt()
    share = power / power.sum((1, 2), keepdim=True)
    centre = (share * frequency).sum((1, 2))
    band = (share * (frequency - centre[:, None, None]) ** 2).sum((1, 2)).sqrt()
    numbers = {"extent": extent, "mean": mean, "frequency": centre, "bandwidth": band}
    return {key: round(float(v.median()), 4) for key, v in numbers.items()}


def draw(low: torch.Tensor, found: Singular, control: Singular, path: Path) -> None:
    """Crops with their first singular vectors (of inputs above, of outputs below), and those of the control."""
    import matplotlib.pyplot as plt

    count = found.values.shape[1]
    rows = [(low[k, 0], found.inputs[k], found.outputs[k], found.values[k]) for k in range(len(low))]
    rows.append((None, control.inputs[0], control.outputs[0], control.values[0]))
    figure, axes = plt.subplots(2 * len(rows), count + 1, figsize=(1.0 * (count + 1), 2.1 * len(rows)))
    for axis in axes.flat:
        axis.axis("off")
    for r, (picture, inputs, outputs, values) in enumerate(rows):
        if picture is not None:
            axes[2 * r, 0].imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes[2 * r, 0].set_title("crop" if picture is not None else "bilinear", fontsize=7)
        for k in range(count):
            for axis, vector in ((axes[2 * r, k + 1], inputs[k, 0]), (axes[2 * r + 1, k + 1], outputs[k, 0])):
                largest = float(vector.abs().max())
                axis.imshow(vector, cmap="RdBu", vmin=-largest, vmax=largest)
            axes[2 * r, k + 1].set_title(f"{float(values[k]):.2f}", fontsize=7)
    figure.subplots_adjust(0, 0.01, 1, 0.97, 0.05, 0.18)
    figure.savefig(path, dpi=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vectors", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=RESULTS / "super-resolution.json")
    parser.add_argument("--picture", type=Path, default=Path("docs/singular-vectors.png"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    graph, pictures = load(SPEC), greys(given.pictures)
    state = trained(graph, pictures[:-TEST], given.steps, given.seed).state_dict()
    high = crops(pictures[-TEST:], 200, torch.Generator().manual_seed(given.seed + 1))
    low = F.avg_pool2d(high, 2)
    with torch.no_grad():
        better = build(graph, weights=state)(low)
    chosen = high.flatten(1).var(1).argsort(descending=True)[:3]  # crops in which there is something to see

    def found(selector: str) -> tuple[Singular, float]:
        """Singular vectors of the part that ends there, in float64, and the largest `|A x0 + b - f(x0)|`."""
        analysis = LinearInterpreter(of=selector, vectors=given.vectors, steps=120, seed=given.seed)
        system = analysis.map(graph, lambda g: build(g, weights=state).double(), low[chosen].double())
        singular = system.singular(given.vectors, 120, given.seed)
        value = system.apply(low[chosen].double()[None])[0] + system.bias()
        return singular, float((value - system.value).abs().max())

    ours, exact = found("")
    control, _ = found("bilinear")
    report = {
        "model": "super_resolution", "steps": given.steps, "seed": given.seed, "crop": [SIDE // 2, SIDE // 2],
        "psnr": {"network": psnr(better, high), "bilinear": psnr(_resized(low, "bilinear"), high),
                 "bicubic": psnr(_resized(low, "bicubic"), high)},
        "A x0 + b == f(x0)": exact, "residual": ours.residual,
        "singular_values": ours.values.tolist(), "bilinear_singular_values": control.values[0].tolist(),
        "inputs": [shape_of(v[:, 0]) for v in ours.inputs], "outputs": [shape_of(v[:, 0]) for v in ours.outputs],
        "bilinear_inputs": shape_of(control.inputs[0, :, 0]), "bilinear_outputs": shape_of(control.outputs[0, :, 0]),
        **machine(),
    }  # fmt: skip
    given.out.write_text(json.dumps(report, indent=1) + "\n")
    draw(low[chosen], ours, control, given.picture)
    print(json.dumps(report, indent=1))


def _resized(low: torch.Tensor, mode: str) -> torch.Tensor:
    return F.interpolate(low, scale_factor=2, mode=mode)


if __name__ == "__main__":
    main()
