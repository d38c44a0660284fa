"""Kill training runs with SIGKILL at random moments and resume them: do they end at the same weights, bit for bit?

    python benchmarks/kill_and_resume.py [--runs 4] [--kills 5] [--seed 0]

Each run trains the shipped `digits` (batch norm, dropout) with mixup, accumulation, clipping and a running average, and
is killed `kills` times: every second time at a random moment, every other time while a checkpoint is half written.
The figures go to results/kill_and_resume.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

RECIPE = (
    "epochs=8", "batch=32", "accumulate=2", "mixup=0.2", "ema=0.99", "clip=1", "crop=1", "checkpoint_every=7",
    "seed=11",
)  # fmt: skip
#: A kill comes at most so many checkpoints and seconds after the run has gone on; all five fit into a run.
CHECKPOINTS, SECONDS = 8, 0.3


def start(run: Path) -> subprocess.Popen[bytes]:
    """A process that begins the run, or goes on with it."""
    with run.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "graphwright", "train", "digits", *RECIPE, "-o", str(run), "--resume"],
            stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def finish(run: Path) -> str | None:
    """Let a run come to its end; the digest of its weights."""
    if start(run).wait() != 0:
        sys.exit(run.with_suffix(".log").read_text()[-3000:])
    return digest(run)


def digest(run: Path) -> str | None:
    """SHA-256 of the trained weights, once there are any."""
    path = run / "model.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def newest(run: Path) -> str:
    """The name of the newest checkpoint."""
    return max((p.name for p in (run / "checkpoints").glob("step-*")), default="none")


def half_written(run: Path) -> list[str]:
    """Checkpoints that lie under their hidden names."""
    return [p.name for p in (run / "checkpoints").glob(".step-*") if not p.name.endswith(".old")]


def kill(run: Path, in_checkpoint: bool, draw: random.Random) -> dict[str, object]:
    """Go on with the run; kill it a few checkpoints later at a random moment, or in the middle of the next one."""
    process, left, seen = start(run), draw.randint(1, CHECKPOINTS), newest(run)
    while left and process.poll() is None:
        time.sleep(0.001)
        seen, left = newest(run), left - (newest(run) != seen)
    moment = time.monotonic() + draw.uniform(0, SECONDS)
    while process.poll() is None and (time.monotonic() < moment or (in_checkpoint and not half_written(run))):
        time.sleep(0.0002)
    process.kill()
    code = process.wait()
    found = {"after": newest(run), "half_written": half_written(run)}
    return {"aimed_at_checkpoint": in_checkpoint, **found, "signal": -code}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--runs", type=int, default=4)
    options.add_argument("--kills", type=int, default=5)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    draw, runs = random.Random(given.seed), []
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        whole = finish(Path(folder) / "whole")
        seconds = time.monotonic() - began
        for number in range(given.runs):
            run = Path(folder) / f"run{number}"
            kills = [kill(run, k % 2 == 1, draw) for k in range(given.kills)]
            runs.append({"kills": kills, "bitwise": finish(run) == whole})
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    killed = [k for r in runs for k in r["kills"] if k["signal"] == 9]  # type: ignore[attr-defined]
    result = {
        "spec": "digits", "recipe": RECIPE, "torch": torch.__version__, "python": platform.python_version(),
        "machine": f"{platform.machine()}, one thread", "uninterrupted_seconds": round(seconds, 1),
        "kills": len(killed), "kills_with_a_half_written_checkpoint": sum(bool(k["half_written"]) for k in killed),
        "runs": len(runs), "runs_bitwise_equal": sum(bool(r["bitwise"]) for r in runs), "each": runs,
    }  # fmt: skip
    path = Path(__file__).parent / "results" / "kill_and_resume.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({k: v for k, v in result.items() if k != "each"}))
    sys.exit(0 if result["runs_bitwise_equal"] == len(runs) and len(killed) == given.runs * given.kills else 1)


if __name__ == "__main__":
    main()
