"""One node of an ONNX graph, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from graphwright.compiler.importing.onnx import naming
from graphwright.compiler.importing.onnx.file import need
from graphwright.compiler.importing.onnx.folding import Known
from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.graph import Marks
from graphwright.compiler.ir.types import DTYPE_NAMES, Type
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.op import Op

if TYPE_CHECKING:
    from graphwright.compiler.importing.onnx.reading import Reader

#: A value while reading: the name of a value of the graph, or numbers that are known already.
Value: TypeAlias = str | Known
#: A row of the table: the values of a node's outputs, in order.
Rule: TypeAlias = Callable[["Call"], Value | Sequence[Value]]

#: ONNX's element types in the types of graphs. Half precision is read as float32, which holds all its numbers.
DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float32",
    11: "float64", 14: "complex64", 16: "float32",
}  # fmt: skip


class Unsupported(Exception):
    """What a rule cannot express; the text says what and with which values."""


class Broken(Exception):
    """The node reads what is broken already, and was reported."""


@dataclass
class Call:
    """One node of the ONNX graph, as a rule sees it: attributes, inputs as values or numbers, and ways to add nodes."""

    reader: Reader
    node: Any

    def __post_init__(self) -> None:
        get = need("onnx.helper").get_attribute_value
        self.attributes = {a.name: get(a) for a in self.node.attribute if not a.ref_attr_name}
        self.opset = self.reader.opset
        self.path = naming.path_of(self.node)
        self.label = self.node.name or self.path or next((n for n in self.node.output if n), "")

    @property
    def where(self) -> str:
        return f"'{self.label}'"

    # -- what the node has --------------------------------------------------------------------
    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute: text decoded, numbers in the shortest decimal form of their float32."""
        value = self.attributes.get(name, default)
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        return float(str(np.float32(value))) if isinstance(value, float) else value

    def refuse(self, **allowed: Any) -> None:
        """Refuses attributes that have another value than the one that the op can express."""
        for name, value in allowed.items():
            if (got := self.attribute(name, value)) != value:
                raise Unsupported(f"{name}={got} has no counterpart; only {name}={value} has")

    def has(self, index: int) -> bool:
        """Whether the input is given."""
        return index < len(self.node.input) and bool(self.node.input[index])

    def raw(self, index: int) -> Value:
        """The input, as a name or as numbers."""
        return self.reader.env[self.node.input[index]]

    def value(self, index: int) -> str:
        """The input as a value of the graph."""
        raw = self.raw(index)
        name = self.reader.hold(raw, self.path) if isinstance(raw, Known) else raw
        if name not in self.reader.builder.types:
            raise Broken
        return name

    def values(self) -> list[str]:
        """All inputs as values of the graph."""
        return [self.value(k) for k in range(len(self.node.input)) if self.has(k)]

    def known(self, index: int) -> Known | None:
        """The input, if its numbers are known and hold no symbols."""
        raw = self.raw(index) if self.has(index) else None
        return raw if isinstance(raw, Known) and not raw.symbolic else None

    def needed(self, index: int, what: str) -> Known:
        """The numbers of an input that an op has as an argument."""
        if (found := self.known(index)) is None:
            raise Unsupported(f"{what} depends on the model's inputs, and must be known before")
        return found

    def numbers(self, index: int, what: str) -> list[Any]:
        """The numbers of an input as a flat list."""
        found: list[Any] = self.needed(index, what).array.reshape(-1).tolist()
        return found

    def number(self, index: int, rank: int = 0) -> int | float | bool | None:
        """The one number that an input is and that does not raise the rank of what it meets, if it is one."""
        known = self.known(index)
        if known is None or known.array.size != 1 or known.array.ndim > max(rank, 0):
            return None
        value = known.array.reshape(()).item()
        return float(str(np.float32(value))) if isinstance(value, float) else value

    def sizes(self, index: int, what: str) -> tuple[Size, ...]:
        """The sizes that an input lists."""
        raw = self.raw(index)
        if isinstance(raw, str):
            self.value(index)
            raise Unsupported(f"{what} depends on the values of the model's inputs, not only on their sizes")
        return raw.sizes()

    def type(self, index: int) -> Type:
        """The type of an input."""
        raw = self.raw(index)
        if isinstance(raw, Known) and not raw.symbolic and (dtype := DTYPE_NAMES.get(raw.tensor().dtype)):
            return Type(tuple(raw.array.shape), dtype)
        return self.reader.builder.types[self.value(index)]

    def type_of(self, value: str) -> Type:
        """The type of a value of the graph."""
        if value not in self.reader.builder.types:
            raise Broken
        return self.reader.builder.types[value]

    # -- what the rule adds -------------------------------------------------------------------
    def add(self, op: Op, *inputs: str | tuple[str, str]) -> str:
        """Adds a node; its first output."""
        return self.add_all(op, *inputs)[0]

    def add_all(self, op: Op, *inputs: str | tuple[str, str], marks: Marks | None = None) -> tuple[str, ...]:
        """Adds a node; all its outputs."""
        reader = self.reader
        name = reader.builder.unique(naming.cleaned(self.label) or op.name)
        if all(isinstance(i, tuple) for i in inputs):
            values = reader.builder.add(name, op, inputs, marks)  # type: ignore[arg-type]
        else:
            values = reader.builder.add(name, op, [i for i in inputs if isinstance(i, str)], marks)
        if values[0] not in reader.builder.types:
            raise Broken
        reader.paths[name] = self.path
        return values

    def formula(self, text: str, **inputs: str) -> str:
        """Adds an expression of values."""
        return self.add(Formula(text, names=tuple(inputs)), *inputs.items())

    def layer(self, op: Op, *inputs: str, **parameters: Value | None) -> str:
        """Adds a node with parameters; its first output."""
        return self.layer_all(op, *inputs, **parameters)[0]

    def layer_all(self, op: Op, *inputs: str, **parameters: Value | None) -> tuple[str, ...]:
        """Adds a node with parameters: numbers become its weights, values of the graph are given as inputs.

        Initial values that an earlier node owns are shared with it.
        """
        reader = self.reader
        known = {leaf: p for leaf, p in parameters.items() if isinstance(p, Known)}
        given = {leaf: p for leaf, p in parameters.items() if isinstance(p, str)}
        shared = {leaf: value for leaf, p in known.items() if (value := reader.sharing(p))}
        if known and not given and shared.keys() == known.keys() and (tie := self._whole(op, shared)):
            return self.add_all(op, *inputs, marks=Marks(tie=tie))
        given |= {leaf: value for leaf, value in shared.items() if leaf in op.tensors}
        ports = [port.name for port in op.ports]
        values = self.add_all(op, *zip(ports, inputs, strict=False), *given.items())
        name = reader.builder.nodes[-1].name
        mine = {leaf: p for leaf, p in known.items() if leaf not in given}
        self._own(name, mine)
        return values

    def _whole(self, op: Op, shared: Mapping[str, str]) -> str:
        """The node of the same op that all these parameters belong to under the same names, if there is one."""
        owners = {value.rpartition(".")[0] for leaf, value in shared.items() if value.endswith(f".{leaf}")}
        nodes = [n for n in self.reader.builder.nodes if n.name in owners and n.op.name == op.name]
        leaves = {leaf for n in nodes for leaf, _ in n.parameters}
        return nodes[0].name if len(owners) == len(nodes) == 1 and leaves <= shared.keys() else ""

    def _own(self, name: str, parameters: Mapping[str, Known]) -> None:
        reader, types = self.reader, self.reader.builder.types
        for leaf, known in parameters.items():
            if known.array.dtype != np.float32:
                reader.problem(f"{self.node.op_type} {self.where}: its {leaf} is {known.array.dtype}, and weights are "
                               "float32", "save the model in single precision")  # fmt: skip
                continue
            tensor = known.tensor()
            expected = types[f"{name}.{leaf}"].shape
            if tuple(tensor.shape) != expected:
                raise Unsupported(f"its {leaf} has the sizes {list(tensor.shape)}, and {list(expected)} fit here")
            reader.weights[f"{name}.{leaf}"] = tensor
            reader.own(f"{name}.{leaf}", known)
        names = [n for n in (naming.owner(k.source) for k in parameters.values() if k.source) if n]
        if names and names[0] not in reader.fixed.values():
            reader.fixed[name] = names[0]

    # -- what surrounds the node --------------------------------------------------------------
    def only_reader(self) -> Any:
        """The node that alone reads this node's one result, if there is one."""
        name = self.node.output[0]
        found = self.reader.readers.get(name, [])
        return found[0] if len(found) == 1 and name not in self.reader.leaving else None

    def producer(self, index: int) -> Any:
        """The ONNX node that an input comes from."""
        return self.reader.producers.get(self.node.input[index])
