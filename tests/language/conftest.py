"""Specs written in the tests themselves, and the shipped ones, each loaded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load

HEAD = "graphwright: 1\nname: small\n"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def spec(tmp_path: Path) -> Callable[..., Graph]:
    """The graph of a spec given as text (after its first two lines), with params."""

    def read(text: str, **params: Any) -> Graph:
        path = tmp_path / f"spec{len(list(tmp_path.glob('spec*.yaml')))}.yaml"
        path.write_text(HEAD + text)
        return load(path, params)

    return read


@cache
def shipped_graph(name: str) -> Graph:
    """A graph of the shipped library."""
    return load(name)
