"""Checkpoints: a folder of safetensors and one JSON file, there whole or not at all.

It is written under a hidden name, every file is flushed to the disk, and then the folder is renamed. `state.json`
holds the SHA-256 of each file and of itself, so that a truncated or altered checkpoint is recognised and passed over.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from graphwright.compiler.places import NOWHERE, fail

STATE = "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and verified: named groups of tensors, and plain data."""

    path: Path
    tensors: Mapping[str, dict[str, Tensor]]
    state: Mapping[str, Any]

    @property
    def step(self) -> int:
        return int(self.state["step"])


class DamagedError(Exception):
    """Why a checkpoint can't be used."""


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return folder / f"step-{step:09d}"


def save(folder: Path, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> Path:
    """Write a checkpoint; when this returns it is on the disk. A full disk leaves those before it untouched."""
    folder.mkdir(parents=True, exist_ok=True)
    final = path_of(folder, step)
    part = folder / f".{final.name}.{os.getpid()}"
    try:
        _write_parts(part, tensors, {**state, "step": step})
        if final.exists():  # a resumed run comes by here again, after a checkpoint that was refused
            shutil.rmtree(final)
        part.rename(final)
        _flush_folder(folder)
    except OSError as error:
        raise _unwritable(folder, step, error) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return final


def _write_parts(part: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    digests = {}
    for name, group in tensors.items():
        data = pack(group)
        digests[f"{name}.safetensors"] = _digest(data)
        _write(part / f"{name}.safetensors", data)
    record = {**state, "files": digests}
    _write(part / STATE, _encoded({**record, "sha256": _digest(_encoded(record))}))
    _flush_folder(part)


def pack(group: Mapping[str, Tensor]) -> bytes:
    """Tensors in the safetensors format. Tied ones are stored once per name."""
    return safetensors.torch.save({name: t.detach().cpu().clone().contiguous() for name, t in group.items()})


def read(path: Path) -> Checkpoint:
    """A checkpoint, verified byte for byte; raises `DamagedError`."""
    try:
        record = json.loads((path / STATE).read_bytes())
        own = record.pop("sha256")
        if own != _digest(_encoded(record)):
            raise DamagedError(f"{STATE} was altered")
        tensors = {}
        for name, digest in record["files"].items():
            if Path(name).name != name or name == "..":
                raise DamagedError(f"'{name}' is no file of a checkpoint")
            data = (path / name).read_bytes()
            if _digest(data) != digest:
                raise DamagedError(f"{name} is cut off or altered")
            tensors[Path(name).stem] = safetensors.torch.load(data)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError, SafetensorError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from None
    return Checkpoint(path, tensors, record)


def newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest sound checkpoint, and what is wrong with those after it."""
    refused: list[str] = []
    for path in reversed(steps(folder)):
        try:
            return read(path), refused
        except DamagedError as error:
            refused.append(f"{path} is refused: {error}")
    return None, refused


def steps(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(p for p in folder.glob("step-*") if p.is_dir())


def prune(folder: Path, keep: int, also: Iterable[Path]) -> None:
    """Remove all but the newest `keep` checkpoints and those in `also`, and whatever was left half written."""
    kept = {*steps(folder)[-keep:], *also}
    for path in steps(folder):
        if path not in kept:
            hidden = path.with_name(f".{path.name}.old")
            path.rename(hidden)  # half a checkpoint must never stand under a good name
            shutil.rmtree(hidden, ignore_errors=True)
    for path in folder.glob(".step-*"):
        shutil.rmtree(path, ignore_errors=True)


# -- files ------------------------------------------------------------------------------------
def write_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(part, data)
        part.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise fail(NOWHERE, f"{path} cannot be written: {error.strerror or error}", _advice(error)) from None
    finally:
        part.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    if os.name == "posix":
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _encoded(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, indent=1, sort_keys=True).encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _advice(error: OSError) -> str:
    return "make room on the disk" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check the folder and its rights"


def _unwritable(folder: Path, step: int, error: OSError) -> Exception:
    good = steps(folder)
    last = f"the last good checkpoint is {good[-1]}" if good else "there is no earlier checkpoint"
    message = f"the checkpoint of step {step} cannot be written: {error.strerror or error}; {last}"
    return fail(NOWHERE, message, f"{_advice(error)}, then go on with --resume")
