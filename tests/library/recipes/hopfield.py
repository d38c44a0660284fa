"""hflayers, the authors' Hopfield layers, in the networks of their example of latch sequences; arXiv:2008.02217."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from torch import nn

REPOSITORY = "https://github.com/ml-jku/hopfield-layers"
COMMIT = "f56f929c95b77a070ae675ea4f56b6d54d36e730"
LICENCE = "BSD-style, see LICENSE"


def network(kind: str, tail: list[nn.Module], **options: Any) -> nn.Module:
    """A Hopfield layer for 20 characters, and what follows it."""
    return nn.Sequential(getattr(import_module("hflayers"), kind)(input_size=20, **options), *tail)


def sequences(kind: str, **options: Any) -> nn.Module:
    return network(kind, [nn.Flatten(), nn.Linear(20 * 32, 1), nn.Flatten(start_dim=0)], **options)


def pooling(**options: Any) -> nn.Module:
    return network("HopfieldPooling", [nn.Linear(20, 1), nn.Flatten(start_dim=0)], **options)


STEPS: dict[str, Any] = {
    "hidden_size": 8, "num_heads": 8, "update_steps_max": 3, "scaling": 0.25, "dropout": 0.5,
}  # fmt: skip
CONVERGED: dict[str, Any] = {
    "hidden_size": 8, "num_heads": 4, "update_steps_max": 30, "scaling": 1.5, "update_steps_eps": 0.01,
}  # fmt: skip

VARIANTS: dict[str, Callable[[], nn.Module]] = {
    "hopfield_latch": partial(sequences, "Hopfield"),
    "hopfield_latch 3 steps": partial(sequences, "Hopfield", **STEPS),
    "hopfield_latch converged": partial(sequences, "Hopfield", **CONVERGED),
    "hopfield_latch_pooling": pooling,
    "hopfield_latch_pooling 3 steps": partial(pooling, **STEPS),
    "hopfield_latch_lookup": partial(sequences, "HopfieldLayer", quantity=20),
    "hopfield_latch_lookup fixed": partial(
        sequences, "HopfieldLayer", quantity=7, lookup_weights_as_separated=True, lookup_targets_as_trainable=False
    ),
}
