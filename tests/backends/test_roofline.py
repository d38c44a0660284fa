"""The roofline's counts are those of a calculation by hand, its bounds those of the formula."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphwright.backends.options import Options
from graphwright.backends.roofline import Device, Work, measured, summary, work
from tests.backends.specs import graph_of

LINEAR = """
graphwright: 1
name: linear
inputs: {x: [N, 4]}
nodes:
  fc: {op: linear, out: 3}
  act: relu
outputs: {y: act}
"""


@pytest.mark.parametrize("batch", [1, 8])
def test_work_by_hand(batch: int, tmp_path: Path) -> None:
    graph = graph_of(LINEAR, tmp_path)
    found = work(graph, {"N": batch})
    state, x, y = 4 * (3 * 4 + 3), 4 * 4 * batch, 4 * 3 * batch
    assert found.bytes == (x + state + y) + (y + y)
    assert found.least == x + state + y
    assert found.flops == 2 * batch * 4 * 3 + 3 * batch  # relu: one an element
    assert found.uncounted == 0
    backward = work(graph, {"N": batch}, backward=True)
    assert (backward.flops, backward.bytes) == (3 * found.flops, 3 * found.bytes)


def test_the_bound() -> None:
    device = Device(flops_per_second=100.0, bytes_per_second=10.0)
    assert device.attainable(Work(flops=10, bytes=10, least=1)) == 10.0  # memory's side
    assert device.attainable(Work(flops=500, bytes=10, least=1)) == 100.0  # arithmetic's side


def test_a_processor_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright.backends.roofline.ROWS", {"cpu": 256})
    monkeypatch.setattr("graphwright.backends.roofline.ELEMENTS", {"cpu": 1 << 20})
    found = measured("cpu", Options())
    assert 1e8 < found.flops_per_second < 1e14
    assert 1e7 < found.bytes_per_second < 1e13


def test_summary() -> None:
    assert summary([3.0]) == {"median": 3.0, "p10": 3.0, "p90": 3.0}
    assert summary(range(11)) == {"median": 5, "p10": 1.0, "p90": 9.0}
