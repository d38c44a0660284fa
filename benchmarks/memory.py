"""Memory of training: flat in the depth of a reversible net, within a budget, and as it was foretold.

    python -m benchmarks.memory reversible                                     # 8, 16, 32 and 64 blocks
    python -m benchmarks.memory budget resnet50 --batch 16 [--shares 0.8 0.6 0.4] [--rounds 5]
    python -m benchmarks.memory estimate resnet50 --batch 16

A peak is measured with the parameters, their gradients and the optimiser's state (of adamw, by its size): on CUDA by
torch's allocator, else by torch's profiler, which counts what kernels take as well. Steps with and without what runs
again take turns, and the ratio is the median of those of neighbours. Each call adds its rows to results/memory.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.memory.budget import Memory
from graphwright.compiler.memory.estimate import STATE, estimate, objective
from graphwright.compiler.memory.tracking import batched
from graphwright.compiler.places import SpecError
from tests.memory.measured import inputs_of, kept_bytes

RESULTS = Path(__file__).parent / "results" / "memory.json"
#: A reversible residual net, as in arXiv:1707.04585 but without its changes of resolution.
REVERSIBLE = """
graphwright: 1
name: reversible
params: {depth: 8}
inputs: {image: [N, 16, H=32, W=32]}
nodes:
  blocks: {op: pair, repeat: $depth, in: {a: image, b: image}, reversible: true}
  out: {op: add, in: [blocks.a, blocks.b]}
blocks:
  pair:
    inputs: {a: [N, C, _, _], b: any}
    outputs: {a: y, b: z}
    nodes:
      f: {op: branch, in: b}
      y: {op: add, in: [a, f]}
      g: {op: branch, in: y}
      z: {op: add, in: [b, g]}
  branch:
    inputs: {x: [N, C, _, _]}
    nodes:
      conv: {op: conv2d, out: $C, kernel: 3, padding: 1, bias: false}
      norm: batch_norm
      act: relu
"""


class Trial:
    """A training graph on a device, with random inputs."""

    def __init__(self, graph: Graph, batch: int, device: str) -> None:
        self.graph, self.device = graph, device
        self.module: nn.Module = lower(graph, cone="train", device=device).train()
        self.inputs = tuple(x.to(device) for x in inputs_of(graph, batched(graph, batch)))

    def step(self) -> None:
        """Forward and backward."""
        self.module.zero_grad(set_to_none=True)
        ends = objective(self.graph, self.module(*self.inputs))
        torch.autograd.backward(ends, [torch.ones_like(e) for e in ends])
        if self.device != "cpu":
            torch.cuda.synchronize()

    def saved(self) -> int:
        """What autograd keeps for the backward pass, parameters apart, each storage once."""
        return kept_bytes(self.graph, self.module, self.inputs)

    def peak(self) -> int:
        """The peak of a step, with the state of adamw."""
        state = STATE["adamw"] * sum(p.nbytes for p in self.module.parameters() if p.requires_grad)
        self.module.zero_grad(set_to_none=True)
        if self.device != "cpu":
            torch.cuda.reset_peak_memory_stats()
            self.step()
            return torch.cuda.max_memory_allocated() + state
        there = sum(t.nbytes for t in (*self.module.parameters(), *self.module.buffers(), *self.inputs))
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
            self.step()
        live = top = 0
        for event in record.profiler.kineto_results.events():  # type: ignore[union-attr]
            if event.name() == "[memory]":
                live += event.nbytes()
                top = max(top, live)
        return there + top + state


def _seconds(trial: Trial) -> float:
    start = time.perf_counter()
    trial.step()
    return time.perf_counter() - start


def reversible(device: str, batch: int) -> dict[str, Any]:
    """Saved bytes by depth, with and without the marks."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reversible.yaml"
        for depth in (8, 16, 32, 64):
            path.write_text(REVERSIBLE)
            ours = Trial(load(path, {"depth": depth}), batch, device)
            path.write_text(REVERSIBLE.replace(", reversible: true", ""))
            plain = Trial(load(path, {"depth": depth}), batch, device)
            rows.append({"depth": depth, "saved": ours.saved(), "plain_saved": plain.saved(),
                         "peak": ours.peak(), "plain_peak": plain.peak()})  # fmt: skip
            print(rows[-1], flush=True)
    return {"rows": rows}


def budget(name: str, batch: int, shares: list[float], rounds: int, device: str) -> dict[str, Any]:
    """Budgets as shares of what the plain graph needs: what was foretold, what is measured, and the time it costs."""
    graph = load(name)
    before = Memory("1024TiB", batch).fit(graph).before
    plain = Trial(graph, batch, device)
    plain.step()
    rows: list[dict[str, Any]] = []
    whole = {"before": before, "plain_peak": plain.peak(), "plain_saved": plain.saved()}
    for share in shares:
        start = time.perf_counter()
        try:
            found = Memory(int(share * before), batch).fit(graph)
        except SpecError as error:
            rows.append({"share": share, "refused": str(error)})
            continue
        planned = time.perf_counter() - start
        ours = Trial(found.graph, batch, device)
        ours.step()
        peak, saved = ours.peak(), ours.saved()
        times = [(_seconds(plain), _seconds(ours)) for _ in range(rounds)]
        ratios = sorted(b / a for a, b in times)
        rows.append({
            "share": share, "budget": found.budget, "estimated_peak": found.peak, "measured_peak": peak,
            "of_budget": peak / found.budget, "measured_saved": saved, "regions": len(found.regions),
            "extra_flops": found.extra, "plan_seconds": planned, "step_seconds": statistics.median(a for a, _ in times),
            "ratio": statistics.median(ratios), "ratio_low": ratios[0], "ratio_high": ratios[-1],
        })  # fmt: skip
        print(rows[-1], flush=True)
        del ours
    return {**whole, "rows": rows}


def foretold(name: str, batch: int, device: str) -> dict[str, Any]:
    """The static estimate beside what is measured."""
    graph = load(name)
    start = time.perf_counter()
    found = estimate(graph, batch)
    seconds = time.perf_counter() - start
    trial = Trial(graph, batch, device)
    trial.step()
    saved, peak = trial.saved(), trial.peak()
    row = {"estimate": found.as_dict(), "seconds": seconds, "saved": saved, "peak": peak,
           "saved_ratio": found.saved / saved, "peak_ratio": found.training / peak}  # fmt: skip
    print(row, flush=True)
    return row


def main() -> None:
    """Run one part, and keep its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("reversible", "budget", "estimate"))
    parser.add_argument("model", nargs="?", default="resnet50")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.8, 0.6, 0.4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    key = f"{options.part} {options.model} batch {options.batch} {options.device}"
    if options.part == "reversible":
        key, row = f"reversible batch {options.batch} {options.device}", reversible(options.device, options.batch)
    elif options.part == "budget":
        row = budget(options.model, options.batch, options.shares, options.rounds, options.device)
    else:
        row = foretold(options.model, options.batch, options.device)
    name = torch.cuda.get_device_name() if options.device != "cpu" else platform.processor() or platform.machine()
    known = json.loads(options.output.read_text()) if options.output.exists() else {}
    known[key] = {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": name, **row}
    options.output.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
