"""Example inputs for a graph: the same for the same seed, of the sizes that reports use, with a batch of two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.types import DTYPES, Type

#: Free sizes without a default. Not 1: torch's tracers take a size of 1 for a constant.
FREE = 2


def example_sizes(graph: Graph) -> dict[str, int]:
    """A number for each free size: its default where the spec gives one."""
    defaults = {k: v for e in (*graph.inputs, *graph.targets) for k, v in e.defaults.items()}
    return {symbol: defaults.get(symbol, FREE) for symbol in graph.sizes}


def example_inputs(
    graph: Graph, sizes: Mapping[str, int] | None = None, seed: int = 0, device: str | torch.device = "cpu"
) -> tuple[torch.Tensor, ...]:
    """A tensor for each input, normally distributed; integers are 0 or 1, valid for any table with two rows."""
    chosen = {**example_sizes(graph), **(sizes or {})}
    generator = torch.Generator().manual_seed(seed)
    return tuple(_example(e.type.at(chosen), generator).to(device) for e in graph.inputs)


def _example(type_: Type, generator: torch.Generator) -> torch.Tensor:
    dtype = DTYPES[type_.dtype]
    shape = [int(s) for s in type_.shape]
    if dtype.is_floating_point or dtype.is_complex:
        wide = torch.complex64 if dtype.is_complex else torch.float32
        return torch.randn(shape, generator=generator, dtype=wide).to(dtype)
    return torch.randint(0, 2, shape, generator=generator).to(dtype)


def free_dimensions(inputs: Sequence[Entry]) -> tuple[dict[int, str], ...]:
    """For each input, the dimensions that are not fixed and what they are called."""
    return tuple({k: str(s) for k, s in enumerate(e.type.shape) if not isinstance(s, int)} for e in inputs)
