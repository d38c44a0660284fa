"""CIFAR-10 in its Python form, read without executing pickles; or as class folders.

The published archive holds six pickled dictionaries with `data`, uint8 [10000, 3072], and `labels`. `read_pickle`
resolves only the four names that a plain numpy array needs, and they are bound to functions of this file;
any other name in the pickle is refused before it is looked up.
"""

from __future__ import annotations

import codecs
import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data import folder
from graphwright.training.data.part import Part, Parts

TRAIN = tuple(f"data_batch_{k}" for k in range(1, 6))
TEST = "test_batch"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PIXELS = 3 * 32 * 32
#: A batch takes 31 MB; nothing larger than this is read.
LIMIT = 64 << 20


def read(where: str) -> Parts:
    """Both parts, from a folder or a .tar.gz of the pickles, or from class folders (also in a .zip)."""
    path = Path(where)
    if path.is_file() and path.name.endswith((".tar.gz", ".tgz", ".tar")):
        return _parts(_tar_members(path), where)
    found = next((p for p in (path, path / "cifar-10-batches-py") if (p / TEST).is_file()), None)
    if found is not None:
        return _parts({n: _file_reader(found / n) for n in (*TRAIN, TEST) if (found / n).is_file()}, where)
    return folder.read(where)


def _parts(batches: dict[str, Callable[[], bytes]], where: str) -> Parts:
    missing = [n for n in (*TRAIN, TEST) if n not in batches]
    if missing:
        raise fail(NOWHERE, f"{where} has no {', '.join(missing)}", "cifar10:PATH needs all six batches")
    parts = {name: _part(name, read_pickle(f"{where}: {name}", batches[name]())) for name in (*TRAIN, TEST)}
    train = [parts[name] for name in TRAIN]
    pictures, labels = torch.cat([p.items for p in train]), torch.cat([p.labels for p in train])  # type: ignore[misc]
    return Parts(CLASSES, Part(pictures, labels), parts[TEST])


def _part(name: str, batch: Any) -> Part:
    data = _get(batch, "data")
    labels = _get(batch, "labels")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != PIXELS:
        raise fail(NOWHERE, f"{name} holds no uint8 array of {PIXELS} columns under 'data'", "is it CIFAR-10's?")
    if not isinstance(labels, list) or len(labels) != len(data) or not all(label in range(10) for label in labels):
        raise fail(NOWHERE, f"{name} holds no class from 0 to 9 for each picture under 'labels'", "is it CIFAR-10's?")
    return Part(torch.from_numpy(data.reshape(-1, 3, 32, 32).copy()), torch.tensor(labels))


def _get(batch: Any, key: str) -> Any:
    """The entry of a dictionary written by Python 2 (bytes keys) or 3."""
    return batch.get(key, batch.get(key.encode())) if isinstance(batch, dict) else None


def _file_reader(path: Path) -> Callable[[], bytes]:
    def read_file() -> bytes:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)

    return read_file


def _tar_members(path: Path) -> dict[str, Callable[[], bytes]]:
    """The batches in an archive, read in place: nothing is extracted to disk."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                file = archive.extractfile(member) if member.isreg() and name in (*TRAIN, TEST) else None
                if file is not None:
                    found[name] = file.read(LIMIT + 1)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise fail(NOWHERE, f"{path} cannot be read: {error}", "fetch the archive again") from None
    return {name: lambda data=data: data for name, data in found.items()}  # type: ignore[misc]


# -- pickles, without execution ---------------------------------------------------------------
def read_pickle(name: str, data: bytes) -> Any:
    """The plain data in a pickle; refuses one that names anything beyond numpy arrays of plain numbers."""
    if len(data) > LIMIT:
        raise fail(NOWHERE, f"{name} is larger than {LIMIT >> 20} MiB", "is it CIFAR-10's?")
    try:
        return _finish(_PlainUnpickler(io.BytesIO(data), encoding="bytes").load())
    except _RefusedError as error:
        raise fail(NOWHERE, f"{name} wants to call {error}: refused, nothing was executed", "fetch it again") from None
    except Exception as error:  # a pickle can be broken in any way
        raise fail(NOWHERE, f"{name} cannot be read: {type(error).__name__}: {error}", "fetch it again") from None


class _RefusedError(pickle.UnpicklingError):
    pass


class _Array:
    """Stands in for `numpy.ndarray` while a pickle is read: it keeps the state and makes the array afterwards."""

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, fortran, data = state
        raw = data.encode("latin1") if isinstance(data, str) else bytes(data)
        self.array = np.frombuffer(raw, dtype.resolved()).reshape(shape, order="F" if fortran else "C")


class _Dtype:
    """Stands in for `numpy.dtype`: numbers only, never objects."""

    def __init__(self, code: Any, *_flags: Any) -> None:
        self.code = code.decode() if isinstance(code, bytes) else str(code)
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        self.order = order.decode() if isinstance(order, bytes) else str(order)

    def resolved(self) -> np.dtype[Any]:
        dtype = np.dtype(self.code).newbyteorder(self.order if self.order in "<>" else "=")  # type: ignore[arg-type]
        if dtype.kind not in "biuf":
            raise _RefusedError(f"dtype {self.code}")
        return dtype


def _reconstruct(*_arguments: Any) -> _Array:
    return _Array()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1", b"latin1"):
        raise _RefusedError(f"codec {encoding}")
    return codecs.latin_1_encode(text)[0]


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _RefusedError(f"{module}.{name}")
        return _ALLOWED[module, name]


def _finish(value: Any) -> Any:
    """The same data with real arrays in place of their stand-ins."""
    if isinstance(value, _Array):
        return value.array
    if isinstance(value, dict):
        return {k: _finish(v) for k, v in value.items()}
    return value
