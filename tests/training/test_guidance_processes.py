"""Two processes with a guide learn what one does: samples of both are compared, and gradients are of the whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import safetensors.torch
import torch

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.training.train import train
from tests.training.test_guidance import GUIDE, lines
from tests.training.test_processes import SPEC

SCRIPT = """\
import json, sys, torch
torch.set_num_threads(1)
from graphwright.compiler.language.load import load
from graphwright.training.train import train
train(load(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="needs gloo")
@pytest.mark.parametrize("similarity", ["cka", "rsa"])
def test_two_processes_equal_one(tmp_path, tiny_data, similarity):
    """The objective is the guide's alone, so that nothing hides a gradient that is too small or of too few samples."""
    spec, guide, script = tmp_path / "plain.yaml", tmp_path / "guide.yaml", tmp_path / "script.py"
    silent = "targets: {label: 'int64[N]'}\nlosses: {main: {op: cross_entropy, in: [logits, label], weight: 1e-9}}\n"
    spec.write_text(SPEC + silent)
    guide.write_text(GUIDE)
    script.write_text(SCRIPT)
    guidance = {"guide": str(guide), "alpha": 3, "until": 7, "similarity": similarity}
    recipe = {"epochs": 3, "batch": 16, "optimizer": "sgd", "lr": 0.5, "log_every": 1, "crop": 1, "guidance": guidance}
    train(load(spec), tiny_data, tmp_path / "one", recipe)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0", "--standalone",
         str(script), str(spec), tiny_data, str(tmp_path / "two"), json.dumps(recipe)],
        capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two = (safetensors.torch.load((tmp_path / n / "model.safetensors").read_bytes()) for n in ("one", "two"))
    start = lower(load(spec)).state_dict()
    assert float((one["conv.weight"] - start["conv.weight"]).abs().max()) > 0.01
    torch.testing.assert_close(two, one, atol=2e-5, rtol=1e-4)
    told = [[line.get("guidance") for line in lines(tmp_path / n, "steps")] for n in ("one", "two")]
    assert told[0][7:] == told[1][7:] == [None, None]
    assert told[1][:7] == pytest.approx(told[0][:7], abs=1e-5)
