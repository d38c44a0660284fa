"""What stands for a value of the exported program while it is read.

Either a value of the graph, by its name, or one of these: a tensor of the model's state, a constant that depends on no
input, random noise that is about to be multiplied in (drop path), a result not yet asked for, or a tuple of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from graphwright.compiler.ir.dims import Size

Value = Any


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


class Lazy:
    """One of several results, which becomes a node only if it is read."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self.make = make


class Broken:
    """The value of a call that was not understood."""


class NoRule(Exception):
    """A call, or this form of it, has no counterpart; the text says which form."""


class Quiet(Exception):
    """A call that reads a value which was not understood."""
