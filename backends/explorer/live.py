"""The live form of a page: the model beside it as ONNX, and what the page must know to run it on a picture of its own.

The page runs it in the browser, with onnxruntime's WebAssembly. Every value that the page draws is an output.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from graphwright.backends import onnx
from graphwright.backends.explorer.recording import Pictures, layouts, record, scored, sized
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail


@dataclass(frozen=True)
class Live:
    """The graph that the page runs: the model as it is deployed, or an instrumented one.

    `values` are the model's values by name, as that graph calls them, and `visible` the masks of those that have one.
    An instrumented graph has a second input, `mask: bool[N, 1, H, W]`, true where the picture is visible; where it has
    none, hidden pixels are grey. `told` says which of the two it is, and why.
    """

    graph: Graph
    values: Mapping[str, str]
    visible: Mapping[str, str] = field(default_factory=dict)
    mask: str = ""
    told: str = ""


def plain(graph: Graph, told: str = "") -> Live:
    """The model as it is."""
    deployed = graph.deployed()
    return Live(deployed, {value: value for node in deployed.nodes for value in node.values}, told=told)


def packed(
    live: Live, graph: Graph, weights: Mapping[str, torch.Tensor], pictures: Pictures
) -> tuple[bytes, dict[str, Any]]:
    """The model as ONNX, checked in onnxruntime, and its description for the page."""
    if pictures.reading is None:
        raise fail(NOWHERE, "these pictures do not say how they were read", "a live page reads others in the same way")
    deployed = graph.deployed()
    recorded = record(deployed, weights, pictures.inputs[:1])[0]
    ways = layouts(deployed, recorded)
    answer = scored(deployed, recorded)
    shown = [v for v in live.values if v in ways or (answer and v == answer[0])]
    masks = [live.visible[v] for v in shown if v in live.visible]
    outputs = list(dict.fromkeys([*(live.values[v] for v in shown), *masks]))
    runs = sized(live.graph, pictures).with_(outputs=tuple((f"shown{k}", v) for k, v in enumerate(outputs))).deployed()
    module = lower(runs).eval()
    module.load_state_dict({name: weights.get(name, tensor) for name, tensor in module.state_dict().items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.export(runs, module, path)
        content = path.read_bytes()
    places = {value: k for k, value in enumerate(outputs)}
    told = {
        "input": deployed.inputs[0].name, "shape": list(pictures.inputs.shape[1:]), **pictures.reading.described(),
        "mask": live.mask, "told": live.told, "stale": biased(deployed),
        "scores": None if answer is None else {"output": places[live.values[answer[0]]], "done": answer[1]},
        "values": {
            v: {
                "output": places[live.values[v]],
                "visible": places[live.visible[v]] if v in live.visible else None,
                "form": ways[v].form, "last": ways[v].last, "skipped": ways[v].skipped,
            }
            for v in shown if v in ways
        },
    }  # fmt: skip
    return content, told


def biased(graph: Graph) -> list[str]:
    """The attention nodes whose bias is made from the picture, so that the bias a page carries is another picture's."""
    made = {entry.name for entry in graph.inputs}
    found = []
    for node in graph.nodes:
        if made.intersection(node.reads):
            made.update(node.values)
        if node.op.name == "attention" and any(port == "bias" and value in made for port, value in node.inputs):
            found.append(node.name)
    return found


def runtime() -> bytes:
    """onnxruntime as WebAssembly, gzipped."""
    return (resources.files("graphwright.backends.explorer") / "bundle" / "onnxruntime.wasm.gz").read_bytes()
