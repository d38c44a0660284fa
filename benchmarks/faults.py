"""Every single-byte flip of a checkpoint, and a kill at every file that a command opens or renames.

    python -m benchmarks.faults

A checkpoint of a narrow `digits` after an epoch, all its files, one bit of every byte: each must be noticed. Then each
stage of `tests/hostile/test_faults.py` is killed at each moment at which it touches a file: each file is then as it
was, or whole. Counts go to `results/trust.json`, under `faults`; what training does when it is killed is in
`kill_and_resume.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import tempfile
from pathlib import Path

import graphwright as gw
from benchmarks.imagenet import RESULTS
from graphwright.training import checkpoint
from graphwright.training.train import train
from tests.hostile.test_faults import STAGES, _killed_at

FILE = RESULTS / "trust.json"


def flips(folder: Path) -> dict[str, int]:
    """How many flips there were, and how many were not noticed, by file."""
    rng, found = random.Random(0), {}
    train(gw.load("digits", {"width": 2}), "digits", folder / "run", {"epochs": 1})
    saved = checkpoint.steps(folder / "run" / "checkpoints")[-1]
    for path in sorted(saved.iterdir()):
        data = path.read_bytes()
        passed = 0
        for at in range(len(data)):
            changed = bytearray(data)
            changed[at] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            with contextlib.suppress(checkpoint.DamagedError):
                checkpoint.read(saved)
                passed += 1
        path.write_bytes(data)
        found |= {path.name: len(data), f"{path.name}, not noticed": passed}
    return found


def kills(stage: str, folder: Path) -> dict[str, int]:
    """How many kills a stage got, and after how many a file was neither as before nor whole."""
    whole, killed = folder / "whole", folder / "killed"
    whole.mkdir()
    killed.mkdir()
    STAGES[stage](whole)
    wanted = {p.name: p.read_bytes() for p in whole.iterdir() if p.name != "source.json"}
    count = halves = 0
    while True:
        for name in wanted:
            (killed / name).write_bytes(b"before")
        if not _killed_at(count + 1, STAGES[stage], killed):
            return {"kills": count, "half files": halves}
        count += 1
        allowed = {n: (b"before", data.replace(os.fsencode(whole), os.fsencode(killed))) for n, data in wanted.items()}
        halves += any((killed / name).read_bytes() not in either for name, either in allowed.items())


def main() -> None:
    found = json.loads(FILE.read_text())
    with tempfile.TemporaryDirectory() as folder:
        row = {"flips": flips(Path(folder))}
    row["kills"] = {}
    for stage in STAGES:
        with tempfile.TemporaryDirectory() as folder:
            row["kills"][stage] = kills(stage, Path(folder))
            print(stage, row["kills"][stage], flush=True)
    found["faults"] = row
    print(json.dumps(row["flips"]))
    FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
