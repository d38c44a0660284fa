"""The identities of the linear interpreter on every picture model of the library, at full depth, in float64.

    python -m benchmarks.linear_laws [MODEL...] [--limit 1e-12]

Weights are random, with random biases and statistics, since identities hold for any; pictures are small where the
spec leaves their size free. Results go to `results/linear-laws.json`, model by model, and models that are there
already are left out: delete the file, or name models, to measure again.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch

from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.library import shipped_models
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower

RESULTS = Path(__file__).parent / "results" / "linear-laws.json"
#: Where the part ends, of models whose output is a decision.
ENDS = {
    "gelan_c": "model.22.box.cat",
    "yolov9_c": "model.38.box.cat",
    "ssd300_vgg16": "head.classification_head.cat",
    "scnn_vgg16": "segmentation",
}
#: Models that read no picture.
LEFT_OUT = ("lstm_classifier",)
SIZE = 64
#: Params that make the picture smaller.
SMALLER: dict[str, dict[str, Any]] = {
    "vit_base_patch16_224": {"size": 64},
    "scnn_vgg16": {"height": 32, "width": 64},
}


def randomise(model: torch.nn.Module) -> None:
    """Vectors and running statistics that are not zeros and ones; the statistics are positive."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.dim() <= 1:
            drawn = torch.rand(tensor.shape, generator=generator).to(tensor)
            tensor.copy_(0.5 + drawn if name.endswith(("weight", "running_var")) else 0.4 * (drawn - 0.5))


def loaded(name: str) -> Graph:
    """The model at its smaller size."""
    return load(name, SMALLER.get(name, {}))


def measured(name: str) -> dict[str, Any]:
    """The laws of a run on one picture, and what it took."""
    graph = loaded(name)
    base = lower(graph.deployed()).double().eval()
    randomise(base)
    state = base.state_dict()

    def build(instrumented: Graph) -> Any:
        module = lower(instrumented).double().eval()
        module.load_state_dict(state, strict=False)
        return module

    kind = graph.inputs[0].type
    sizes = {s: 1 if s == "N" else SIZE for s in kind.symbols}
    picture = torch.randn(kind.at(sizes).shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)  # type: ignore[arg-type]
    start = time.perf_counter()
    analysis = LinearInterpreter(of=ENDS.get(name, ""), chunk=4)
    result = analysis.run(graph, build, picture, None)
    return {
        "input": list(picture.shape), "of": analysis.span(graph.deployed()).of, "nodes": len(graph.deployed().nodes),
        "nodes of the replay": len(analysis(graph).nodes), "bias sources": len(result.numbers["sources"]),
        "seconds": round(time.perf_counter() - start, 1), "laws": {law.name: law.value for law in result.laws},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--limit", type=float, default=1e-12)
    given = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"models": {}}
    found |= {"dtype": "float64", "seed": 0, "torch": torch.__version__, "machine": platform.machine()}
    for name in given.models or [n for n in shipped_models() if n not in (*found["models"], *LEFT_OUT)]:
        row = found["models"][name] = measured(name)
        worst = max(row["laws"].values())
        print(
            f"{name:32} {row['seconds']:8.1f} s  worst {worst:.1e}  {'ok' if worst <= given.limit else 'BROKEN'}",
            flush=True,
        )
        RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
