"""`graphwright explore`: a model as one HTML page to look through."""

from __future__ import annotations

import contextlib
import tempfile
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
import typer

from graphwright.analyses.pictures import IMAGENET
from graphwright.backends.explorer import live_files, write
from graphwright.backends.explorer.overlays import read as read_overlays
from graphwright.backends.explorer.overlays import times
from graphwright.backends.explorer.serving import HOST, server
from graphwright.backends.explorer.values import BUDGET
from graphwright.backends.explorer.writing import renamed
from graphwright.backends.files import suffix_of
from graphwright.backends.weights import load as load_weights
from graphwright.backends.weights import read
from graphwright.commands.analyzing import numbers
from graphwright.commands.arguments import Transforms, graph_of, parse_overrides, parse_transforms
from graphwright.commands.building import model
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.library import Library
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import faithful
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import NOWHERE, fail
from graphwright.compiler.transforms import Transform
from graphwright.compiler.transforms.weights import rewrite_weights
from graphwright.hiding import masked
from graphwright.photographs import Photographer, class_names
from graphwright.sources import FILES, NAMED, find
from graphwright.sources.found import Wish
from graphwright.training.run import Run


@dataclass(frozen=True)
class Explored:
    """A graph with its weights, if there are any, and the texts of its spec files by the names of places."""

    graph: Graph
    weights: Mapping[str, torch.Tensor] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


Source = Annotated[
    str, typer.Argument(metavar="MODEL", help="A spec file, a name of the library, a run, or what import reads.")
]
Params = Annotated[list[str] | None, typer.Argument(help="key=value for params of the spec.")]
Weights = Annotated[Path | None, typer.Option(help="Weights: .safetensors, .pt or .pth.")]
Images = Annotated[list[Path] | None, typer.Option(help="A picture, or a folder of them, that the model is run on.")]
Classes = Annotated[Path | None, typer.Option(help="Names of the classes, one in each line of a file.")]
Size = Annotated[int | None, typer.Option(min=1, help="Height and width, where the model leaves them free.")]
Crop = Annotated[float, typer.Option(min=0.01, max=1, help="The share of a picture's shorter side.")]
Mean = Annotated[str, typer.Option(help="Mean of each channel, taken off.")]
Std = Annotated[str, typer.Option(help="Deviation of each channel, divided by.")]
MEAN, STD = (",".join(map(str, figures)) for figures in IMAGENET)


def explore(
    source: Source,
    params: Params = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The page; MODEL.html if left out.")] = None,
    weights: Weights = None,
    transform: Transforms = None,
    image: Images = None,
    classes: Classes = None,
    size: Size = None,
    crop: Crop = 0.875,
    mean: Mean = MEAN,
    std: Std = STD,
    compare: Annotated[
        str | None, typer.Option(help="A spec or a run to compare with: what was added, removed and changed.")
    ] = None,
    overlay: Annotated[
        list[Path] | None, typer.Option(help="The folder of an analysis, whose numbers of nodes colour them.")
    ] = None,
    timed: Annotated[bool, typer.Option("--time", help="Time each node on this machine, and colour by it.")] = False,
    budget: Annotated[float, typer.Option("--numbers", min=0, help="MiB of numbers for formulas at work.")] = BUDGET
    / 2**20,
    live: Annotated[
        bool, typer.Option("--live", help="Put the model into the page, which runs it on pictures of your own.")
    ] = False,
) -> None:
    """Write a model as one HTML page: blocks open and close, every node tells its formula, shapes, costs and lines.

    With pictures, also what the model makes of them: maps of every node, probabilities, and formulas at work.
    """
    if output is not None:
        suffix_of(output, (".html", ".htm"), "pages")
    opened = explored(source, params, weights, transform)
    path = output or Path(f"{opened.graph.name or 'model'}.html")
    old = None if compare is None else graph_of(compare, {})
    overlays = [found for given in overlay or [] for found in read_overlays(given, opened.graph)]
    photographer = photographed(opened, source, mean, std, size, crop, classes)
    pictures = photographer.pictures(image) if image else photographer.ring() if live else None
    if pictures is not None and not opened.weights:
        typer.echo("the weights are initial values; --weights or a run gives trained ones", err=True)
    if timed:
        overlays.insert(0, times(opened.graph, opened.weights, None if pictures is None else [pictures.inputs[:1]]))
    written = write(
        opened.graph, path, opened.weights, opened.texts, pictures, round(budget * 2**20), old, overlays,
        masked(opened.graph) if live else None,
    )  # fmt: skip
    typer.echo(f"{path}: {len(opened.graph.nodes)} nodes, {written:,} bytes", err=True)


