"""`graphwright bench`: how fast models run on this machine, by backend, and how far that is from its limit."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from graphwright.backends import AUTO, FORWARD_ONLY
from graphwright.backends import backend as named
from graphwright.backends.bench import Bench, Plan, Row
from graphwright.backends.bench import bench as measure
from graphwright.backends.charts import draw_bench, draw_roofline
from graphwright.backends.devices import usable
from graphwright.backends.files import replacing
from graphwright.backends.options import Options
from graphwright.backends.roofline import Device, measured
from graphwright.backends.stepping import batch_symbol
from graphwright.commands.arguments import Channels, Precision, Tf32, Transforms, parse_overrides, parse_transforms
from graphwright.commands.building import model
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail


def bench(
    specs: Annotated[list[str], typer.Argument(help="Specs, names of the library or runs; key=value goes to all.")],
    backend: Annotated[list[str] | None, typer.Option(help="Beside eager: inductor,aot or auto.")] = None,
    batch: Annotated[list[str] | None, typer.Option(help="Batch sizes: 1,8,32.")] = None,
    backward: Annotated[bool, typer.Option("--backward", help="Forward and backward, in training mode.")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="Threads of the CPU; 0 leaves torch's choice.")] = 0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each backend that are timed.")] = 30,
    fresh: Annotated[bool, typer.Option(help="Compile times and memory too, each in a fresh process.")] = True,
    dtype: Precision = "fp32",
    channels_last: Channels = False,
    tf32: Tf32 = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A folder for bench.json and plots.")] = None,
    transform: Transforms = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Measure models on this machine: eager against each backend, over batch sizes, and against the device's limit."""
    place = usable(device)
    if threads:
        torch.set_num_threads(threads)
    options = Options(dtype=dtype, channels_last=channels_last, tf32=tf32)  # type: ignore[arg-type]
    chosen = listed(backend or (AUTO,))
    names = [s for s in specs if "=" not in s]
    params = parse_overrides([s for s in specs if "=" in s])
    batches = _check(names, chosen, listed(batch or ("1,8",)), options, device, backward, output)
    plan = Plan(chosen, batches, backward, device, torch.get_num_threads(), steps, options, fresh)
    models = [model(name, params, None, parse_transforms(transform))[:2] for name in names]
    for graph, _ in models:
        batch_symbol(graph)
    with _bar() as bar:
        task = bar.add_task("the device", total=1 + plan.ticks * len(models))

        def tick(what: str) -> None:
            bar.update(task, description=what, advance=1)

        limit = measured(place, options)
        found = [measure(graph, module.to(place), plan, limit, tick) for graph, module in models]
        tick("done")
    report = _report(plan, limit, found)
    if output is not None:
        _write(output, report, found, limit)
    if as_json:
        typer.echo(json.dumps(report, indent=1))
    else:
        _show(plan, limit, found)


def listed(words: Sequence[str]) -> tuple[str, ...]:
    """What was given by commas and by repeating the option, each once."""
    return tuple(dict.fromkeys(part.strip() for word in words for part in word.split(",") if part.strip()))


def _check(
    names: Sequence[str], backends: Sequence[str], batches: Sequence[str], options: Options, device: str,
    backward: bool, output: Path | None,
) -> tuple[int, ...]:  # fmt: skip
    """The batch sizes, or everything that is wrong with the options, at once and before anything is measured."""
    problems: list[Problem] = []
    for size in batches:
        if not size.isdecimal() or int(size) < 1:
            problems.append(Problem(NOWHERE, f"'{size}' is no batch size", "whole numbers from 1, --batch 1,8,32"))
    if not names:
        problems.append(Problem(NOWHERE, "bench needs a spec", "graphwright bench resnet50"))
    for name in backends:
        try:
            named(name)
            if backward and name in FORWARD_ONLY:
                raise fail(NOWHERE, f"backend '{name}' runs forward only", "leave out --backward")
        except SpecError as error:
            problems += error.problems
    for name in backends:
        try:
            options.check(device, name)
        except SpecError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if output is not None and output.exists() and not output.is_dir():
        problems.append(Problem(NOWHERE, f"{output} is not a folder", "-o names a folder for the report"))
    if problems:
        raise SpecError(problems)
    return tuple(int(size) for size in batches)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


def _report(plan: Plan, limit: Device, found: Sequence[Bench]) -> dict[str, Any]:
    """Everything that is known of the measurement."""
    cuda = plan.device.startswith("cuda")
    machine = {
        "device": torch.cuda.get_device_name(plan.device) if cuda else platform.processor() or platform.machine(),
        "cores": os.cpu_count(), "torch": torch.__version__, "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    return {
        "machine": machine,
        "limit": asdict(limit),
        "plan": {**asdict(plan), "chosen": plan.names},
        "models": [one.as_dict() for one in found],
    }


def _write(folder: Path, report: dict[str, Any], found: Sequence[Bench], limit: Device) -> None:
    with replacing(folder / "bench.json") as path:
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for name, draw in (("bench.png", draw_bench), ("roofline.png", draw_roofline)):
        with replacing(folder / name) as path:
            draw(path, found, limit)


def _show(plan: Plan, limit: Device, found: Sequence[Bench]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 140)
    what = "forward and backward" if plan.backward else "forward"
    reasons = "".join(f"; auto is {name}: {why}" for name, why in plan.names.items() if why)
    console.print(
        f"{what}, {plan.options}, on {plan.device} ({plan.threads} threads); median of {plan.steps} steps{reasons}\n"
        f"limit: {limit.flops_per_second / 1e9:,.1f} GFLOP/s (matrix product), "
        f"{limit.bytes_per_second / 1e9:,.1f} GB/s (triad), both measured here",
        highlight=False, markup=False,
    )  # fmt: skip
    for one in found:
        console.print(_table(one))
    console.print(
        "bound: achieved FLOP/s ÷ min(peak, FLOPs / bytes x bandwidth), the bytes those of all nodes run one by one;\n"
        "cost: largest relative difference from float32 eager; MB: growth in a step (CPU), peak allocated (CUDA);\n"
        "cold s, warm s: compiling and the first step, in fresh processes without and with a cache",
        highlight=False, markup=False,
    )  # fmt: skip


def _table(one: Bench) -> Table:
    table = Table(title=one.name, title_justify="left")
    for heading in ("backend", "batch", "ms", "p10-p90", "items/s", "÷ eager", "cold s", "warm s", "MB",
                    "GFLOP/s", "bound", "cost"):  # fmt: skip
        table.add_column(heading, justify="left" if heading == "backend" else "right", no_wrap=heading != "backend")
    for row in one.rows:
        table.add_row(*_cells(row))
    failed = dict.fromkeys(f"{row.backend}: {row.error}" for row in one.rows if row.error)
    table.caption, table.caption_justify = "\n".join(failed), "left"
    return table


def _cells(row: Row) -> list[str]:
    def number(value: float | None, form: str, factor: float = 1.0) -> str:
        return "-" if value is None else format(value * factor, form)

    spread = f"{row.p10 * 1e3:.2f}-{row.p90 * 1e3:.2f}" if row.p10 is not None and row.p90 is not None else "-"
    return [
        row.backend, str(row.batch), number(row.median, ".2f", 1e3), spread, number(row.throughput, ",.1f"),
        number(row.over_eager, ".2f"), number(row.cold, ".1f"), number(row.warm, ".1f"),
        number(row.memory, ",.1f", 1e-6),
        number(row.flops_per_second, ",.1f", 1e-9), number(row.share, ".0%"), number(row.cost, ".1e"),
    ]  # fmt: skip
