"""Rows and columns of ResNet-50's linear system, against the ways people take them.

    python -m benchmarks.linear_interpreter [--size 224] [--rounds 5] [--columns 512] [--chunk 16]

Ten class rows in one call of the adjoint, against ten backward passes by captum's InputXGradient (a row times the
input); eager, and compiled, where what the adjoint alone does not need is left out. Columns in chunks of probes, eager,
against a loop of forward-mode derivatives (`torch.func.jvp`), chunk by chunk in turns. All in one process, with the
same weights; medians of the process's own time, and of the ratios of neighbours.

In float32 the compiled rows stand further from captum's than rounding alone would put them, as a ReLU's input near
zero may round to the other side of it; so they are compared in float64 too, where none does.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from captum.attr import InputXGradient

from benchmarks.imagenet import RESULTS, machine
from graphwright.analyses.contract import named
from graphwright.analyses.linear.program import ROW
from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.backends import inductor
from graphwright.compiler.ir.graph import Graph
from graphwright.doors import build, load


def seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def compared(turns: list[tuple[float, float]], theirs: str) -> dict[str, float]:
    """Medians of (ours, theirs)."""
    return {"ours_s": statistics.median(a for a, _ in turns), f"{theirs}_s": statistics.median(b for _, b in turns),
            "times_faster": round(statistics.median(b / a for a, b in turns), 3), "turns": len(turns)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--columns", type=int, default=512)
    parser.add_argument("--chunk", type=int, default=16)
    parser.add_argument("--out", type=Path, default=RESULTS / "linear-interpreter.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    graph = load("resnet50")
    image = torch.randn(1, 3, given.size, given.size, generator=torch.Generator().manual_seed(0))
    module = build(graph)
    system = LinearInterpreter(chunk=given.chunk).map(graph, build, image)
    classes = torch.arange(10)[:, None]
    attribution = InputXGradient(module)

    def ours() -> torch.Tensor:
        return system.rows(classes)[0][:, 0] * image[0]

    def captum() -> torch.Tensor:
        return torch.cat([attribution.attribute(image, target=k) for k in range(10)]).detach()

    def tangent(place: int) -> torch.Tensor:
        probe = torch.zeros(image.numel())
        probe[place] = 1
        with torch.no_grad():
            found: torch.Tensor = torch.func.jvp(module, (image,), (probe.reshape(image.shape),))[1]
        return found

    weights = torch.nn.functional.one_hot(torch.arange(10), 1000)[:, None].float()
    compiled = inductor.compile(system.backward, (image, weights), system.backward_graph, dynamic=False)

    def ours_compiled() -> torch.Tensor:
        with torch.no_grad():
            return named(compiled(image, weights), system.backward_graph)[ROW][:, 0] * image[0]

    rows, theirs, compiled_rows = ours(), captum(), ours_compiled()
    places = torch.randperm(image.numel(), generator=torch.Generator().manual_seed(0))[: given.columns]
    chunk = places[: given.chunk]
    columns, tangents = system.columns(chunk[:, None])[:, 0], torch.cat([tangent(int(p)) for p in chunk])
    row_turns = [(seconds(ours), seconds(captum)) for _ in range(given.rounds)]
    print(compared(row_turns, "captum"), flush=True)
    compiled_turns = [(seconds(ours_compiled), seconds(captum)) for _ in range(given.rounds)]
    print(compared(compiled_turns, "captum"), flush=True)
    column_turns = [
        (seconds(lambda part=part: system.columns(part[:, None])),  # type: ignore[misc]
         seconds(lambda part=part: [tangent(int(p)) for p in part]))  # type: ignore[misc]
        for part in places.split(given.chunk)
    ]  # fmt: skip
    report = {
        "model": "resnet50", "size": given.size, "seed": 0, "chunk": given.chunk, "columns": given.columns,
        "clock": "CPU time of the process",
        "rows": {**compared(row_turns, "captum"), "difference": apart(theirs, rows)},
        "rows_compiled": {**compared(compiled_turns, "captum"), "difference": apart(theirs, compiled_rows),
                          "difference_float64": in_float64(graph, image, weights)},
        "columns_of_a_chunk": {**compared(column_turns, "loop_of_jvp"), "difference": apart(tangents, columns)},
        **machine(),
    }  # fmt: skip
    given.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def in_float64(graph: Graph, image: torch.Tensor, weights: torch.Tensor) -> float:
    """How far the compiled rows are from captum's in float64."""

    def double(part: Graph) -> torch.nn.Module:
        return build(part).double()

    image, weights = image.double(), weights.double()
    attribution = InputXGradient(double(graph))
    theirs = torch.cat([attribution.attribute(image, target=k) for k in range(len(weights))]).detach()
    system = LinearInterpreter().map(graph, double, image)
    compiled = inductor.compile(system.backward, (image, weights), system.backward_graph, dynamic=False)
    with torch.no_grad():
        return apart(theirs, named(compiled(image, weights), system.backward_graph)[ROW][:, 0] * image[0])


def apart(reference: torch.Tensor, found: torch.Tensor) -> float:
    return float((reference - found).abs().max() / reference.abs().max())


if __name__ == "__main__":
    main()
