"""One Chromium for all tests of the page, and the pages they share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from graphwright.backends.explorer import write
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.explorer.browser import Browser, started

HERE = """graphwright: 1
name: tiny
doc: Two stages and a head.
inputs: {image: {shape: [N, 3, H=32, W=32], doc: a picture}}
nodes:
  stage:
    repeat: {k: 3}
    nodes:
      # a comment
      conv:
        op: conv2d
        out: 8
        kernel: 3
        padding: 1

      relu: relu
  pool: {op: adaptive_avg_pool2d, size: 1}
  flatten: flatten
  head: {op: linear, out: 10}
outputs: {logits: head}
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explorer")


@pytest.fixture(scope="session")
def tiny(folder: Path) -> Path:
    """A page with weights, of a spec in a file of the user's."""
    spec = folder / "tiny.yaml"
    spec.write_text(HERE)
    graph = load(spec)
    weights = lower(graph).state_dict()
    weights["head.bias"] = torch.zeros(10)
    write(graph, folder / "tiny.html", weights)
    return folder / "tiny.html"


@pytest.fixture(scope="session")
def vit(folder: Path) -> Path:
    write(load("vit_tiny_patch16_224"), folder / "vit.html")
    return folder / "vit.html"
