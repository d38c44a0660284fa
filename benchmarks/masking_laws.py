"""The identities of layer masking on every picture model of the library, in float32.

    python -m benchmarks.masking_laws [MODEL...] [--largest 100e6]

Weights are random, with random biases and statistics, since identities hold for any; two pictures, half of their
8x8 patches masked at random. All-visible, masked pixels (other colours, NaN, infinities), nothing visible and larger
masks must hold to the bit; a batch against its samples within 1e-4. Of models whose output is a decision (suppression
of boxes), the part before it: at random weights scores are so near each other that rounding swaps them. Results go to
`results/masking-laws.json`, model by model; models that are there already are left out unless they are named.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.linear_laws import LARGER, SIZE, end, loaded, pictured, randomise
from graphwright.analyses.layer_masking import LayerMasking
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.catalogue import facts
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError

RESULTS = Path(__file__).parent / "results" / "masking-laws.json"


def measured(name: str) -> dict[str, Any]:
    """The laws of a run on two pictures; of a model with an op that has no rule, the reason."""
    graph = loaded(name).deployed()
    if of := end(graph):
        graph = graph.with_(outputs=((of, graph.by_name[of].values[0]),)).deployed()
    base = lower(graph).eval()
    randomise(base)
    state = base.state_dict()

    def build(instrumented: Graph) -> Any:
        module = lower(instrumented).eval()
        module.load_state_dict(state, strict=False)
        return torch.no_grad()(module)

    kind = graph.inputs[0].type
    shape = kind.at({s: 2 if s == "N" else LARGER.get(facts(name).family, SIZE) for s in kind.symbols}).shape
    pictures = torch.randn(shape, generator=torch.Generator().manual_seed(1))  # type: ignore[arg-type]
    start = time.perf_counter()
    try:
        result = LayerMasking(mask="patches:8").run(graph, build, pictures, None)
    except SpecError as error:
        return {"refused": [str(p.message) for p in error.problems][:3]}
    return {
        "input": list(pictures.shape), "of": of, "nodes": len(graph.nodes),
        "seconds": round(time.perf_counter() - start, 1), "laws": {law.name: law.value for law in result.laws},
        "hold": all(law.holds for law in result.laws),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--largest", type=float, default=100e6)
    given = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"models": {}}
    found |= {"dtype": "float32", "seed": 0, "torch": torch.__version__, "machine": platform.machine()}
    for name in given.models or [n for n in pictured(given.largest) if n not in found["models"]]:
        row = found["models"][name] = measured(name)
        print(name, row.get("laws") or row, flush=True)
        RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
