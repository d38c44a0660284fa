"""Inception transformer, arXiv:2205.12956, under the names of sail-sg/iFormer."""

from __future__ import annotations

from tests.library.case import Case, picture

CASES = [
    *(Case(f"iformer_{size}", None, picture(224), run=False) for size in ("small", "base", "large")),
    *(Case(f"iformer_{size}_384", None, picture(384), run=False) for size in ("small", "base", "large")),
    Case(
        "iformer_small", None, picture(64, 2), params={"size": 64, "drop_path": 0.0}, train=True,
        recording="iformer_small 64x64",
    ),
]  # fmt: skip
