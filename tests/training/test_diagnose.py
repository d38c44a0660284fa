"""A loss that isn't finite stops the run at its step, names the node, and keeps the last good weights."""

from __future__ import annotations

import pytest

from graphwright.compiler.language.load import load
from graphwright.compiler.places import SpecError
from graphwright.training import loop
from graphwright.training.checkpoint import newest
from graphwright.training.train import train

#: exp overflows as soon as the learning rate has blown the weights up; the node after it is not to blame.
EXPLODES = """\
graphwright: 1
name: explodes
inputs: {x: [N, 1, 8, 8]}
nodes:
  flatten: flatten
  hidden: {op: linear, out: 8}
  burst: exp
  calm: {op: scale, factor: 0.1}
  fc: {op: linear, out: 3}
outputs: {logits: fc}
"""


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "explodes.yaml"
    path.write_text(EXPLODES)
    return load(path)


RECIPE = {"epochs": 20, "batch": 16, "lr": 30.0, "warmup": 2, "checkpoint_every": 1, "weight_decay": 0}


def test_the_step_and_the_first_node_are_named(graph, tiny_data, tmp_path):
    with pytest.raises(SpecError) as caught:
        train(graph, tiny_data, tmp_path / "run", RECIPE)
    (problem,) = caught.value.problems
    checkpoint, refused = newest(tmp_path / "run" / "checkpoints")
    assert not refused
    assert f"the loss of step {checkpoint.step} " in problem.message
    assert "node 'burst'" in problem.message
    assert str(checkpoint.path) in problem.message
    assert (problem.place.line, problem.place.file) == (7, str(tmp_path / "explodes.yaml"))
    assert all(t.isfinite().all() for t in checkpoint.tensors["model"].values())
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_seen_late_it_is_traced_back_from_the_last_checkpoint(graph, tiny_data, tmp_path, monkeypatch):
    """On an accelerator nobody waits for each loss: the weights have moved on when it is seen."""
    with pytest.raises(SpecError) as prompt:
        train(graph, tiny_data, tmp_path / "prompt", RECIPE)
    advance = loop.advance
    monkeypatch.setattr(loop, "advance", lambda job, state, parts, watchful: advance(job, state, parts, False))
    with pytest.raises(SpecError) as late:
        train(graph, tiny_data, tmp_path / "late", {**RECIPE, "checkpoint_every": 0, "log_every": 7})
    told = [error.value.problems[0].message.partition(";")[0] for error in (prompt, late)]
    assert told[0] == told[1]


def test_a_gradient_is_told_from_a_node(tmp_path, tiny_data):
    """The square root of 0 is finite, its gradient is not: the loss breaks one step later, at a weight."""
    path = tmp_path / "explodes.yaml"
    text = EXPLODES.replace("out: 8", "out: 8, init: {weight: 0, bias: 0}")
    path.write_text(text.replace("burst: exp", "burst: square").replace("calm: {op: scale, factor: 0.1}", "calm: sqrt"))
    message = r"the loss of step 1 .* parameter 'hidden\.weight', after the step before"
    with pytest.raises(SpecError, match=message) as found:
        train(load(path), tiny_data, tmp_path / "run", {"batch": 16})
    assert found.value.problems[0].place.line == 6
