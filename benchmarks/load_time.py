"""Time from a spec to an fx module without weights, against `timm.create_model` on the meta device; and its growth.

    python -m benchmarks.load_time [--rounds 10]

Every round starts with empty caches, as a fresh process does; reading, expansion, inference and lowering all count.
Run it from the repository's root on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.inference import forget
from graphwright.compiler.lowering.lower import lower
from tests.oracles import reference_model

RESULTS = Path(__file__).parent / "results"
MODELS = ("resnet50", "vit_base_patch16_224")
DEPTHS = (100, 1_000, 10_000)
#: A residual chain with three nodes a step.
CHAIN = """\
graphwright: 1
name: chain
inputs: {{x: [N, 16]}}
nodes:
  step:
    repeat: {steps}
    inputs: {{x: [N, C]}}
    nodes:
      fc: {{op: linear, in: x, out: $C}}
      act: relu
      sum: {{op: add, in: [x, act]}}
"""


def seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def stages(spec: str | Path) -> dict[str, float]:
    """Seconds of the two stages, and the number of nodes."""
    forget()
    forget()
    start = time.perf_counter()
    graph = load(spec)
    middle = time.perf_counter()
    lower(graph, device="meta")
    end = time.perf_counter()
    return {"load": middle - start, "lower": end - middle, "total": end - start, "nodes": len(graph.nodes)}


def theirs(name: str) -> None:
    with torch.device("meta"):
        reference_model("timm", name)


def compare(name: str, rounds: int) -> dict[str, float]:
    """Medians over interleaved rounds; the first one of each warms up imports and is not counted."""
    stages(name), theirs(name)
    ours, reference = [], []
    for _ in range(rounds):
        ours.append(stages(name))
        reference.append(seconds(lambda: theirs(name)))
    medians = {f"{key}_ms": 1e3 * statistics.median(row[key] for row in ours) for key in ("load", "lower", "total")}
    ratio = statistics.median(a["total"] / b for a, b in zip(ours, reference, strict=True))
    return {"nodes": ours[0]["nodes"], **medians, "timm_ms": 1e3 * statistics.median(reference), "ratio": ratio}


def growth(nodes: int) -> dict[str, float]:
    """The best of three loads of a chain with that many nodes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.yaml"
        path.write_text(CHAIN.format(steps=nodes // 3))
        best = min((stages(path) for _ in range(3)), key=lambda row: row["total"])
    return {"nodes": best["nodes"], "total_ms": 1e3 * best["total"], "us_per_node": 1e6 * best["total"] / best["nodes"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    found: dict[str, Any] = {"torch": torch.__version__, "rounds": args.rounds, "models": {}, "growth": []}
    for name in MODELS:
        row = found["models"][name] = compare(name, args.rounds)
        print(f"{name:24} {row['total_ms']:8.1f} ms   timm {row['timm_ms']:8.1f} ms   x{row['ratio']:.2f}", flush=True)
    for depth in DEPTHS:
        row = growth(depth)
        found["growth"].append(row)
        print(f"{row['nodes']:24,} nodes {row['total_ms']:8.1f} ms   {row['us_per_node']:6.1f} us a node", flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "load_time.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
