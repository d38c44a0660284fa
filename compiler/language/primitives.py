"""Primitive nodes: arguments into an op, feeds into its ports, types by inference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from graphwright.compiler.ir.dims import evaluate as at_sizes
from graphwright.compiler.ir.graph import Entry, Marks, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.language import limits
from graphwright.compiler.language.scopes import Member
from graphwright.compiler.language.values import Argument, Filled, convert, read_argument
from graphwright.compiler.language.wiring import Broken, Feeds, Wiring
from graphwright.compiler.lowering.inference import InferenceError, Signature, infer
from graphwright.compiler.ops.op import Field, Op
from graphwright.compiler.places import Place, Problem, SpecError, fail, suggest


@dataclass
class Primitives:
    """The nodes emitted so far and the type of every value; a value of a broken node has the type None."""

    nodes: list[Node] = field(default_factory=list)
    types: dict[str, Type | None] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    train_only: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def enter(self, entries: Iterable[Entry]) -> None:
        """Make inputs and targets readable."""
        for entry in entries:
            self.types[entry.name], self.places[entry.name] = entry.type, entry.place
            self.sizes |= entry.defaults

    def type_of(self, value: str) -> Type | None:
        """The type of a value; None if it is broken."""
        return self.types.get(value)

    def whence(self, values: Iterable[str]) -> str:
        """Where values come from, for hints: `up1 is float32[N, 512, 40, 40] (line 29)`."""
        parts = []
        for value in dict.fromkeys(values):
            place = self.places.get(value.partition(":")[0])
            parts.append(f"{value} is {self.type_of(value)}" + (f" (line {place.line})" if place and place.line else ""))
        return ", ".join(parts[:4])

    def emit(
        self, op: type[Op], arguments: Mapping[str, Argument], path: str, wiring: Wiring, marks: Marks, place: Place,
        *, in_losses: bool = False,
    ) -> Member:  # fmt: skip
        """Add a node; its mistakes are all reported, those of arguments and of inputs alike."""
        if len(self.nodes) >= limits.NODES:
            raise fail(place, f"more than {limits.NODES:,} nodes")
        self.places[path] = place
        free = op.free_ports
        problems: list[Problem] = []
        feeds: Feeds = {}
        broken = False
        try:
            feeds = wiring.bind(op.ports, op.name, free, () if free else op.tensors)
        except SpecError as error:
            problems += error.problems
        except Broken:
            broken = True
        made = None
        try:
            made = self._op(op, arguments, tuple(feeds), wiring.names, place)
        except SpecError as error:
            problems += error.problems
        if problems:
            raise SpecError(problems)
        if broken or made is None:
            raise Broken
        self._check_train_only(path, feeds, marks, place, in_losses)
        return self.add(made, feeds, path, marks, place)

    def _op(
        self, op: type[Op], arguments: Mapping[str, Argument], ports: tuple[str, ...], names: Mapping[str, Any], place: Place
    ) -> Op:
        fields = {f.name: f for f in op.fields() if f.name not in op.hidden}
        problems = [
            Problem(a.place, f"{op.name} has no argument '{name}'", suggest(name, fields))
            for name, a in arguments.items() if name not in fields
        ]  # fmt: skip
        values: dict[str, Any] = {}
        for name, known in fields.items():
            try:
                if name in arguments:
                    values[name] = read_field(op, known, arguments[name])
                elif known.required:
                    raise fail(place, f"{op.name} needs the argument '{name}'", known.doc)
            except SpecError as error:
                problems += error.problems
        if problems:
            raise SpecError(problems)
        try:
            return op(**values, **op.captured(values, ports, names))
        except ValueError as error:
            raise fail(place, f"{op.name}: {error}") from None

    def _check_train_only(self, path: str, feeds: Feeds, marks: Marks, place: Place, in_losses: bool) -> None:
        values = [v for feed in feeds.values() for v in (feed if isinstance(feed, list) else [feed])]
        for value in values:
            if value.partition(":")[0] in self.train_only and not marks.train_only and not in_losses:
                raise fail(place, f"'{path}' reads '{value}', which exists in training only", "mark it train_only: true")
        if marks.train_only:
            self.train_only.add(path)

    def add(self, op: Op, feeds: Feeds, path: str, marks: Marks, place: Place) -> Member:
        """Add a node with a finished op."""
        inputs = tuple((port, v) for port, feed in feeds.items() for v in (feed if isinstance(feed, list) else [feed]))
        kinds = [self.type_of(v) for _, v in inputs]
        signature: Signature | None = None
        node = Node(path, op, inputs, marks=marks, place=place)
        if all(k is not None for k in kinds):
            signature = self._signature(node)
        outputs = signature.outputs if signature else ()
        state = (signature.parameters, signature.buffers) if signature else ((), ())
        self.nodes.append(replace(node, outputs=outputs, parameters=state[0], buffers=state[1]))
        names = op.outputs() if not outputs or len(op.outputs()) == len(outputs) else map(str, range(len(outputs)))
        ports: Feeds = {name: f"{path}:{k}" if k else path for k, name in enumerate(names)}
        for k, feed in enumerate(ports.values()):
            self.types[str(feed)] = outputs[k] if k < len(outputs) else None
        for name, kind in (*state[0], *state[1]):
            self.types[f"{path}.{name}"] = kind
        return Member(
            path, place, ports=ports, kind="parameter" if op.bare else "node", train_only=marks.train_only,
            parameters=tuple(n for n, _ in signature.parameters) if signature else (),
        )  # fmt: skip

    def _signature(self, node: Node) -> Signature:
        op, place = node.op, node.place
        try:
            signature = infer(op, node.arrange(self.types), self.sizes)
        except InferenceError as error:
            text = str(error)
            message = text if text.startswith(op.name) else f"{op.name}: {text}"
            raise fail(place, message, self.whence(node.reads)) from None
        for kind in (*signature.outputs, *(k for _, k in signature.parameters)):
            count = prod(int(at_sizes(s, _Ones(self.sizes))) for s in kind.shape)  # type: ignore[call-overload]
            if count > limits.TENSOR_ELEMENTS:
                raise fail(place, f"'{node.name}' makes a tensor of {count:,} elements: {kind}",
                           f"the limit is {limits.TENSOR_ELEMENTS:,}")  # fmt: skip
        return signature


class _Ones(dict[str, int]):
    def __missing__(self, name: str) -> int:
        return 1


def read_field(op: type[Op], known: Field, argument: Argument) -> Any:
    """An argument read by the type of its field and held to its bounds."""
    what = f"{op.name}'s argument '{known.name}'"
    value = argument.value
    if isinstance(value, Filled) and known.type is Any:
        return convert(value, Any)
    result = read_argument(argument, known.type, what)
    low, high = known.bounds.get("min"), known.bounds.get("max")
    numbers = result if isinstance(result, tuple) else (result,)
    for number in numbers:
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            if low is not None and number < low:
                raise fail(argument.place, f"{what} must be at least {low}, got {number}")
            if high is not None and number > high:
                raise fail(argument.place, f"{what} must be at most {high}, got {number}")
    return result


