"""Eager step time of lowered models against timm's own, with the same weights: forward, and forward and backward.

    python -m benchmarks.step_time [--rounds 30] [--threads 2] [--device cpu] [models …]

The two models take turns, so that whatever else the machine does meets both; what is reported is the median of the
ratios of neighbouring steps. Run it from the repository's root on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.oracles import reference_model

RESULTS = Path(__file__).parent / "results"
MODELS = ("resnet50", "vit_tiny_patch16_224", "vit_base_patch16_224", "convnext_tiny", "mobilenetv2_100",
          "swin_tiny_patch4_window7_224", "mixer_s16_224")  # fmt: skip


def pair(name: str, device: str) -> tuple[nn.Module, nn.Module]:
    """Our model and timm's, with the same weights."""
    theirs = reference_model("timm", name)
    ours = lower(load(name))
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours.to(device), theirs.to(device)


def synchronise(device: str) -> None:
    """Wait for the device, where it works on its own."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def forward(model: nn.Module, images: torch.Tensor) -> None:
    with torch.no_grad():
        model(images)


def forward_and_backward(model: nn.Module, images: torch.Tensor) -> None:
    model.zero_grad(set_to_none=True)
    model(images).sum().backward()


def seconds(step: Callable[[nn.Module, torch.Tensor], None], model: nn.Module, images: torch.Tensor) -> float:
    """The time of one step."""
    synchronise(str(images.device))
    start = time.perf_counter()
    step(model, images)
    synchronise(str(images.device))
    return time.perf_counter() - start


def compare(ours: nn.Module, theirs: nn.Module, images: torch.Tensor, train: bool, rounds: int) -> dict[str, float]:
    """Medians over interleaved steps; who comes first alternates."""
    step = forward_and_backward if train else forward
    for model in (ours, theirs):
        model.train(train)
        for _ in range(3):
            step(model, images)
    times: dict[nn.Module, list[float]] = {ours: [], theirs: []}
    for index in range(rounds):
        for model in (ours, theirs) if index % 2 else (theirs, ours):
            times[model].append(seconds(step, model, images))
    ratios = [a / b for a, b in zip(times[ours], times[theirs], strict=True)]
    return {
        "ours_ms": 1e3 * statistics.median(times[ours]),
        "timm_ms": 1e3 * statistics.median(times[theirs]),
        "ratio": statistics.median(ratios),
        "ratio_low": statistics.quantiles(ratios, n=4)[0],
        "ratio_high": statistics.quantiles(ratios, n=4)[2],
    }


def measure(name: str, batch: int, rounds: int, device: str) -> dict[str, Any]:
    torch.manual_seed(0)
    ours, theirs = pair(name, device)
    images = torch.randn(batch, 3, 224, 224, device=device)
    return {
        "forward": compare(ours, theirs, images, False, rounds),
        "forward_backward": compare(ours, theirs, images, True, rounds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found: dict[str, Any] = {
        "torch": torch.__version__, "device": args.device, "processor": platform.processor() or platform.machine(),
        "threads": args.threads, "batch": args.batch, "rounds": args.rounds, "models": {},
    }  # fmt: skip
    for name in args.models:
        found["models"][name] = measure(name, args.batch, args.rounds, args.device)
        for what, row in found["models"][name].items():
            print(
                f"{name:32} {what:18} {row['ours_ms']:9.1f} ms {row['timm_ms']:9.1f} ms  x{row['ratio']:.3f}",
                flush=True,
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"step_time_{args.device.partition(':')[0]}.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
