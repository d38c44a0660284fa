"""A process that dies under torchrun: the others stop with a message, and the run goes on to the same weights."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.training.test_processes import SPEC

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_gloo_available() or not Path("/proc").is_dir(), reason="needs gloo and /proc"
)
RECIPE = ("epochs=60", "batch=16", "crop=1", "flip=true", "ema=0.5", "log_every=1", "checkpoint_every=3")


def start(folder, data, *words):
    """The command under torchrun; what each process says goes to a file of its own."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", "--redirects=3"]
    command = ["-m", "graphwright", "train", str(folder / "plain.yaml"), "--data", data, *RECIPE, *words]
    return subprocess.Popen(
        [*torchrun, "--log-dir", str(folder / "said"), *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def rank_of(pid):
    """The rank of a process that torchrun started, or None."""
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return next((int(w[5:]) for w in words if w.startswith(b"RANK=")), None)
    except (OSError, ValueError):
        return None


def process(parent, rank):
    """The process of this rank under torchrun."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return next(int(pid) for pid in children if rank_of(pid) == rank)


def said(folder, rank):
    """What a process said, over all attempts."""
    return "".join(path.read_text() for path in sorted((folder / "said").rglob(f"{rank}/stderr.log")))


def digest(run):
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


def ended(started):
    error = started.communicate(timeout=200)[1]
    return started.returncode, error


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The weights of a run in which nobody dies, and its data."""
    import numpy as np

    folder = tmp_path_factory.mktemp("undisturbed")
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (66, 8, 8), dtype=np.uint8)
    labels = np.arange(66) % 3
    np.savez(folder / "tiny.npz", x_train=pictures[:48], y_train=labels[:48], x_test=pictures[48:], y_test=labels[48:])
    (folder / "plain.yaml").write_text(SPEC)
    data = f"npz:{folder / 'tiny.npz'}"
    code, error = ended(start(folder, data, "-o", str(folder / "run")))
    assert code == 0, error + said(folder, 0)
    return data, digest(folder / "run")


@pytest.mark.parametrize("dying", [0, 1])
@pytest.mark.xdist_group("dying")
def test_the_others_stop_with_a_message_and_resume_works(dying, undisturbed, tmp_path):
    data, expected = undisturbed
    (tmp_path / "plain.yaml").write_text(SPEC)
    run = tmp_path / "run"
    started = start(tmp_path, data, "-o", str(run))
    deadline = time.monotonic() + 120
    while not list(run.glob("checkpoints/step-*[36]*")):
        assert started.poll() is None, said(tmp_path, 0)
        assert time.monotonic() < deadline, said(tmp_path, 0)
        time.sleep(0.01)
    os.kill(process(started.pid, dying), signal.SIGKILL)
    code, _ = ended(started)
    other = said(tmp_path, 1 - dying)
    assert code != 0
    assert not (run / "model.safetensors").exists()
    assert "Traceback" not in other, other
    assert "--resume" in other, other
    code, error = ended(start(tmp_path, data, "-o", str(run), "--resume"))
    assert code == 0, error + said(tmp_path, 0)
    assert digest(run) == expected
