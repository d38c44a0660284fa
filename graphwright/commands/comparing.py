"""`graphwright diff`: what changed between two specs, by name."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from graphwright.commands.arguments import graph_of, parse_overrides
from graphwright.compiler.ir.diff import diff as compare
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.lowering.cost import count


def diff(
    old: Annotated[str, typer.Argument(help="A spec file, or a name of the library.")],
    new: Annotated[str, typer.Argument(help="The spec to compare it with.")],
    params: Annotated[list[str] | None, typer.Argument(help="key=value for params of both specs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two specs: nodes added, removed and changed, and the totals. Exit code 1 if they differ."""
    values = parse_overrides(params or [])
    before, after = graph_of(old, values), graph_of(new, values)
    changes = compare(before, after)
    a, b = count(before.deployed()), count(after.deployed())
    if as_json:
        typer.echo(json.dumps({
            "equal": not changes,
            "same_structure": structural_hash(before) == structural_hash(after),
            "parameters": [a.parameters, b.parameters], "macs": [a.macs, b.macs],
            "changes": [{"kind": c.kind, "name": c.name, "op": c.op,
                         "details": [dict(zip(("what", "old", "new"), d, strict=True)) for d in c.details]}
                        for c in changes],
        }, indent=1))  # fmt: skip
    else:
        for change in changes:
            typer.echo(str(change))
        if changes:
            typer.echo(f"parameters {a.parameters:,} -> {b.parameters:,}, MACs {a.macs:,} -> {b.macs:,}", err=True)
    if changes:
        raise typer.Exit(1)
