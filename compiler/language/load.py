"""The front of the language: a spec by path or library name to a verified `Graph`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.bounds import metered
from graphwright.compiler.language.library import Library
from graphwright.compiler.language.whole import expand
from graphwright.compiler.places import SpecError
from graphwright.compiler.transforms import read_transforms


def load(
    spec: str | Path, params: Mapping[str, Any] | None = None, transforms: Sequence[Callable[[Graph], Graph]] = ()
) -> Graph:
    """The graph of a spec.

    `spec` is the path of a YAML file or a name in the shipped library, `params` sets params of the spec
    from outside, and `transforms` are applied after those the spec lists.

    Raises `SpecError` with every mistake found, each with its place.
    """
    library = Library()
    try:
        with metered():
            body = library.spec(library.find(spec))
            graph, names = expand(body, library, params or {})
            verify(graph)
            listed = read_transforms(body.sections.get("transforms"), names, library, body.file)
            for transform in (*listed, *transforms):
                graph = verify(transform(graph), by=str(transform))
        return graph
    except SpecError as error:
        raise SpecError(error.problems, {**library.sources, **error.sources}) from None
