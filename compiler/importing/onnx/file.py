"""An ONNX file as a checked model: nothing outside its folder is read, and what is no model is an error."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphwright.compiler.places import NOWHERE, Place, fail

#: The versions of the operator set whose meaning the rules know; before 7 binary ops broadcast in another way.
OLDEST = 7
#: Files above this size are not models but mistakes (protobuf itself ends at 2 GiB).
MAX_BYTES = 2**31 - 1


def need(package: str) -> Any:
    """A module of the extra `onnx`."""
    try:
        return importlib.import_module(package)
    except ImportError:
        message = f"reading ONNX needs the package '{package.partition('.')[0]}'"
        raise fail(NOWHERE, message, "pip install 'graphwright[onnx]'") from None


def load(path: Path) -> Any:
    """The model of a file, with its tensors, functions inlined, types inferred where they are known.

    Raises `SpecError` where the file is no whole ONNX model, is too old, or asks for data outside its folder.
    """
    onnx = need("onnx")
    place = Place(str(path), 0, 0)
    model = _parse(onnx, path, place)
    versions = {item.domain: item.version for item in model.opset_import}
    if (version := versions.get("", versions.get("ai.onnx"))) is None:
        raise fail(place, "the model does not say which version of the ONNX operators it uses", "export it again")
    if version < OLDEST:
        message = f"the model uses ONNX operators of version {version}; those before {OLDEST} have other meanings"
        raise fail(place, message, "onnx.version_converter.convert_version brings it to a newer one")
    if any(not isinstance(text, str) for text in _words(onnx, model.graph)):
        raise fail(place, "a name in the model is not UTF-8 text", "export or fetch it again")
    _load_data(onnx, model, path, place)
    _check(onnx, model, place)
    if model.functions:
        model = need("onnx.inliner").inline_local_functions(model)
    return _with_types(onnx, model)


def _parse(onnx: Any, path: Path, place: Place) -> Any:
    error = need("google.protobuf.message").DecodeError
    if not path.is_file():
        raise fail(place, "there is no such file", "check the path")
    if (size := path.stat().st_size) > MAX_BYTES:
        raise fail(place, f"{size:,} bytes are more than an ONNX file can have", "keep its tensors as external data")
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except (error, ValueError):
        raise fail(place, "this is not an ONNX model, or only a part of one", "export or fetch it again") from None
    if not model.ir_version or not model.HasField("graph") or not model.graph.output:
        raise fail(place, "this is not an ONNX model: it has no graph with an output", "export or fetch it again")
    return model


def _tensors(onnx: Any, graph: Any) -> Iterator[Any]:
    """The tensors of a graph: initial values, and attributes of its nodes and of the graphs in them."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                yield attribute.t
            elif attribute.type == onnx.AttributeProto.GRAPH:
                yield from _tensors(onnx, attribute.g)


def _words(onnx: Any, graph: Any) -> Iterator[Any]:
    """Names of operators and values; those that are no text come as bytes."""
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield attribute.name
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _words(onnx, attribute.g)
    for value in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        yield value.name


def _load_data(onnx: Any, model: Any, path: Path, place: Place) -> None:
    """Reads tensors that are kept in other files of the same folder, and in no others."""
    folder = path.resolve().parent
    for tensor in _tensors(onnx, model.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        facts = {item.key: item.value for item in tensor.external_data}
        location = facts.get("location", "")
        file = folder / location
        if not location or Path(location).is_absolute() or folder not in file.resolve().parents:
            message = f"the data of '{tensor.name}' lies outside the model's folder: '{location}'"
            raise fail(place, message, "a model may read files beside it only")
        if not file.is_file():
            raise fail(place, f"the data of '{tensor.name}' is missing: there is no '{location}'", "put it beside it")
        offset, length = (int(facts[k]) if facts.get(k, "").isdigit() else None for k in ("offset", "length"))
        with file.open("rb") as data:
            data.seek(offset or 0)
            raw = data.read() if length is None else data.read(length)
        if length is not None and len(raw) < length:
            message = f"the data of '{tensor.name}' is cut off: '{location}' ends {length - len(raw)} bytes too early"
            raise fail(place, message, "fetch it again")
        tensor.raw_data = raw
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _check(onnx: Any, model: Any, place: Place) -> None:
    """ONNX's own checker; operators that it does not know are left to the table, which lists them all at once."""
    versions = {item.domain: item.version for item in model.opset_import}
    known = {f.name for f in model.functions}
    if max(versions.values()) > onnx.defs.onnx_opset_version():
        return

    def strange(node: Any) -> bool:
        """Whether the checker has no rule for a node, or refuses it for its age alone."""
        if not onnx.defs.has(node.op_type, node.domain):
            return node.op_type not in known
        version = versions.get(node.domain, versions.get("ai.onnx", 1))
        try:
            return bool(onnx.defs.get_schema(node.op_type, version, node.domain).deprecated)
        except onnx.defs.SchemaError:
            return True

    if any(strange(n) for n in model.graph.node):
        return
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise fail(place, f"the model breaks a rule of ONNX: {first}", "export it again") from None


def _with_types(onnx: Any, model: Any) -> Any:
    """The model with the types that ONNX infers, which stand in where a rule is missing."""
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
        return model
