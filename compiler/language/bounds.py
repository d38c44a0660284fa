"""Bounds on what expressions compute: steps, items, characters, bits. They hold while a value is made, not after."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from graphwright.compiler.language import limits


class ExpressionError(ValueError):
    """A broken rule inside an expression; `offset` and `width` say which characters."""

    def __init__(self, message: str, offset: int = 0, hint: str = "", width: int = 1) -> None:
        super().__init__(message)
        self.message, self.offset, self.hint, self.width = message, offset, hint, width


#: Steps taken so far by all expressions of the spec that is being read.
_SPENT: ContextVar[list[int] | None] = ContextVar("spent", default=None)


@contextmanager
def metered() -> Iterator[None]:
    """All expressions that are evaluated meanwhile share one limit of steps."""
    if _SPENT.get() is not None:  # the reading of a spec within another's
        yield
        return
    token = _SPENT.set([0])
    try:
        yield
    finally:
        _SPENT.reset(token)


class Meter:
    """The steps of one expression, and the sizes of its values."""

    def __init__(self) -> None:
        self.steps = 0

    def spend(self, steps: int) -> None:
        """Count steps of this expression, and of all of the spec."""
        self.steps += steps
        if self.steps > limits.EXPRESSION_STEPS:
            raise ExpressionError(f"an expression takes more than {limits.EXPRESSION_STEPS:,} steps")
        if (spent := _SPENT.get()) is not None:
            spent[0] += steps
            if spent[0] > limits.ALL_STEPS:
                raise ExpressionError(f"the expressions of the spec take more than {limits.ALL_STEPS:,} steps")

    def bounded(self, value: Any) -> Any:
        """A value within the limits; a list counts with all lists in it, however often they are the same."""
        if not isinstance(value, (list, tuple)):
            return _bounded(value)
        pending, items = [(value, 1)], 0
        while pending:
            found, depth = pending.pop()
            items += len(found)
            if items > limits.LIST_ITEMS:
                raise ExpressionError(f"a list of more than {limits.LIST_ITEMS:,} items")
            if depth > limits.NESTING:
                raise ExpressionError(f"lists nested deeper than {limits.NESTING} levels")
            pending += [(item, depth + 1) for item in found if isinstance(item, (list, tuple))]
        self.spend(items // 10)
        return value


def _bounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > limits.INTEGER_BITS:
        raise ExpressionError(f"an integer of more than {limits.INTEGER_BITS} bits")
    if isinstance(value, str) and len(value) > limits.LIST_ITEMS:
        raise ExpressionError(f"a text of more than {limits.LIST_ITEMS:,} characters")
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the result is not a finite number")
    if isinstance(value, complex):
        raise ExpressionError("the result is not a real number")
    return value
