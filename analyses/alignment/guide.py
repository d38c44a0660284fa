"""The guide: a second model, from the library, a spec or a run, with the weights it is used with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from graphwright.backends import weights as weights_
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.text import parse
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, Place, fail
from graphwright.compiler.transforms.weights import rewrite_weights

#: What a run folder keeps of its model.
RUN_GRAPH, RUN_WEIGHTS = "spec.gw", "model.safetensors"


@dataclass(frozen=True)
class Guide:
    """A deployed graph and its weights, under its own names; `trained` if they came from a file."""

    graph: Graph
    weights: Mapping[str, Tensor]
    trained: bool


def open_guide(
    where: str, params: Mapping[str, Any] | None = None, weights: str = "", seed: int = 0, place: Place = NOWHERE
) -> Guide:
    """The guide that a name of the library, the path of a spec, or a run folder stands for.

    A run has its trained weights, and with `weights: initial` initial ones; a spec has initial ones, or those of the
    file `weights`. Initial values depend on `seed`. Nothing is read but the spec, the run, and that file.
    """
    folder = Path(where)
    if (folder / RUN_GRAPH).is_file():
        if params:
            raise fail(place, f"'{where}' is a run: its params are settled", "leave out " + ", ".join(params))
        graph = parse((folder / RUN_GRAPH).read_text())
        weights = weights or str(folder / RUN_WEIGHTS)
        if weights == str(folder / RUN_WEIGHTS) and not Path(weights).is_file():
            rule = f"the run '{where}' holds no trained weights"
            raise fail(place, rule, "finish it with --resume, or weights: initial")
    elif folder.is_dir():
        raise fail(place, f"'{where}' is no run folder: it has no {RUN_GRAPH}", "a spec, a library name, or a run")
    else:
        graph = load(where, params)
    module, trained = lower(graph, seed=seed), weights not in ("", "initial")
    if trained:
        found, own = weights_.read(weights), module.state_dict().keys()
        rewritten = rewrite_weights(graph, found)
        extra = lower(graph, cone="train", device="meta").state_dict().keys() - own if graph.losses else set()
        weights_.load(module, {k: v for k, v in rewritten.items() if k not in extra}, weights)
    return Guide(graph.deployed(), {k: v.detach() for k, v in module.state_dict().items()}, trained)
