"""A module and the graph imported from it, side by side: outputs, gradients, names, and the spec in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.fx import GraphModule

from graphwright.backends import weights as saved
from graphwright.compiler.importing.torch import read
from graphwright.compiler.importing.torch.rules import RULES
from graphwright.compiler.importing.torch.site import Site
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import write
from graphwright.compiler.lowering.lower import lower

Weights = dict[str, torch.Tensor]


class Function(nn.Module):
    """A function as a module; the layers it uses are its `layer`, or `layer0`, `layer1`, ..."""

    def __init__(self, function: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for k, layer in enumerate(layers):
            self.add_module(f"layer{k}" if len(layers) > 1 else "layer", layer)

    def forward(self, *inputs: Any) -> Any:
        return self.function(*self.children(), *inputs)


def floats(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def integers(*shape: int, below: int = 5, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, below, shape, generator=torch.Generator().manual_seed(seed))


def truths(*shape: int, seed: int = 0) -> torch.Tensor:
    return integers(*shape, below=2, seed=seed) == 1


def built(graph: Graph, weights: Weights) -> GraphModule:
    """The graph as a module with these weights, all of them and no others."""
    module = lower(graph)
    assert {k for k, _ in module.named_parameters()} <= weights.keys()
    saved.load(module, weights)
    return module


def reloaded(graph: Graph, folder: Path) -> Graph:
    """The graph after it was written as a spec and read back."""
    path = folder / f"{graph.name}.yaml"
    path.write_text(write(graph))
    return load(path)


def leaves(value: Any) -> list[torch.Tensor]:
    return [v for v in torch.utils._pytree.tree_leaves(value) if isinstance(v, torch.Tensor)]


def same(mine: Any, theirs: Any, near: float = 0) -> None:
    """Bitwise the same tensors (or, relatively, as near as said), of the same dtypes."""
    ours, others = leaves(mine), leaves(theirs)
    assert len(ours) == len(others)
    for k, (a, b) in enumerate(zip(ours, others, strict=True)):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), f"output {k}"
        if not torch.equal(a, b):  # NaN is not equal to itself
            torch.testing.assert_close(
                a, b, rtol=near, atol=near, equal_nan=True, msg=lambda text, k=k: f"output {k}: {text}"
            )


def gradients(module: Callable[..., Any], inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """How each input (of real numbers) moves a fixed mixture of the outputs."""
    given = [v.clone().requires_grad_(v.is_floating_point()) for v in inputs]
    total = torch.zeros((), dtype=torch.float64)
    for k, out in enumerate(leaves(module(*given))):
        if out.requires_grad:
            total = total + (out.double() * (0.5 + floats(*out.shape, seed=k)).double().abs()).sum()
    wanted = [v for v in given if v.requires_grad]
    if not wanted or not total.requires_grad:
        return [torch.zeros_like(v) for v in wanted]
    found = torch.autograd.grad(total, wanted, allow_unused=True)
    return [torch.zeros_like(v) if g is None else g for g, v in zip(found, wanted, strict=True)]


def check(
    module: nn.Module, *inputs: torch.Tensor, folder: Path | None = None, near: float = 0, smooth: bool = True
) -> Graph:
    """Import a module (in training mode, as the importer does) and compare it with itself in eval mode.

    Outputs are bitwise the same, at the example's sizes and, where the batch was left free, at a larger batch;
    gradients of the inputs differ by rounding alone; the written spec is the same graph.
    """
    graph, weights = read.read_module(module, inputs, {}, train=True)
    ours, theirs = built(graph, weights).eval(), module.eval()
    same(ours(*inputs), theirs(*inputs), near)
    for mine, other in zip(gradients(ours, inputs), gradients(theirs, inputs), strict=True) if smooth else ():
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6, equal_nan=True)
    if graph.inputs and all("N" in {str(s) for s in e.type.shape[:1]} for e in graph.inputs):
        larger = [torch.cat([v, v.flip(0)]) for v in inputs]
        same(ours(*larger), theirs(*larger), near)
    if folder is not None:
        assert structural_hash(reloaded(graph, folder)) == structural_hash(graph)
    return graph


@dataclass(frozen=True)
class Case:
    """A row of the table of overloads, with a function (several forms of the call at once) whose export has it.

    `near` is for compositions that torch's kernel rounds once less; what is not `smooth` has no derivative here.
    """

    row: str
    function: Callable[..., Any] | nn.Module
    inputs: tuple[torch.Tensor, ...]
    near: float = 0
    smooth: bool = True

    def __str__(self) -> str:
        return self.row

    def check(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Import it, see that the row was used, and compare."""
        used: list[str] = []

        def watched(site: Site) -> Any:
            used.append(self.row)
            return RULES[self.row](site)

        monkeypatch.setattr(read, "RULES", {**RULES, self.row: watched})
        module = self.function if isinstance(self.function, nn.Module) else Function(self.function)
        check(module, *self.inputs, folder=folder, near=self.near, smooth=self.smooth)
        assert used, f"the export of this case has no {self.row}"


def case(row: str, function: Callable[..., Any] | nn.Module, *inputs: torch.Tensor, **how: Any) -> Case:
    return Case(row, function, inputs, **how)


class Net(nn.Module):
    """A module with a buffer, a constant and a free size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x)).relu() * torch.tensor([[[1.0]], [[0.5]], [[3.0]], [[-2.0]]])
        return self.head(x.mean((2, 3)))
