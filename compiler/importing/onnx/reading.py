"""An ONNX graph, node by node, through the table of rules into a `Graph` and its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from graphwright.compiler.importing.building import Builder
from graphwright.compiler.importing.onnx import naming
from graphwright.compiler.importing.onnx.call import DTYPES, Broken, Call, Rule, Unsupported, Value
from graphwright.compiler.importing.onnx.constants import as_formula, content, equal
from graphwright.compiler.importing.onnx.file import need
from graphwright.compiler.importing.onnx.folding import Known, NotKnown, fold, plain
from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.types import DTYPE_NAMES, Type
from graphwright.compiler.ops.constant import Buffer, Parameter
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import NOWHERE, Place, Problem

#: Sizes that free spatial dimensions take in reports, by the rank of the input.
SPATIAL = {2: 16, 3: 64, 4: 224, 5: 32}


@dataclass
class Reader:
    """The state of one import: `env` has the values of the ONNX graph's names, as far as they were reached."""

    model: Any
    file: str
    table: Mapping[str, Rule]
    builder: Builder
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    env: dict[str, Value] = field(default_factory=dict)
    #: Names that owned weights prescribe, and modules that nodes belong to.
    fixed: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    #: Initial values that a node owns already, by their source and content: the name they can be read by.
    owned: dict[str, tuple[str, Known]] = field(default_factory=dict)
    #: Nodes that hold constants, by the constant.
    held: dict[int, tuple[str, Known]] = field(default_factory=dict)
    #: ONNX nodes that became a part of an earlier one, with the value they stand for.
    absorbed: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.model.graph
        self.opset = next(i.version for i in self.model.opset_import if i.domain in ("", "ai.onnx"))
        self.producers = {name: node for node in graph.node for name in node.output if name}
        self.readers: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.leaving = {v.name for v in graph.output}
        self.stated = {v.name: v for v in (*graph.value_info, *graph.output)}
        self.buffers = {v.name for v in graph.value_info if _is_buffer(v)}

    def run(self) -> tuple[Graph, dict[str, torch.Tensor]]:
        """The graph and its weights; raises `SpecError` with all that cannot be read."""
        graph, to_array = self.model.graph, need("onnx.numpy_helper").to_array
        for tensor in graph.initializer:
            self.env[tensor.name] = Known(plain(to_array(tensor)), tensor.name)
        for entry in graph.input:
            if entry.name not in self.env:
                self._enter(entry)
        for node in graph.node:
            self._node(node)
        outputs = self._outputs()
        if self.builder.missing or self.builder.problems:
            self.builder.graph(outputs)
        weights, outputs = naming.settle(self.builder, self.weights, self.fixed, self.paths, outputs)
        kinds = naming.kinds_of(graph.node)
        return self.builder.graph(outputs, kinds, graph.doc_string or self.model.doc_string), weights

    def _outputs(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for output in self.model.graph.output:
            value = self.env[output.name]
            port = naming.cleaned(output.name).replace(".", "_")
            while port in dict(found):
                port += "_"
            found.append((port, value if isinstance(value, str) else self.hold(value)))
        return found

    # -- inputs -------------------------------------------------------------------------------
    def _enter(self, value: Any) -> None:
        kind = value.type.tensor_type
        name = naming.cleaned(value.name).replace(".", "_")
        if not value.type.HasField("tensor_type") or kind.elem_type not in DTYPES:
            what = value.type.WhichOneof("value") if not value.type.HasField("tensor_type") else _dtype(kind.elem_type)
            self.problem(f"the input '{value.name}' is of type {what}", "inputs are tensors of numbers")
            self.env[value.name] = name
            return
        rank = len(kind.shape.dim)
        shape: list[Size] = []
        defaults: dict[str, int] = {}
        for axis, dim in enumerate(kind.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                shape.append(dim.dim_value)
                continue
            symbol = _symbol(dim.dim_param, axis, rank)
            shape.append(Dim.symbol(symbol))
            known = [e.defaults.get(symbol) for e in self.builder.inputs if symbol in e.type.symbols]
            if axis and not known:
                defaults[symbol] = SPATIAL.get(rank, 16)
        entry = Entry(self.builder.unique(name), Type(tuple(shape), DTYPES[kind.elem_type]), defaults)
        self.env[value.name] = self.builder.enter(entry)

    # -- nodes --------------------------------------------------------------------------------
    def _node(self, node: Any) -> None:
        outputs = [name for name in node.output if name]
        if id(node) in self.absorbed:
            self.env[outputs[0]] = self.absorbed[id(node)]
            return
        call = Call(self, node)
        for name in outputs:
            self.env[name] = f"?{name}"  # what reads a broken node stays quiet
        try:
            found = self._results(call)
        except Broken:
            return
        except Unsupported as limit:
            self.problem(f"{node.op_type} {call.where}: {limit}", "")
            return
        if found is None:
            operation = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
            self.builder.missing.append((operation, call.label))
            self._stand_in(outputs)
            return
        for index, name in enumerate(node.output):
            if name and index < len(found):
                self.env[name] = found[index]
            elif name and (name in self.leaving or name in self.readers):
                self.problem(f"{node.op_type} {call.where}: its output {index + 1}, '{name}', is used", "")

    def _results(self, call: Call) -> Sequence[Value] | None:
        """The values of a node's outputs: computed now, or by a rule; nothing where there is no rule."""
        known = [self.env.get(name) if name else None for name in call.node.input]
        if all(k is None or isinstance(k, Known) for k in known):
            try:
                return fold(call.node, known, self.opset)  # type: ignore[arg-type]
            except NotKnown:
                pass
        rule = self.table.get(call.node.op_type) if call.node.domain in ("", "ai.onnx") else None
        if rule is None:
            return None
        found = rule(call)
        return [found] if isinstance(found, (str, Known)) else found

    def _stand_in(self, outputs: Sequence[str]) -> None:
        """Values of the types that the file states, so that the readers of a node without a rule are read too."""
        for name in outputs:
            kind = self.stated[name].type.tensor_type if name in self.stated else None
            if kind is None or kind.elem_type not in DTYPES or not kind.HasField("shape"):
                continue
            rank = len(kind.shape.dim)
            shape = tuple(
                d.dim_value if d.dim_value > 0 else Dim.symbol(_symbol(d.dim_param, axis, rank))
                for axis, d in enumerate(kind.shape.dim)
            )
            self.builder.types[f"?{name}"] = Type(shape, DTYPES[kind.elem_type])

    def problem(self, message: str, hint: str) -> None:
        """Note a mistake, to be reported with the others."""
        self.builder.problems.append(Problem(Place(self.file, 0, 0) if self.file else NOWHERE, message, hint))

    # -- constants ----------------------------------------------------------------------------
    def hold(self, known: Known, path: str = "") -> str:
        """A constant as a value of the graph: a tensor with weights, or a formula where that says the same.

        `path` is the module that reads it, which names it where the file has no name for it.
        """
        if id(known) in self.held:
            return self.held[id(known)][0]
        if shared := self.sharing(known):
            return shared
        formula = None if known.source and known.array.dtype.kind == "f" else as_formula(known)
        if formula is not None:
            (name,) = self.builder.add(self.builder.unique("constant"), formula)
            self.paths[name] = path
        else:
            name = self._stored(known, path)
        self.held[id(known)] = name, known  # the value is kept, so that its id stays its own
        return name

    def own(self, value: str, known: Known) -> None:
        """Remember by which name these numbers can be read."""
        for key in (known.source, content(known)):
            if key:
                self.owned.setdefault(key, (value, known))

    def sharing(self, known: Known) -> str:
        """The name of the same numbers in a node that owns them, if there is one.

        They have the same source; or the exporter wrote a second copy of a matrix, transposed, without a name.
        """
        anonymous = content(known) if not naming.owner(known.source) else ""
        for key in (known.source, anonymous):
            if key in self.owned and equal(self.owned[key][1], known):
                return self.owned[key][0]
        return ""

    def _stored(self, known: Known, path: str) -> str:
        if known.symbolic or (dtype := DTYPE_NAMES.get(known.tensor().dtype)) is None:
            raise Unsupported(f"a constant of type {known.array.dtype} cannot be stored")
        learned = bool(known.source) and known.array.dtype.kind == "f" and known.source not in self.buffers
        op: Op = (Parameter if learned else Buffer)(tuple(known.array.shape), dtype)  # type: ignore[arg-type]
        title = naming.constant(known.source, path)
        name = self.builder.unique(title)
        self.builder.add(name, op)
        self.weights[name], self.fixed[name] = known.tensor(), title
        self.own(name, known)
        return name


def _is_buffer(value: Any) -> bool:
    facts = {item.key: item.value for item in value.metadata_props}
    return facts.get("pkg.torch.export.graph_signature.InputSpec.kind") in ("BUFFER", "CONSTANT_TENSOR")


def _dtype(code: int) -> str:
    return str(need("onnx").TensorProto.DataType.Name(code)).lower()


def _symbol(name: str, axis: int, rank: int) -> str:
    """A free size's name: the file's own as a capital word, else N for the first, and a letter with the axis."""
    word = re.sub(r"\W+", "_", name).strip("_")
    if word and (word == name or name.isidentifier()) and word[0].isalpha():
        return word[0].upper() + word[1:]
    if axis == 0:
        return "N"
    return {(4, 2): "H", (4, 3): "W"}.get((rank, axis), f"D{axis}")
