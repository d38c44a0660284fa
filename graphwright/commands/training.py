"""`graphwright train | evaluate | predict`. Results go to stdout, all else to stderr."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from graphwright.commands.arguments import parse_overrides
from graphwright.compiler.language.library import Library
from graphwright.compiler.language.load import load

SPEC = Annotated[str, typer.Argument(help="A spec: the path of a YAML file, or a name in the library.")]
RUN = Annotated[Path, typer.Argument(help="The run folder.")]
KEYS = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Keys of the training recipe, and params of the spec."),
]
JSON = Annotated[bool, typer.Option("--json", help="Report as JSON on stdout.")]


def train(
    spec: SPEC,
    settings: KEYS = None,
    data: Annotated[
        str, typer.Option("--data", help="digits | mnist:DIR | cifar10:PATH | folder:PATH (or .zip) | npz:FILE")
    ] = "digits",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The run folder; default runs/NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder, if any.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Go on although the spec or the recipe changed.")] = False,
    as_json: JSON = False,
) -> None:
    """Train a spec; the run folder gets weights, metrics, curves and checkpoints."""
    from graphwright.training.recipe import split_overrides
    from graphwright.training.train import train as run_training

    library = Library()
    file = library.find(spec)
    names = [p.name for p in library.spec(file).params]
    params, overrides = split_overrides(parse_overrides(settings or []), names)
    graph = load(spec, params)
    result = run_training(
        graph, data, out or Path("runs") / graph.name, overrides, resume=resume, force=force, spec=file
    )  # fmt: skip
    if not _is_first():
        return
    if as_json:
        print(json.dumps({**dataclasses.asdict(result), "run": str(result.run)}))
    else:
        print(
            f"{result.run}: test accuracy {result.accuracy:.4f}, test loss {result.loss:.4f} "
            f"after {result.epochs} epochs in {result.seconds:.1f} s"
        )


def evaluate(
    run: RUN,
    data: Annotated[str | None, typer.Option("--data", help="Other data of the same classes, as for train.")] = None,
    as_json: JSON = False,
) -> None:
    """Test a trained run; the run folder gets the figures and the confusion matrix as a picture."""
    from graphwright.training.evaluate import evaluate as run_evaluation

    result = run_evaluation(run, data)
    if not _is_first():
        return
    if as_json:
        print(json.dumps(result))
        return
    print(
        f"accuracy {result['accuracy']:.4f}  loss {result['loss']:.4f}  samples {result['samples']}  {result['data']}"
    )
    for name, figures in result["classes"].items():
        if figures["samples"]:
            print(f"  {name:<24} {figures['accuracy']:.4f}  of {figures['samples']}")
    print(f"confusion matrix: {run / 'confusion.png'}", file=sys.stderr)


def predict(
    run: RUN,
    files: Annotated[list[Path], typer.Argument(help="Picture files.")],
    top: Annotated[int, typer.Option("--top", min=1, help="So many classes for each picture.")] = 5,
    as_json: JSON = False,
) -> None:
    """The classes that a trained run gives pictures."""
    from graphwright.training.evaluate import predict as run_prediction

    found = run_prediction(run, files, top)
    if as_json:
        print(json.dumps(found))
        return
    for guess in found:
        shown = "  ".join(f"{g['class']} {g['probability']:.3f}" for g in guess["top"])
        print(f"{guess['file']}: {shown}")


def _is_first() -> bool:
    """Whether this is the first of torchrun's processes, the one that reports."""
    return os.environ.get("RANK", "0") == "0"
