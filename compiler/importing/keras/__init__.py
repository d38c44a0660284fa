"""Keras models as graphs: `read` gives the `Graph` of an architecture in JSON or of a `.keras` archive."""

from __future__ import annotations

from pathlib import Path

import torch

from graphwright.compiler.importing.keras.file import load
from graphwright.compiler.importing.keras.reading import convert
from graphwright.compiler.ir.graph import Graph


def read(path: Path) -> tuple[Graph, dict[str, torch.Tensor]]:
    """The graph of a functional or sequential Keras model, and its weights.

    Images are channels-first: a Keras input [N, H, W, C] becomes [N, C, H, W], and so does an output.
    JSON holds the architecture alone, so its weights are only the constants of layers; a `.keras` archive has them all.
    Raises `SpecError` where the file is no model, with every layer that has no rule.
    """
    model, stored = load(Path(path))
    return convert(model, stored, str(path))
