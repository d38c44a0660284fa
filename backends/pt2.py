"""A model as a `.pt2` file (torch.export), with the batch and the other free sizes left free where the model allows it.

Each node of the exported graph carries the spec's node and line in `meta["custom"]`.
"""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch.export import Dim, ExportedProgram

from graphwright.backends.compare import compare
from graphwright.backends.differentiated import differentiated
from graphwright.backends.examples import FREE, example_inputs, example_sizes, free_dimensions
from graphwright.backends.files import replacing
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, Place, fail


def export(graph: Graph, module: nn.Module, path: str | Path) -> dict[str, Any]:
    """Writes the deployed model, loads it back and compares it with the module, also at another batch size."""
    with quiet():
        program = program_of(graph, module)
        with replacing(path) as temporary:
            stored = io.BytesIO()  # written as bytes, because torch's own writer aborts on a full disk
            torch.export.save(program, stored)
            Path(temporary).write_bytes(stored.getbuffer())
            loaded = torch.export.load(temporary).module()
            difference = verify(graph, module, loaded, program)
    return {"free": sorted(free_sizes(graph, program)), "difference": difference}


def program_of(graph: Graph, module: nn.Module) -> ExportedProgram:
    """The exported program. Every free size is tried; torch fixes those that the model turns out to need.

    Where torch cannot say what a model needs (strides that must divide a size), sizes with a default are fixed at it.
    """
    sizes = example_sizes(graph)
    ones = {symbol: FREE for symbol, size in sizes.items() if size == 1}
    if ones:  # torch takes a size of 1 for a constant: it is tried at another
        program = program_at(graph, module, example_inputs(graph, ones))
        if ones.keys() <= free_sizes(graph, program):
            return program
    return program_at(graph, module, example_inputs(graph, sizes))


def program_at(graph: Graph, module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> ExportedProgram:
    """The exported program of these inputs, whose free sizes of 1 are fixed at it."""
    plain = differentiated(graph, module.eval(), inputs)
    marked = _marked(plain) if isinstance(plain, fx.GraphModule) else plain
    variadic = marked is not module and not isinstance(plain, fx.GraphModule)

    def exported(fixed: set[str]) -> ExportedProgram:
        free = [{k: s for k, s in dims.items() if s not in fixed} for dims in free_dimensions(graph.inputs)]
        shapes: Any = tuple(dict.fromkeys(dims, Dim.AUTO) for dims in free)
        return torch.export.export(
            marked.eval(), inputs, dynamic_shapes=(shapes,) if variadic else shapes, strict=False
        )

    try:
        return exported(set())
    except NotImplementedError:  # by sympy, from torch's solver
        return exported({symbol for entry in graph.inputs for symbol in entry.defaults})


def _marked(module: fx.GraphModule) -> fx.GraphModule:
    """A copy that shares the weights and says in `custom`, which survives export, where each node comes from."""
    marked = fx.GraphModule(module, copy.deepcopy(module.graph))
    for node in marked.graph.nodes:
        if "spec_node" in node.meta:
            node.meta["custom"] = {"spec_node": node.meta["spec_node"], "place": _brief(node.meta["place"])}
    return marked


def _brief(place: Place) -> str:
    """The place without the folders of the machine that exported it."""
    return f"{Path(place.file).name}:{place.line}:{place.column}"


def free_sizes(graph: Graph, program: ExportedProgram) -> set[str]:
    """The names of the sizes that stayed free."""
    names = set(program.graph_signature.user_inputs)
    held = [n.meta["val"] for n in program.graph.nodes if n.op == "placeholder" and n.name in names]
    return {
        symbol
        for tensor, dims in zip(held, free_dimensions(graph.inputs), strict=True)
        for axis, symbol in dims.items()
        if isinstance(tensor.shape[axis], torch.SymInt)
    }


def other_batch(graph: Graph, free: set[str]) -> dict[str, int]:
    """Sizes that differ from the example's in the first free size that no default fixes."""
    defaults = {k for e in graph.inputs for k in e.defaults}
    batch = next((s for e in graph.inputs for s in map(str, e.type.shape) if s in free and s not in defaults), None)
    return {batch: example_sizes(graph)[batch] + 1} if batch and batch in example_sizes(graph) else {}


def verify(graph: Graph, module: nn.Module, loaded: Callable[..., Any], program: ExportedProgram) -> float:
    """The largest difference of what was loaded from the module, at the example's sizes and at another batch size."""
    worst = 0.0
    for sizes in ({}, other_batch(graph, free_sizes(graph, program))):
        inputs = example_inputs(graph, sizes)
        with torch.no_grad():
            difference = compare(loaded(*inputs), module.eval()(*inputs))
        if not difference.within:
            message = f"the exported model differs by {difference.absolute:.3g} at {sizes or 'the default sizes'}"
            raise fail(NOWHERE, message, "report this as a defect; the file was not written")
        worst = max(worst, difference.absolute)
    return worst


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps torch's exporters from talking: they log through logging and warn of their own internals."""
    names = ("torch.export", "torch._export", "torch.onnx", "onnxscript", "torch.fx")
    loggers = [logging.getLogger(name) for name in names]
    levels = [log.level for log in loggers]
    with warnings.catch_warnings():
        # torch 2.13's own deprecations (copyreg, pytree names, isinstance(treespec)) inside export and save.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(torch|onnx|onnxscript|copyreg)")
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"(torch|onnx|onnxscript|copyreg)")
        for log in loggers:
            log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for log, level in zip(loggers, levels, strict=True):
                log.setLevel(level)
