"""`graphwright show`: a spec as a table of nodes with shapes and costs, or as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from graphwright.commands.arguments import Transforms, graph_of, parse_overrides, parse_transforms
from graphwright.commands.budgeting import BatchOption, told_estimate
from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.text import dump
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.cost import Report, count
from graphwright.compiler.memory.estimate import estimate


def show(
    spec: Annotated[str, typer.Argument(help="A spec file, a name of the library, or a run.")],
    params: Annotated[list[str] | None, typer.Argument(help="key=value for params of the spec.")] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="Fold names below this level.")] = None,
    training: Annotated[
        bool, typer.Option("--training", help="The training graph instead of the deployed one.")
    ] = False,
    text: Annotated[bool, typer.Option("--text", help="The graph as text, the form that tests compare.")] = False,
    memory: Annotated[bool, typer.Option("--memory", help="Also the memory of training and inference.")] = False,
    batch: BatchOption = None,
    transform: Transforms = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a spec: each node's op, shapes, parameters and multiply-accumulates, and the totals."""
    full = graph_of(spec, parse_overrides(params or []), parse_transforms(transform))
    graph = full.training() if training else full.deployed()
    if text:
        typer.echo(dump(graph), nl=False)
        return
    report = count(graph)
    found = estimate(full, batch) if memory else None
    if as_json:
        extra = {} if found is None else {"memory": found.as_dict()}
        typer.echo(json.dumps(summary(graph, report) | extra, indent=1))
        return
    console = Console(width=None if Console().is_terminal else 140)
    console.print(_table(graph, report, depth))
    for line in [*totals(graph, report), *(told_estimate(found) if found is not None else ())]:
        console.print(line, highlight=False)


def summary(graph: Graph, report: Report) -> dict[str, Any]:
    """What `--json` prints."""
    types = graph.types
    return {
        "name": graph.name,
        "doc": graph.doc,
        "source": graph.source,
        "parameters": report.parameters,
        "frozen": report.frozen,
        "buffers": report.buffers,
        "macs": report.macs,
        "flops": report.flops,
        "activation_bytes": report.bytes,
        "uncounted": list(report.uncounted),
        "inputs": {e.name: _type(e.type) | {"defaults": dict(e.defaults)} for e in graph.inputs},
        "outputs": {port: _type(types[value]) for port, value in graph.outputs},
        "nodes": [
            {
                "name": n.name, "op": n.op.name, "inputs": list(n.reads), "output": [str(t) for t in n.outputs],
                "parameters": report.nodes[n.name].parameters, "macs": report.nodes[n.name].macs,
                "flops": report.nodes[n.name].flops, "bytes": report.nodes[n.name].bytes,
                "file": n.place.file, "line": n.place.line,
            }
            for n in graph.nodes
        ],
    }  # fmt: skip


def _type(kind: Type) -> dict[str, Any]:
    return {"dtype": kind.dtype, "shape": [s if isinstance(s, int) else str(s) for s in kind.shape]}


@dataclass
class _Row:
    """One line of the table: a node, or the nodes folded into one."""

    name: str
    op: str
    reads: str
    output: str
    parameters: int = 0
    macs: int = 0
    line: str = ""


def _rows(graph: Graph, report: Report, depth: int | None) -> list[_Row]:
    rows: dict[str, _Row] = {}
    blocks = {s.name: s.block for s in graph.scopes}
    for node in graph.nodes:
        parts = node.name.split(".")
        folded = depth is not None and len(parts) > depth
        name = ".".join(parts[:depth]) if folded else node.name
        cost = report.nodes[node.name]
        row = rows.setdefault(name, _Row(name, "", ", ".join(node.reads), "", line=str(node.place.line or "")))
        row.op = (blocks.get(name) or "scope") if folded else node.op.name
        row.output = "; ".join(map(str, node.outputs)).replace("float32", "")
        row.parameters += cost.parameters
        row.macs += cost.macs
    return list(rows.values())


def _table(graph: Graph, report: Report, depth: int | None) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("line", "name", "op", "output", "parameters", "MACs"):
        numeric = title in ("line", "parameters", "MACs")
        table.add_column(title, justify="right" if numeric else "left", no_wrap=title != "output",
                         overflow="ellipsis")  # fmt: skip
    for row in _rows(graph, report, depth):
        table.add_row(row.line, row.name, row.op, row.output.replace("[", "\\["),
                      f"{row.parameters:,}" if row.parameters else "", f"{row.macs:,}" if row.macs else "")  # fmt: skip
    return table


def totals(graph: Graph, report: Report) -> list[str]:
    """The lines below the table."""

    def entry(e: Entry) -> str:
        defaults = ", ".join(f"{k}={v}" for k, v in e.defaults.items())
        return f"{e.name} {e.type}" + (f" ({defaults})" if defaults else "")

    sizes = ", ".join(f"{k}={v}" for k, v in graph.sizes.items())
    lines = [
        "",
        f"{graph.name}: {graph.doc}" if graph.doc else graph.name,
        "inputs       " + ", ".join(map(entry, graph.inputs)),
        "outputs      " + ", ".join(f"{p} {graph.types[v]}" for p, v in graph.outputs),
        f"parameters   {report.parameters:,}" + (f", {report.frozen:,} of them frozen" if report.frozen else ""),
        f"buffers      {report.buffers:,}",
        f"MACs         {report.macs:,}    FLOPs {report.flops:,}    activations {report.bytes / 2**20:,.1f} MiB"
        + (f"    at {sizes}" if sizes else ""),
    ]
    if report.uncounted:
        lines.append(f"not counted  {', '.join(report.uncounted[:8])}" + (" ..." if len(report.uncounted) > 8 else ""))
    return [line.replace("[", "\\[") for line in lines]
