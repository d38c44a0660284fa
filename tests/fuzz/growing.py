"""Random specs, grown op by op: each op says itself which of the values in scope it takes.

The source of chance is a `random.Random`, so that a number stands for a spec, and hypothesis, which has one too, can
look for small ones.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.lowering.inference import InferenceError, Signature, infer
from graphwright.compiler.ops import OPS
from graphwright.compiler.ops.op import Op
from tests.fuzz.arguments import spelled, varied, wired
from tests.fuzz.draft import Draft, Nodes
from tests.fuzz.values import DEFAULTS, Value, described, entry_type, number, ranged, results, rigid
from tests.ops.samples import SAMPLES, Sample

#: More elements than this, and the value is not made.
LARGEST = 20_000
BY_NAME = {name: [s for s in SAMPLES if s.op.name == name] for name in sorted({s.op.name for s in SAMPLES})}
#: Names that are words elsewhere: of the generated module, of torch, of the language's own sizes.
NAMES = ("weight", "bias", "out", "x", "add", "relu", "F", "nn", "math", "model", "result", "size", "shape", "list",
         "int", "max", "sum", "tensor", "input", "output", "args", "state", "a", "b", "range", "len", "tuple", "Tensor",
         "values", "torch_", "block", "op_", "none_", "k", "i", "data", "linear", "norm", "_1", "_")  # fmt: skip

Chosen = list[Any]  # per port a value, a tuple of values, or None


@dataclass
class Owner:
    """A node with parameters, that others may share."""

    name: str
    op: Op
    chosen: Chosen
    signature: Signature


@dataclass
class Body:
    """Nodes being written, and what the next one may read. `open`: it may ask for new inputs of the model."""

    values: list[Value]
    open: bool
    used: set[str]
    nodes: Nodes = field(default_factory=dict)
    made: list[Value] = field(default_factory=list)
    owners: list[Owner] = field(default_factory=list)
    behind: dict[str, set[str]] = field(default_factory=dict)  # what each value was computed from
    params: dict[str, Any] = field(default_factory=dict)

    def keep(self, value: Value, reads: Sequence[Value]) -> None:
        """A new value, computed from others."""
        self.values.append(value)
        self.made.append(value)
        self.behind[value.name] = {r.name for r in reads}.union(*(self.behind.get(r.name, set()) for r in reads))

    def name(self, rng: random.Random) -> str:
        word = rng.choice(NAMES) if rng.random() < 0.3 else ""
        found = word if word and word not in self.used else f"n{len(self.used)}"
        self.used.add(found)
        return found


class Growing:
    """A draft being grown."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.draft = rng, Draft()

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # -- one op -------------------------------------------------------------------------------
    def op(self, body: Body, name: str = "") -> bool:
        """One more node; fails where a closed body has no values for the op."""
        sample = self.rng.choice(BY_NAME[name or self.rng.choice(list(BY_NAME))])
        for attempt in range(4):
            last = attempt == 3
            op = sample.op if last or ranged(sample) or self.chance(0.6) else varied(self.rng, sample.op)
            chosen = self.choose(body, sample, last)
            if chosen is not None and self.place(body, op, chosen):
                return True
        return False

    def choose(self, body: Body, sample: Sample, new: bool) -> Chosen | None:
        """A value for each port, of those in scope or new; with `new`, the sample's own."""
        chosen: Chosen = []
        for wanted in sample.inputs:
            many = wanted if isinstance(wanted, tuple) else (wanted,)
            found = [None if t is None else self.value(body, t, sample, new) for t in many]
            if any(v is None and t is not None for v, t in zip(found, many, strict=True)):
                return None
            chosen.append(tuple(found) if isinstance(wanted, tuple) else found[0])
        return chosen

    def value(self, body: Body, wanted: torch.Tensor, sample: Sample, new: bool) -> Value | None:
        if body.open and (new or self.chance(0.15)):
            return self.fresh(wanted, sample, new)
        kind, fixed = described(wanted, sample), rigid(sample)
        odd = kind.word == "real" and sample.op.family in ("arithmetic", "shape", "reduce") and self.chance(0.08)
        fitting = [
            v for v in body.values
            if (odd or (v.kind.serves(kind) and DTYPES[v.type.dtype] == wanted.dtype))
            and (not fixed or v.type.at(DEFAULTS).shape == tuple(wanted.shape))
        ]  # fmt: skip
        alike = [v for v in fitting if v.type.rank == wanted.dim()]
        pool = alike if alike and self.chance(0.85) else fitting
        if not pool:
            return self.fresh(wanted, sample, False) if body.open else None
        return self.rng.choice(pool[-5:] if self.chance(0.5) else pool)

    def fresh(self, tensor: torch.Tensor, sample: Sample, fixed: bool) -> Value:
        """A new input, entered when a node is placed that reads it."""
        free = [not fixed and self.chance(0.25 if k else 0.9) for k in range(tensor.dim())]
        value = Value(f"in{len(self.draft.inputs)}", entry_type(tensor, free), described(tensor, sample))
        while value.name in self.draft.inputs:
            value = Value(value.name + "_", value.type, value.kind)
        self.draft.inputs[value.name] = (value.type, tensor)
        return value

    def place(self, body: Body, op: Op, chosen: Chosen, **said: Any) -> bool:
        """The node, if the op takes these values; inputs that were made for it go if not."""
        flat = [v for c in chosen for v in (c if isinstance(c, tuple) else (c,)) if v is not None]
        try:
            signature = infer(op, tuple(map(_types, chosen)), DEFAULTS)
        except InferenceError:
            signature = None
        if signature is None or any(not 0 < number(t.numel()) <= LARGEST for t in signature.outputs):
            known = {v.name for v in body.values}
            for value in flat:
                if value.name not in known:
                    self.draft.inputs.pop(value.name, None)
            return False
        body.values += dict.fromkeys(v for v in flat if v.name in self.draft.inputs and v not in body.values)
        name = body.name(self.rng)
        body.nodes[name] = {"op": op.name, **self.arguments(body, op), **wired(self.rng, op, chosen), **said}
        if signature.parameters:
            body.owners.append(Owner(name, op, chosen, signature))
            if not said:
                self.mark(body.nodes[name], signature)
        kinds = results(op, flat, signature.outputs)
        names = op.outputs()
        for k, (type_, kind) in enumerate(zip(signature.outputs, kinds, strict=True)):
            port = names[k] if len(names) == len(signature.outputs) else str(k)
            body.keep(Value(f"{name}.{port}" if k else name, type_, kind), flat)
        return True

    def arguments(self, body: Body, op: Op) -> dict[str, Any]:
        """The op's arguments, some of them as params of the body."""
        found = spelled(op)
        for key, value in found.items():
            if type(value) is int and value > 0 and self.chance(0.08):
                param = f"p{len(body.params)}"
                body.params[param] = value
                found[key] = self.rng.choice((f"${param}", f"$({param} * 2 // 2)", f"$(max({param}, 0))"))
        return found

    def mark(self, node: dict[str, Any], signature: Signature) -> None:
        if self.chance(0.08):
            node["freeze"] = True
        weights = [n for n, t in signature.parameters if t.dtype == "float32"]
        if weights and self.chance(0.1):
            node["init"] = {weights[0]: self.rng.choice((0.5, "ones", {"normal": {"std": 0.2}}))}
        if self.chance(0.05):
            node["doc"] = "Says: 'a #1 note'."

    # -- sharing ------------------------------------------------------------------------------
    def again(self, body: Body) -> bool:
        """An op once more, with the parameters of the first: tied, or its weight read as a value."""
        if not body.owners:
            return False
        owner = self.rng.choice(body.owners)
        chosen = [self.alike(body, c) for c in owner.chosen]
        weights = [n for n, _ in owner.signature.parameters if n in owner.op.tensors and n == "weight"]
        if weights and self.chance(0.4) and not owner.op.free_ports and None not in chosen:
            if any(isinstance(c, tuple) for c in chosen):
                return False
            named = {p.name: c.name for p, c in zip(owner.op.ports, chosen, strict=False)}
            return self.place(body, owner.op, chosen, **{"in": {**named, "weight": f"{owner.name}.weight"}})
        return self.place(body, owner.op, chosen, tie=owner.name)

    def alike(self, body: Body, value: Any) -> Any:
        """Another value of the same type and kind, or the same."""
        if isinstance(value, tuple):
            return tuple(self.alike(body, v) for v in value)
        if value is None:
            return None
        return self.rng.choice([v for v in body.values if (v.type, v.kind) == (value.type, value.kind)] or [value])

    def slope(self, body: Body) -> bool:
        """The gradient of a value with respect to one that it was computed from."""
        real_ = [v for v in body.values if v.type.dtype == "float32"]
        pairs = [(of, at) for of in real_ for at in real_ if at.name in body.behind.get(of.name, ())]
        if not pairs:
            return False
        of, at = self.rng.choice(pairs)
        return self.place(body, OPS["gradient"](), [of, at])


def _types(chosen: Any) -> Any:
    if isinstance(chosen, tuple):
        return tuple(v.type for v in chosen)
    return None if chosen is None else chosen.type
