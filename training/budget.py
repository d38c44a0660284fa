"""The recipe's `memory`: a training graph that fits into so many bytes in each process."""

from __future__ import annotations

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.memory.budget import Fitted, Memory
from graphwright.compiler.memory.size import told_bytes
from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.recipe import Recipe


def fitted(graph: Graph, recipe: Recipe, shape: tuple[int, ...], world: int) -> Fitted:
    """The graph with marks on what is computed again, for the part of a batch that a process takes at a time.

    `shape` is that of one sample. The running average of the weights, where the recipe has one, is taken off.
    """
    batch = max(1, recipe.batch // (recipe.accumulate * world))
    free = dict(zip(map(str, graph.inputs[0].type.shape[1:]), shape, strict=True))
    sizes = {name: size for name, size in free.items() if name in graph.sizes}
    average = sum(int(t.nbytes()) for n in graph.training().nodes for _, t in n.owned) if recipe.ema else 0
    budget = recipe.memory - average
    if budget <= 0:
        raise fail(NOWHERE, f"{told_bytes(recipe.memory)} do not hold the running average of the weights", "ema=0")
    return Memory(budget, batch, recipe.optimizer, recipe.precision, sizes=sizes).fit(graph)
