"""Every source with small files made here, and what each says to damaged ones."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from graphwright.compiler.places import SpecError
from graphwright.training.data.cifar import read_pickle
from graphwright.training.data.part import Files, Part
from graphwright.training.data.source import open_data
from graphwright.training.data.split import Want, adapt, measure

GREY = Want((1, 8, 8), torch.float32)
COLOUR = Want((3, 8, 8), torch.float32)


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def picture(value: int, size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def write_tree(root: Path, names: dict[str, bytes]) -> None:
    for name, data in names.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


# -- digits -----------------------------------------------------------------------------------
def test_digits_are_split_class_by_class_and_always_the_same():
    parts, again = open_data("digits", 0.2), open_data("digits", 0.2)
    assert parts.classes == tuple("0123456789")
    assert len(parts.train) + len(parts.test) == 1797
    assert torch.equal(parts.test.items, again.test.items)
    shares = parts.test.labels.bincount() / (parts.train.labels.bincount() + parts.test.labels.bincount())
    assert ((shares - 0.2).abs() < 0.01).all()
    assert adapt(parts.train, GREY, 1, silent).read(torch.tensor([0])).dtype == torch.uint8


# -- mnist ------------------------------------------------------------------------------------
def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


def write_mnist(folder: Path, packed: bool) -> None:
    random = np.random.default_rng(0)
    for stem, count in (("train", 12), ("t10k", 5)):
        for name, array in (
            (f"{stem}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28), dtype=np.uint8)),
            (f"{stem}-labels-idx1-ubyte", random.integers(0, 10, count, dtype=np.uint8)),
        ):
            data = idx(array)
            path = folder / (name + ".gz" if packed else name)
            path.write_bytes(gzip.compress(data) if packed else data)


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_files(tmp_path, packed):
    write_mnist(tmp_path, packed)
    parts = open_data(f"mnist:{tmp_path}", 0.2)
    assert (len(parts.train), len(parts.test), len(parts.classes)) == (12, 5, 10)
    expected = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
    assert torch.equal(parts.train.items[:, 0], torch.from_numpy(expected))


def test_damaged_mnist_is_refused(tmp_path):
    write_mnist(tmp_path, packed=False)
    images = tmp_path / "train-images-idx3-ubyte"
    whole = images.read_bytes()
    for damaged, message in (
        (whole[:-1], "announces 12x28x28 bytes and holds 9407"),
        (b"\x00\x00\x0d\x03" + whole[4:], "not an idx file of unsigned bytes"),
        (idx(np.zeros((11, 28, 28), np.uint8)), "11 train images, but 12 labels"),
        (b"\x80\x04N.", "not an idx file"),
    ):
        images.write_bytes(damaged)
        with pytest.raises(SpecError, match=message):
            open_data(f"mnist:{tmp_path}", 0.2)
    images.unlink()
    with pytest.raises(SpecError, match="nor with"):
        open_data(f"mnist:{tmp_path}", 0.2)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(whole)[:-20])
    with pytest.raises(SpecError, match="cannot be read"):
        open_data(f"mnist:{tmp_path}", 0.2)


# -- cifar10 ----------------------------------------------------------------------------------
def cifar_batches() -> dict[str, dict[str | bytes, object]]:
    random = np.random.default_rng(1)
    names = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    return {
        n: {"data": random.integers(0, 256, (4, 3072), dtype=np.uint8), "labels": [0, 3, 9, 1], "batch_label": n}
        for n in names
    }


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("packed", [True, False])
def test_cifar_pickles(tmp_path, protocol, packed):
    batches = cifar_batches()
    root = tmp_path / "cifar-10-batches-py"
    write_tree(root, {name: pickle.dumps(batch, protocol) for name, batch in batches.items()})
    where = tmp_path
    if packed:
        where = tmp_path / "cifar.tar.gz"
        with tarfile.open(where, "w:gz") as archive:
            archive.add(root, "cifar-10-batches-py")
    parts = open_data(f"cifar10:{where}", 0.2)
    assert (len(parts.train), len(parts.test)) == (20, 4)
    assert parts.test.labels.tolist() == [0, 3, 9, 1]
    assert torch.equal(parts.test.items.flatten(1), torch.from_numpy(batches["test_batch"]["data"]))


def test_pickles_of_python_2():
    """Python 2 writes text keys as bytes, and the array's data as a byte string."""
    code = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b"
        b"\x87Rq\x05(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x02\x07\xfftbu."
    )
    assert read_pickle("old", code)[b"data"].tolist() == [[7, 255]]


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [exec, eval, __import__("os").system, open, getattr, np.load])
def test_malicious_pickles_are_refused_unexecuted(tmp_path, function):
    mark = tmp_path / "executed"
    argument = f"touch {mark}" if function.__name__ == "system" else f"open({str(mark)!r}, 'w').close()"
    data = pickle.dumps({"data": Evil(function, argument), "labels": [0]})
    with pytest.raises(SpecError, match="refused, nothing was executed"):
        read_pickle("batch", data)
    assert not mark.exists()


