"""The identities of the linear interpreter on every picture model of the library, at full depth, in float64.

    python -m benchmarks.linear_laws [MODEL...] [--limit 1e-12] [--largest 100e6]

Weights are random, with random biases and statistics, since identities hold for any; pictures are small where the
spec leaves their size free. Results go to `results/linear-laws.json`, model by model, small models first, and models
that are there already are left out: delete the file, or name models, to measure again. Models of more than
`--largest` parameters are left out, for their memory in float64.
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
from graphwright.compiler.language.catalogue import facts
from graphwright.compiler.language.library import shipped_models
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError

RESULTS = Path(__file__).parent / "results" / "linear-laws.json"
#: The part ends here, of models whose output is a decision: the last value with such a name.
ENDS = ("box.cat", "head.classification_head.cat", "classification_head.cat", "segmentation")
SIZE = 64
#: Papers whose nets leave nothing of a smaller picture.
LARGER = {"inception": 96}
#: Params that make the picture smaller: the first of these that the spec has, and that fit it.
SMALLER: tuple[dict[str, Any], ...] = ({"size": SIZE}, {"height": 32, "width": 64}, {})


def pictured(largest: float) -> list[str]:
    """The shipped models that read a picture, the small ones first."""
    names = sorted(shipped_models(), key=lambda name: facts(name).parameters or 0)
    found = [name for name in names if (facts(name).parameters or 0) <= largest]
    return [name for name in found if [e.type.rank for e in load(name).inputs] == [4]]


def end(graph: Graph) -> str:
    """Where the part ends; nothing for the output itself."""
    if all(node.op.name != "nms" for node in graph.nodes) and "segmentation" not in graph.by_name:
        return ""
    return next(node.name for suffix in ENDS for node in reversed(graph.nodes) if node.name.endswith(suffix))


def randomise(model: torch.nn.Module) -> None:
    """Vectors and running statistics that are not zeros and ones; the statistics are positive."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.dim() <= 1:
            drawn = torch.rand(tensor.shape, generator=generator).to(tensor)
            tensor.copy_(0.5 + drawn if name.endswith(("weight", "running_var")) else 0.4 * (drawn - 0.5))


def loaded(name: str) -> Graph:
    """The model at its smallest size."""
    for params in SMALLER:
        try:
            return load(name, params)
        except SpecError:
            continue
    raise AssertionError(f"{name} does not load")


def measured(name: str) -> dict[str, Any]:
    """The laws of a run on one picture, and what it took."""
    graph = loaded(name)
    base = lower(graph.deployed()).double().eval()
    randomise(base)
    state = base.state_dict()

    def build(instrumented: Graph) -> Any:
        module = lower(instrumented).eval()
        module.load_state_dict(state, strict=False, assign=True)  # shared: the largest model has 7 GB of them
        return module.double()

    kind = graph.inputs[0].type
    sizes = {s: 1 if s == "N" else LARGER.get(facts(name).family, SIZE) for s in kind.symbols}
    picture = torch.randn(kind.at(sizes).shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)  # type: ignore[arg-type]
    start = time.perf_counter()
    analysis = LinearInterpreter(of=end(graph.deployed()), chunk=4)
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
    parser.add_argument("--largest", type=float, default=100e6)
    given = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"models": {}}
    found |= {"dtype": "float64", "seed": 0, "torch": torch.__version__, "machine": platform.machine()}
    for name in given.models or [n for n in pictured(given.largest) if n not in found["models"]]:
        try:
            row = found["models"][name] = measured(name)
        except SpecError as error:
            row = found["models"][name] = {"refused": [str(p.message) for p in error.problems][:3]}
            print(name, row, flush=True)
            continue
        worst = max(row["laws"].values())
        print(
            f"{name:32} {row['seconds']:8.1f} s  worst {worst:.1e}  {'ok' if worst <= given.limit else 'BROKEN'}",
            flush=True,
        )
        RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
