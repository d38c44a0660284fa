"""Activator under the names of its repository, arXiv:2405.15953."""

from __future__ import annotations

from tests.library.case import Case, picture

CASES = [
    Case("activator", None, picture(32, 2)),
    Case("activator_geglu", None, picture(32, 2), train=True),
]
