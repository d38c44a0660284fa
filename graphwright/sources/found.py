"""What a source is asked for, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from graphwright.compiler.importing.certificate import Certificate
from graphwright.compiler.ir.graph import Graph

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Found:
    """What a source gave: a graph with its weights, or the text of a spec."""

    graph: Graph | None
    weights: Weights = field(default_factory=dict)
    certificate: Certificate | None = None
    text: str = ""


@dataclass(frozen=True)
class Wish:
    """What the user asked for beside the source."""

    inputs: Sequence[str] = ()
    pretrained: bool = False
    seed: int = 0
    scale: str | None = None
    classes: int | None = None
