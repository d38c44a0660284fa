"""Plain gradient descent on one batch: what every spec of the library must be fit for."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from tests.library.case import flat


def descent(graph: Graph, *batch: Tensor, rate: float, steps: int = 2) -> list[float]:
    """The objective before each step and after the last one. `batch` holds the inputs, then the targets.

    A spec without losses of its own classifies: the last tensor of the batch holds the classes. Nothing is dropped at
    random: the modules are in evaluation mode.
    """
    model = lower(graph, cone="train" if graph.losses else "deploy").eval()
    optimizer = torch.optim.SGD(model.parameters(), rate)
    found: list[float] = []
    for _ in range(steps + 1):
        if graph.losses:
            losses = model(*batch)["losses"]
            loss = sum(term.weight * losses[term.name] for term in graph.losses)
        else:
            loss = F.cross_entropy(flat(model(*batch[:-1]))[0], batch[-1])
        found.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return found
