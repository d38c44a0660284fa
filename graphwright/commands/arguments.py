"""Arguments after a spec: `key=value`, and `--transform`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.library import Library
from graphwright.compiler.language.load import load
from graphwright.compiler.language.reading import Map, read_text
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail
from graphwright.compiler.transforms import Transform, read_transforms

Transforms = Annotated[
    list[str] | None,
    typer.Option(
        "--transform", help="A transform to apply: fold_batch_norm, or '{replace: {where: op:relu, with: gelu}}'."
    ),
]

Channels = Annotated[bool, typer.Option("--channels-last", help="Pictures lie in memory as N, H, W, C.")]
Precision = Annotated[str, typer.Option("--dtype", help="fp32, or autocast to bf16 or fp16.")]
Tf32 = Annotated[bool, typer.Option("--tf32", help="CUDA: round float32 factors to ten bits.")]


def graph_of(spec: str, params: Mapping[str, str], transforms: Sequence[Transform] = ()) -> Graph:
    """The graph of a spec, or the one that a run folder keeps."""
    if not (Path(spec) / "run.json").exists():
        return load(spec, params, transforms)
    from graphwright.training.run import Run

    graph = Run(Path(spec)).graph()
    for transform in transforms:
        graph = transform(graph)
    return graph


def parse_transforms(written: Sequence[str] | None) -> list[Transform]:
    """Transforms as they stand in a spec's `transforms:`, one an option."""
    found: list[Transform] = []
    for text in written or ():
        tree = read_text(f"transforms: [{text}]", "<--transform>") if "\n" not in text else None
        if not isinstance(tree, Map):
            raise fail(NOWHERE, f"'{text}' is not a transform", "a name, or {name: {option: value}}")
        found += read_transforms(tree.get("transforms"), {}, Library(), "")
    return found


def parse_overrides(arguments: Sequence[str]) -> dict[str, str]:
    """The arguments as a mapping; every malformed or repeated one is reported."""
    found: dict[str, str] = {}
    problems = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or not key.strip().replace(".", "_").isidentifier():
            problems.append(Problem(NOWHERE, f"'{argument}' is not key=value", "for example classes=10"))
        elif key.strip() in found:
            problems.append(Problem(NOWHERE, f"'{key.strip()}' is given twice", "give each key once"))
        else:
            found[key.strip()] = value
    if problems:
        raise SpecError(problems)
    return found
