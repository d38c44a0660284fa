"""Tiny models with everything that makes resuming hard (batch norm, dropout), and tiny data for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.training.data import shapes

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

SPOTTER = """\
graphwright: 1
name: spotter
doc: A detector with one map of 8 x 8 cells.
params: {classes: 3}
inputs:
  image: [N, 3, 32, 32]
nodes:
  conv1: {op: conv2d, out: 8, kernel: 3, stride: 2, padding: 1, bias: false}
  bn1: batch_norm
  relu1: relu
  conv2: {op: conv2d, out: 16, kernel: 3, stride: 2, padding: 1, bias: false}
  bn2: batch_norm
  relu2: relu
  dropout: {op: dropout2d, p: 0.1}
  kinds: {op: conv2d, in: dropout, out: $classes, kernel: 3, padding: 1, init: {bias: -3.0}}
  cls: {op: flatten, start: 2}
  far: {op: conv2d, in: dropout, out: 4, kernel: 3, padding: 1}
  reach: softplus
  side: {op: rearrange, pattern: n s h w -> n (h w) s}
  cell: {op: formula, over: {y: 8, x: 8}, value: [(x + 0.5) * 4, (y + 0.5) * 4]}
  points: {op: flatten, start: 0, end: 1}
  strides: {op: formula, over: {a: 64, one: 1}, value: 4.0}
  pixels: {op: mul, in: [side, strides]}
  part: {op: chunk, parts: 2, dim: 2}
  low: {op: sub, in: [points, part.0]}
  high: {op: add, in: [points, part.1]}
  boxes: {op: concat, in: [low, high], dim: 2}
  scores: {op: sigmoid, in: cls}
  nms: {op: nms, in: {boxes: boxes, scores: scores}, score: 0.01, iou: 0.6, keep: 20}
outputs:
  detections: nms
  boxes: boxes
  scores: scores
targets:
  objects: [N, M=100, 4]
  labels: int64[N, M]
losses:
  main:
    nodes:
      assign:
        op: task_aligned_assign
        in: {scores: cls, pred: boxes, points: points, strides: strides, boxes: objects, labels: labels}
        topk: 4
      iou: {op: ciou_loss, in: {pred: boxes, target: assign.boxes, weight: assign.weight}, reduce: sum}
      bce: {op: bce_with_logits, in: {pred: cls, target: assign.scores}, reduce: sum}
      gains: {op: weighted_sum, in: [iou, bce], weights: [7.5, 0.5]}
      total: {op: sum, in: assign.scores}
      least: {op: clamp, min: 1}
      mean: {op: div, in: [gains, least]}
"""
PAINTER = """\
graphwright: 1
name: painter
doc: A class for each pixel, from a picture at half its size.
params: {classes: 4}
inputs:
  image: [N, 3, H=32, W=32]
nodes:
  conv1: {op: conv2d, out: 8, kernel: 3, stride: 2, padding: 1, bias: false}
  bn1: batch_norm
  relu1: relu
  dropout: {op: dropout2d, p: 0.1}
  conv2: {op: conv2d, out: 16, kernel: 3, padding: 1}
  relu2: relu
  up: {op: upsample, scale: 2, mode: bilinear}
  head: {op: conv2d, out: $classes, kernel: 3, padding: 1}
outputs:
  logits: head
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


@pytest.fixture
def few_shapes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The data `shapes` with fewer pictures."""
    monkeypatch.setattr(shapes, "TRAIN", 48)
    monkeypatch.setattr(shapes, "TEST", 12)
    shapes._part.cache_clear()
    yield
    shapes._part.cache_clear()


@pytest.fixture
def spotter(tmp_path: Path) -> Graph:
    """A small detector."""
    return spec(tmp_path, "spotter", SPOTTER)


@pytest.fixture
def painter(tmp_path: Path) -> Graph:
    """A small segmenter."""
    return spec(tmp_path, "painter", PAINTER)


def spec(folder: Path, name: str, text: str) -> Graph:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return load(path)
