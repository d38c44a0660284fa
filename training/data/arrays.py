"""`npz:FILE`: arrays `x_train`, `y_train` and, if there is a test part, `x_test`, `y_test`.

`x` is [n, H, W], [n, H, W, C] or [n, C, H, W] for pictures, or [n, ...] as the model wants it; uint8 counts as
0 to 255, floats are taken as they are. `y` holds class numbers. Nothing pickled is read.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.part import Part, Parts

#: Pictures are told from other arrays by their last or first size.
CHANNELS = (1, 3, 4)


def read(where: str) -> Parts:
    """The parts of the file; classes are numbers, or the strings of an array `classes`."""
    path = Path(where)
    if not path.is_file():
        raise fail(NOWHERE, f"no file '{where}'", "npz:FILE names a file written by numpy.savez")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise fail(NOWHERE, f"{where} cannot be read: {error}", "write it with numpy.savez, without objects") from None
    train = _part(arrays, "train", where)
    test = _part(arrays, "test", where) if "x_test" in arrays else None
    labels = torch.cat([p.classes for p in (train, test) if p is not None])
    if int(labels.min()) < 0:
        raise fail(NOWHERE, f"{where}: class {int(labels.min())} is negative", "classes count from 0")
    count = int(labels.max()) + 1
    names = [str(c) for c in arrays["classes"].tolist()] if "classes" in arrays else [str(k) for k in range(count)]
    if len(names) < count:
        raise fail(NOWHERE, f"{where}: class {count - 1} has no name, `classes` has {len(names)}", "name every class")
    return Parts(tuple(names), train, test)


def _part(arrays: dict[str, Any], part: str, where: str) -> Part:
    for name in (f"x_{part}", f"y_{part}"):
        if name not in arrays:
            raise fail(NOWHERE, f"{where} has no array '{name}'", "it has " + (", ".join(sorted(arrays)) or "none"))
    x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
    if x.dtype.kind not in "uif" or y.dtype.kind not in "ui" or y.ndim != 1 or len(x) != len(y) or not len(y):
        found = f"x_{part} is {x.dtype}{list(x.shape)}, y_{part} is {y.dtype}{list(y.shape)}"
        raise fail(NOWHERE, f"{where}: {found}", "x holds n samples of numbers, y their n class numbers, with n > 0")
    if x.dtype.kind == "f":
        x = x.astype(np.float32)
    elif x.dtype != np.uint8:
        x = x.astype(np.int64)
    return Part(torch.from_numpy(_channels_first(x)), torch.from_numpy(y.astype(np.int64)))


def _channels_first(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pictures as [n, C, H, W]; other arrays as they are."""
    if x.ndim == 4 and x.shape[1] not in CHANNELS and x.shape[3] in CHANNELS:
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return x
