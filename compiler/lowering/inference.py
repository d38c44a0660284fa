"""Shapes and dtypes of an op's outputs, by torch's own execution on meta tensors; nothing is allocated.

torch is the only authority on what an op does to sizes. Free sizes are found by asking it again:
each free symbol in turn is enlarged, and the output size is read off as `floor((a d + b) / c)` of an
input size `d`, or so many times it, or as a sum or product of input sizes, and checked at more sizes. An output size
that fits no such form is reported with its number at the default sizes. What an op refuses it refuses at the default
sizes too, and where it refuses a larger one it does not exist there.
Results are kept by op and input types, so a repeated block costs one look-up a node.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from math import gcd
from typing import Any

import torch
from torch import nn

from graphwright.compiler.ir.dims import Dim, Size, evaluate, symbols
from graphwright.compiler.ir.types import DTYPE_NAMES, DTYPES, Type
from graphwright.compiler.ops.op import KINDS, Op

#: What a free size without a default is taken to be while inferring (not 1, which would broadcast).
FREE = 2
#: What is tried in its place before an op is refused: powers of two, and what all small numbers divide.
LARGER = (8, 64, 5040)
#: How much a free size is enlarged: divisible by every stride in use, so that structure stays valid.
STEP = 2**7 * 9 * 5 * 7

#: So far the place where a size jumps is looked for: enough for a stride of 16 of what is an H // 64 already.
FARTHEST = 2**11

#: A floor is looked for that is at most so many times in a size: windows along a fixed side times those along a free.
LARGEST_FACTOR = 256

InputTypes = tuple["Type | tuple[Type, ...] | None", ...]


class InferenceError(ValueError):
    """torch (or the op's own check) refuses these inputs."""


@dataclass(frozen=True)
class Signature:
    """What is known of an op at given input types."""

    outputs: tuple[Type, ...]
    parameters: tuple[tuple[str, Type], ...] = ()
    buffers: tuple[tuple[str, Type], ...] = ()


def infer(op: Op, inputs: InputTypes, defaults: Mapping[str, int] | None = None) -> Signature:
    """The signature of `op` applied to values of these types; free sizes take `defaults` where given."""
    return _infer(op, inputs, tuple(sorted((defaults or {}).items())))


@lru_cache(maxsize=65536)
def _infer(op: Op, inputs: InputTypes, defaults: tuple[tuple[str, int], ...]) -> Signature:
    flat = list(_flat(inputs))
    if complaint := _misfit(op, inputs) or op.check(*inputs):
        raise InferenceError(complaint)
    if (known := op.result(*inputs)) is not None:
        module = _made(op, inputs)
        _same_as_weights(op, inputs, module)
        return Signature(known, *_state(module))
    free = sorted(frozenset().union(*(t.symbols for t in flat), symbols_of(op)))
    base = dict.fromkeys(free, FREE) | {k: v for k, v in defaults if k in free}
    probe = _Probe(op, inputs, base)
    first = _first(probe, [name for name in free if name not in dict(defaults)])
    _same_as_weights(op, inputs, probe.module)
    arguments = list(dict.fromkeys(d for d in (*_field_sizes(op), *(d for t in flat for d in t.shape))
                                   if isinstance(d, Dim)))  # fmt: skip
    outputs = []
    for index, (shape, dtype) in enumerate(first):
        sizes = tuple(_size(probe, (index, axis), arguments) for axis in range(len(shape)))
        outputs.append(Type(sizes, DTYPE_NAMES[dtype]))
    return Signature(tuple(outputs), *_state(probe.module))


def _first(probe: _Probe, unsaid: list[str]) -> Shapes:
    """The shapes at the base sizes; where only larger ones fit, the complaint says which size to write."""
    try:
        return probe.at({})
    except InferenceError as error:
        for size in LARGER if unsaid else ():
            if probe.exists(dict.fromkeys(unsaid, size)):
                hint = f"sizes without a default are {FREE} here; such as {unsaid[0]}={size} fits"
                raise InferenceError(f"{error} ({hint})") from None
        raise


def _misfit(op: Op, inputs: InputTypes) -> str | None:
    """A complaint about an input of another dtype than its port takes; meta tensors would take any."""
    for port, item in zip(op.ports, inputs, strict=False):
        if port.kind:
            for found in _flat((item,)):
                if found.dtype not in KINDS[port.kind]:
                    return f"'{port.name}' is {found.dtype}; '{op.name}' takes {', '.join(KINDS[port.kind])}: `cast` it"
    return None


def _same_as_weights(op: Op, inputs: InputTypes, module: nn.Module | None) -> None:
    """Refuses floating inputs of another precision than the op's own weights and statistics."""
    state = (*module.parameters(), *module.buffers()) if module is not None else ()
    weights = {DTYPE_NAMES[t.dtype] for t in state if t.is_floating_point()}
    for port, item in zip(op.ports, inputs, strict=False):
        for found in _flat((item,)) if port.kind == "float" and weights else ():
            if found.dtype not in weights:
                raise InferenceError(f"'{port.name}' is {found.dtype}, the weights are {weights.pop()}: `cast` it")


def _state(module: nn.Module | None) -> tuple[tuple[tuple[str, Type], ...], tuple[tuple[str, Type], ...]]:
    """The parameters and the persistent buffers of a module."""
    if module is None:
        return (), ()
    buffers = ((n, b) for n, b in module.named_buffers() if not _transient(module, n))
    return _tensors(module.named_parameters()), _tensors(buffers)


def _tensors(named: Any) -> tuple[tuple[str, Type], ...]:
    return tuple((n, Type(tuple(t.shape), DTYPE_NAMES[t.dtype])) for n, t in named)


def _transient(module: nn.Module, name: str) -> bool:
    owner, _, leaf = name.rpartition(".")
    return leaf in module.get_submodule(owner)._non_persistent_buffers_set


def _flat(inputs: InputTypes) -> list[Type]:
    found: list[Type] = []
    for item in inputs:
        found += item if isinstance(item, tuple) else [item] if item is not None else []
    return found


def _field_sizes(op: Op) -> list[Any]:
    """The values of the op's symbolic fields, flattened."""
    found: list[Any] = []
    pending = [getattr(op, f.name) for f in op.fields() if f.symbolic]
    while pending:
        value = pending.pop()
        if isinstance(value, tuple):
            pending += value
        else:
            found.append(value)
    return found


def symbols_of(op: Op) -> frozenset[str]:
    """The free sizes among an op's arguments."""
    return frozenset().union(*(symbols(v) for v in _field_sizes(op)), frozenset())


def forget() -> None:
    """Drop what was inferred before, so that a measurement starts from nothing."""
    _infer.cache_clear()


#: What torch raises where it refuses sizes or arguments.
REFUSALS = (RuntimeError, ValueError, IndexError, TypeError, ArithmeticError, AssertionError)


def _made(op: Op, inputs: InputTypes) -> nn.Module | None:
    """The module of an op; torch refuses some at once, such as parameters beyond 64-bit sizes."""
    try:
        return op.module(*inputs)
    except REFUSALS as error:
        raise InferenceError(_first_line(error)) from error


Shapes = list[tuple[tuple[int, ...], torch.dtype]]


class _Probe:
    """The op's output shapes at the base sizes with some of them changed; each point is run once."""

    def __init__(self, op: Op, inputs: InputTypes, base: dict[str, int]) -> None:
        self.op, self.inputs, self.base = op, inputs, base
        self.module = _made(op, inputs)
        if self.module is not None:
            self.module.eval()
        self.known: dict[tuple[tuple[str, int], ...], Shapes | None] = {}

    def at(self, changes: Mapping[str, int]) -> Shapes:
        shapes = run_on_meta(self.op, self.module, self.inputs, {**self.base, **changes})
        self.known[tuple(sorted(changes.items()))] = shapes
        return shapes

    def exists(self, changes: Mapping[str, int]) -> bool:
        """Whether the op takes these sizes."""
        key = tuple(sorted(changes.items()))
        if key not in self.known:
            try:
                self.at(changes)
            except InferenceError:
                self.known[key] = None
        return self.known[key] is not None

    def size(self, where: tuple[int, int], changes: Mapping[str, int]) -> int | None:
        """One output size, or `None` where the op does not exist at these sizes."""
        shapes = self.known[tuple(sorted(changes.items()))] if self.exists(changes) else None
        if shapes is not None and len(shapes) != len(self.known[()] or ()):
            raise InferenceError("the number of outputs depends on a size left free; give the size a number")
        return None if shapes is None else shapes[where[0]][0][where[1]]

    def value(self, size: Size, changes: Mapping[str, int]) -> int:
        return evaluate(size, {**self.base, **changes})  # type: ignore[return-value]


def run_on_meta(op: Op, module: nn.Module | None, inputs: InputTypes, sizes: Mapping[str, int]) -> Shapes:
    """The shapes and dtypes that torch gives for these numbers."""
    concrete = op.resolved(sizes)
    types = [_at(t, sizes) for t in inputs]
    if complaint := concrete.check(*types):
        raise InferenceError(complaint)
    call: Callable[..., Any] = module if module is not None else concrete.forward
    if module is not None and concrete != op:
        call = concrete.module(*types) or concrete.forward
    try:
        with torch.no_grad(), torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = call(*_given([_meta(t, sizes) for t in inputs]))
    except REFUSALS as error:
        raise InferenceError(_first_line(error)) from error
    results = result if isinstance(result, (tuple, list)) else (result,)
    return [(tuple(r.shape), r.dtype) for r in results]


def _given(arguments: list[Any]) -> list[Any]:
    """The arguments without the optional ones at the end that are not there."""
    while arguments and arguments[-1] is None:
        arguments.pop()
    return arguments


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _at(kind: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(kind, tuple):
        return tuple(t.at(sizes) for t in kind)
    return None if kind is None else kind.at(sizes)


def _meta(kind: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(kind, tuple):
        return tuple(_meta(t, sizes) for t in kind)
    if kind is None:
        return None
    return torch.empty([evaluate(s, sizes) for s in kind.shape], dtype=DTYPES[kind.dtype], device="meta")  # type: ignore[misc]


def _size(probe: _Probe, where: tuple[int, int], arguments: list[Dim]) -> Size:
    """The output size at `where` as an expression of the sizes that went in."""
    base = probe.size(where, {})
    assert base is not None
    moved: dict[str, int] = {}
    for name in probe.base:
        new = probe.size(where, {name: probe.base[name] + STEP})
        if new is not None and new != base:
            moved[name] = new - base
    if not moved:
        return base
    points = [{}, *({n: probe.base[n] + STEP} for n in probe.base), {n: probe.base[n] + 2 * STEP for n in moved},
              *({n: probe.base[n] + STEP + 1} for n in moved)]  # fmt: skip

    def fits(candidate: Size) -> bool:
        seen = [(probe.size(where, p), p) for p in points]
        return all(size is None or size == probe.value(candidate, p) for size, p in seen)

    related = [d for d in arguments if symbols(d) & set(moved)]
    for candidate in related:
        if fits(candidate):
            return candidate
    common = gcd(base, *moved.values())
    for times in (k for k in range(1, min(common, LARGEST_FACTOR) + 1) if common % k == 0):
        for candidate in related:
            if (fitted := _affine(probe, where, candidate, moved, base, times)) is not None and fits(fitted):
                return fitted
    for count in range(2, min(len(related), 4) + 1):
        for group in combinations(related, count):
            for fitted in _joined(probe, group, base):
                if fits(fitted):
                    return fitted
    return base


def _affine(
    probe: _Probe, where: tuple[int, int], d: Dim, moved: Mapping[str, int], base: int, times: int
) -> Size | None:
    """`times floor((a d + b) / c)`: the slope from one large step, the offset from the place where the floor jumps."""
    base //= times
    name = next(iter(moved))
    d0 = probe.value(d, {})
    rise = probe.value(d, {name: probe.base[name] + STEP}) - d0
    if not rise:
        return None
    slope = Fraction(moved[name] // times, rise)
    a, c = slope.numerator, slope.denominator
    if a <= 0:
        return None
    lowest, highest = c * base - a * d0, c * base - a * d0 + c - 1  # every b in here gives `base` at d0
    # d itself may be a floor, such as H // 4, and move once in so many steps of its symbol
    shift, last, met = 0, min((c + 1) * -(-STEP // rise), FARTHEST), {d0}
    while lowest < highest and shift < last:
        shift += 1
        now = probe.value(d, {name: probe.base[name] + shift})
        if now in met:
            continue
        met.add(now)
        new = probe.size(where, {name: probe.base[name] + shift})
        if new is not None:
            new //= times
            lowest, highest = max(lowest, c * new - a * now), min(highest, c * new - a * now + c - 1)
    if lowest > highest:
        return None
    b = 0 if lowest <= 0 <= highest else lowest  # sizes that only exist when divisible leave b open
    return times * ((a * d + b) // c)


def _joined(probe: _Probe, group: tuple[Dim, ...], base: int) -> list[Size]:
    """The sum of these sizes plus a constant, and their product times a number."""
    total: Size = 0
    product: Size = 1
    for d in group:
        total, product = total + d, product * d
    value, times = probe.value(total, {}), probe.value(product, {})
    found: list[Size] = [total + (base - value)]
    if times:
        factor = Fraction(base, times)
        found.append(product * factor.numerator // factor.denominator)
    return found
