"""A Keras configuration, layer by layer, through the table of rules into a `Graph` and its weights.

Keras keeps channels last and graphs keep them first: a value remembers which it has, and is permuted where a layer
needs the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from graphwright.compiler.importing.building import Builder
from graphwright.compiler.importing.keras.file import Stored
from graphwright.compiler.importing.onnx.naming import cleaned
from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.graph import Entry, Graph, Marks
from graphwright.compiler.ir.types import DTYPES, Type
from graphwright.compiler.ops.constant import Buffer
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.shape import Permute
from graphwright.compiler.places import Place, Problem

#: Sizes that free dimensions take in reports, by the rank of the input.
SPATIAL = {2: 16, 3: 64, 4: 224, 5: 32}


class Unsupported(Exception):
    """What a rule cannot express."""


class Broken(Exception):
    """The layer reads what is broken already, and was reported."""


@dataclass(frozen=True)
class Value:
    """A value of the graph; `first` says that its channels were moved to dimension 1."""

    name: str
    first: bool = False


Rule = Callable[["Layer"], Value]


@dataclass
class Reader:
    """The state of one import; `values` holds what layers computed, by name and number of the call."""

    builder: Builder
    table: Mapping[str, Rule]
    stored: Stored | None
    file: str
    #: Keras 2 has another hard sigmoid.
    version: int = 3
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    values: dict[tuple[str, int], Value] = field(default_factory=dict)

    def model(self, config: Mapping[str, Any], prefix: str = "", given: Sequence[Value] = ()) -> list[Value]:
        """The outputs of a model, or of one inside another, which reads `given`."""
        layers = config["layers"]
        entries = [n for n, *_ in _triples(config.get("input_layers", []))]
        feeds = dict(zip(entries, given, strict=False))
        if not any(layer.get("inbound_nodes") for layer in layers):
            return [self._sequence(layers, prefix, list(given))]
        pending = [(layer, k, node) for layer in layers for k, node in enumerate(layer.get("inbound_nodes") or [[]])]
        while pending:
            later = []
            for layer, k, node in pending:
                name = layer["config"].get("name") or layer["name"]
                reads = list(_reads(node))
                if all((prefix + n, j) in self.values for n, j in reads):
                    sources = [self.values[prefix + n, j] for n, j in reads]
                    sources = [feeds[name]] if name in feeds else sources
                    self.values[prefix + name, k] = self._layer(layer, prefix, k, sources, node, name in feeds)
                else:
                    later.append((layer, k, node))
            if len(later) == len(pending):
                names = ", ".join(layer["config"].get("name", "?") for layer, *_ in later[:4])
                self.problem(f"these layers read what no layer computes: {names}")
                raise Broken
            pending = later
        return [self.values[prefix + n, int(k)] for n, k, *_ in _triples(config["output_layers"])]

    def _sequence(self, layers: Sequence[Mapping[str, Any]], prefix: str, given: list[Value]) -> Value:
        if not given and layers[0]["class_name"] != "InputLayer":
            config = layers[0]["config"]
            shape = config.get("batch_input_shape") or config.get("batch_shape")
            shape = shape or (layers[0].get("build_config") or {}).get("input_shape")
            if shape is None:
                self.problem("the sequence does not say what goes into it")
                raise Broken
            kind = "int32" if layers[0]["class_name"] == "Embedding" else "float32"
            given = [self.enter("input", shape, kind)]
        for layer in layers:
            fed = layer["class_name"] == "InputLayer" and bool(given)
            given = [self._layer(layer, prefix, 0, given, [], fed)]
        return given[0]

    def enter(self, name: str, shape: Sequence[int | None], dtype: str) -> Value:
        """An input of the graph; images become channels-first."""
        rank = len(shape)
        order = (0, rank - 1, *range(1, rank - 1)) if rank > 3 else tuple(range(rank))
        letters = (
            {1: "L", 2: "W"} if rank < 4 else dict(zip(range(1, rank - 1), ("D", "H", "W")[5 - rank :], strict=False))
        )
        sizes: list[Size] = []
        defaults: dict[str, int] = {}
        for axis in order:
            size = shape[axis]
            symbol = "N" if axis == 0 else letters.get(axis, f"D{axis}")
            sizes.append(Dim.symbol(symbol) if size is None else size)
            if size is None and axis:
                defaults[symbol] = SPATIAL.get(rank, 16)
        entry = Entry(self.builder.unique(cleaned(name).replace(".", "_")), Type(tuple(sizes), dtype), defaults)
        return Value(self.builder.enter(entry), rank > 3)

    def _layer(
        self, layer: Mapping[str, Any], prefix: str, call: int, sources: list[Value], node: Any, fed: bool
    ) -> Value:
        kind, config = layer["class_name"], layer["config"]
        name = config.get("name") or layer.get("name") or kind
        if kind == "InputLayer":
            dtype = config.get("dtype") or "float32"
            shape = config.get("batch_shape") or config.get("batch_input_shape")
            if not fed and (dtype not in DTYPES or shape is None):
                self.problem(f"the input '{name}' has the dtype {dtype} and the shape {shape}")
                return Value("?")
            return sources[0] if fed else self.enter(name, shape, dtype)
        try:
            if "layers" in config:
                return self.model(config, f"{prefix}{name}/", sources)[0]
            rule = self.table.get(kind)
            if rule is None or (layer.get("registered_name") or kind).rpartition(">")[2] != kind:
                self.builder.missing.append((kind, name))
                return Value("?")
            scalar = _scalar(node)
            if scalar is None and _other_arguments(node):
                raise Unsupported("it is called with other arguments than values")
            return rule(Layer(self, kind, config, prefix + name, sources, call, scalar))
        except Unsupported as limit:
            self.problem(f"{kind} '{name}': {limit}")
        except MALFORMED as error:
            self.problem(f"{kind} '{name}' is not as Keras writes it: {_lack(error)}")
        except Broken:
            pass
        return Value("?")

    def problem(self, message: str) -> None:
        """Note a mistake, to be reported with the others."""
        self.builder.problems.append(Problem(Place(self.file, 0, 0), message, ""))


@dataclass
class Layer:
    """One call of a layer, as a rule sees it: its configuration, what it reads, and ways to add nodes."""

    reader: Reader
    kind: str
    config: Mapping[str, Any]
    path: str
    sources: list[Value]
    call: int
    #: The number that an operator is called with beside a value, `x + 3`.
    scalar: float | None = None

    @property
    def name(self) -> str:
        """The name that its nodes begin with."""
        base = ".".join(cleaned(word).replace(".", "_") for word in self.path.split("/"))
        return base if not self.call else f"{base}_{self.call + 1}"

    def refuse(self, **allowed: Any) -> None:
        """Refuses settings that have another value than the one that the op can express."""
        for key, value in allowed.items():
            if (got := self.config.get(key, value)) != value and got is not None:
                raise Unsupported(f"{key}={got} has no counterpart; only {value} has")

    def type_of(self, value: Value) -> Type:
        """The type of a value."""
        if value.name not in self.reader.builder.types:
            raise Broken
        return self.reader.builder.types[value.name]

    def rank(self, value: Value) -> int:
        """How many dimensions a value has."""
        return self.type_of(value).rank

    def channels_first(self, value: Value | None = None) -> str:
        """What the layer reads with channels in dimension 1."""
        value = value or self.sources[0]
        rank = self.rank(value)
        if value.first or rank < 3:
            return value.name
        return self.add(Permute((0, rank - 1, *range(1, rank - 1))), value.name, suffix="channels_first")

    def channels_last(self, value: Value | None = None) -> str:
        """What the layer reads with its dimensions in Keras' order."""
        value = value or self.sources[0]
        rank = self.rank(value)
        if not value.first or rank < 3:
            return value.name
        return self.add(Permute((0, *range(2, rank), 1)), value.name, suffix="channels_last")

    def spatial_first(self) -> None:
        """Refuses layers that keep channels first in Keras too."""
        self.refuse(data_format="channels_last")

    def add(self, op: Op, *inputs: str, suffix: str = "", weights: Sequence[tuple[str, Any]] = ()) -> str:
        """Adds a node called after the layer; its first output. `weights` are (parameter, numbers) pairs."""
        return self.add_all(op, *inputs, suffix=suffix, weights=weights)[0]

    def add_all(
        self, op: Op, *inputs: str, suffix: str = "", weights: Sequence[tuple[str, Any]] = ()
    ) -> tuple[str, ...]:
        """Adds a node; all its outputs. A layer that is called again shares the parameters of its first call."""
        builder = self.reader.builder
        if any(i not in builder.types for i in inputs):
            raise Broken
        wanted = f"{self.name}_{suffix}" if suffix and not suffix.startswith(".") else self.name + suffix
        name = builder.unique(wanted)
        base = name.removesuffix(f"_{self.call + 1}") if self.call else ""
        nodes = {n.name: n for n in builder.nodes}
        tied = nodes[base] if base in nodes and nodes[base].parameters and nodes[base].op.name == op.name else None
        values = builder.add(name, op, inputs, Marks(tie=base) if tied is not None else None)
        if values[0] not in builder.types:
            raise Broken
        if tied is None:
            for leaf, array in weights:
                self.give(f"{name}.{leaf}", array)
        return values

    def give(self, name: str, array: Any) -> None:
        """Sets a weight, whose sizes must be those of the node's parameter (or of a node that is one)."""
        tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
        expected = self.reader.builder.types[name].shape
        if tuple(tensor.shape) != expected:
            raise Unsupported(f"the numbers for {name} have the sizes {list(tensor.shape)}, and {list(expected)} fit")
        self.reader.weights[name] = tensor

    def constant(self, array: Any, suffix: str) -> str:
        """Adds a stored tensor that the configuration or the weights give."""
        array = np.asarray(array, dtype=np.float32)
        name = self.add(Buffer(tuple(array.shape)), suffix=suffix)
        self.reader.weights[name] = torch.from_numpy(np.array(array))
        return name

    def numbers(self, count: int) -> list[Any] | None:
        """The layer's weights in Keras' order, where the file has them."""
        if self.reader.stored is None:
            return None
        found = self.reader.stored.get(self.path, [])
        if len(found) < count:
            raise Unsupported(f"it needs {count} tensors of weights, and the file has {len(found)}")
        return found


