"""Kills, full disks and altered files: no half file is taken for a whole one, and every altered byte is noticed."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import graphwright as gw
from graphwright.backends.files import replacing
from graphwright.backends.weights import export
from graphwright.cli import app
from graphwright.commands.importing import import_
from graphwright.compiler.ir.text import dump
from graphwright.compiler.places import SpecError
from graphwright.training import checkpoint
from graphwright.training.run import Run
from tests.hostile.foreign import SOUND
from tests.hostile.watch import bounded


# -- altered checkpoints ----------------------------------------------------------------------
@pytest.fixture
def saved(tmp_path: Path) -> Path:
    generator = torch.Generator().manual_seed(0)
    tensors = {"a.weight": torch.randn(16, 16, generator=generator), "a.bias": torch.randn(16, generator=generator)}
    state = {"epoch": 1, "random": [1, 2, 3], "rate": 0.1}
    return checkpoint.save(tmp_path, 7, {"model": tensors, "optimizer": {"m": tensors["a.bias"]}}, state)


def test_every_flip_is_noticed(saved: Path) -> None:
    """A bit of every byte of `state.json` and of the headers, and of a sample of the numbers."""
    rng, flips = random.Random(3), 0
    for path in sorted(saved.iterdir()):
        data = path.read_bytes()
        head = len(data) if path.suffix == ".json" else 8 + struct.unpack("<Q", data[:8])[0]
        for at in [*range(head), *rng.sample(range(head, len(data)), min(50, len(data) - head))]:
            changed = bytearray(data)
            changed[at] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            with pytest.raises(checkpoint.DamagedError):
                checkpoint.read(saved)
            flips += 1
        path.write_bytes(data)
    assert flips > 500
    assert checkpoint.read(saved).step == 7


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "sub/x.safetensors", ".."])
def test_a_checkpoint_reads_its_own_files(saved: Path, name: str) -> None:
    """Its list of files may be forged, digest and all: what lies elsewhere is not read."""
    (saved.parent / "secret.safetensors").write_bytes((saved / "model.safetensors").read_bytes())
    record = json.loads((saved / "state.json").read_bytes())
    record.pop("sha256")
    record["files"][name] = record["files"]["model.safetensors"]
    record["sha256"] = checkpoint._digest(checkpoint._encoded(record))
    (saved / "state.json").write_bytes(checkpoint._encoded(record))
    with pytest.raises(checkpoint.DamagedError, match="is no file of a checkpoint"):
        checkpoint.read(saved)


def test_altered_run_folders(tmp_path: Path) -> None:
    """The resolved spec of a run, with bytes changed, is a graph or an error with the file's name."""
    graph, rng = gw.load("lenet"), random.Random(5)
    data, refused = dump(graph).encode(), 0
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 3))):
            at = rng.randrange(len(changed))
            changed[at : at + rng.choice((0, 1, 30))] = rng.choice((b"", b"{", b"\xff", b"[" * 5000, rng.randbytes(2)))
        (tmp_path / "spec.gw").write_bytes(changed)
        try:
            with bounded():
                Run(tmp_path).graph()
        except SpecError as error:
            refused += 1
            told = error.render()
            assert "spec.gw is damaged" in told
    assert refused > 100


# -- kills ------------------------------------------------------------------------------------
def _export(suffix: str) -> Callable[[Path], Any]:
    return lambda folder: gw.export(gw.load("lenet"), folder / f"m{suffix}")


def _import(folder: Path) -> None:
    source = folder / "source.json"
    if not source.exists():
        source.write_bytes(SOUND[".json"]())
    import_(str(source), output=folder / "m.yaml", force=True)


def _analyze(folder: Path) -> None:
    picture = folder.parent / "picture.png"
    if not picture.exists():
        Image.fromarray(np.arange(784, dtype=np.uint8).reshape(28, 28)).save(picture)
    words = [
        "analyze",
        "eigen-cam",
        "lenet",
        "--images",
        str(picture),
        "--mean",
        "0.5",
        "--std",
        "0.5",
        "-o",
        str(folder),
    ]
    app("analyze")(words, standalone_mode=False)


STAGES: dict[str, Callable[[Path], Any]] = {
    "export.safetensors": _export(".safetensors"),
    "export.py": _export(".py"),
    "draw": lambda folder: gw.draw(gw.load("lenet"), folder / "m.svg"),
    "explore": lambda folder: gw.explore(gw.load("lenet"), folder / "m.html"),
    "import": _import,
    "analyze": _analyze,
}


def _killed_at(event: int, action: Callable[[Path], Any], folder: Path) -> bool:
    """Run the action in a process that is killed at the n-th time it opens a file to write, or renames one."""
    child = os.fork()
    if child == 0:
        count = 0

        def hook(name: str, args: tuple[Any, ...]) -> None:
            nonlocal count
            writes = name == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
            if (writes and str(folder) in str(args[0])) or (name == "os.rename" and str(folder) in str(args[0])):
                count += 1
                if count == event:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.addaudithook(hook)
            action(folder)
            code = 0
        finally:
            os._exit(code)
    until, done, status = time.monotonic() + 60, 0, 0
    while not done:
        done, status = os.waitpid(child, os.WNOHANG)
        if not done and time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise AssertionError("the process hangs")
        time.sleep(0.005)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("stage", sorted(STAGES))
def test_killed_while_writing(stage: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """At each moment, every file is what it was before, or whole."""
    action, whole = STAGES[stage], tmp_path / "whole"
    whole.mkdir()
    action(whole)
    wanted = {p.name: p.read_bytes() for p in whole.iterdir()}
    folder = tmp_path / "killed"
    folder.mkdir()
    names = wanted.keys() - {"source.json"}
    for event in range(1, 30):
        for name in names:
            (folder / name).write_bytes(b"before")
        if not _killed_at(event, action, folder):
            break
        for name in names:
            found = (folder / name).read_bytes()
            assert found in (b"before", wanted[name].replace(str(whole).encode(), str(folder).encode())), (event, name)
    assert event > 2
    assert {name: (folder / name).read_bytes() != b"before" for name in names} == dict.fromkeys(names, True)


# -- disks ------------------------------------------------------------------------------------
def test_a_full_disk(tmp_path: Path) -> None:
    """A file that can't be written whole is not there, and the one before it still is."""
    path, module = tmp_path / "m.safetensors", gw.build(gw.load("lenet"))
    path.write_bytes(b"before")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, old[1]))
    try:
        with pytest.raises(SpecError, match=r"m\.safetensors"):
            export(gw.load("lenet"), module, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize("where", ["/proc/no/m.svg", "/dev/null/m.svg", "a\0b.svg", "x" * 300 + ".svg"])
def test_places_that_cannot_be_written(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match="cannot write"), replacing(where):
        pass
    assert not list(tmp_path.iterdir())
