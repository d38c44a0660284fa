"""`graphwright import`: a model that exists already, as a spec with weights and a certificate of parity."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from safetensors.torch import save_file

from graphwright.backends.files import replacing, suffix_of
from graphwright.compiler.importing.certificate import Certificate, Difference
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import faithful
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.places import NOWHERE, SpecError, fail
from graphwright.sources import find
from graphwright.sources.found import Found, Wish


def import_(
    source: Annotated[
        str,
        typer.Argument(help="timm:NAME, torchvision:NAME, package.module:function, yolo:FILE, or x.pt2 x.onnx x.json."),
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The spec to write.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Also write the weights, as .safetensors.")] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="An example input, 'float32[1,3,224,224]'; one option each.")
    ] = None,
    pretrained: Annotated[bool, typer.Option(help="Let timm or torchvision fetch trained weights.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of random weights and inputs.")] = 0,
    scale: Annotated[str | None, typer.Option(help="The scale of a YOLO file, such as n, s, m, l, x.")] = None,
    classes: Annotated[int | None, typer.Option(min=1, help="The number of classes of a YOLO file.")] = None,
    force: Annotated[bool, typer.Option(help="Write over a spec that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Write a model of another tool as a spec, with a certificate that both compute the same."""
    if output is None:
        raise fail(NOWHERE, "import needs a spec to write", "-o model.yaml")
    suffix_of(output, (".yaml", ".yml"), "specs")
    if weights is not None:
        suffix_of(weights, (".safetensors",), "weights")
    if output.exists() and not force:
        raise fail(NOWHERE, f"{output} is there already", "choose another name, or --force")
    found = find(source, Wish(tuple(inputs or ()), pretrained, seed, scale, classes))
    text = found.text or faithful(_described(found, source, output))
    report = _written(found, text, source, output, weights)
    typer.echo(json.dumps(report, indent=1, default=str) if as_json else told(report, found.certificate))


def _described(found: Found, source: str, output: Path) -> Any:
    """The graph under the file's name, with where it came from."""
    assert found.graph is not None
    return found.graph.with_(
        name=found.graph.name or output.stem, source=found.graph.source or f"imported from {source}"
    )


def _written(found: Found, text: str, source: str, output: Path, weights: Path | None) -> dict[str, Any]:
    """Write the files, the spec last: where it is, the others are."""
    report: dict[str, Any] = {"source": source, "spec": str(output), "lines": text.count("\n")}
    if found.certificate is not None:
        path = output.with_suffix(".parity.json")
        report |= {"certificate": str(path), "parity": found.certificate.as_dict()}
        with replacing(path) as temporary:
            Path(temporary).write_text(json.dumps(_finite(found.certificate.as_dict()), indent=1), encoding="utf-8")
    if weights is not None:
        if not found.weights:
            raise fail(NOWHERE, f"{source} has no weights", "leave out --weights")
        tensors = {k: v.detach().cpu().contiguous().clone() for k, v in found.weights.items()}
        with replacing(weights) as temporary:
            save_file(tensors, temporary, {"format": "pt", "source": source})
        report |= {"weights": str(weights), "tensors": len(tensors)}
    with replacing(output) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")
        graph = _loaded(temporary, output)
    report |= {
        "nodes": len(graph.nodes),
        "parameters": count(graph).parameters,
        "ops": len({n.op.name for n in graph.nodes}),
    }
    return report


def _loaded(path: Path, output: Path) -> Graph:
    """The graph of what was written, before it stands under its name; what is wrong with it is told of that name."""
    try:
        return load(path)
    except SpecError as error:
        problems = [replace(p, place=replace(p.place, file=str(output))) if p.place.file == str(path) else p
                    for p in error.problems]  # fmt: skip
        raise SpecError(problems, {str(output): error.sources.get(str(path), "")}) from None


def _finite(value: Any) -> Any:
    """JSON has no NaN: what was not compared is null."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def told(report: dict[str, Any], certificate: Certificate | None) -> str:
    """The report in words."""
    lines = [f"{report['spec']}: {report['lines']} lines, {report['nodes']} nodes, {report['parameters']:,} parameters"]
    if "weights" in report:
        lines.append(f"{report['weights']}: {report['tensors']} tensors")
    if certificate is not None:
        lines += [f"  {mode:9} {_said(getattr(certificate, mode))}" for mode in ("eval", "train")]
        if certificate.torch_export:
            lines.append(f"  note      {certificate.torch_export}")
        if certificate.added:
            lines.append(f"  added     {len(certificate.added)} tensors that the model keeps outside its state_dict")
    return "\n".join(lines)


def _said(difference: Difference | None) -> str:
    if difference is None:
        return "not compared"
    if difference.note:
        return (
            f"not equal: {difference.note}"
            if math.isfinite(difference.absolute)
            else f"not compared: {difference.note}"
        )
    if difference.bitwise:
        return "equal to the source, bit for bit"
    return f"largest difference {difference.absolute:.2g}, {difference.relative:.2g} of the largest value"
