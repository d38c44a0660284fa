"""`graphwright init`: a spec to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from graphwright.backends.files import replacing
from graphwright.compiler.language.schema import schema
from graphwright.compiler.places import NOWHERE, fail

TEMPLATE = """\
# yaml-language-server: $schema=graphwright.schema.json
graphwright: 1
name: {name}
doc: Three convolutions, and a linear classifier on the mean of the map.

params:
  classes: 10
  widths: [16, 32, 64]

inputs:
  image: [N, 3, H=32, W=32]

nodes:
  stage:
    repeat: {{k: $(len(widths)), width: $widths}}
    nodes:
      conv: {{op: conv2d, out: $width, kernel: 3, stride: $(1 if k == 0 else 2), padding: 1, bias: false}}
      norm: batch_norm
      relu: relu
  pool: {{op: adaptive_avg_pool2d, size: 1}}
  flatten: flatten
  head: {{op: linear, out: $classes}}

outputs:
  logits: head
"""


def init(
    name: Annotated[str, typer.Argument(help="The name of the model, and of the file.")] = "model",
    folder: Annotated[Path, typer.Option("-o", "--output", help="The folder to write to.")] = Path(),
) -> None:
    """Write a small spec to start from, and the schema that editors check it with."""
    if not name.isidentifier():
        raise fail(NOWHERE, f"'{name}' cannot be the name of a model", "letters, digits and _")
    path = folder / f"{name}.yaml"
    if path.exists():
        raise fail(NOWHERE, f"{path} is there already", "choose another name")
    files = {  # the spec comes last: where it is, its schema is
        folder / "graphwright.schema.json": json.dumps(schema(), indent=1),
        path: TEMPLATE.format(name=name),
    }
    for target, text in files.items():
        with replacing(target) as temporary:
            Path(temporary).write_text(text, encoding="utf-8")
    typer.echo(str(path))
    typer.echo(f"next: graphwright show {path}; graphwright train {path} --data digits", err=True)
