"""`graphwright analyze`: an analysis as part of the compiled model, run on pictures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from graphwright.analyses import ANALYSES
from graphwright.analyses.contract import Result, figures
from graphwright.analyses.pictures import IMAGENET, preparation, read
from graphwright.analyses.report import write
from graphwright.backends.devices import usable
from graphwright.backends.files import replacing, suffix_of
from graphwright.commands.arguments import parse_overrides
from graphwright.commands.building import model
from graphwright.compiler.places import NOWHERE, fail
from graphwright.doors import EMITS, emit, instrumented, run_analysis


def analyze(
    analysis: Annotated[str, typer.Argument(help="One of: " + ", ".join(ANALYSES) + ".")],
    spec: Annotated[str, typer.Argument(help="A spec file, a name of the library, or a run.")],
    options: Annotated[list[str] | None, typer.Argument(help="key=value for options of the analysis.")] = None,
    images: Annotated[list[Path] | None, typer.Option("--images", help="Pictures, or folders of them.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The folder to write to.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights: .safetensors, .pt or .pth.")] = None,
    param: Annotated[list[str] | None, typer.Option("--param", help="key=value for params of the spec.")] = None,
    emit_: Annotated[
        Path | None, typer.Option("--emit", help="Write the instrumented model: x.yaml, .onnx, .pt2 or .py.")
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Classes in question, 3,5,7; else the predicted ones.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Height and width, where the model leaves them free.")] = None,
    mean: Annotated[str, typer.Option(help="Mean of each channel, taken off.")] = ",".join(map(str, IMAGENET[0])),
    std: Annotated[str, typer.Option(help="Deviation of each channel, divided by.")] = ",".join(map(str, IMAGENET[1])),
    backend: Annotated[str, typer.Option(help="eager, aot_eager, inductor or cudagraphs.")] = "eager",
    batch: Annotated[int, typer.Option(min=1, help="Pictures at a time.")] = 16,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run an analysis on pictures: maps, numbers, the laws that were checked, and a page with all of them."""
    chosen = instrumented(analysis, parse_overrides(options or []))
    graph, module, trained = model(spec, parse_overrides(param or []), weights)
    if emit_ is not None:
        suffix_of(emit_, EMITS, "instrumented models")
        emit(chosen, graph, module, emit_)
        typer.echo(str(emit_), err=True)
    if not images:
        if emit_ is None:
            raise fail(NOWHERE, "analyze needs pictures", "--images PATH, or --emit to write the instrumented model")
        return
    if output is None:
        raise fail(NOWHERE, "analyze needs a folder to write to", "-o DIR")
    how = preparation(graph.deployed(), numbers("--mean", mean), numbers("--std", std), size)
    pixels, names = read(images, how)
    targets = _classes(classes, len(names))
    if not trained:
        typer.echo("the weights are initial values; --weights or a run gives trained ones", err=True)
    result = _run(chosen, graph, module, how.normalised(pixels), targets, backend, batch, usable(device))
    about = {
        "model": graph.name, "spec": spec, "weights": str(weights) if weights else None, "backend": backend,
        "device": device, "torch": torch.__version__, "size": how.size, "mean": how.mean, "std": how.std,
        "origin": "normalised input zero",
    }  # fmt: skip
    summary = write(result, output, pixels, names, about, replacing, figures(chosen, graph, result, names))
    typer.echo(json.dumps(summary, indent=1, default=str) if as_json else told(result, output))
    if not all(law.holds for law in result.laws):
        raise typer.Exit(1)


def _run(
    chosen: Any, graph: Any, module: Any, images: torch.Tensor, targets: torch.Tensor | None, backend: str, batch: int,
    device: torch.device,
) -> Result:  # fmt: skip
    """The analysis, with a line that moves while it runs where somebody watches."""
    with Console(file=sys.stderr).status(f"{chosen.name} of {len(images)} pictures"):
        return run_analysis(chosen, graph, module, images, targets, backend=backend, batch=batch, device=device)


def numbers(option: str, text: str) -> tuple[float, ...]:
    """The numbers of a list such as `0.5,0.5,0.5`."""
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise fail(NOWHERE, f"{option} '{text}' is no list of numbers", "for example 0.5,0.5,0.5") from None


def _classes(text: str | None, count: int) -> torch.Tensor | None:
    if text is None:
        return None
    words = text.split(",")
    if not all(w.strip().isdecimal() for w in words) or len(words) not in (1, count):
        raise fail(NOWHERE, f"--classes '{text}' is not one class, nor one for each of {count} pictures", "3 or 3,5,7")
    return torch.tensor([int(w) for w in words] * (count if len(words) == 1 else 1))


def told(result: Result, folder: Path) -> str:
    """The result in words."""
    lines = [f"{result.analysis}: {folder / 'report.html'}"]
    for law in result.laws:
        verdict = "holds" if law.holds else "DOES NOT HOLD"
        lines.append(f"  {law.name}: {law.value:.2g} (at most {law.threshold:g}): {verdict}")
    return "\n".join(lines)
