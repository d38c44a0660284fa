"""Pure calls to nodes: what a rule sees of a call, and how values, state and constants become readable.

A value of the exported program is one of: a value of the graph (its name), a tensor of the model's state, a constant
that depends on no input, random noise that is about to be multiplied in (drop path), or a tuple of these.
Rules are functions `Site -> value`, in tables by overload (`rules/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy
import torch

from graphwright.compiler.importing.building import Builder
from graphwright.compiler.importing.torch.constants import closed_form
from graphwright.compiler.importing.torch.flat import Call, Ref
from graphwright.compiler.importing.torch.sizes import UnknownSize, read_size, type_of
from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.graph import Marks
from graphwright.compiler.ir.types import DTYPE_NAMES, Type
from graphwright.compiler.ops.constant import Buffer, Parameter
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.op import Op


@dataclass(frozen=True)
class State:
    """A parameter or buffer of the model, by its full name."""

    name: str
    tensor: torch.Tensor = field(compare=False)
    trainable: bool = True
    persistent: bool = True

    @property
    def owner(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def leaf(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class Constant:
    """A tensor that no input, parameter or free size takes part in; `name` where the model has one for it."""

    tensor: torch.Tensor
    name: str = ""


@dataclass(frozen=True)
class Uniform:
    """Uniform noise from `low` to `low + 1`, of a shape; its floor is Bernoulli noise."""

    low: float
    shape: tuple[Size, ...]


@dataclass(frozen=True)
class Noise:
    """Bernoulli noise with probability `keep`, of a shape, divided by `keep` if `scaled`."""

    keep: float
    shape: tuple[Size, ...]
    scaled: bool = False


Value = Any
Rule = Callable[["Site"], Value]


@dataclass(frozen=True)
class Hint:
    """What a node's name will be made of: the call it came from, and its exact name where the state fixes it."""

    call: Call
    short: str
    fixed: str = ""


class NoRule(Exception):
    """A call, or this form of it, has no counterpart; the text says which form."""


class Converter:
    """Holds what is known while the calls are converted in order."""

    def __init__(self, builder: Builder, symbols: Mapping[sympy.Symbol, Dim], rules: Mapping[str, Rule]) -> None:
        self.builder, self.symbols, self.rules = builder, symbols, rules
        self.values: dict[str, Value] = {}
        self.results: dict[str, Any] = {}
        #: Rows taken from a table at constant positions: value -> (table, positions).
        self.lookups: dict[str, tuple[Value, Constant]] = {}
        self.readers: dict[str, list[Call]] = {}
        self.hints: dict[str, Hint] = {}
        #: State under each module, of those tensors that any call reads.
        self.owned: dict[str, set[str]] = {}
        #: Nodes that hold state, by the name of the module or tensor, with the state they took.
        self.holders: dict[str, tuple[str, Op, dict[str, Any]]] = {}
        #: Values of tensors that the model computes or keeps outside its `state_dict`, saved with the weights.
        self.added: dict[str, torch.Tensor] = {}
        self.modules: Mapping[str, torch.nn.Module] = {}
        self.count = 0
        #: Some size left free has no counterpart; with numbers in its place the model might be read.
        self.sizes_matter = False

    def run(self, calls: Sequence[Call]) -> None:
        """Convert every call; those without a rule are noted, and their readers stay quiet."""
        self.results = {call.name: call.value for call in calls}
        for call in calls:
            for name in call.reads:
                self.readers.setdefault(name, []).append(call)
        for call in calls:
            self.values[call.name] = self._one(call)

    def straight(self, call: Call) -> bool:
        """Whether the first argument of a call lies in memory in the order of its dimensions, in the example."""
        value = self.results.get(call.reads[0])
        return not isinstance(value, torch.Tensor) or value.is_contiguous()

    def _one(self, call: Call) -> Value:
        site = Site(self, call)
        try:
            folded = site.folded()
            if folded is not None:
                return folded
            rule = self.rules.get(call.target.removeprefix("aten."))
            if rule is None:
                raise NoRule("")
            return self._checked(site, rule(site))
        except Quiet:
            return Broken()
        except (NoRule, UnknownSize) as missing:
            self.sizes_matter |= isinstance(missing, UnknownSize)
            detail = f" ({missing})" if str(missing) else ""
            self.builder.missing.append((call.target + detail, call.path))
            return Broken()

    def _checked(self, site: Site, value: Value) -> Value:
        """The value, if it has the dtype and the known sizes that the exported program states for it."""
        stated = site.call.value
        stated = stated if isinstance(stated, (list, tuple)) else (stated,)
        for theirs, mine in zip(stated, value if isinstance(value, tuple) else (value,), strict=False):
            if isinstance(theirs, torch.Tensor) and isinstance(mine, str) and mine in self.builder.types:
                kind = self.builder.types[mine]
                sizes = zip(theirs.shape, kind.shape, strict=False)
                if (
                    kind.dtype != DTYPE_NAMES[theirs.dtype]
                    or kind.rank != theirs.ndim
                    or any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in sizes)
                ):
                    raise NoRule(f"whose result is {DTYPE_NAMES[theirs.dtype]}{list(theirs.shape)}, not {kind}")
        return value

    # -- nodes --------------------------------------------------------------------------------
    def add(self, call: Call, op: Op, inputs: Sequence[Any], short: str = "", fixed: str = "",
            marks: Marks | None = None) -> tuple[str, ...]:  # fmt: skip
        """A node under a name for now; its real name is given when all are known."""
        self.count += 1
        name = f"v{self.count}"
        self.hints[name] = Hint(call, short or op.name, fixed)
        return self.builder.add(name, op, inputs, marks)

    def as_node(self, call: Call, value: Value, short: str = "") -> str:
        """Any value as the name of a value of the graph; state and constants become nodes of their own."""
        match value:
            case str():
                return value
            case State():
                return self._state(call, value)
            case Constant():
                return self._constant(call, value, short)
            case Broken():
                return "?"
            case _:
                raise NoRule(f"an input that is {type(value).__name__.lower()}")

    def _state(self, call: Call, state: State) -> str:
        if state.name in self.holders:
            return self.holders[state.name][0]
        for leaf, held in (self.holders.get(state.owner, ("", None, {}))[2]).items():
            if held == state:
                return f"{self.holders[state.owner][0]}.{leaf}"
        shape, dtype = tuple(state.tensor.shape), DTYPE_NAMES[state.tensor.dtype]
        op: Op = (
            Parameter(shape, dtype, state.tensor.requires_grad) if state.trainable else Buffer(shape, dtype)  # type: ignore[arg-type]
        )
        marks = Marks(init=initial(state.tensor)) if state.trainable else Marks()
        (value,) = self.add(call, op, (), fixed=state.name, marks=marks)
        self.holders[state.name] = (value, op, {})
        return value

    def _constant(self, call: Call, constant: Constant, short: str) -> str:
        key = f"constant {id(constant.tensor)}"
        if key in self.holders:
            return self.holders[key][0]
        tensor, short = constant.tensor, constant.name.rpartition(".")[2] or short or "constant"
        formula = closed_form(tensor)
        if formula is not None:
            (value,) = self.add(call, formula, (), short)
            if DTYPE_NAMES[tensor.dtype] != self.builder.types[value].dtype:
                from graphwright.compiler.ops.arithmetic import Cast

                (value,) = self.add(call, Cast(DTYPE_NAMES[tensor.dtype]), (value,))  # type: ignore[arg-type]
        else:
            op = Buffer(tuple(tensor.shape), DTYPE_NAMES[tensor.dtype])  # type: ignore[arg-type]
            (value,) = self.add(call, op, (), short)
            self.added[value] = tensor
        self.holders[key] = (value, Formula("0"), {"kept": constant})
        return value


