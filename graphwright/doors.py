"""The Python door: the functions behind the command line, by plain names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from graphwright.backends import backend as named
from graphwright.backends.devices import usable
from graphwright.backends.drawing import picture, write
from graphwright.backends.examples import example_inputs
from graphwright.backends.exporting import export as export_model
from graphwright.backends.weights import load as load_state
from graphwright.backends.weights import read
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load as _load
from graphwright.compiler.lowering.lower import Cone, lower
from graphwright.compiler.transforms.weights import rewrite_weights

if TYPE_CHECKING:
    from graphwright.training.train import TrainResult

Graph.picture = staticmethod(picture)


def load(
    spec: str | Path, params: Mapping[str, Any] | None = None, transforms: Sequence[Callable[[Graph], Graph]] = (),
    **more: Any,
) -> Graph:  # fmt: skip
    """The graph of a spec, by path or library name; its params as a mapping, by keyword, or both.

    >>> load("lenet", classes=10).name
    'lenet'

    Raises `SpecError` with every mistake of the file, each with its place.
    """
    return _load(spec, {**(params or {}), **more}, transforms)


def build(
    graph: Graph, *, cone: Cone = "deploy", seed: int = 0, device: str | torch.device = "cpu",
    weights: str | Path | Mapping[str, torch.Tensor] | None = None,
) -> fx.GraphModule:  # fmt: skip
    """The graph as an ordinary `torch.fx.GraphModule`, in eval mode for `cone="deploy"`.

    `weights` is a `.safetensors` (or tensors-only `.pt`) file, or a `state_dict`.
    """
    module = lower(graph, cone=cone, seed=seed, device=usable(device))
    if weights is not None:
        state = weights if isinstance(weights, Mapping) else read(weights)
        load_state(module, rewrite_weights(graph, state))
    return module.eval() if cone == "deploy" else module


def compile(graph: Graph, *, backend: str = "inductor", weights: str | Path | None = None, seed: int = 0) -> Any:
    """The graph built and compiled as one full graph; call the result like the module."""
    module = build(graph, seed=seed, weights=weights)
    return named(backend)(module, example_inputs(graph))


def draw(graph: Graph, path: str | Path, **options: Any) -> Path:
    """A drawing of the graph, in the format of the path's suffix."""
    write(graph, Path(path), **options)
    return Path(path)


def export(graph: Graph, path: str | Path, *, weights: str | Path | None = None, seed: int = 0) -> Path:
    """The model as a file: `.safetensors`, `.onnx` or `.pt2`, by the path's suffix."""
    export_model(graph, build(graph, seed=seed, weights=weights), Path(path))
    return Path(path)


def train(
    graph: Graph, data: str, out: str | Path, *, resume: bool = False, force: bool = False, **recipe: Any
) -> TrainResult:
    """Train the graph on data (`digits`, `mnist:DIR`, ...) into a run folder; `recipe` are keys such as `epochs`."""
    from graphwright.training.train import train as run

    return run(graph, data, Path(out), recipe, resume=resume, force=force)


def evaluate(run: str | Path, data: str | None = None) -> Any:
    """Accuracy, loss and confusion of a run on its test data, or on other data."""
    from graphwright.training.evaluate import evaluate as score

    return score(Path(run), data)


def predict(run: str | Path, files: str | Path | Sequence[str | Path]) -> Any:
    """The classes a run gives to picture files, one or several."""
    from graphwright.training.evaluate import predict as classify

    return classify(Path(run), [Path(f) for f in ([files] if isinstance(files, (str, Path)) else files)])
