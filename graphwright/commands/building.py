"""`graphwright compile` and `graphwright export`: a spec, or a run, as something that runs elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from torch import fx

from graphwright.backends import weights as weights_
from graphwright.backends.devices import usable
from graphwright.backends.exporting import EXPORTS
from graphwright.backends.exporting import export as export_model
from graphwright.backends.files import suffix_of
from graphwright.backends.options import Options
from graphwright.backends.proof import CompileReport, prove
from graphwright.commands import optimising
from graphwright.commands.arguments import Channels, Precision, Tf32, Transforms, parse_overrides, parse_transforms
from graphwright.commands.budgeting import BatchOption, BudgetOption, told_fitted
from graphwright.commands.optimising import OptimiseOption, optimised
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.memory.budget import Memory
from graphwright.compiler.places import NOWHERE, fail
from graphwright.compiler.transforms import Transform
from graphwright.compiler.transforms.weights import rewrite_weights
from graphwright.training.run import Run

Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def compile(
    spec: Annotated[str, typer.Argument(help="A spec file, a name of the library, or a run.")],
    params: Annotated[list[str] | None, typer.Argument(help="key=value for params of the spec.")] = None,
    backend: Annotated[str, typer.Option(help="inductor, cudagraphs, aot, onnxruntime, auto, …")] = "inductor",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Also write x.pt2, .onnx, …")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights: .safetensors, .pt or .pth.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    steps: Annotated[int, typer.Option(min=1, help="Steps that are timed.")] = 10,
    transform: Transforms = None,
    optimise: OptimiseOption = False,
    memory: BudgetOption = None,
    batch: BatchOption = None,
    dtype: Precision = "fp32",
    channels_last: Channels = False,
    tf32: Tf32 = False,
    as_json: Json = False,
) -> None:
    """Compile a spec as one full graph, and prove that it computes what the eager model computes."""
    if output is not None:
        suffix_of(output, EXPORTS, "exports")
    place = usable(device)
    options = Options(dtype, channels_last, tf32)  # type: ignore[arg-type]
    options.check(device, backend)
    graph, module, _ = model(spec, parse_overrides(params or []), weights, parse_transforms(transform))
    fitted = None if memory is None else Memory(memory, batch).fit(graph)
    done: dict[str, Any] = {}
    if optimise:
        graph, module, done = optimised(graph, module)
    report = prove(graph, backend, module.to(place), device, steps=steps, options=options)
    found: dict[str, Any] = report.as_dict() | ({"optimise": done} if optimise else {})
    if output is not None and report.equal:
        found["export"] = export_model(graph, module.to("cpu"), output)
    if fitted is not None:
        found["memory"] = fitted.as_dict()
    typer.echo(json.dumps(found, indent=1) if as_json else told(report))
    if fitted is not None and not as_json:
        typer.echo(told_fitted(fitted))
    if optimise and not as_json:
        typer.echo(optimising.told(done))
    if not report.equal:
        raise typer.Exit(1)


def export(
    spec: Annotated[str, typer.Argument(help="A spec file, a name of the library, or a run.")],
    params: Annotated[list[str] | None, typer.Argument(help="key=value for params of the spec.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="x.safetensors, .onnx, .pt2, .aoti.pt2 or .py.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights: .safetensors, .pt or .pth.")] = None,
    transform: Transforms = None,
    optimise: OptimiseOption = False,
    as_json: Json = False,
) -> None:
    """Write a model for use elsewhere; the file is read back and compared with the model."""
    if output is None:
        raise fail(NOWHERE, "export needs a file to write", "-o x.safetensors, x.onnx, x.pt2, x.aoti.pt2 or x.py")
    suffix_of(output, EXPORTS, "exports")
    graph, module, trained = model(spec, parse_overrides(params or []), weights, parse_transforms(transform))
    done: dict[str, Any] = {}
    if optimise:
        graph, module, done = optimised(graph, module)
    found = export_model(graph, module, output) | ({"optimise": done} if optimise else {})
    if not trained:
        typer.echo("the weights are initial values; --weights or a run gives trained ones", err=True)
    typer.echo(json.dumps(found, indent=1) if as_json else f"{found['file']}: {found['bytes']:,} bytes")
    if optimise and not as_json:
        typer.echo(optimising.told(done))


def model(
    spec: str, params: dict[str, str], weights: Path | None, transforms: Sequence[Transform] = ()
) -> tuple[Graph, fx.GraphModule, bool]:
    """The graph and module of a spec or a run, and whether its weights come from a file."""
    run = Run(Path(spec))
    if run.exists:
        if params:
            raise fail(NOWHERE, f"'{spec}' is a run: its params are settled", "leave out " + ", ".join(params))
        graph, weights = run.graph(), weights or run.weights
        for transform in transforms:
            graph = transform(graph)
    else:
        graph = load(spec, params, transforms)
    module = lower(graph)
    if weights is not None:
        weights_.load(module, rewrite_weights(graph, _deployed(graph, module, weights)), weights)
    return graph, module.eval(), weights is not None


def _deployed(graph: Graph, module: fx.GraphModule, path: Path) -> dict[str, Any]:
    """The weights in a file without those that only the training graph has."""
    found = weights_.read(path)
    if not graph.losses:
        return found
    training = lower(graph, cone="train", device="meta").state_dict().keys() - module.state_dict().keys()
    return {name: tensor for name, tensor in found.items() if name not in training}


def told(report: CompileReport) -> str:
    """The report in words."""
    verdict = "equal to eager" if report.equal else "NOT equal to eager"
    inputs = ", ".join(f"{name} {shape}" for name, shape in report.inputs.items())
    times = f"{report.step_milliseconds:.2f} ms, eager {report.eager_milliseconds:.2f} ms (median of {report.steps})"
    return f"""{report.name} on {report.device} by {report.backend}: {verdict} (max difference {report.difference:.2g})
  inputs        {inputs}
  compile       {report.compile_seconds:.2f} s, {report.graphs} graph{"s" * (report.graphs != 1)}, \
{report.graph_breaks} breaks, {report.recompiles} recompiles
  step          {times}{told_regions(report)}{told_options(report)}"""


def told_regions(report: CompileReport) -> str:
    """The lines on the equal blocks that were compiled once, where the model was compiled by regions."""
    if not report.regions:
        return ""
    lines = "".join(f"\n  {'regions' if k == 0 else '':13} {line}" for k, line in enumerate(report.regions))
    return f"{lines}\n  {'':13} {report.compilations} compilations in all"


def told_options(report: CompileReport) -> str:
    """The lines on why the backend was chosen, and on what the options cost, where there is something to say."""
    chosen = f"\n  auto          {report.reason}" if report.reason else ""
    if report.options == str(Options()):
        return chosen
    return f"{chosen}\n  cost          {report.options}: outputs differ from float32 eager by \
{report.relative_difference:.2g} of the largest"
