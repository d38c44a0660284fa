"""`graphwright graph`: a spec as a picture."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from graphwright.backends.drawing import draw, write
from graphwright.backends.drawing.dot import dot
from graphwright.commands.arguments import Transforms, parse_overrides, parse_transforms
from graphwright.compiler.language.load import load


class Direction(str, Enum):
    """Where the arrows point."""

    TB = "TB"
    LR = "LR"


class Engine(str, Enum):
    """What computes the layout."""

    own = "own"
    dot = "dot"


def graph(
    spec: Annotated[str, typer.Argument(help="A spec file, or a name of the library.")],
    params: Annotated[list[str] | None, typer.Argument(help="key=value for params of the spec.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="x.svg, dot, png, pdf, mmd, json, explorer.json, pbtxt; else DOT."),
    ] = None,
    depth: Annotated[int | None, typer.Option(min=0, help="How many levels of blocks are opened.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Open every block and fold no copies.")] = False,
    direction: Annotated[Direction, typer.Option(help="Top to bottom, or left to right.")] = Direction.TB,
    transform: Transforms = None,
    engine: Annotated[Engine, typer.Option(help="Our own layout, or graphviz' for svg, png and pdf.")] = Engine.own,
) -> None:
    """Draw a spec: blocks are frames, repeats fold, edges carry shapes, colours tell op families."""
    model = load(spec, parse_overrides(params or []), parse_transforms(transform))
    if output is None:
        typer.echo(dot(draw(model, depth, full, direction.value)), nl=False)
        return
    drawing = write(model, output, depth, full, direction.value, engine.value)
    note = f"{len(drawing.boxes)} boxes for {len(model.nodes)} nodes"
    if drawing.depth < drawing.levels:
        note += f", {drawing.depth} of {drawing.levels} levels open (--depth opens more)"
    typer.echo(f"{output}: {note}", err=True)