def test_object_arrays_and_broken_pickles_are_refused():
    objects = np.array([{"a": 1}, None], dtype=object)
    for data in (pickle.dumps({"data": objects}), b"", b"\x80\x04", pickle.dumps({"data": 1})[:-4]):
        with pytest.raises(SpecError, match=r"cannot be read|refused"):
            read_pickle("batch", data)


# -- folders ----------------------------------------------------------------------------------
def folder_names(prefix: str = "") -> dict[str, bytes]:
    return {
        f"{prefix}{part}/{label}/{k}.png": picture(50 * row + k)
        for part, count in (("train", 4), ("test", 2))
        for row, label in enumerate(("ant", "bee"))
        for k in range(count)
    }


@pytest.mark.parametrize("prefix", ["", "outer/"])
@pytest.mark.parametrize("packed", [True, False])
def test_class_folders(tmp_path, prefix, packed):
    names = {**folder_names(prefix), f"{prefix}README.md": b"", f"{prefix}train/ant/.hidden.png": b"x"}
    where = tmp_path / "data.zip" if packed else tmp_path
    if packed:
        with zipfile.ZipFile(where, "w") as archive:
            for name, data in names.items():
                archive.writestr(name, data)
    else:
        write_tree(tmp_path, names)
    parts = open_data(f"folder:{where}", 0.2)
    assert parts.classes == ("ant", "bee")
    assert (len(parts.train), len(parts.test)) == (8, 4)
    split = adapt(parts.train, COLOUR, 2, silent)
    reds = split.read(torch.arange(8))[:, 0, 0, 0]
    assert reds.tolist() == [0, 1, 2, 3, 50, 51, 52, 53]
    assert split.labels.tolist() == [0] * 4 + [1] * 4


def test_class_folders_without_parts_are_split(tmp_path):
    write_tree(tmp_path, {f"{c}/{k}.png": picture(k) for c in ("ant", "bee", "cat") for k in range(10)})
    parts = open_data(f"folder:{tmp_path}", 0.3)
    assert (len(parts.train), len(parts.test)) == (21, 9)
    assert not set(parts.train.items.names) & set(parts.test.items.names)


def test_unreadable_pictures_are_all_named(tmp_path, monkeypatch):
    names = folder_names()
    names["train/bee/2.png"] = names["train/bee/2.png"][:40]
    names["train/ant/1.png"] = b"no picture"
    write_tree(tmp_path, names)
    parts = open_data(f"folder:{tmp_path}", 0.2)
    with pytest.raises(SpecError) as caught:
        adapt(parts.train, COLOUR, 2, silent)
    said = [p.message for p in caught.value.problems]
    assert [m.split()[0] for m in said] == ["train/ant/1.png", "train/bee/2.png"]
    monkeypatch.setattr("graphwright.training.data.split.IN_MEMORY", 0)
    with pytest.raises(SpecError, match=r"train/ant/1\.png cannot be read as a picture"):
        adapt(parts.train, COLOUR, 2, silent).read(torch.tensor([0, 1]))


def test_pictures_decoded_when_needed_equal_those_kept(tmp_path, monkeypatch):
    write_tree(tmp_path, folder_names())
    part = open_data(f"folder:{tmp_path}", 0.2).train
    kept = adapt(part, COLOUR, 2, silent)
    monkeypatch.setattr("graphwright.training.data.split.IN_MEMORY", 0)
    lazy = adapt(part, COLOUR, 2, silent)
    rows = torch.tensor([5, 0, 7])
    assert lazy.decodes
    assert not kept.decodes
    assert torch.equal(kept.read(rows), lazy.read(rows))
    assert measure(kept, COLOUR).mean == pytest.approx(measure(lazy, COLOUR).mean)


