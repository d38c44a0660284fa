"""A lowered model that runs piece by piece, equal blocks by one function."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from graphwright.compiler.lowering.regional.choose import Cut, pieces
from graphwright.compiler.lowering.regional.pieces import Code, Piece, fetch


@dataclass(frozen=True)
class Step:
    """One call: `code(module below owner, *reads)` gives `writes`; values nobody reads later are let go."""

    scope: str
    owner: str
    code: Code
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    dead: tuple[str, ...]


@dataclass(frozen=True)
class Region:
    """Equal blocks: their scopes, and the nodes that each has."""

    scopes: tuple[str, ...]
    nodes: int

    def told(self, block: str = "") -> str:
        """In words; `block` is the name of what stands there, if it has one."""
        what = f"{block} ({self.scopes[0]}, …)" if block else self.scopes[0]
        return f"{len(self.scopes)} x {what}: one compilation"


class Regional(nn.Module):
    """Computes what `module` computes, bit for bit, with its own modules, parameters and names.

    `cut` are the module's pieces, where they are known. `wrap` is applied once to the function of each distinct piece:
    `torch.compile`, say. What is done to the tensors of `module` is done to these, and the reverse; a deep copy has
    tensors of its own and the same functions.
    """

    def __init__(
        self, module: fx.GraphModule, wrap: Callable[[Code], Code] = lambda code: code, cut: Cut | None = None
    ) -> None:
        super().__init__()
        found = pieces(module) if cut is None else cut
        # The tables themselves, so that both models stay one.
        self._modules, self._parameters, self._buffers = module._modules, module._parameters, module._buffers
        self._non_persistent_buffers_set = module._non_persistent_buffers_set
        self.training = module.training
        codes: dict[Hashable, Code] = {}
        for piece, key in found:
            if key not in codes:
                codes[key] = wrap(piece.code(module))
        self.entries = tuple(n.name for n in module.graph.nodes if n.op == "placeholder")
        self.result = module.graph.output_node().args[0]
        self.constants = tuple(
            sorted({(n.name, str(n.target)) for n in _read(found, self.result) if n.op == "get_attr"})
        )
        self.steps = _steps(found, codes, self.result)
        self.regions = _summary(found)
        #: How many functions there are, and so how many compilations.
        self.distinct = len(codes)

    def forward(self, *inputs: torch.Tensor) -> Any:
        values: dict[str, Any] = dict(zip(self.entries, inputs, strict=True))
        values.update({name: fetch(self, path) for name, path in self.constants})
        for step in self.steps:
            made = step.code(self.get_submodule(step.owner), *[values[name] for name in step.reads])
            values.update(zip(step.writes, made, strict=True))
            for name in step.dead:
                del values[name]
        return fx.node.map_arg(self.result, lambda n: values[n.name])


def _read(found: Cut, result: Any) -> set[fx.Node]:
    """The values that pieces read, and those that leave the model."""
    left: list[fx.Node] = []
    fx.node.map_arg(result, left.append)
    return {node for piece, _ in found for node in piece.reads} | set(left)


def _steps(found: Cut, codes: dict[Hashable, Code], result: Any) -> tuple[Step, ...]:
    """The calls in order."""
    later: set[str] = set()
    fx.node.map_arg(result, lambda n: later.add(n.name))
    steps: list[Step] = []
    for piece, key in reversed(found):
        reads, writes = tuple(n.name for n in piece.reads), tuple(n.name for n in piece.writes)
        dead = tuple(name for name in dict.fromkeys((*reads, *writes)) if name not in later)
        later |= {*reads}
        steps.append(Step(piece.scope, piece.owner, codes[key], reads, writes, dead))
    return tuple(reversed(steps))


def _summary(found: Cut) -> tuple[Region, ...]:
    """The regions, those with most blocks first."""
    groups: dict[Hashable, list[Piece]] = {}
    for piece, key in found:
        if piece.scope:
            groups.setdefault(key, []).append(piece)
    regions = [Region(tuple(p.scope for p in group), len(group[0].nodes)) for group in groups.values()]
    return tuple(sorted(regions, key=lambda region: -len(region.scopes)))