class Lazy:
    """One of several results, which becomes a node only if it is read."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self.make = make


class Broken:
    """The value of a call that was not understood."""


def initial(tensor: torch.Tensor) -> Any:
    """How a bare parameter starts, so that the spec can be trained afresh: its constant, or a spread like its own."""
    if tensor.device.type == "meta" or not tensor.is_floating_point() or not tensor.numel():
        return None
    tensor = tensor.detach()
    low, high = float(tensor.min()), float(tensor.max())
    if low == high:
        return None if low == 0 else float(f"{low:.6g}")
    return {"normal": {"std": float(f"{float(tensor.double().std()):.1g}")}} if tensor.numel() > 1 else None


@dataclass
class Site:
    """One call, as its rule sees it: arguments by the names of the schema, and ways to answer with nodes."""

    convert: Converter
    call: Call

    def __getitem__(self, name: str) -> Value:
        """An argument: a value where it is a tensor, a size or plain data otherwise."""
        return self._value(self.call.arguments.get(name))

    def _value(self, raw: Any) -> Value:
        if isinstance(raw, Ref):
            return self.convert.values[raw.name]
        if isinstance(raw, (torch.SymInt, torch.SymFloat, torch.SymBool)):
            if not isinstance(raw, torch.SymInt):
                raise UnknownSize("a number that depends on a size left free")
            return read_size(raw, self.convert.symbols)
        if isinstance(raw, (list, tuple)):
            return tuple(self._value(v) for v in raw)
        return raw

    def node(self, name: str, short: str = "") -> str:
        """A tensor argument as the name of a value of the graph."""
        return self.name_of(self[name], short)

    def name_of(self, value: Value, short: str = "") -> str:
        """Any value as the name of a value of the graph."""
        return self.convert.as_node(self.call, value, short)

    def type(self, value: str) -> Type:
        """The type of a value of the graph."""
        if value not in self.convert.builder.types:
            raise Quiet
        return self.convert.builder.types[value]

    def kind_of(self, value: Value) -> Type:
        """The type of any value."""
        if isinstance(value, (State, Constant)):
            return Type(tuple(value.tensor.shape), DTYPE_NAMES[value.tensor.dtype])
        if isinstance(value, Noise):
            return Type(value.shape)
        return self.type(self.name_of(value))

    @property
    def result(self) -> Type:
        """The type that the exported program states for the (first) result."""
        value = self.call.value
        return type_of(value[0] if isinstance(value, (list, tuple)) else value, self.convert.symbols)

    def folded(self) -> Value | None:
        """The result itself where only constants and plain numbers go in."""
        arguments = {k: self._raw(v) for k, v in self.call.arguments.items()}
        if any(v is NotImplemented for v in arguments.values()) or any(w in self.call.target for w in RANDOM):
            return None
        if self.call.target == "getitem":
            return None
        name, _, overload = self.call.target.removeprefix("aten.").partition(".")
        if not hasattr(torch.ops.aten, name) or not self.call.target.startswith("aten."):
            return None
        with torch.no_grad():
            result = getattr(getattr(torch.ops.aten, name), overload)(**arguments)
        if isinstance(result, torch.Tensor):
            named = [v for v in map(self._value, self.call.arguments.values()) if isinstance(v, Constant)]
            return Constant(result, named[0].name if len(named) == 1 and _is_view(result, named[0].tensor) else "")
        return tuple(Constant(r) for r in result) if isinstance(result, (list, tuple)) else None

    def _raw(self, raw: Any) -> Any:
        """An argument with constants as tensors; `NotImplemented` where it is not known now."""
        value = self._value(raw)
        if isinstance(value, Constant):
            return value.tensor
        if isinstance(value, (list, tuple)):
            items = [self._raw_value(v) for v in value]
            return NotImplemented if any(i is NotImplemented for i in items) else items
        return self._raw_value(value)

    def _raw_value(self, value: Any) -> Any:
        if isinstance(value, Constant):
            return value.tensor
        known = value is None or isinstance(value, (int, float, bool, torch.dtype, torch.device, torch.layout,
                                                    torch.memory_format))  # fmt: skip
        if isinstance(value, str) and isinstance(self.call.arguments, dict) and value in self.call.arguments.values():
            known = True  # a string argument such as a mode, not the name of a value
        return value if known else NotImplemented

    # -- answers ------------------------------------------------------------------------------
    def emit(self, op: Op, *inputs: Any, short: str = "") -> Value:
        """A node of this op that reads these values, in the order of its ports; its value, or a tuple of them."""
        names = [self.name_of(v) for v in inputs]
        values = self.convert.add(self.call, op, names, short)
        return values[0] if len(values) == 1 else tuple(values)

    def emit_named(self, op: Op, inputs: Mapping[str, Any], short: str = "") -> Value:
        """A node that reads values by port."""
        pairs = [(port, self.name_of(v)) for port, v in inputs.items()]
        values = self.convert.add(self.call, op, pairs, short)
        return values[0] if len(values) == 1 else tuple(values)

    def layer(self, op: Op, x: Value | Sequence[Value], tensors: Mapping[str, Value]) -> Value:
        """A node of an op with parameters, given the tensors it uses under the op's own names for them.

        Where the model keeps exactly these in one module the node has that module's name and owns them; a second
        use of the same module is tied to the first; any other tensor is read as an input.
        """
        tensors = {k: v for k, v in tensors.items() if v is not None}
        inputs = [(p.name, self.name_of(v)) for p, v in zip(op.ports, _listed(x), strict=False)]
        states = [v for v in tensors.values() if isinstance(v, State)]
        owner = self._owner(tensors, states)
        found = self.convert.holders.get(owner) if owner else None
        if found is not None and found[1] == op and found[2] == tensors:
            return self.convert.add(self.call, op, inputs, "", marks=Marks(tie=found[0]))[0]
        own = {k: v for k, v in tensors.items() if isinstance(v, State) and v.owner == owner and v.leaf == k}
        complete = owner and found is None and self.convert.owned.get(owner) == {v.name for v in own.values()}
        learned = {v.tensor.requires_grad for v in own.values() if v.trainable}
        mixed = len(learned) > 1  # a node is frozen as a whole, so parameters that differ in it stand alone
        if mixed or not complete:
            own, owner, learned = {}, "", set()
        given = [(k, self.name_of(v, k)) for k, v in tensors.items() if k not in own]
        if unfit := [k for k, _ in given if k not in op.tensors]:
            what = "some of its parameters frozen" if mixed else f"{', '.join(unfit)} that the module does not own"
            raise NoRule(what)
        value = self.convert.add(self.call, op, [*inputs, *given], "", owner, Marks(freeze=learned == {False}))[0]
        if owner:
            self.convert.holders[owner] = (value, op, tensors)
        return value

    def _owner(self, tensors: Mapping[str, Value], states: Sequence[State]) -> str:
        """The module whose state this is: that of most of the tensors, the calling module first."""
        owners = [s.owner for s in states]
        return self.call.path if self.call.path in owners else owners[0] if owners else ""


class Quiet(Exception):
    """A call that reads a value which was not understood."""


def _is_view(result: torch.Tensor, source: torch.Tensor) -> bool:
    """Whether a result is its source in another shape, which keeps the source's name."""
    return result.numel() == source.numel() and torch.equal(result.flatten(), source.flatten().to(result.dtype))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)


#: Operations whose result is drawn anew at each call.
RANDOM = ("bernoulli", "rand", "dropout", "normal", "uniform", "multinomial", "empty")
