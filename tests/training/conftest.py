"""A tiny model with everything that makes resuming hard (batch norm, dropout), and tiny data for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load

SPEC = """\
graphwright: 1
name: tiny
params: {classes: 3}
inputs:
  image: [N, 1, 8, 8]
nodes:
  conv: {op: conv2d, out: 4, kernel: 3, stride: 2, bias: false}
  bn: batch_norm
  relu: relu
  dropout: {op: dropout, p: 0.3}
  flatten: flatten
  fc: {op: linear, out: $classes}
outputs:
  logits: fc
"""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def tiny_spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def tiny(tiny_spec: Path) -> Graph:
    return load(tiny_spec)


@pytest.fixture
def tiny_data(tmp_path: Path) -> str:
    """Three classes, told apart by which third of the rows is bright."""
    random = np.random.default_rng(0)

    def part(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count) % 3
        pictures = random.integers(0, 120, (count, 8, 8), dtype=np.uint8)
        for k, label in enumerate(labels):
            pictures[k, label * 3 : label * 3 + 2] += 100
        return pictures, labels

    (x_train, y_train), (x_test, y_test) = part(48), part(18)
    np.savez(tmp_path / "tiny.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return f"npz:{tmp_path / 'tiny.npz'}"
