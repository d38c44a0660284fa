"""What a live page runs, so that part of a picture can be hidden in it."""

from __future__ import annotations

from graphwright.analyses.layer_masking import MASK, LayerMasking
from graphwright.backends.explorer import Live, plain
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import SpecError


def masked(graph: Graph) -> Live:
    """What a live page runs: the model under layer masking, so that what is hidden is unknown; else the model."""
    analysis = LayerMasking()
    try:
        instrumented, made = analysis.masked(graph)
    except SpecError as error:
        return plain(graph, f"What is hidden is grey: {error.problems[0].message}.")
    values = {value: made.now(value) for node in made.graph.nodes for value in node.values}
    told = f"What is hidden is left out by layer masking ({analysis.source})."
    return Live(instrumented.with_(nodes=tuple(made.nodes)), values, made.trail, MASK, told)
