"""Hopfield layers, arXiv:2008.02217, under hflayers' names, in the networks of the authors' example."""

from __future__ import annotations

from typing import Any

from tests.library.case import Case, Input

SEQUENCE = (Input((3, 32, 20)),)
STEPS: dict[str, Any] = {"hidden": 8, "heads": 8, "steps": 3, "beta": 0.25, "dropout": 0.5}
#: More steps than any head takes: each stops on its own.
CONVERGED: dict[str, Any] = {"hidden": 8, "heads": 4, "steps": 30, "beta": 1.5, "eps": 0.01}
FIXED: dict[str, Any] = {"quantity": 7, "targets": "fixed"}

CASES = [
    Case("hopfield_latch", inputs=SEQUENCE, train=True),
    Case("hopfield_latch", inputs=SEQUENCE, params=STEPS, recording="hopfield_latch 3 steps"),
    Case("hopfield_latch", inputs=SEQUENCE, params=CONVERGED, recording="hopfield_latch converged"),
    Case("hopfield_latch_pooling", inputs=SEQUENCE, train=True),
    Case("hopfield_latch_pooling", inputs=SEQUENCE, params=STEPS, recording="hopfield_latch_pooling 3 steps"),
    Case("hopfield_latch_lookup", inputs=SEQUENCE, train=True),
    Case("hopfield_latch_lookup", inputs=SEQUENCE, params=FIXED, recording="hopfield_latch_lookup fixed"),
]