def test_pictures_take_the_size_and_channels_that_the_model_wants():
    part = Part(Files(("a",), lambda name: picture(200, (20, 10))), torch.tensor([0]))
    colour = adapt(part, Want((3, 5, 6), torch.float32), 1, silent).read(torch.tensor([0]))
    grey = adapt(part, Want((1, 5, 6), torch.float32), 1, silent).read(torch.tensor([0]))
    assert colour.shape == (1, 3, 5, 6)
    assert colour[0, :, 2, 3].tolist() == [200, 0, 0]
    assert grey[0, 0, 2, 3] == round(200 * 0.299)
    tensor = Part(torch.full((1, 1, 10, 20), 9, dtype=torch.uint8), torch.tensor([0]))
    assert torch.equal(adapt(tensor, COLOUR, 1, silent).read(torch.tensor([0])), torch.full((1, 3, 8, 8), 9).byte())
    with pytest.raises(SpecError, match="1, 3 or 4 channels"):
        adapt(part, Want((7, 5, 6), torch.float32), 1, silent)


# -- npz --------------------------------------------------------------------------------------
def test_npz_arrays(tmp_path):
    x, y = np.arange(48, dtype=np.float32).reshape(6, 8), np.array([0, 1, 2, 0, 1, 2])
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2], classes=np.array(["a", "b", "c"]))
    parts = open_data(f"npz:{tmp_path / 'a.npz'}", 0.2)
    want = Want((8,), torch.float32)
    split = adapt(parts.train, want, 1, silent)
    scaled = measure(split, want)(split.read(torch.arange(6)), want)
    assert parts.classes == ("a", "b", "c")
    assert scaled.mean().abs() < 1e-6
    assert scaled.std(correction=0).item() == pytest.approx(1)
    with pytest.raises(SpecError, match=r"a sample of the data is \[8\], the model's input \[9\]"):
        adapt(parts.train, Want((9,), torch.float32), 1, silent)


def test_npz_pictures_with_channels_last_and_tokens(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.array([0, 1, 0, 1]))
    part = open_data(f"npz:{tmp_path / 'a.npz'}", 0.5).train
    assert part.items.shape == (2, 3, 8, 8)
    np.savez(tmp_path / "b.npz", x_train=np.arange(8).reshape(4, 2), y_train=np.array([0, 1, 0, 1]))
    want = Want((2,), torch.int64)
    split = adapt(open_data(f"npz:{tmp_path / 'b.npz'}", 0.5).train, want, 1, silent)
    assert measure(split, want)(split.read(torch.arange(2)), want).dtype == torch.int64


def test_damaged_npz_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    for arrays, message in (
        ({"x_train": np.zeros((2, 3))}, "no array 'y_train'"),
        ({"x_train": np.zeros((2, 3)), "y_train": np.array([0])}, "y_train is int64"),
        ({"x_train": np.zeros((2, 3)), "y_train": np.array([0, -1])}, "class -1 is negative"),
        ({"x_train": np.array([{}, {}], dtype=object), "y_train": np.array([0, 1])}, "cannot be read"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(SpecError, match=message):
            open_data(f"npz:{path}", 0.2)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SpecError, match="cannot be read"):
        open_data(f"npz:{path}", 0.2)


# -- the command line's words -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digit", "no data source 'digit'"),
        ("digits:x", "'digits' takes no place"),
        ("mnist", "says where the data is"),
        ("mnist:/nowhere", "no folder '/nowhere'"),
        ("folder:/nowhere", "no folder or file '/nowhere'"),
        ("cifar10:/nowhere", "no folder or file '/nowhere'"),
        ("npz:/nowhere.npz", "no file '/nowhere.npz'"),
    ],
)
def test_mistakes_in_data(text, message):
    with pytest.raises(SpecError, match=message):
        open_data(text, 0.2)


def test_empty_folder_and_single_class(tmp_path):
    with pytest.raises(SpecError, match="holds no class folders"):
        open_data(f"folder:{tmp_path}", 0.2)
    write_tree(tmp_path, {"ant/1.png": picture(1)})
    with pytest.raises(SpecError, match="a single class, ant"):
        open_data(f"folder:{tmp_path}", 0.2)
