"""A model as an `.onnx` file, from the exported program, under the spec's names and with free sizes left free."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from graphwright.backends.compare import Difference, compare_with
from graphwright.backends.examples import example_inputs, free_dimensions
from graphwright.backends.files import replacing
from graphwright.backends.onnx_functions import functions
from graphwright.backends.pt2 import free_sizes, other_batch, program_of, quiet
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail


def export(graph: Graph, module: nn.Module, path: str | Path) -> dict[str, Any]:
    """Writes the deployed model, checks the file, and compares it with the module in onnxruntime.

    Inputs, parameters and outputs share one space of names in ONNX: an output that is called like one of the others
    becomes `NAME_out`. Where the model enlarges rounding so that onnxruntime cannot agree to 1e-4, the report has both
    relative differences: of onnxruntime from the module, and of the module's own float32 from float64 (`rounding`).
    """
    need_onnx()
    with quiet():
        program = program_of(graph, module)
        with replacing(path) as temporary:
            write(graph, program, temporary)
            difference = _verify(graph, module, temporary, free_sizes(graph, program))
    found = {"free": sorted(free_sizes(graph, program)), "difference": difference.absolute}
    return found if difference.own is None else {**found, "relative": difference.relative, "rounding": difference.own}


def need_onnx() -> None:
    """Fails where a package of the extra `onnx` is missing."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        _need(package)


def write(graph: Graph, program: ExportedProgram, path: Path) -> None:
    """Writes an exported program as an ONNX file, unchecked."""
    onnx_program = torch.onnx.export(
        program, dynamo=True, verbose=False, optimize=False, input_names=[e.name for e in graph.inputs],
        custom_translation_table=functions(),
    )  # fmt: skip
    assert onnx_program is not None
    _rename(onnx_program.model, program, graph)
    _name_outputs(onnx_program.model, [name for name, _ in graph.deployed().outputs])
    _name_sizes(onnx_program.model, graph)
    onnx_program.save(str(path), external_data=False)


def _need(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise fail(NOWHERE, f"ONNX needs the package '{package}'", "pip install 'graphwright[onnx]'") from None


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


def _name_outputs(model: Any, names: list[str]) -> None:
    """Outputs take the spec's names. One that is an input, a parameter or another output as well goes through Identity,
    and a value between gives way to an output of its name."""
    ir = _need("onnx_ir")
    outputs = model.graph.outputs
    given = {value.name: value for value in (*model.graph.inputs, *model.graph.initializers.values())}
    for k, value in enumerate(outputs):
        if value.name in given or any(value is other for other in outputs[:k]):
            copied = ir.Node("", "Identity", [value])
            copied.outputs[0].shape, copied.outputs[0].type = value.shape, value.type
            model.graph.append(copied)
            outputs[k] = copied.outputs[0]
    taken = {v.name: v for node in model.graph.all_nodes() for v in node.outputs}
    wanted = [_free(f"{name}_out", {*given, *names}) if name in given else name for name in names]
    for name in {*wanted} & taken.keys():
        taken[name].name = _free(f"{name}_inner", {*given, *taken, *wanted})
    for value, name in zip(outputs, wanted, strict=True):
        value.name = name


def _free(name: str, taken: set[str]) -> str:
    """The name, with as many `_` behind it as make it new."""
    return _free(f"{name}_", taken) if name in taken else name


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


def _verify(graph: Graph, module: nn.Module, path: Path, free: set[str]) -> Difference:
    _need("onnx").checker.check_model(str(path), full_check=True)
    runtime = _need("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # it warns of constants it folds and of devices it does not find
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    worst = Difference(0.0, 0.0, True)
    for sizes in ({}, other_batch(graph, free)):
        inputs = example_inputs(graph, sizes)
        fed = {v.name: x.numpy() for v, x in zip(session.get_inputs(), inputs, strict=True)}
        outputs = [torch.from_numpy(y) for y in session.run(None, fed)]
        names = [name for name, _ in graph.deployed().outputs]
        result = dict(zip(names, outputs, strict=True)) if len(names) > 1 else outputs[0]
        with torch.no_grad():
            difference = compare_with(module.eval(), inputs, result)
        if not difference.within:
            message = (
                f"onnxruntime differs from the module by {difference.absolute:.3g} at {sizes or 'the default sizes'}"
            )
            raise fail(NOWHERE, message, "report this as a defect; the file was not written")
        worst = worst | difference
    return worst
