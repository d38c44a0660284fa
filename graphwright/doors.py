"""The Python door: the functions behind the command line, by plain names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import fx

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load as _load
from graphwright.compiler.lowering.lower import Cone, lower


def load(spec: str | Path, *, transforms: Sequence[Callable[[Graph], Graph]] = (), **params: Any) -> Graph:
    """The graph of a spec, by path or library name; `params` are the spec's own.

    >>> load("lenet", classes=10).name
    'lenet'

    Raises `SpecError` with every mistake of the file, each with its place.
    """
    return _load(spec, params, transforms)


def build(
    graph: Graph, *, cone: Cone = "deploy", seed: int = 0, device: str | torch.device = "cpu",
    weights: str | Path | Mapping[str, torch.Tensor] | None = None,
) -> fx.GraphModule:  # fmt: skip
    """The graph as an ordinary `torch.fx.GraphModule`, in eval mode for `cone="deploy"`.

    `weights` is a `.safetensors` (or tensors-only `.pt`) file, or a `state_dict`.
    """
    from graphwright.backends.weights import load_weights

    module = lower(graph, cone=cone, seed=seed, device=device)
    if weights is not None:
        load_weights(graph, module, weights)
    return module.eval() if cone == "deploy" else module


def compile(graph: Graph, *, backend: str = "inductor", weights: str | Path | None = None, seed: int = 0) -> Any:
    """The graph built and compiled as one full graph; call the result like the module."""
    from graphwright.backends import BACKENDS

    module = build(graph, seed=seed, weights=weights)
    return BACKENDS[backend](module)


def draw(graph: Graph, path: str | Path, **options: Any) -> Path:
    """A drawing of the graph, in the format of the path's suffix."""
    from graphwright.backends.drawing import draw as write

    return write(graph, Path(path), **options)


def export(graph: Graph, path: str | Path, *, weights: str | Path | None = None, seed: int = 0) -> Path:
    """The model as a file: `.safetensors`, `.onnx` or `.pt2`, by the path's suffix."""
    from graphwright.backends import export as write

    return write(graph, build(graph, seed=seed, weights=weights), Path(path))


def train(graph: Graph, data: str, out: str | Path, **options: Any) -> Any:
    """Train the graph on data (`digits`, `mnist:DIR`, ...) into a run folder."""
    from graphwright.training.train import train as run

    return run(graph, data, Path(out), **options)


def evaluate(run: str | Path, data: str | None = None) -> Any:
    """Accuracy, loss and confusion of a run on its test data, or on other data."""
    from graphwright.training.train import evaluate as score

    return score(Path(run), data)


def predict(run: str | Path, files: Sequence[str | Path]) -> Any:
    """The classes a run gives to picture files."""
    from graphwright.training.train import predict as classify

    return classify(Path(run), [Path(f) for f in files])
