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
from graphwright.compiler.language.body import suggest_key
from graphwright.compiler.language.reading import Scalar
from graphwright.compiler.language.scopes import Member
from graphwright.compiler.language.values import Argument, Filled, convert, read_argument
from graphwright.compiler.language.wiring import Broken, Feeds, Wiring
from graphwright.compiler.lowering.inference import InferenceError, Signature, infer
from graphwright.compiler.lowering.initial import init_table
from graphwright.compiler.lowering.names import module_problem
from graphwright.compiler.ops.op import Field, Op
from graphwright.compiler.places import Exhausted, Place, Problem, SpecError, fail, suggest


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
            parts.append(
                f"{value} is {self.type_of(value)}" + (f" (line {place.line})" if place and place.line else "")
            )
        return ", ".join(parts[:4])

    def emit(
        self, op: type[Op], arguments: Mapping[str, Argument], path: str, wiring: Wiring, marks: Marks, place: Place,
        *, in_losses: bool = False,
    ) -> Member:  # fmt: skip
        """Add a node; its mistakes are all reported, those of arguments and of inputs alike."""
        if len(self.nodes) >= limits.NODES:
            raise Exhausted([Problem(place, f"more than {limits.NODES:,} nodes")])
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
        self._check_train_only(op, path, feeds, marks, place, in_losses)
        return self.add(made, feeds, path, marks, place)

    def _op(
        self,
        op: type[Op],
        arguments: Mapping[str, Argument],
        ports: tuple[str, ...],
        names: Mapping[str, Any],
        place: Place,
    ) -> Op:
        fields = {f.name: f for f in op.fields() if f.name not in op.filled}
        unknown = {name: a for name, a in arguments.items() if name not in fields}
        problems = [
            Problem(a.place, f"{op.name} has no argument '{n}'", suggest_key(n, fields)) for n, a in unknown.items()
        ]
        meant = {suggest_key(name, fields) for name in unknown}
        values: dict[str, Any] = {}
        for name, known in fields.items():
            try:
                if name in arguments:
                    values[name] = read_field(op, known, arguments[name])
                elif known.required and f"did you mean '{name}'?" not in meant:
                    raise fail(place, f"{op.name} needs the argument '{name}'", known.doc)
            except SpecError as error:
                problems += error.problems
        if problems:
            raise SpecError(problems)
        self._check_lengths(op, values, arguments)
        try:
            return op(**{**values, **op.captured(values, ports, names)})
        except ValueError as error:
            raise fail(place, f"{op.name}: {error}") from None

    def _check_lengths(self, op: type[Op], values: Mapping[str, Any], arguments: Mapping[str, Argument]) -> None:
        """One number for all spatial dimensions, or one each."""
        rank = getattr(op, "rank", 0)
        for name in ("kernel", "stride", "padding", "dilation", "output_padding"):
            value = values.get(name)
            if rank and isinstance(value, tuple) and len(value) != rank:
                raise fail(
                    arguments[name].place,
                    f"{op.name}'s argument '{name}' must be one number, or {rank}, got {len(value)}",
                )

    def _check_given(self, node: Node, kinds: Mapping[str, Type | None]) -> None:
        """Parameters given as inputs exist and have the sizes of the op's own."""
        own = dict(node.parameters)
        for port, value in node.inputs:
            if node.op.free_ports or port in {p.name for p in node.op.ports}:
                continue
            if port not in own:
                raise fail(
                    node.place, f"{node.op.name} has no input '{port}'", suggest(port, [p.name for p in node.op.ports])
                )
            kind = kinds.get(value)
            if kind is not None and kind.shape != own[port].shape:
                raise fail(
                    node.place, f"the {port} of '{node.name}' must be {own[port]}, got {kind}", self.whence([value])
                )

    def _check_train_only(
        self, op: type[Op], path: str, feeds: Feeds, marks: Marks, place: Place, in_losses: bool
    ) -> None:
        optional = {port.name for port in op.ports if port.optional}  # the deployed graph does without
        feeds = {port: feed for port, feed in feeds.items() if port not in optional}
        values = [v for feed in feeds.values() for v in (feed if isinstance(feed, list) else [feed])]
        for value in values:
            if value.partition(":")[0] in self.train_only and not marks.train_only and not in_losses:
                raise fail(
                    place, f"'{path}' reads '{value}', which exists in training only", "mark it train_only: true"
                )
        if marks.train_only:
            self.train_only.add(path)

    def add(self, op: Op, feeds: Feeds, path: str, marks: Marks, place: Place) -> Member:
        """Add a node with a finished op."""
        if problem := module_problem(path, op, bool(feeds)):
            raise fail(place, problem, "choose another name")
        inputs = tuple((port, v) for port, feed in feeds.items() for v in (feed if isinstance(feed, list) else [feed]))
        kinds = [self.type_of(v) for _, v in inputs]
        signature: Signature | None = None
        node = Node(path, op, inputs, marks=marks, place=place)
        if all(k is not None for k in kinds):
            signature = self._signature(node)
        outputs = signature.outputs if signature else ()
        state = (signature.parameters, signature.buffers) if signature else ((), ())
        node = replace(node, outputs=outputs, parameters=state[0], buffers=state[1])
        if signature:
            self._check_given(node, self.types)
        self.nodes.append(node)
        if marks.init is not None and signature:
            init_table(marks.init, path, [name for name, _ in (*state[0], *state[1])], place)
        names = op.outputs() if not outputs or len(op.outputs()) == len(outputs) else map(str, range(len(outputs)))
        ports: Feeds = {name: f"{path}:{k}" if k else path for k, name in enumerate(names)}
        for k, feed in enumerate(ports.values()):
            self.types[str(feed)] = outputs[k] if k < len(outputs) else None
        for name, kind in (*state[0], *state[1]):
            self.types[f"{path}.{name}"] = kind
        return Member(
            path, place, ports=ports, kind="parameter" if op.bare else "node", train_only=marks.train_only,
            parameters={n: f"{self._owner(node)}.{n}" for n, _ in (*state[0], *state[1])},
        )  # fmt: skip

    def _owner(self, node: Node) -> str:
        """The node whose parameters a node computes with: the one it is tied to, and so on."""
        other = next((n for n in self.nodes if n.name == node.marks.tie), None) if node.marks.tie else None
        return node.name if other is None else self._owner(other)

    def check_tie(self, *, explicit: bool) -> None:
        """Hold the tie of the last node to its rule; a node without parameters in a tied scope needs no tie.

        A node that is tied to a tied one is tied to the node that both share.
        """
        node = self.nodes[-1]
        if not node.parameters:
            self.nodes[-1] = replace(node, marks=replace(node.marks, tie=None))
            if explicit and node.outputs:
                raise fail(node.place, f"{node.op.name} has no parameters to share", "remove the tie")
            return
        other = next((n for n in self.nodes if n.name == node.marks.tie), None)
        if other is None or other.op.name != node.op.name:
            what = f"which is {other.op.name}" if other else "which is not there"
            raise fail(node.place, f"'{node.name}' is {node.op.name} and is tied to '{node.marks.tie}', {what}",
                       "one parameter is shared by in: {x: ..., weight: other.weight}" if other else "")  # fmt: skip
        if other.parameters != node.parameters:
            mine, theirs = (", ".join(f"{k}: {t}" for k, t in n.parameters) for n in (node, other))
            raise fail(
                node.place, f"'{node.name}' is tied to '{other.name}', whose parameters differ: {mine}, not {theirs}"
            )
        self.nodes[-1] = replace(node, marks=replace(node.marks, tie=other.marks.tie or other.name))

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
    place = value.place if isinstance(value, Scalar) else argument.place
    low, high = known.bounds.get("min"), known.bounds.get("max")
    numbers = result if isinstance(result, tuple) else (result,)
    for number in numbers:
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            if low is not None and number < low:
                raise fail(place, f"{what} must be at least {low}, got {number}")
            if high is not None and number > high:
                raise fail(place, f"{what} must be at most {high}, got {number}")
    return result
