"""What the page shows of a model run on pictures: probabilities, thumbnails of every value, and formulas at work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from graphwright.backends.drawing.text import clean
from graphwright.backends.explorer.formulas import Seen, views
from graphwright.backends.explorer.maps import shown, thumbnails
from graphwright.backends.explorer.overlays import Overlay, zeros
from graphwright.backends.explorer.recording import Pictures, layouts, probabilities, record
from graphwright.backends.explorer.values import BUDGET, Store
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower

#: So many classes are told of each picture.
TOP = 10


def describe_run(
    graph: Graph, weights: Mapping[str, torch.Tensor], pictures: Pictures, budget: int = BUDGET
) -> tuple[dict[str, Any], Overlay]:
    """The model's run on each of the pictures, and how much of each value is zero; the numbers of its formulas have at
    most `budget` bytes."""
    deployed = graph.deployed()
    state = lower(deployed).eval().state_dict()
    state = {name: weights.get(name, tensor) for name, tensor in state.items()}
    recorded = record(graph, state, pictures.inputs)
    ways = layouts(deployed, recorded[0])
    formulas, reasons = views(Seen(deployed, recorded[0], state))
    for node, view in list(formulas.items()):
        if not {view[v] for v in ("x", "y", "q", "k", "v") if v in view} <= ways.keys():
            reasons[node] = "its values are not maps of one picture"
            del formulas[node]
    store = Store(recorded, ways, state, budget)
    left = store.choose(formulas)
    reasons |= dict.fromkeys(left, f"its numbers do not fit the {budget / 2**20:.3g} MiB for numbers of a page")
    told = {
        "pictures": [
            {"name": clean(name), "picture": shown(pixels), "top": _top(probabilities(graph, values))}
            for name, pixels, values in zip(pictures.names, pictures.pixels, recorded, strict=True)
        ],
        "classes": [clean(name, 60) for name in pictures.classes],
        "told": clean(pictures.told, 500),
        "trained": bool(weights),
        "maps": thumbnails(recorded, ways),
        "views": {node: view for node, view in formulas.items() if node not in left},
        "reasons": reasons,
        "numbers": store.described(),
    }
    return told, zeros(recorded)


def _top(found: torch.Tensor | None) -> list[list[float]]:
    """The greatest probabilities, each with the number of its class."""
    if found is None or not bool(found.isfinite().all()):
        return []
    best = found.topk(min(TOP, len(found)))
    return [[k, float(f"{p:.6g}")] for k, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]
