"""The contract of a tally."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from accelerate import Accelerator
from torch import Tensor

from graphwright.training.data.labels import Labels


class Tally(Protocol):
    """What an evaluation adds up. Figures may be asked for once the processes' tallies are pooled."""

    def add(self, output: Tensor, labels: Labels) -> None:
        """Take in a batch: the model's first output, and what is true."""

    def pool(self, accelerator: Accelerator) -> None:
        """Add up the tallies of all processes; afterwards each has the whole."""

    def figures(self) -> dict[str, float]:
        """The task's figures by name."""

    def report(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """Figures class by class, as plain data."""