#: What a configuration with parts missing, or of other kinds than they should be, raises where it is read.
MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)


def convert(model: Mapping[str, Any], stored: Stored | None, file: str = "") -> tuple[Graph, dict[str, torch.Tensor]]:
    """The graph of a configuration as Keras writes it, and the weights under the graph's names.

    `stored` has the numbers of each layer by its name (`outer/inner` in a model within a model), in Keras' order.
    """
    from graphwright.compiler.importing.keras.table import TABLE  # the rules know this module

    name = cleaned(str(model["config"].get("name") or "model")).replace(".", "_")
    version = 2 if str(model.get("keras_version", "3")).startswith(("1", "2")) else 3
    reader = Reader(Builder(name, "compiler/importing/keras/table.py"), TABLE, stored, file, version)
    outputs: list[tuple[str, str]] = []
    try:
        values = reader.model(model["config"])
        ports = [n for n, *_ in _triples(model["config"].get("output_layers", []))] or ["out"]
        outputs = [(cleaned(p).replace(".", "_"), v.name) for p, v in zip(ports, values, strict=False)]
    except Broken:
        pass
    except MALFORMED as error:
        reader.problem(f"the layers are not as Keras writes them: {_lack(error)}")
    graph = reader.builder.graph(outputs)
    alive = {f"{n.name}.{leaf}" for n in graph.nodes for leaf, _ in (*n.parameters, *n.buffers)} | set(graph.by_name)
    return graph, {k: v for k, v in reader.weights.items() if k in alive}


