"""`graphwright train | evaluate | predict`. Results go to stdout, all else to stderr."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

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
        str,
        typer.Option(
            "--data",
            help="digits | mnist:DIR | cifar10:PATH | folder:PATH | npz:FILE | masks:PATH | coco:PATH | shapes",
        ),
    ] = "digits",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The run folder; default runs/NAME.")] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="Bytes of a step, 4GiB say; as memory=4GiB.")] = None,
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
    if memory is not None:
        overrides["memory"] = memory
    graph = load(spec, params)
    result = run_training(
        graph, data, out or Path("runs") / graph.name, overrides, resume=resume, force=force, spec=file
    )  # fmt: skip
    if not _is_first():
        return
    if as_json:
        print(json.dumps(result.as_json()))
    else:
        figures = ", ".join(f"test {_words(name)} {value:.4f}" for name, value in result.figures.items())
        after = f"after {result.epochs} epochs in {result.seconds:.1f} s"
        print(f"{result.run}: {figures}, test loss {result.loss:.4f} {after}")


def evaluate(
    run: RUN,
    data: Annotated[str | None, typer.Option("--data", help="Other data of the same classes, as for train.")] = None,
    as_json: JSON = False,
) -> None:
    """Test a trained run; the run folder gets the figures, and pictures of them and of predictions."""
    from graphwright.training.evaluate import evaluate as run_evaluation

    result = run_evaluation(run, data)
    if not _is_first():
        return
    if as_json:
        print(json.dumps(result))
        return
    figures = "  ".join(f"{_words(k)} {v:.4f}" for k, v in result.items() if isinstance(v, float))
    print(f"{figures}  samples {result['samples']}  {result['data']}")
    for name, by_class in result["classes"].items():
        *shown, (what, count) = by_class.items()
        if count:
            print(f"  {name:<24} {'  '.join(_figure(k, v) for k, v in shown)}  of {count} {what}")
    for picture in sorted(run.glob("*.png")):
        print(picture, file=sys.stderr)


def predict(
    run: RUN,
    files: Annotated[list[Path], typer.Argument(help="Picture files.")],
    top: Annotated[int, typer.Option("--top", min=1, help="So many classes for each picture.")] = 5,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="A folder for pictures with boxes or masks.")] = None,
    as_json: JSON = False,
) -> None:
    """The classes, boxes or masks that a trained run gives pictures."""
    from graphwright.training.predict import predict as run_prediction

    found = run_prediction(run, files, top, out)
    if as_json:
        print(json.dumps(found))
        return
    for answer in found:
        print(f"{answer['file']}: {_told(answer)}")


def _told(answer: dict[str, Any]) -> str:
    """What `predict` says of a picture, in a line."""
    if "boxes" in answer:
        return "  ".join(f"{b['class']} {b['score']:.3f}" for b in answer["boxes"]) or "nothing"
    if "shares" in answer:
        return "  ".join(f"{name} {share:.1%}" for name, share in answer["shares"].items())
    return "  ".join(f"{g['class']} {g['probability']:.3f}" for g in answer["top"])


def _words(name: str) -> str:
    return name.replace("_", " ")


def _figure(name: str, value: float | None) -> str:
    return f"{_words(name)} {'none' if value is None else f'{value:.4f}'}"


def _is_first() -> bool:
    """Whether this is the first of torchrun's processes, the one that reports."""
    return os.environ.get("RANK", "0") == "0"
