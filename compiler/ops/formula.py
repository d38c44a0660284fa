"""Formulas: elementwise arithmetic over inputs, index ranges and constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.overrides import handle_torch_function, has_torch_function

from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import evaluation, expression
from graphwright.compiler.ops.evaluation import Value
from graphwright.compiler.ops.expression import FormulaError, names_in
from graphwright.compiler.ops.op import Op, arg

__all__ = ["Formula", "evaluate_grid", "names_in"]

Constant = Size | float | tuple[Any, ...]


@dataclass(frozen=True)
class Formula(Op, name="formula", ports="x*", family="arithmetic"):
    """An expression, element by element: `(i // w - j // w + w - 1) * (2 * w - 1)`.

    It may read the inputs by their names, indices that run over the ranges in `over`, and constants. The result has the
    shape that inputs and index ranges broadcast to, the ranges being the last dimensions, in their order; a list of
    expressions is stacked on a new last dimension. Integers stay int64, `/` gives float32, `//` and `%` round down,
    comparisons count as 0 and 1, and `list[index]` looks up a constant.
    """

    value: str | tuple[str, ...] = arg(doc="the expression, or a list of them")
    over: tuple[tuple[str, Size], ...] = arg((), "index names and the sizes they run over")
    names: tuple[str, ...] = arg((), "names of the inputs")
    constants: tuple[tuple[str, Constant], ...] = arg((), "names and values of constants; params and sizes are known")

    free_ports: ClassVar[bool] = True
    filled: ClassVar[tuple[str, ...]] = ("names",)

    @classmethod
    def captured(cls, values: Mapping[str, Any], ports: tuple[str, ...], names: Mapping[str, Any]) -> dict[str, Any]:
        """The names of the inputs, and the values of the params and sizes that the expressions read."""
        text, local = values.get("value", ()), {*ports, *(n for n, _ in values.get("over", ()))}
        try:
            read = frozenset[str]().union(*(names_in(t) for t in ((text,) if isinstance(text, str) else text)))
        except FormulaError:
            read = frozenset()  # reported by `check`, with its place
        given = dict(values.get("constants", ()))
        seen = {n: _plain(n, names[n]) for n in read - local - given.keys() if n in names}
        return {"names": ports, "constants": tuple(sorted({**seen, **given}.items()))}

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions, one or more."""
        return (self.value,) if isinstance(self.value, str) else self.value

    @property
    def is_constant(self) -> bool:
        """Whether the result is known now: no input, no size left free."""
        return not self.names and _fixed(self.over) and _fixed(self.constants)

    def check(self, xs: tuple[Type, ...]) -> str | None:
        if len(xs) != len(self.names):
            return f"formula has {len(self.names)} input names, {list(self.names)}, and {len(xs)} inputs"
        if not self.expressions:
            return "formula needs at least one expression"
        known = [*self.names, *(n for n, _ in self.over), *(n for n, _ in self.constants)]
        if twice := [n for n in known if known.count(n) > 1]:
            return f"formula: the name '{twice[0]}' stands for two things"
        if empty := [n for n, size in self.over if isinstance(size, int) and size < 1]:
            return f"formula: the index '{empty[0]}' runs over nothing"
        try:
            for text in self.expressions:
                if unknown := sorted(names_in(text) - set(known)):
                    return (
                        f"formula: '{text}' reads '{unknown[0]}', which is not one of {', '.join(known) or 'no names'}"
                    )
                if bad := [n for n, x in zip(self.names, xs, strict=True) if x.dtype == "bool" and _counts(text, n)]:
                    return f"formula: '{text}' counts with the bool input '{bad[0]}'; write ({bad[0]} != 0)"
        except FormulaError as error:
            return f"formula: {error}"
        return None

    def forward(self, xs: tuple[Any, ...], device: Any = None) -> Any:
        if xs and device is None:
            device = xs[0].device
        grids = _grids(self.over, device)
        tensors = grids | dict(zip(self.names, xs, strict=True))
        anchor = next(iter(tensors.values()), None)
        anchor = _arange(1, device)[0] if anchor is None else anchor
        known: dict[str, Any] = {n: Value(x, "tensor", "any") for n, x in zip(self.names, xs, strict=True)}
        known |= {n: Value(g, "tensor", "int") for n, g in grids.items()}
        known |= {n: _constant(v) for n, v in self.constants}
        results = [_shaped(text, known, tensors, anchor) for text in self.expressions]
        return results[0] if isinstance(self.value, str) else torch.stack(results, -1)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size | None:
        """One operation per operator or function and element; nothing for a constant, which is computed once."""
        if self.is_constant:
            return 0
        steps = sum(expression.operations(text) for text in self.expressions)
        return outputs[0].numel() // len(self.expressions) * steps


def _counts(text: str, name: str) -> bool:
    """Whether an expression has a name as an operand of arithmetic."""
    return name in expression.counted_names(text)


def _fixed(value: Any) -> bool:
    """Whether all numbers in `value` are known, not sizes left free (or read when the model runs)."""
    return all(map(_fixed, value)) if isinstance(value, tuple) else isinstance(value, (int, float, str))


def _plain(name: str, value: Any) -> Any:
    """The value of a name in scope as a constant: numbers, sizes, and (nested) lists of them."""
    if isinstance(value, (list, tuple)):
        return tuple(_plain(name, v) for v in value)
    if isinstance(value, (int, float, Dim)):
        return value
    raise ValueError(f"'{name}' is {value!r}, and a formula computes with numbers only")


def evaluate_grid(value: str, over: Mapping[str, int]) -> torch.Tensor:
    """The tensor of a formula without inputs, as `init` uses it."""
    formula = Formula(value, tuple(over.items()))
    if problem := formula.check(()):
        raise ValueError(problem)
    grid: torch.Tensor = formula.forward(())
    return grid


def _grids(over: tuple[tuple[str, Any], ...], device: Any) -> dict[str, Any]:
    """Per index, 0, 1, ... along its own dimension of len(over)."""
    grids = {}
    for k, (name, size) in enumerate(over):
        places = (slice(None), *(None,) * (len(over) - 1 - k))
        grids[name] = _arange(size, device)[places]
    return grids


def _arange(size: Any, device: Any) -> Any:
    """`torch.arange`, recorded where the device is, even if the size is a number."""
    if has_torch_function((size, device)):
        return handle_torch_function(torch.arange, (size, device), size, device=device)
    return torch.arange(size, device=device)


def _constant(value: Any) -> Any:
    """A constant as the expression's walker wants it: a number, a scalar known when the model runs, or a list."""
    if isinstance(value, tuple):
        return value
    return evaluation.number(value) if isinstance(value, int | float) else Value(value, "scalar", "int")


def _shaped(text: str, known: dict[str, Any], tensors: dict[str, Any], anchor: Any) -> Any:
    """The value of an expression as a tensor of the shape that all inputs and index ranges broadcast to."""
    result, read = evaluation.evaluate(text, known, anchor)
    data = evaluation.lifted(result, anchor)
    unread = [t for name, t in tensors.items() if (t is not anchor if result.form != "tensor" else name not in read)]
    broadcast: Any = torch.broadcast_tensors
    return broadcast(data, *unread)[0] if unread else data