def _lack(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)


def _triples(found: Any) -> list[list[Any]]:
    """A list of `[layer, call, output]`, also where there is one and the list around it is left out."""
    return [found] if found and isinstance(found[0], str) else list(found)


def _tensors(item: Any) -> Iterator[tuple[str, int]]:
    """The values that arguments of a call name, as (layer, number of its call), in both notations."""
    if isinstance(item, dict) and item.get("class_name") == "__keras_tensor__":
        history = item["config"]["keras_history"]
        yield history[0], int(history[1])
    elif isinstance(item, (list, tuple)):
        if len(item) in (3, 4) and isinstance(item[0], str) and isinstance(item[1], int):
            yield item[0], int(item[1])
        else:
            for part in item:
                yield from _tensors(part)


def _reads(node: Any) -> Iterator[tuple[str, int]]:
    yield from _tensors(node["args"] if isinstance(node, dict) else node)


def _scalar(node: Any) -> float | None:
    """The number after the value, where a call has the two and nothing else."""
    if not isinstance(node, dict) or node.get("kwargs") or len(node.get("args", [])) != 2:
        return None
    number = node["args"][1]
    return float(number) if isinstance(number, (int, float)) and not isinstance(number, bool) else None


def _other_arguments(node: Any) -> bool:
    """Whether a call has arguments beside values: numbers, or values by name."""
    if isinstance(node, dict):
        plain = [a for a in node.get("args", []) if not list(_tensors(a))]
        named = {k: v for k, v in node.get("kwargs", {}).items() if v not in (None, False)}
        return bool(plain or named)
    return any(isinstance(item, list) and len(item) == 4 and item[3] for item in node if isinstance(item, list))
