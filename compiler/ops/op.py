"""The contract of an op: one frozen class holds its arguments, its meaning and its rules.

The fields of the class are the arguments (so they are the schema, the printer and the parser), the
docstring gives formula, shapes and source, and `forward` is the meaning in torch. The same `forward`
is executed on meta tensors for shapes, on `torch.fx` proxies for lowering, and on data in tests; so
it branches on fields and on the rank or number of its inputs only, never on values or sizes.
An op with parameters or with a training mode says so with `module`, an ordinary `torch.nn` module.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, wraps
from typing import Any, ClassVar, Literal

from torch import nn
from torch.overrides import handle_torch_function, has_torch_function

from graphwright.compiler.ir.dims import Dim, Size, evaluate
from graphwright.compiler.ir.types import Type

#: A number for all dimensions alike, or one number each (fields such as kernel, stride, padding).
Ints = int | tuple[int, ...]
#: A list of sizes that may be symbolic.
Sizes = tuple[Size, ...]
FLOATING = ("float32", "float64", "float16", "bfloat16")
_WHOLE = ("int64", "int32", "int16", "int8", "uint8")
#: The dtypes of a port's kind, `x:float`: those that torch computes with on every device.
KINDS: dict[str, tuple[str, ...]] = {
    "float": FLOATING,
    "real": (*FLOATING, *_WHOLE),
    "ordered": (*FLOATING, *_WHOLE, "bool"),
    "number": (*FLOATING, *_WHOLE, "complex64"),
}
#: The dtypes that an argument can name.
Dtype = Literal[
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64"
]


@dataclass(frozen=True)
class Port:
    """One input of an op: required `x`, optional `bias?`, or any number of values `x*`; `x:float` takes that kind."""

    name: str
    optional: bool = False
    many: bool = False
    kind: str = ""

    def __str__(self) -> str:
        return self.name + ("*" if self.many else "?" if self.optional else "")


def parse_ports(text: str) -> tuple[Port, ...]:
    """Ports from their short form, `"q k v bias?"`."""
    words = (word.partition(":") for word in text.split())
    return tuple(Port(word.rstrip("?*"), word.endswith("?"), word.endswith("*"), kind) for word, _, kind in words)


def arg(default: Any = dataclasses.MISSING, doc: str = "", **bounds: Any) -> Any:
    """A field with a line of documentation, and bounds (`min`, `max`) where they help the reader."""
    return dataclasses.field(default=default, metadata={"doc": doc, **bounds})


@dataclass(frozen=True)
class Op:
    """An operation with its arguments.

    Class keywords: `name` in specs, `ports` in short form, `family` (for documentation and colours),
    `flops` per output element for cheap pointwise work, 0 for pure data movement and `None` where
    `macs` or `cost` must say (an op that says nothing is listed as not counted, never as free).
    """

    name: ClassVar[str] = ""
    ports: ClassVar[tuple[Port, ...]] = ()
    family: ClassVar[str] = ""
    flops: ClassVar[float | None] = None
    #: Names of the outputs, where they have names; `num_outputs` where their number is an argument's.
    results: ClassVar[tuple[str, ...]] = ("out",)
    #: The op is one tensor of the model's state, kept under the node's own name.
    bare: ClassVar[bool] = False
    #: Where all inputs have one floating type, the output has it too (tested against torch for every such op).
    keeps: ClassVar[bool] = False
    #: The result of `forward` is a sequence, also where it has one value.
    listed: ClassVar[bool] = False
    #: Ports are named by the keys of `in`.
    free_ports: ClassVar[bool] = False
    #: Fields that the expander fills, not the author.
    filled: ClassVar[tuple[str, ...]] = ()
    #: Names of the parameters that can also be given as inputs, `in: {x: h, weight: embed.weight}`.
    tensors: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init_subclass__(
        cls,
        name: str = "",
        ports: str = "x",
        family: str = "",
        flops: float | None = None,
        results: str = "out",
        keeps: bool = False,
    ) -> None:
        super().__init_subclass__()
        cls.name, cls.family, cls.flops, cls.keeps = name, family, flops, keeps
        cls.ports, cls.results = parse_ports(ports), tuple(results.split())

    # -- meaning ------------------------------------------------------------------------------
    def forward(self, *inputs: Any, **_: Any) -> Any:
        """The op on tensors: one tensor, or a tuple of them for several outputs.

        Inputs come in the order of `ports`: `None` for an optional port left out, one tuple for a port `x*`.
        """
        raise NotImplementedError(f"{self.name} has a module")

    def module(self, *types: Any, **_: Any) -> nn.Module | None:
        """The torch module that holds the parameters, given the types of the inputs; `None` for a plain function.

        It is built on the meta device, takes the inputs in the order of `ports`, and its own
        `reset_parameters` gives torch's default initial values.
        """
        return None

    @classmethod
    def captured(cls, values: Mapping[str, Any], ports: tuple[str, ...], names: Mapping[str, Any]) -> dict[str, Any]:
        """The hidden fields, from the other fields, the ports in use, and the names in scope."""
        return {}

    @property
    def is_constant(self) -> bool:
        """Whether the result is known before any input is."""
        return False

    # -- rules --------------------------------------------------------------------------------
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs; numbers where the class gives no names."""
        return self.results

    def num_outputs(self, *types: Any, **_: Any) -> int:
        """How many values the op returns, given the types of its inputs."""
        return len(self.outputs())

    def result(self, *types: Any, **_: Any) -> tuple[Type, ...] | None:
        """The output types where they follow from the input types at once; `None` is "ask torch"."""
        if not self.keeps:
            return None
        kinds = {kind for item in types for kind in (item if isinstance(item, tuple) else (item,)) if kind is not None}
        kind = kinds.pop() if len(kinds) == 1 else None
        return (kind,) if kind is not None and kind.dtype in FLOATING else None

    def check(self, *types: Any, **_: Any) -> str | None:
        """A complaint about argument values or input types, better than torch's own; else `None`."""
        return None

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size | None:
        """Multiply-accumulates of the contractions (convolution, linear, matmul, attention); `None` if it has none."""
        return None

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size | None:
        """FLOPs: two a multiply-accumulate, else `flops` per output element; `None` is "not counted"."""
        macs = self.macs(inputs, outputs)
        if macs is not None:
            return 2 * macs
        return None if self.flops is None else int(self.flops * 4) * outputs[0].numel() // 4

    # -- arguments ----------------------------------------------------------------------------
    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """The arguments, in order."""
        return _fields(cls)  # type: ignore[arg-type]

    def arguments(self) -> dict[str, Any]:
        """The arguments that differ from their defaults."""
        return {
            f.name: getattr(self, f.name) for f in self.fields() if f.required or getattr(self, f.name) != f.default
        }

    def resolved(self, values: Mapping[str, Any]) -> Op:
        """The op with its symbolic sizes replaced by numbers (or by proxies, when lowering)."""
        changed = {
            f.name: new
            for f in self.fields()
            if f.symbolic and (new := _resolve(getattr(self, f.name), values)) is not getattr(self, f.name)
        }
        return dataclasses.replace(self, **changed) if changed else self

    def __str__(self) -> str:
        inside = ", ".join(f"{k}={v}" for k, v in self.arguments().items())
        return f"{self.name}({inside})"


