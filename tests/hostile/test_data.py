"""Pictures and archives that hurt: bombs, lies about sizes, names that lead out, cut-off files."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graphwright.analyses.pictures import Preparation
from graphwright.analyses.pictures import read as read_pictures
from graphwright.compiler.places import SpecError
from graphwright.training.data import folder, idx
from graphwright.training.data.pictures import decode
from tests.hostile.watch import bounded, watched


def png(width: int, height: int, data: bytes = b"", text: bytes = b"") -> bytes:
    """A PNG that says it has this size; its chunks have right checksums."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *([chunk(b"zTXt", text)] if text else []), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def picture(kind: str, size: tuple[int, int] = (20, 20), **more: Any) -> bytes:
    """A sound picture."""
    buffer = io.BytesIO()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(buffer, kind, **more)
    return buffer.getvalue()


BAD = {
    "nothing.png": b"",
    "text.png": b"hello",
    "cut.png": picture("PNG")[:300],
    "cut.jpg": picture("JPEG")[:300],
    "cut.webp": picture("WEBP")[:100],
    "cut.tif": picture("TIFF")[:60],
    "bomb.png": png(60_000, 60_000, zlib.compress(b"\0" * 10_000_000)),
    "almost-a-bomb.png": png(11_000, 11_000, zlib.compress(b"\0" * 1000)),
    "wide.png": png(2_000_000_000, 1, b""),
    "no-size.png": png(0, 0, b""),
    "no-pixels.png": png(30, 30, b""),
    "not-zlib.png": png(30, 30, b"\x55" * 90),
    "text-bomb.png": png(30, 30, b"", b"a\0\0" + zlib.compress(b"\0" * 200_000_000, 9)),
    "wrong-offsets.tif": b"II*\0\xff\xff\xff\x7f",
    "script.svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(graphwright-was-here) (w) file\n",
}


@pytest.mark.parametrize("name", sorted(BAD))
@pytest.mark.filterwarnings("error")
def test_pictures_of_analyses(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(BAD[name])
    with watched(tmp_path) as seen, bounded(), pytest.raises(SpecError, match=name.replace(".", r"\.")):
        read_pictures([path], Preparation(8))
    assert not seen


@pytest.mark.parametrize("name", sorted(BAD))
def test_pictures_of_training(name: str) -> None:
    with watched() as seen, bounded(), pytest.raises((ValueError, OSError, SyntaxError, Image.DecompressionBombError)):
        decode(BAD[name], (3, 8, 8))
    assert not seen


def test_a_large_picture_in_bounds(tmp_path: Path) -> None:
    """A sound one of 25 million pixels is read in the time and memory that a hostile one may take."""
    path = tmp_path / "large.png"
    path.write_bytes(png(5000, 5000, zlib.compress(b"\0" * (5000 * 3 + 1) * 5000, 1)))
    with bounded():
        pixels, _ = read_pictures([path], Preparation(8))
        assert decode(path.read_bytes(), (3, 8, 8)).shape == (3, 8, 8)
    assert pixels.shape == (1, 8, 8, 3)


def test_a_long_thin_picture(tmp_path: Path) -> None:
    """Its shorter side is enlarged to the input's size, which would make the longer one enormous."""
    path = tmp_path / "thin.png"
    path.write_bytes(png(60_000, 1, zlib.compress(b"\0" * (60_000 * 3 + 1))))
    with bounded(), pytest.raises(SpecError, match=r"thin\.png.*more than 100,000,000"):
        read_pictures([path], Preparation(224))


def archive(path: Path, files: dict[str, bytes]) -> Path:
    """A zip with these names, whatever they are."""
    with zipfile.ZipFile(path, "w") as made:
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def test_names_that_lead_out_of_an_archive(tmp_path: Path) -> None:
    """Nothing is extracted, so that such a name is a name and no more."""
    inside, outside = tmp_path / "home", tmp_path / "x.png"
    inside.mkdir()
    names = ("../x.png", "../../a/x.png", "/etc/x/x.png", "a/../../b/x.png", "C:\\x\\x.png", "a/x.png", "b/x.png")
    path = archive(inside / "z.zip", dict.fromkeys(names, picture("PNG")))
    with watched(inside) as seen, bounded():
        parts = folder.read(str(path))
        for name in parts.train.items.names:
            parts.train.items.read(name)
    assert not seen
    assert not outside.exists()


def test_an_archive_that_is_a_bomb(tmp_path: Path) -> None:
    path = archive(tmp_path / "z.zip", {"a/x.png": b"\0" * (257 << 20), "b/x.png": picture("PNG")})
    assert path.stat().st_size < 1 << 20
    with bounded():
        parts = folder.read(str(path))
        with pytest.raises(OSError, match="larger than"):
            parts.train.items.read("a/x.png")


def test_an_archive_that_lies_about_its_sizes(tmp_path: Path) -> None:
    """The size in the directory is small, the stream is not: what is read ends at what was announced, or fails."""
    path = archive(tmp_path / "z.zip", {"a/x.png": b"\0" * (150 << 20), "b/x.png": picture("PNG")})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(data)
    with bounded(memory=100 << 20):
        parts = folder.read(str(path))
        with pytest.raises((OSError, zipfile.BadZipFile)):
            parts.train.items.read("a/x.png")


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_an_archive_cut_off(tmp_path: Path, cut: int) -> None:
    path = archive(tmp_path / "z.zip", {"a/x.png": picture("PNG"), "b/x.png": picture("PNG")})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(SpecError, match=r"z\.zip"):
        folder.read(str(path))


def test_links_that_lead_out_of_a_data_folder(tmp_path: Path) -> None:
    """A folder of data is the user's own: links in it are followed as any program would; circles of them are no end."""
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "x.png").write_bytes(picture("PNG"))
        (tmp_path / label / "round").symlink_to(tmp_path)
    with bounded():
        assert len(folder.read(str(tmp_path)).train.classes) == 2


@pytest.mark.parametrize("announced", [(3, 28, 28), (1 << 20, 28, 28), (-1, 28, 28), (2**31 - 1,) * 3])
def test_a_gzip_bomb(tmp_path: Path, announced: tuple[int, ...]) -> None:
    """No more is unpacked than the header announces, and no more may be announced than memory should hold."""
    rest = gzip.compress(b"\0" * (64 << 20), 1) * 20  # members of a gzip file follow one another
    for stem in ("train", "t10k"):
        head = gzip.compress(struct.pack(">4B3i", 0, 0, 8, 3, *announced))
        (tmp_path / f"{stem}-images-idx3-ubyte.gz").write_bytes(head + rest)
        (tmp_path / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">4Bi", 0, 0, 8, 1, 3)))
    with bounded(), pytest.raises(SpecError, match=r"train-images-idx3-ubyte\.gz"):
        idx.read(str(tmp_path))
