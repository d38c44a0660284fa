"""What a rule sees of a call: its arguments by the names of the schema, and ways to answer with nodes.

Rules are functions `Site -> value`, in tables by overload (`rules/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from graphwright.compiler.importing.torch.flat import Call, Ref
from graphwright.compiler.importing.torch.sizes import UnknownSize, read_size, type_of
from graphwright.compiler.importing.torch.values import Constant, Noise, NoRule, Quiet, State, Value
from graphwright.compiler.ir.graph import Marks
from graphwright.compiler.ir.types import DTYPE_NAMES, Type
from graphwright.compiler.ops.op import Op

if TYPE_CHECKING:
    from graphwright.compiler.importing.torch.convert import Converter

Rule = Callable[["Site"], Value]
#: Operations whose result is drawn anew at each call.
RANDOM = ("bernoulli", "rand", "dropout", "normal", "uniform", "multinomial", "empty")


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


def _is_view(result: torch.Tensor, source: torch.Tensor) -> bool:
    """Whether a result is its source in another shape, which keeps the source's name."""
    return result.numel() == source.numel() and torch.equal(result.flatten(), source.flatten().to(result.dtype))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)
