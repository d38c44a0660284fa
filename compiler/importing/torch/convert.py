"""Pure calls to nodes: each call by its rule, in order; state and constants become nodes where they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch

from graphwright.compiler.importing.building import Builder
from graphwright.compiler.importing.torch.constants import closed_form
from graphwright.compiler.importing.torch.flat import Call
from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.sizes import UnknownSize
from graphwright.compiler.importing.torch.values import Broken, Constant, NoRule, Quiet, State, Value
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Marks
from graphwright.compiler.ir.types import DTYPE_NAMES
from graphwright.compiler.ops.constant import Buffer, Parameter
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.op import Op


@dataclass(frozen=True)
class Hint:
    """What a node's name will be made of: the call it came from, and its exact name where the state fixes it."""

    call: Call
    short: str
    fixed: str = ""


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


def initial(tensor: torch.Tensor) -> Any:
    """How a bare parameter starts, so that the spec can be trained afresh: its constant, or a spread like its own."""
    if tensor.device.type == "meta" or not tensor.is_floating_point() or not tensor.numel():
        return None
    tensor = tensor.detach()
    low, high = float(tensor.min()), float(tensor.max())
    if low == high:
        return None if low == 0 else float(f"{low:.6g}")
    return {"normal": {"std": float(f"{float(tensor.double().std()):.1g}")}} if tensor.numel() > 1 else None
