"""A model as an `.onnx` file, from the exported program, under the spec's names and with free sizes left free."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from graphwright.backends.compare import compare
from graphwright.backends.examples import example_inputs, free_dimensions
from graphwright.backends.files import replacing
from graphwright.backends.pt2 import free_sizes, other_batch, program_of, quiet
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail


def export(graph: Graph, module: nn.Module, path: str | Path) -> dict[str, Any]:
    """Writes the deployed model, checks the file, and compares it with the module in onnxruntime."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        _need(package)
    with quiet():
        program = program_of(graph, module)
        onnx_program = torch.onnx.export(
            program, dynamo=True, verbose=False, optimize=False, input_names=[e.name for e in graph.inputs],
            output_names=[name for name, _ in graph.deployed().outputs],
        )  # fmt: skip
        assert onnx_program is not None
        _rename(onnx_program.model, program, graph)
        _name_sizes(onnx_program.model, graph)
        with replacing(path) as temporary:
            onnx_program.save(str(temporary), external_data=False)
            difference = _verify(graph, module, temporary, free_sizes(graph, program))
    return {"free": sorted(free_sizes(graph, program)), "difference": difference}


def _need(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise fail(NOWHERE, f"ONNX export needs the package '{package}'", "pip install 'graphwright[onnx]'") from None


def _rename(model: Any, program: ExportedProgram, graph: Graph) -> None:
    """Nodes take the spec's names, `layer1.0.conv1` and `layer1.0.conv1#2` for the second of one op."""
    customs = [n.meta["custom"] for n in program.graph.nodes if "spec_node" in n.meta.get("custom", {})]
    places = {custom["spec_node"]: custom["place"] for custom in customs}
    seen: dict[str, int] = {}
    for node in model.graph:
        name = _origin(node)
        if name in places:
            seen[name] = seen.get(name, 0) + 1
            node.name = name if seen[name] == 1 else f"{name}#{seen[name]}"
            node.metadata_props["graphwright.place"] = places[name]
    model.graph.name = graph.name
    model.producer_name = "graphwright"


def _origin(node: Any) -> str:
    """The spec's node that an ONNX node was made from: lowering wrote it into the stack trace, which the exporter and
    its decompositions keep."""
    found = re.search(r'File ".*", line \d+, in (.+)', node.metadata_props.get("pkg.torch.onnx.stack_trace", ""))
    return found[1] if found else ""


def _name_sizes(model: Any, graph: Graph) -> None:
    """Free sizes take the spec's names; the exporter calls them s0, s1, …"""
    onnx_ir = _need("onnx_ir")
    named = {
        str(value.shape[axis].value): symbol
        for value, dims in zip(model.graph.inputs, free_dimensions(graph.inputs), strict=True)
        for axis, symbol in dims.items()
        if isinstance(value.shape[axis], onnx_ir.SymbolicDim) and symbol.isidentifier()
    }

    def renamed(size: Any) -> Any:
        if not isinstance(size, onnx_ir.SymbolicDim) or size.value is None:
            return size
        return re.sub(r"\w+", lambda word: named.get(word[0], word[0]), size.value)

    for value in {*model.graph.inputs, *model.graph.outputs, *(v for n in model.graph for v in n.outputs)}:
        if value.shape is not None:
            value.shape = onnx_ir.Shape([renamed(size) for size in value.shape])


def _verify(graph: Graph, module: nn.Module, path: Path, free: set[str]) -> float:
    _need("onnx").checker.check_model(str(path), full_check=True)
    runtime = _need("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # it warns of constants it folds and of devices it does not find
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for sizes in ({}, other_batch(graph, free)):
        inputs = example_inputs(graph, sizes)
        with torch.no_grad():
            reference = module.eval()(*inputs)
        fed = {v.name: x.numpy() for v, x in zip(session.get_inputs(), inputs, strict=True)}
        outputs = [torch.from_numpy(y) for y in session.run(None, fed)]
        result = dict(zip(reference, outputs, strict=True)) if isinstance(reference, dict) else outputs[0]
        difference = compare(result, reference)
        if not difference.within:
            message = (
                f"onnxruntime differs from the module by {difference.absolute:.3g} at {sizes or 'the default sizes'}"
            )
            raise fail(NOWHERE, message, "report this as a defect; the file was not written")
        worst = max(worst, difference.absolute)
    return worst
