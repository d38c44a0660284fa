"""`graphwright list` and `graphwright schema`: what there is to write specs with."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from graphwright.compiler.language.catalogue import facts
from graphwright.compiler.language.library import shipped, shipped_of
from graphwright.compiler.language.reading import Scalar, read_file
from graphwright.compiler.language.schema import schema as make_schema
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Op, summary
from graphwright.compiler.places import NOWHERE, fail, suggest
from graphwright.compiler.transforms import TRANSFORMS


class Kind(str, Enum):
    """What can be listed."""

    models = "models"
    blocks = "blocks"
    ops = "ops"
    transforms = "transforms"
    backends = "backends"


def list_(
    kind: Annotated[Kind, typer.Argument(help="What to list.")] = Kind.models,
    name: Annotated[str | None, typer.Argument(help="One of them, in full.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List models, blocks, ops, transforms or backends; with a name, its documentation."""
    rows = _ROWS[kind]()
    if name is not None:
        if name not in rows:
            raise fail(NOWHERE, f"no {kind.value[:-1]} '{name}'", suggest(name, rows))
        text = _full(kind, name, rows[name])
        typer.echo(json.dumps({"name": name, "text": text}) if as_json else text)
        return
    if as_json:
        typer.echo(json.dumps({key: asdict(facts(key)) for key in rows} if kind is Kind.models else rows, indent=1))
        return
    width = max(map(len, rows), default=0)
    for key, doc in rows.items():
        figures = _figures(key) if kind is Kind.models else ""
        typer.echo(f"{key:<{width}}  {figures}{doc.partition('. ')[0].rstrip('.')}")


def _figures(name: str) -> str:
    """The published parameters and multiply-accumulates of a model, as columns."""
    about = facts(name)
    shown = f"{about.parameters / 1e6:.2f}M" if about.parameters is not None else ""
    return f"{shown:>8} {about.expect.get('macs', ''):>8}  "


def _specs(kind: str) -> dict[str, str]:
    found = {}
    for name, path in shipped_of(kind).items():
        doc = read_file(path)[1].get("doc")
        found[name] = " ".join(doc.text.split()) if isinstance(doc, Scalar) else ""
    return found


def _backends() -> dict[str, str]:
    from graphwright.backends import BACKENDS

    return {name: (inspect.getdoc(made) or "").partition("\n")[0] for name, made in BACKENDS.items()}


_ROWS: dict[Kind, Any] = {
    Kind.models: lambda: _specs("models"),
    Kind.blocks: lambda: _specs("blocks"),
    Kind.ops: lambda: {name: summary(cls) for name, cls in sorted(OPS.items())},
    Kind.transforms: lambda: {name: (inspect.getdoc(cls) or "").partition("\n")[0] for name, cls in TRANSFORMS.items()},
    Kind.backends: _backends,
}


def _full(kind: Kind, name: str, doc: str) -> str:
    if kind is Kind.ops:
        return _op(OPS[name])
    if kind is Kind.transforms:
        return f"{name}\n\n{inspect.getdoc(TRANSFORMS[name])}"
    if kind is Kind.backends:
        return f"{name}\n\n{doc}"
    return shipped()[name].read_text(encoding="utf-8")


def _op(cls: type[Op]) -> str:
    lines = [f"{cls.name}({', '.join(map(str, cls.ports))})    {cls.family}", "", inspect.getdoc(cls) or "", ""]
    for field in cls.fields():
        if field.name not in cls.filled:
            default = "required" if field.required else f"default {field.default}"
            lines.append(f"  {field.name:<18} {default:<22} {field.doc}")
    return "\n".join(lines)


def schema(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write it to a file.")] = None,
) -> None:
    """Print the JSON Schema of specs, for editors."""
    text = json.dumps(make_schema(), indent=1)
    if output is None:
        typer.echo(text)
        return
    from graphwright.backends.files import replacing

    with replacing(output) as temporary:
        Path(temporary).write_text(text + "\n", encoding="utf-8")
    typer.echo(f"{output}: add `# yaml-language-server: $schema={output}` to the top of a spec", err=True)
