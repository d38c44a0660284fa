"""`graphwright doctor`: what is installed, what is missing, and what that costs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
from dataclasses import asdict, dataclass
from typing import Annotated

import typer


@dataclass(frozen=True)
class Finding:
    """One line of the report. `costs` says what is lost where something is missing."""

    name: str
    found: str
    ok: bool = True
    costs: str = ""


#: Optional things and what they are for.
OPTIONAL = {
    "timm": "no parity tests against timm; pip install 'graphwright[timm]'",
    "torchvision": "no parity tests against torchvision",
    "onnx": "no export to ONNX; pip install 'graphwright[onnx]'",
    "onnxscript": "no export to ONNX; pip install 'graphwright[onnx]'",
    "onnxruntime": "exported ONNX files are not run for comparison; pip install 'graphwright[onnx]'",
}
REQUIRED = ("torch", "numpy", "networkx", "safetensors", "accelerate", "scikit-learn", "tensorboard",
            "matplotlib", "grandalf")  # fmt: skip


def doctor(
    model: Annotated[
        str, typer.Argument(help="With --determinism: a spec, a name of the library, or a run.")
    ] = "digits",
    determinism: Annotated[
        bool, typer.Option("--determinism", help="Tell what would make two equal runs of the model differ.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Report versions, devices, and what is missing and what that costs. Exit code 1 if something needed is missing,
    or with --determinism if a run would not repeat itself."""
    found = _repeating(model) if determinism else [*_system(), *_packages(), *_tools()]
    if as_json:
        typer.echo(json.dumps([asdict(f) for f in found], indent=1))
    else:
        for f in found:
            typer.echo(f"{'ok' if f.ok else '--':<3} {f.name:<16} {f.found}" + (f"    ({f.costs})" if f.costs else ""))
    if any(not f.ok and (determinism or f.name in REQUIRED) for f in found):
        raise typer.Exit(1)


def _repeating(model: str) -> list[Finding]:
    from graphwright.commands.determinism import findings
    from graphwright.doors import load

    return findings(load(model))


def _system() -> list[Finding]:
    import torch

    from graphwright import __version__

    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name(0) if cuda else "none"
    return [
        Finding("graphwright", __version__),
        Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("cpu", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads"),
        Finding("cuda", device, cuda, "" if cuda else "models run on the CPU; the cudagraphs backend is off"),
    ]


def _packages() -> list[Finding]:
    found = []
    for name in (*REQUIRED, *OPTIONAL):
        try:
            found.append(Finding(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append(Finding(name, "missing", False, OPTIONAL.get(name, "needed: pip install graphwright again")))
    return found


def _tools() -> list[Finding]:
    dot = shutil.which("dot")
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    return [
        Finding("dot", dot or "missing", bool(dot), "" if dot else "graphviz' own layout is off; drawings use ours"),
        Finding("c++", compiler or "missing", bool(compiler),
                "" if compiler else "the inductor backend cannot compile for the CPU"),
    ]  # fmt: skip
