"""Models of other tools, changed by seed: imported or refused, in bounded time and memory, with nothing run."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.foreign import SOUND, changed, imported, keras_archive

#: How many mutants of each kind are tried here.
MUTANTS = {".onnx": 40, ".pt2": 8, ".json": 30, ".yaml": 30}


@pytest.fixture(scope="module")
def sound() -> dict[str, bytes]:
    for module in ("onnx", "onnxruntime"):
        pytest.importorskip(module)
    return {suffix: make() for suffix, make in SOUND.items()}


@pytest.mark.parametrize("suffix", sorted(SOUND))
@pytest.mark.filterwarnings("ignore")
def test_mutants(sound: dict[str, bytes], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(sound[suffix])
    assert imported(path, tmp_path, 60) == "accepted"
    outcomes = {"accepted": 0, "refused": 0}
    for seed in range(MUTANTS[suffix]):
        path.write_bytes(changed(sound[suffix], suffix, random.Random(seed)))
        try:
            outcomes[imported(path, tmp_path)] += 1
        except BaseException as error:
            raise AssertionError(f"{suffix}, seed {seed}") from error
    assert outcomes["refused"]


def test_keras_archives(tmp_path: Path) -> None:
    """An archive is no larger than it says, and its parts are no larger than such parts are."""
    config = SOUND[".json"]()
    bombs = {
        "bomb": keras_archive(b" " * (80 << 20)),
        "deep": keras_archive(b'{"config":' * 100_000),
        "no-config": _zip({"metadata.json": b"{}"}),
        "no-weights": _zip({"config.json": config}),
        "nothing": b"PK\x05\x06" + bytes(18),
        "names-that-lead-out": _zip({"../config.json": config, "/etc/config.json": config}),
        "lies": _lying(keras_archive(b" " * (60 << 20)), 100),
        "not-h5": keras_archive(config, b"not h5" * 100),
    }
    for data in bombs.values():
        path = tmp_path / "m.keras"
        path.write_bytes(data)
        assert imported(path, tmp_path) == "refused"


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _lying(data: bytes, size: int) -> bytes:
    """The archive with another size of `config.json` in its directory."""
    made = bytearray(data)
    at = made.rindex(b"PK\x01\x02", 0, made.rindex(b"config.json"))
    made[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(made)


@pytest.mark.parametrize("kind", ["external-link", "soft-link", "external-data", "virtual"])
def test_weights_of_an_archive_lie_in_it(kind: str, tmp_path: Path) -> None:
    """HDF5 can lead into other files: none is read."""
    h5py: Any = pytest.importorskip("h5py")
    np: Any = pytest.importorskip("numpy")
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as store:
        store["x"] = np.ones((3, 3, 3, 4), np.float32)
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as store:
        group = store.create_group("layers/conv2d/vars")
        if kind == "external-link":
            group["0"] = h5py.ExternalLink(str(secret), "/x")
        elif kind == "soft-link":
            group["0"] = h5py.SoftLink("/elsewhere")
        elif kind == "external-data":
            group.create_dataset("0", (3, 3, 3, 4), np.float32, external=[(str(secret), 0, 432)])
        else:
            layout = h5py.VirtualLayout((3, 3, 3, 4), np.float32)
            layout[...] = h5py.VirtualSource(str(secret), "x", (3, 3, 3, 4))
            group.create_virtual_dataset("0", layout)
        group["1"] = np.zeros(4, np.float32)
    layers = [
        {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 8, 8, 3], "dtype": "float32"}},
        {"class_name": "Conv2D", "config": {"name": "c", "filters": 4, "kernel_size": [3, 3]}},
    ]
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    (tmp_path / "m.keras").write_bytes(keras_archive(json.dumps(model), path.read_bytes()))
    assert imported(tmp_path / "m.keras", tmp_path) == "refused"