def serve(
    source: Source,
    params: Params = None,
    weights: Weights = None,
    transform: Transforms = None,
    image: Images = None,
    classes: Classes = None,
    size: Size = None,
    crop: Crop = 0.875,
    mean: Mean = MEAN,
    std: Std = STD,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 0,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Show a model as a live page, which runs it in the browser: drop a picture, draw one, hide parts of it.

    The server answers this machine alone, has three files in memory, and sees nothing of your pictures. Ctrl-C ends it.
    """
    opened = explored(source, params, weights, transform)
    photographer = photographed(opened, source, mean, std, size, crop, classes)
    pictures = photographer.pictures(image) if image else photographer.ring()
    if not opened.weights:
        typer.echo("the weights are initial values; --weights or a run gives trained ones", err=True)
    files = live_files(opened.graph, masked(opened.graph), pictures, opened.weights, opened.texts)
    with server(files, port) as serving:
        address = f"http://{HOST}:{serving.server_address[1]}/"
        typer.echo(f"{opened.graph.name} at {address} (Ctrl-C ends it)")
        if show:
            webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):
            serving.serve_forever()


def explored(source: str, params: list[str] | None, weights: Path | None, transform: list[str] | None) -> Explored:
    """The model that a command was given."""
    overrides, transforms = parse_overrides(params or []), parse_transforms(transform)
    imported = source.partition(":")[0] in NAMED or Path(source).suffix.lower() in FILES
    return (_imported if imported else _spec)(source, overrides, weights, transforms)


def photographed(
    opened: Explored, source: str, mean: str, std: str, size: int | None, crop: float, classes: Path | None
) -> Photographer:
    """How its pictures are read."""
    means, deviations = numbers("--mean", mean), numbers("--std", std)
    run = Run(Path(source))
    return Photographer(opened.graph, run if run.exists else None, means, deviations, size, crop, class_names(classes))


def _spec(source: str, params: dict[str, str], weights: Path | None, transforms: Sequence[Transform]) -> Explored:
    """A spec or a run; a run brings its weights, once it has some, and the spec it was begun with."""
    run = Run(Path(source))
    state: Mapping[str, torch.Tensor] = {}
    if weights is not None or (run.exists and run.weights.is_file()):
        graph, module, _ = model(source, params, weights, transforms)
        state = module.state_dict()
    else:
        graph = graph_of(source, params, transforms)
    if run.exists:
        return Explored(graph, state, _kept(run, graph))
    library = Library()
    library.spec(library.find(source))  # the file itself and what it extends, whether or not a node stands in it
    return Explored(graph, state, library.sources)


def _kept(run: Run, graph: Graph) -> dict[str, str]:
    """The text of a run's own copy of its spec, if that is the file which the graph's places mean."""
    copy, entry = run.path / "spec.yaml", graph.inputs[0]
    text = copy.read_text(encoding="utf-8") if copy.is_file() else ""
    line = "".join(text.splitlines()[entry.place.line - 1 : entry.place.line])
    return {entry.place.file: text} if line[entry.place.column - 1 :].startswith(entry.name) else {}


def _imported(source: str, params: dict[str, str], weights: Path | None, transforms: Sequence[Transform]) -> Explored:
    """What another tool made, with the spec that import writes for it."""
    found = find(source, Wish())
    if params and found.graph is not None:
        raise fail(NOWHERE, f"'{source}' is imported and has no params", "leave out " + ", ".join(params))
    name = found.graph.name if found.graph is not None and found.graph.name else Path(source.rpartition(":")[2]).stem
    text = found.text or faithful(found.graph.with_(name=name))  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "imported.yaml"
        path.write_text(text, encoding="utf-8")
        graph = renamed(load(path, params, transforms), str(path), f"{name}.yaml")
    state = rewrite_weights(graph, dict(found.weights)) if found.weights else {}
    if weights is not None:
        module = lower(graph)
        load_weights(module, rewrite_weights(graph, read(weights)))
        state = module.state_dict()
    return Explored(graph, state, {f"{name}.yaml": text})