@dataclass(frozen=True)
class Field:
    """What is known of one argument: its name, type, default, one line of documentation and bounds."""

    name: str
    type: Any
    default: Any
    doc: str
    bounds: Mapping[str, Any]

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @cached_property
    def symbolic(self) -> bool:
        """Whether the argument may hold sizes with free symbols."""
        return Dim in _leaves(self.type)


@cache
def _fields(cls: type[Op]) -> tuple[Field, ...]:
    hints = typing.get_type_hints(cls, localns={"Dim": Dim})
    return tuple(
        Field(f.name, hints[f.name], f.default, f.metadata.get("doc", ""),
              {k: v for k, v in f.metadata.items() if k != "doc"})
        for f in dataclasses.fields(cls)
    )  # fmt: skip


def _leaves(hint: Any) -> set[Any]:
    """The plain types inside a hint such as `tuple[int | Dim, ...] | None`."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) in (typing.Union, tuple):
        return set().union(*(_leaves(a) for a in typing.get_args(hint) if a is not ...))
    return {hint}


def _resolve(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Dim):
        return evaluate(value, values)
    if isinstance(value, tuple):
        new = tuple(_resolve(v, values) for v in value)
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return value


def summary(cls: type[Op]) -> str:
    """The first line of the op's docstring."""
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def spread(value: Ints, rank: int) -> tuple[int, ...]:
    """One number per spatial dimension."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


#: Any callable with the shape of a torch function, for tables of pointwise ops.
TorchFunction = Callable[..., Any]


def pointwise(name: str, function: TorchFunction, doc: str, family: str, flops: float = 1, takes: str = "") -> type[Op]:
    """The op that applies `function` to each element of `x`, in the file called after its family."""
    title = name.title().replace("_", "")
    body = {
        "__doc__": doc,
        "__module__": f"{__package__}.{family}",
        "forward": lambda self, x: function(x),
    }
    return types.new_class(
        title,
        (Op,),
        {"name": name, "ports": f"x:{takes}", "family": family, "flops": flops, "keeps": True},
        lambda space: space.update(body),
    )


def recorded(function: TorchFunction) -> TorchFunction:
    """A function that lowering records as one call; inside it all tensors are real, so ranks and sizes may be read."""

    @wraps(function)
    def call(*inputs: Any, **arguments: Any) -> Any:
        if has_torch_function(inputs):
            return handle_torch_function(call, inputs, *inputs, **arguments)
        return function(*inputs, **arguments)

    return call
