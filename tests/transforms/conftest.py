"""Specs written in the tests themselves."""

from tests.language.conftest import spec

__all__ = ["spec"]
