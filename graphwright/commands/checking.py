"""`graphwright check`: everything that can be wrong with specs, before anything is allocated."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.expectations import unmet
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import Problem, SpecError


def check(
    specs: Annotated[list[str], typer.Argument(help="Spec files, or names of the library; key=value sets params.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """Check specs: language, shapes, wiring, and what their `expect` sections claim."""
    from graphwright.commands.arguments import parse_overrides

    params = parse_overrides([s for s in specs if "=" in s])
    problems: list[Problem] = []
    sources: dict[str, str] = {}
    mistaken = False
    for spec in (s for s in specs if "=" not in s):
        try:
            graph = load(spec, params)
            lower(graph, cone="train", device="meta")
            failed = unmet(graph) if not params else []
        except SpecError as error:
            mistaken, failed = True, list(error.problems)
            sources |= error.sources
        problems += failed
        if not failed and not as_json:
            report = count(graph.deployed())
            typer.echo(f"{spec}: {len(graph.nodes):,} nodes, {report.parameters:,} parameters, "
                       f"{report.macs / 1e6:,.1f} M multiply-accumulates", err=True)  # fmt: skip
    if as_json:
        typer.echo(json.dumps([p.as_dict() for p in problems], indent=1))
    elif problems:
        typer.echo(SpecError(problems, sources).render(), err=True)
    if problems:
        raise typer.Exit(2 if mistaken else 1)
