"""Every shipped model: parameters, multiply-accumulates, how far from its reference, how it compiles and exports.

    python -m benchmarks.library [NAME ...] [--only parity|run] [--page]

One row a shipped model, with all its cases of `tests/library/papers`; rows that are there already are kept. With
`--page`, `docs/library.md` and its pictures are written from the rows and from the specs. Multiply-accumulates are
those of convolutions and matrix products, at the sizes that the spec names. Differences are shares of the largest
output, with the same filled weights and inputs, in float32 where no `dtype` is given; `counts` compares names, shapes
and counts alone. What is compiled and exported is the first case that runs at small sizes, of fewer blocks or columns
where the row names it as its `part`; of detectors, what is exported ends before the suppression of boxes.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from torch import fx, nn

from benchmarks.imagenet import RESULTS, machine
from benchmarks.linear_laws import end
from graphwright.backends.examples import example_inputs
from graphwright.backends.exporting import export
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.library import shipped_models
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from tests.library.case import Case, apart, differences, recording, shapes, summary
from tests.library.papers import CASES

FILE = RESULTS / "library.json"
#: Models of more parameters than this are not exported, and compiled without their weights.
LARGE = 100_000_000


def measured(name: str, cases: list[Case]) -> dict[str, Any]:
    """One variant's row."""
    graph = load(name)
    cost = count(graph.deployed())
    found: dict[str, Any] = {
        "parameters": cost.parameters, "frozen": cost.frozen, "buffers": cost.buffers, "macs": cost.macs,
        "nodes": len(graph.deployed().nodes),
    }  # fmt: skip
    found["parity"] = {str(case): parity(case) for case in cases}
    return found | run(graph, cases)


def run(graph: Graph, cases: list[Case]) -> dict[str, Any]:
    """How a case that runs at small sizes compiles, and how far its ONNX file is; of large models, how they compile."""
    if count(graph.deployed()).parameters >= LARGE:
        module, inputs = lower(graph.deployed(), device="meta").eval(), example_inputs(graph.deployed())
        return {"compile": tried(lambda: compiled(graph, module, tuple(x.to("meta") for x in inputs)))}
    case = next((case for case in sorted(cases, key=lambda case: not case.run) if usable(case)), None)
    part = {"part": str(case)} if case and case.params else {}
    return part | {
        "compile": tried(lambda: compiled(*deployed(graph, case))),
        "onnx": tried(lambda: onnx(*before_decisions(*deployed(graph, case)))),
    }


def usable(case: Case) -> bool:
    """Whether float32 tells anything of it."""
    return case.compared and not case.chaotic


def deployed(graph: Graph, case: Case | None) -> tuple[Graph, nn.Module, tuple[torch.Tensor, ...]]:
    """The case as it is deployed, filled, and its inputs; where there is none, the model as it is made."""
    if case is None:
        return graph, lower(graph).eval(), example_inputs(graph)
    inputs = case.given()[: len(case.graph.inputs)]  # without the targets
    return case.graph, replace(case, cone="deploy").ours().eval(), inputs


def before_decisions(
    graph: Graph, model: nn.Module, inputs: tuple[torch.Tensor, ...]
) -> tuple[Graph, nn.Module, tuple[torch.Tensor, ...]]:
    """Without the suppression of boxes: scores of filled weights are so near each other that rounding swaps them."""
    whole = graph.deployed()
    if not (of := end(whole)):
        return graph, model, inputs
    part = whole.with_(outputs=((of, whole.by_name[of].values[0]),)).deployed()
    made, state = lower(part).eval(), model.state_dict()
    made.load_state_dict({name: state[name] for name in made.state_dict()})
    return part, made, inputs


def tried(call: Callable[[], Any]) -> Any:
    """What came, or why nothing did."""
    try:
        return call()
    except Exception as error:  # a row says what went wrong, and the next is measured
        traceback.print_exc()
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:160]}"


def parity(case: Case) -> dict[str, Any]:
    """What the case is held against, and the largest differences."""
    live = case.reference is not None
    found: dict[str, Any] = {"reference": "live" if live else "recorded", "counts": counts_agree(case)}
    for mode in case.modes if case.compared else ():
        if live or mode in recording(str(case)):
            found[mode] = tried(lambda mode=mode: differences(case, [mode])[mode])  # type: ignore[misc]
    return found | ({"dtype": "float64"} if case.chaotic else {})


def counts_agree(case: Case) -> bool:
    """Whether names, shapes and the number of entries are the reference's."""
    ours = shapes(case.ours("meta"))
    if case.reference is None:
        return len(ours) == recording(str(case))["entries"]
    with torch.device("meta"):
        return ours == shapes(case.reference(), case.rename)


def compiled(_: Graph, model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> dict[str, int]:
    """Full graphs that `torch.compile` makes of it; with `fullgraph=True`, a break would be an error."""
    graphs: list[fx.GraphModule] = []

    def backend(module: fx.GraphModule, _: list[torch.Tensor]) -> Callable[..., Any]:
        graphs.append(module)
        return module.forward

    torch._dynamo.reset()
    made = torch.compile(model, backend=backend, fullgraph=True)
    with torch.no_grad():
        made(*inputs)
        made(*inputs)
    return {"graphs": len(graphs), "breaks": 0}


def onnx(graph: Graph, model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> float | dict[str, float]:
    """How far onnxruntime's outputs are from ours; at the spec's sizes, where the file holds those alone. Where the
    model enlarges rounding beyond 1e-4, how far its own float32 is from float64 stands beside."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        report = export(graph.deployed(), model, path)
        session = onnxruntime.InferenceSession(str(path))
        entries = session.get_inputs()
        given = inputs if all(map(fits, entries, inputs)) else example_inputs(graph)
        with torch.no_grad():
            expected = summary(model(*given))
        feed = {entry.name: value.numpy() for entry, value in zip(entries, given, strict=True)}
        found = apart([torch.from_numpy(value) for value in session.run(None, feed)], expected)
        return {"onnx": found, "own float32": report["rounding"]} if "rounding" in report else found


def fits(entry: Any, value: torch.Tensor) -> bool:
    """Whether the file's input takes a tensor of this shape; the names of free sizes are strings."""
    return all(isinstance(size, str) or size == given for size, given in zip(entry.shape, value.shape, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--only", choices=["parity", "run"], help="measure this alone; the rest stays as it was")
    given = parser.parse_args()
    found = json.loads(FILE.read_text()) if FILE.exists() else {"models": {}}
    if given.page:
        from benchmarks.library_page import write

        write(Path("docs"), found["models"])
        return
    found |= machine()
    for name in given.models or [n for n in shipped_models() if n not in found["models"]]:
        cases = [case for case in CASES if case.spec == name]
        row = found["models"].setdefault(name, {})
        if given.only == "parity":
            row["parity"] = {str(case): parity(case) for case in cases}
        else:
            row |= run(load(name), cases) if given.only else measured(name, cases)
        print(name, json.dumps(row), flush=True)
        FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        gc.collect()


if __name__ == "__main__":
    main()
