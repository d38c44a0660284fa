"""Rows and columns of ResNet-50's linear system, against the ways people take them.

Ten class rows in one adjoint call, against ten backward passes (captum's InputXGradient where it is installed, else
autograd); 512 columns in chunks of probes, against a loop of single probes. Both sides are eager, in one process.
Usage: python benchmarks/linear_interpreter.py [--size 224] [--threads 1] [--columns 512] [-o FILE.json]
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.doors import build, load


def seconds(call: Callable[[], object], repeats: int) -> float:
    """The shortest of several runs, after one to warm up."""
    call()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--columns", type=int, default=512)
    parser.add_argument("--chunk", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    graph = load("resnet50")
    image = torch.randn(1, 3, given.size, given.size, generator=torch.Generator().manual_seed(0))
    module = build(graph)
    system = LinearInterpreter(chunk=given.chunk).map(graph, build, image)
    classes = torch.arange(10)[:, None]
    tool, backward = by_backward(module, image)
    places = torch.arange(given.columns)[:, None]
    rows, _ = system.rows(classes)
    difference = float((rows[:, 0] * image - backward()).abs().max() / backward().abs().max())
    times = {
        "rows": seconds(lambda: system.rows(classes), given.repeats),
        f"rows, {tool}": seconds(backward, given.repeats),
        "columns": seconds(lambda: system.columns(places), 1),
        "columns, a loop": seconds(lambda: [system.columns(p[None]) for p in places], 1),
    }
    report = {
        "model": "resnet50", "size": given.size, "columns": given.columns, "chunk": given.chunk,
        "threads": given.threads, "torch": torch.__version__, "machine": platform.processor() or platform.machine(),
        "seconds": times, "largest relative difference of row x input": difference,
    }  # fmt: skip
    print(json.dumps(report, indent=1))
    if given.output is not None:
        given.output.write_text(json.dumps(report, indent=1) + "\n")


def by_backward(module: torch.nn.Module, image: torch.Tensor) -> tuple[str, Callable[[], torch.Tensor]]:
    """Row times input for ten classes, a backward pass each."""
    try:
        from captum.attr import InputXGradient
    except ImportError:
        return "ten backward passes of autograd", lambda: torch.cat(
            [_slope(module, image, k) * image for k in range(10)]
        )
    attribution = InputXGradient(module)
    return "ten backward passes of captum", lambda: torch.cat(
        [attribution.attribute(image, target=k) for k in range(10)]
    )


def _slope(module: torch.nn.Module, image: torch.Tensor, place: int) -> torch.Tensor:
    leaf = image.clone().requires_grad_()
    (slope,) = torch.autograd.grad(module(leaf)[:, place].sum(), leaf)
    return slope


if __name__ == "__main__":
    main()
