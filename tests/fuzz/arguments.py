"""Arguments of ops: how a spec writes them, and others that an op might have."""

from __future__ import annotations

import dataclasses
import random
import typing
from typing import Any

from graphwright.compiler.ops.op import Field, Op


def spelled(op: Op) -> dict[str, Any]:
    """The arguments that a spec must give."""
    fields = {f.name: f for f in op.fields()}
    return {n: _plain(fields[n].type, v) for n, v in op.arguments().items() if n not in op.filled}


def _plain(hint: Any, value: Any) -> Any:
    """A value as JSON has it; pairs are a mapping."""
    kinds = typing.get_args(hint)
    if isinstance(value, tuple) and len(kinds) == 2 and typing.get_origin(kinds[0]) is tuple:
        return {k: _plain(Any, v) for k, v in value}
    if isinstance(value, tuple):
        return [_plain(Any, v) for v in value]
    return "none" if value is None else value


def wired(rng: random.Random, op: Op, chosen: list[Any]) -> dict[str, Any]:
    """What a node reads, in one of the forms that say it."""
    if not op.ports or not chosen:
        return {}
    if op.free_ports:
        names: tuple[str, ...] = op.names  # type: ignore[attr-defined]
        return {"in": {n: v.name for n, v in zip(names, chosen[0], strict=True)}} if names else {}
    ports = {
        p.name: [v.name for v in c] if isinstance(c, tuple) else c.name
        for p, c in zip(op.ports, chosen, strict=True) if c is not None
    }  # fmt: skip
    values = list(ports.values())
    first = [p.name for p in op.ports[: len(values)]] == list(ports)
    if not first or (len(values) > 1 and any(isinstance(v, list) for v in values)) or rng.random() < 0.2:
        return {"in": ports}
    return {"in": values[0] if len(values) == 1 else values}


def varied(rng: random.Random, op: Op) -> Op:
    """The op with one argument changed, to a value that its field may hold; the op itself if there is none."""
    fields = [f for f in op.fields() if f.name not in op.filled and _others(f, getattr(op, f.name))]
    if not fields:
        return op
    field = rng.choice(fields)
    value = rng.choice(_others(field, getattr(op, field.name)))
    try:
        return dataclasses.replace(op, **{field.name: value})
    except ValueError:
        return op


def _others(field: Field, value: Any) -> list[Any]:
    """Other values of a field, near this one."""
    low, high = field.bounds.get("min"), field.bounds.get("max")
    found: list[Any] = []
    if typing.get_origin(field.type) is typing.Literal:
        found = [v for v in typing.get_args(field.type) if v != value]
    elif isinstance(value, bool):
        found = [not value]
    elif isinstance(value, int):
        found = [value - 1, value + 1, value * 2]
    elif isinstance(value, float):
        found = [v for v in (0.0, 0.25, 0.5, 1.0, 2 * value) if v != value]
    elif isinstance(value, tuple) and value and all(type(v) is int for v in value):
        found = [(value[0] + 1, *value[1:]), (*value[:-1], max(value[-1] - 1, 0)), value[::-1]]
    numbers = lambda v: v if isinstance(v, tuple) else (v,)  # noqa: E731
    return [
        v for v in found
        if all(isinstance(n, (str, bool)) or ((low is None or n >= low) and (high is None or n <= high))
               for n in numbers(v))
    ]  # fmt: skip
