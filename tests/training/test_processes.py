"""Two processes learn what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import safetensors.torch
import torch

from graphwright.compiler.language.load import load
from graphwright.training.evaluate import evaluate
from graphwright.training.train import train
from tests.training.conftest import SPOTTER

SPEC = """\
graphwright: 1
name: plain
inputs: {image: [N, 1, 8, 8]}
nodes:
  conv: {op: conv2d, out: 4, kernel: 3, stride: 2}
  relu: relu
  flatten: flatten
  fc: {op: linear, out: 3}
outputs: {logits: fc}
"""
SCRIPT = """\
import sys, torch
torch.set_num_threads(1)
from graphwright.compiler.language.load import load
from graphwright.training.train import train
result = train(load(sys.argv[1]), sys.argv[2], sys.argv[3],
               dict(epochs=3, batch=16, accumulate=2, crop=1, flip=True, ema=0.5, log_every=1))
print(result.accuracy, result.loss, flush=True)
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="needs gloo")
def test_two_processes_equal_one(tmp_path, tiny_data):
    spec, script = tmp_path / "plain.yaml", tmp_path / "script.py"
    spec.write_text(SPEC)
    script.write_text(SCRIPT)
    recipe = {"epochs": 3, "batch": 16, "accumulate": 1, "crop": 1, "flip": True, "ema": 0.5, "log_every": 1}
    alone = train(load(spec), tiny_data, tmp_path / "one", recipe)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0", "--standalone",
         str(script), str(spec), tiny_data, str(tmp_path / "two")],
        capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two = (safetensors.torch.load((tmp_path / n / "model.safetensors").read_bytes()) for n in ("one", "two"))
    torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)
    told = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    assert len(told) == 2
    assert told[0] == told[1] == pytest.approx((alone.accuracy, alone.loss), abs=1e-4)
    assert "[rank 1] epoch 3/3" in done.stderr


BOXES = """\
import json, sys, torch
torch.set_num_threads(1)
from graphwright.compiler.language.load import load
from graphwright.training.data import shapes
from graphwright.training.train import train
shapes.TRAIN, shapes.TEST = 48, 12
result = train(load(sys.argv[1]), "shapes", sys.argv[2], dict(epochs=8, batch=16, flip=True, lr=1e-2, log_every=1))
print(json.dumps(result.figures), flush=True)
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="needs gloo")
def test_two_processes_pool_their_boxes(tmp_path, few_shapes):
    """Both name the average precision that one process finds for the weights they made together."""
    spec, script = tmp_path / "spotter.yaml", tmp_path / "script.py"
    spec.write_text(SPOTTER)
    script.write_text(BOXES)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0", "--standalone",
         str(script), str(spec), str(tmp_path / "run")],
        capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = evaluate(tmp_path / "run")
    assert found["map50"] > 0
    for line in done.stdout.splitlines():
        assert json.loads(line) == pytest.approx({k: found[k] for k in ("map50", "map")}, abs=1e-6)
