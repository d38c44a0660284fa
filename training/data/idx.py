"""MNIST's own files: `train-images-idx3-ubyte` and its three siblings, gzipped or not.

Format (yann.lecun.com/exdb/mnist): two zero bytes, the element type (8 is unsigned byte), the number of
dimensions, each size as a big-endian int32, then the elements, the last dimension fastest.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from torch import Tensor

from graphwright.compiler.places import NOWHERE, fail
from graphwright.training.data.part import Part, Parts

#: No file of this format is larger than this many bytes.
LIMIT = 700 << 20


def read(where: str) -> Parts:
    """Both parts, with classes "0" to "9" (or as many as the labels name)."""
    folder = Path(where)
    if not folder.is_dir():
        raise fail(NOWHERE, f"no folder '{where}'", "mnist:DIR names the folder with train-images-idx3-ubyte(.gz)")
    train, test = _part(folder, "train"), _part(folder, "t10k")
    count = int(torch.cat([train.classes, test.classes]).max()) + 1
    return Parts(tuple(str(k) for k in range(max(count, 10))), train, test)


def _part(folder: Path, stem: str) -> Part:
    images = _array(folder, f"{stem}-images-idx3-ubyte", rank=3)
    labels = _array(folder, f"{stem}-labels-idx1-ubyte", rank=1)
    if len(images) != len(labels):
        raise fail(NOWHERE, f"{folder}: {len(images)} {stem} images, but {len(labels)} labels", "fetch the files again")
    return Part(images[:, None], labels.long())


def _read(file: BinaryIO, rank: int) -> bytearray:
    """What the header announces and a byte more, so that no more is unpacked than is looked at."""
    header = file.read(4 + 4 * rank)
    sizes = struct.unpack(f">{rank}i", header[4:]) if len(header) == 4 + 4 * rank else (0,)
    data = bytearray(header)
    if 0 < prod(sizes) <= LIMIT and min(sizes) > 0:
        data += file.read(prod(sizes) + 1)
    return data


def _array(folder: Path, name: str, rank: int) -> Tensor:
    """The array in `name` or `name.gz`, as uint8."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
    if path is None:
        raise fail(NOWHERE, f"no file '{folder / name}', nor with .gz", "mnist:DIR needs all four idx files")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = _read(cast(BinaryIO, file), rank)
    except (OSError, EOFError, zlib.error) as error:
        raise fail(NOWHERE, f"{path} cannot be read: {error}", "fetch the file again") from None
    header = 4 + 4 * rank
    if len(data) < header or data[:4] != bytes((0, 0, 8, rank)):
        raise fail(NOWHERE, f"{path} is not an idx file of unsigned bytes with {rank} dimensions", "fetch it again")
    sizes = struct.unpack(f">{rank}i", data[4:header])
    if min(sizes) <= 0 or prod(sizes) > LIMIT or len(data) - header != prod(sizes):
        found = f"announces {'x'.join(map(str, sizes))} bytes and holds {len(data) - header}"
        raise fail(NOWHERE, f"{path} {found}", "the file is cut off or altered; fetch it again")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=header).reshape(sizes))
