"""What is scheduled by steps: a batch in several parts is one, and an interrupted run goes on where it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.ops.schedule import StepCount
from graphwright.training import loop
from graphwright.training.train import train
from tests.training.test_resume import RECIPE, STEPS, Killed, kill_at, weights

SPEC = """\
graphwright: 1
name: scheduled
inputs: {image: [N, 1, 8, 8]}
nodes:
  progress: {op: progress, steps: 4, train_only: true}
  rate: {op: scale, in: progress, factor: 0.5, train_only: true}
  conv: {op: conv2d, in: image, out: 4, kernel: 3}
  drop: {op: drop_path, in: {x: conv, rate: rate}}
  flatten: flatten
  fc: {op: linear, out: 3}
outputs: {logits: fc}
"""


@pytest.fixture
def scheduled(tmp_path: Path) -> Graph:
    (tmp_path / "scheduled.yaml").write_text(SPEC)
    return load(tmp_path / "scheduled.yaml")


def test_steps_are_counted_once_and_the_count_outlives_a_kill(scheduled, tiny_data, tmp_path, monkeypatch):
    assert RECIPE["accumulate"] == 2
    train(scheduled, tiny_data, tmp_path / "whole", RECIPE)
    assert safetensors.torch.load(weights(tmp_path / "whole"))["progress.step"] == STEPS
    for step in (1, 4):
        run = tmp_path / f"killed{step}"
        with monkeypatch.context() as patch:
            kill_at(patch, loop, "advance", step)
            with pytest.raises(Killed):
                train(scheduled, tiny_data, run, RECIPE)
        torch.rand(3)  # the global generator is elsewhere by now
        train(scheduled, tiny_data, run, resume=True)
        assert weights(run) == weights(tmp_path / "whole")


def test_both_parts_of_a_batch_are_dropped_at_one_rate(scheduled, tiny_data, tmp_path, monkeypatch):
    """Without it the second part of a step would be half a step further."""
    seen: list[float] = []
    real = StepCount.forward

    def noted(self):
        done = real(self)
        if self.training:
            seen.append(done.item())
        return done

    monkeypatch.setattr(StepCount, "forward", noted)
    train(scheduled, tiny_data, tmp_path / "run", RECIPE)
    assert seen == [value for step in range(STEPS) for value in [min(1, step / 4)] * 2]
