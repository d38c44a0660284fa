"""Time to import a model, beside the time that `torch.export` itself takes for the same module in the same run.

    python -m benchmarks.import_time [MODEL...] [--rounds 3]

Three things are timed in turn: `torch.export` of the module in training mode with the same sizes left free, the import
to a `Graph` (which contains such an export, and the comparison of both models that the certificate holds), and the
writing of the spec. Run it from the repository's root on a quiet machine.
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

from graphwright.compiler.importing.torch.export import Example, exports
from graphwright.compiler.importing.torch.module import import_module
from graphwright.compiler.importing.torch.read import read_module
from graphwright.compiler.language.writing import write
from graphwright.compiler.lowering.inference import forget
from tests.oracles import reference_model

RESULTS = Path(__file__).parent / "results" / "import_time.json"
MODELS = ("resnet50", "vit_base_patch16_224", "nasnetalarge")


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    forget()
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def exported(module: nn.Module, x: torch.Tensor) -> Any:
    """What `torch.export` makes of the module, with the same sizes free as in the import."""
    module.train()
    try:
        return next(exports(module, Example((x,), {})))
    finally:
        module.eval()


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Medians over interleaved rounds; the first one warms up and is not counted."""
    module: Any = reference_model("timm", name)
    x = torch.randn(2, *module.pretrained_cfg["input_size"])
    times: dict[str, list[float]] = {"export": [], "read": [], "import": [], "write": []}
    for _ in range(rounds + 1):
        found = {
            "export": seconds(lambda: exported(module, x)),
            "read": seconds(lambda: read_module(module, (x,), {}, name=name)),
            "import": seconds(lambda: import_module(module, x, name=name)),
        }
        graph = found["import"][1].graph
        found["write"] = seconds(lambda graph=graph: write(graph))
        for key, (spent, _result) in found.items():
            times[key].append(spent)
    medians = {key: statistics.median(spent[1:]) for key, spent in times.items()}
    return {
        "model": name, "nodes": len(graph.nodes), "lines": found["write"][1].count("\n"), "seconds": medians,
        "read / export": medians["read"] / medians["export"], "import / export": medians["import"] / medians["export"],
        "rounds": {key: spent[1:] for key, spent in times.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("models", nargs="*", default=MODELS)
    args = parser.parse_args()
    torch.set_num_threads(2)
    rows = {r["model"]: r for r in json.loads(RESULTS.read_text())["models"]} if RESULTS.exists() else {}
    for name in args.models:
        rows[name] = measure(name, args.rounds)
        print(json.dumps({k: v for k, v in rows[name].items() if k != "rounds"}), flush=True)
        found = {"torch": torch.__version__, "machine": platform.machine(), "threads": 2, "models": list(rows.values())}
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
