"""The Python door: the functions behind the command line, by plain names."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from graphwright.analyses import ANALYSES
from graphwright.analyses.contract import Result, brought, joined
from graphwright.analyses.pictures import IMAGENET
from graphwright.backends import backend as named
from graphwright.backends.devices import usable
from graphwright.backends.drawing import picture, write
from graphwright.backends.examples import example_inputs
from graphwright.backends.explorer import write as write_page
from graphwright.backends.exporting import EXPORTS
from graphwright.backends.exporting import export as export_model
from graphwright.backends.files import replacing, suffix_of
from graphwright.backends.weights import load as load_state
from graphwright.backends.weights import read
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.language.load import load as _load
from graphwright.compiler.language.overrides import read_override
from graphwright.compiler.language.values import Argument, read_argument
from graphwright.compiler.language.writing import write as write_spec
from graphwright.compiler.lowering.lower import Cone, lower
from graphwright.compiler.places import NOWHERE, Place, Problem, SpecError, fail, suggest
from graphwright.compiler.transforms.weights import rewrite_weights
from graphwright.hiding import masked
from graphwright.photographs import Photographer

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
        load_state(module, rewrite_weights(graph, state), None if isinstance(weights, Mapping) else weights)
    return module.eval() if cone == "deploy" else module


def compile(graph: Graph, *, backend: str = "inductor", weights: str | Path | None = None, seed: int = 0) -> Any:
    """The graph built and compiled as one full graph; call the result like the module."""
    module = build(graph, seed=seed, weights=weights)
    return named(backend)(module, example_inputs(graph), graph)


def draw(graph: Graph, path: str | Path, **options: Any) -> Path:
    """A drawing of the graph, in the format of the path's suffix."""
    write(graph, Path(path), **options)
    return Path(path)


def explore(
    graph: Graph, path: str | Path, *, weights: str | Path | Mapping[str, torch.Tensor] | None = None,
    images: Sequence[str | Path] = (), mean: Sequence[float] = IMAGENET[0], std: Sequence[float] = IMAGENET[1],
    size: int | None = None, crop: float = 0.875, classes: Sequence[str] = (), live: bool = False,
    compare: Graph | None = None,
) -> Path:  # fmt: skip
    """The graph as one HTML page to look through; with `weights`, also their distributions and first filters.

    With `images`, also what the model makes of these pictures, normalised by `mean` and `std`: maps of every node,
    probabilities of the `classes`, and formulas at work. `crop` is the share of the shorter side that is kept.
    With `live`, the page holds the model and runs it on pictures that are dropped or drawn there. With `compare`, the
    page shows that graph too, side by side, and what differs.
    """
    state = build(graph, weights=weights).state_dict() if weights is not None else None
    photographer, files = Photographer(graph, None, mean, std, size, crop, classes), [Path(image) for image in images]
    pictures = photographer.pictures(files) if files else photographer.ring() if live else None
    write_page(graph, path, state, pictures=pictures, old=compare, live=masked(graph) if live else None)
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
    """The figures of a run on its test data, or on other data: of classes, masks or boxes."""
    from graphwright.training.evaluate import evaluate as score

    return score(Path(run), data)


def predict(run: str | Path, files: str | Path | Sequence[str | Path], out: str | Path | None = None) -> Any:
    """The classes, masks or boxes a run gives to picture files, one or several; drawn into the folder `out`."""
    from graphwright.training.predict import predict as classify

    return classify(Path(run), [Path(f) for f in ([files] if isinstance(files, (str, Path)) else files)], out=out)


def instrumented(analysis: str, options: Mapping[str, Any]) -> Any:
    """An analysis with its options, by name; they are given as text or as values.

    Raises `SpecError` where there is no such analysis, or an option is unknown or of another type.
    """
    if analysis not in ANALYSES:
        raise fail(NOWHERE, f"no analysis '{analysis}'", suggest(analysis, ANALYSES))
    cls = ANALYSES[analysis]
    hints, known = typing.get_type_hints(cls), {f.name for f in dataclasses.fields(cls)}
    values, problems = {}, []
    for key, value in options.items():
        if key not in known:
            problems.append(Problem(NOWHERE, f"{analysis} has no option '{key}'", suggest(key, known)))
            continue
        try:
            argument = Argument(read_override(key, value), Place(f"<option {key}>", 0, 0))
            values[key] = read_argument(argument, hints[key], f"'{key}'")
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return cls(**values)


def run_analysis(
    analysis: Any, graph: Graph, module: torch.nn.Module, images: torch.Tensor, targets: torch.Tensor | None = None, *,
    backend: str = "eager", batch: int = 16, device: str | torch.device = "cpu",
) -> Result:  # fmt: skip
    """Run an analysis with the weights of `module`, some pictures at a time, each instrumented graph built once."""
    state = {**{k: v.detach() for k, v in module.state_dict().items()}, **brought(analysis, graph)}
    built: dict[int, Callable[..., Any]] = {}

    def make(wanted: Graph) -> Callable[..., Any]:
        key = hash(structural_hash(wanted))
        if key not in built:
            made = lower(wanted, device=device).eval()
            load_state(made, {k: v for k, v in state.items() if k in made.state_dict()})
            built[key] = (
                made if backend == "eager" else named(backend)(made, example_inputs(wanted, device=device), wanted)
            )
        return built[key]

    parts = []
    with torch.no_grad():
        for start in range(0, len(images), batch):
            some = images[start : start + batch].to(device)
            asked = None if targets is None else targets[start : start + batch].to(device)
            parts.append(analysis.run(graph, make, some, asked))
    return joined(parts)


def analyze(
    name: str, model: Graph, images: torch.Tensor, targets: torch.Tensor | None = None, *,
    weights: str | Path | Mapping[str, torch.Tensor] | None = None, seed: int = 0, backend: str = "eager",
    batch: int = 16, **options: Any,
) -> Result:  # fmt: skip
    """An analysis of a model on normalised pictures [N, C, H, W]: a `Result` with laws, numbers, arrays and maps.

    found = gw.analyze("grad-cam", graph, images, weights="model.safetensors")
    found.maps["grad_cam"]              # [N, h, w], from 0 to 1
    """
    module = build(model, seed=seed, weights=weights)
    return run_analysis(instrumented(name, options), model, module, images, targets, backend=backend, batch=batch)


def emit(analysis: Any, graph: Graph, module: torch.nn.Module, path: str | Path) -> Path:
    """Write the instrumented model: a spec, or any format that models are exported to."""
    path = Path(path)
    made = analysis(graph)
    if suffix_of(path, EMITS, "instrumented models") in (".yaml", ".yml"):
        with replacing(path) as temporary:
            Path(temporary).write_text(write_spec(made), encoding="utf-8")
        return path
    ready = lower(made).eval()
    state = {**module.state_dict(), **brought(analysis, graph)}
    load_state(ready, {k: v for k, v in state.items() if k in ready.state_dict()})
    export_model(made, ready, path)
    return path


#: What an instrumented model can be written as.
EMITS = (".yaml", ".yml", *EXPORTS)
