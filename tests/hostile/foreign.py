"""Model files of other tools, small and sound, and what `graphwright import` makes of changed ones."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from graphwright.commands.importing import import_
from graphwright.compiler.importing.torch.export import quiet
from graphwright.compiler.places import SpecError
from tests.hostile.mutators import EXPRESSIONS, NUMBERS, WORDS
from tests.hostile.watch import bounded, watched
from tests.importing.torch.parity import Net

MODELS = Path(__file__).parents[1] / "importing" / "keras_models"
YOLO = """\
nc: 4
scales: {n: [0.33, 0.25, 1024]}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 3, C2f, [128, True]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 1, SPPF, [128, 5]]
head:
  - [-1, 1, nn.Upsample, [None, 2, "nearest"]]
  - [[-1, 2], 1, Concat, [1]]
  - [-1, 3, C2f, [64]]
  - [[7, 4], 1, Detect, [nc]]
"""


def _onnx() -> bytes:
    onnx: Any = importlib.import_module("onnx")
    helper, numpy_helper, np = onnx.helper, onnx.numpy_helper, importlib.import_module("numpy")
    rng = np.random.default_rng(0)
    held = [
        numpy_helper.from_array(rng.standard_normal((4, 3, 3, 3)).astype(np.float32), "w"),
        numpy_helper.from_array(np.array([0, -1], np.int64), "shape"),
        numpy_helper.from_array(rng.standard_normal((64, 5)).astype(np.float32), "m"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Reshape", ["b", "shape"], ["c"]),
        helper.make_node("MatMul", ["c", "m"], ["d"]),
        helper.make_node("Softmax", ["d"], ["y"], axis=-1),
    ]
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", kind, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info("y", kind, ["N", 5])], held,
    )  # fmt: skip
    made: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()
    return made


def _pt2() -> bytes:
    buffer, auto = io.BytesIO(), torch.export.Dim.AUTO
    with quiet():
        program = torch.export.export(Net().eval(), (torch.randn(2, 3, 8, 8),), dynamic_shapes=({0: auto},))
        torch.export.save(program, buffer)
    return buffer.getvalue()


SOUND: dict[str, Callable[[], bytes]] = {
    ".onnx": _onnx,
    ".pt2": _pt2,
    ".json": lambda: json.dumps(json.loads((MODELS / "tiny_image.json").read_text())["model"]).encode(),
    ".yaml": lambda: YOLO.encode(),
}


def changed(data: bytes, suffix: str, rng: random.Random) -> bytes:
    """The file with a few bytes, or values of its text, changed; of an archive, of one of its members."""
    if suffix == ".pt2" and rng.random() < 0.9:
        return _member_changed(data, rng)
    if suffix in (".json", ".yaml") and rng.random() < 0.7:
        return _text_changed(data, rng)
    return _bytes_changed(data, rng)


def _bytes_changed(data: bytes, rng: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(made) + 1)
        action = rng.randrange(5)
        if action < 2 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif action == 2:
            del made[at : at + rng.choice((1, 3, 50))]
        elif action == 3:
            made[at:at] = rng.choice((b"\xff" * 9, b"\x80" * 9 + b"\x01", rng.randbytes(4), made[at : at + 30]))
        else:
            del made[at:]
    return bytes(made)


def _text_changed(data: bytes, rng: random.Random) -> bytes:
    import re

    tokens = re.findall(r"[\w.+-]+|\s+|[^\w\s]", data.decode("utf-8", "replace"))
    values = [k for k, t in enumerate(tokens) if re.match(r"[\w.+-]", t)] or [0]
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.choice(values)
        other = tokens[rng.choice(values)]
        tokens[at] = rng.choice(
            (other, rng.choice(NUMBERS), rng.choice(WORDS), rng.choice(EXPRESSIONS), "[]", "{}", "null")
        )
    return "".join(tokens).encode("utf-8", "surrogatepass")


def _member_changed(data: bytes, rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        chosen = rng.choice(old.namelist())
        for name in old.namelist():
            member = old.read(name)
            if name == chosen:
                member = _text_changed(member, rng) if name.endswith(".json") else _bytes_changed(member, rng)
            new.writestr(name, member)
    return buffer.getvalue()


def imported(path: Path, folder: Path, seconds: float = 5.0) -> str:
    """`accepted` or `refused`: then nothing is left in the folder but the file itself; anything else is raised."""
    before = {p.name for p in folder.iterdir()}
    silent = io.StringIO()
    with watched() as seen, bounded(seconds), contextlib.redirect_stdout(silent):
        try:
            source = f"yolo:{path}" if path.suffix == ".yaml" else str(path)
            import_(source, output=folder / "o.yaml", weights=None if path.suffix in (".yaml", ".json") else
                    folder / "o.safetensors", force=True)  # fmt: skip
            found, told = "accepted", ["so"]
        except SpecError as error:
            found, told = "refused", [p.message for p in error.problems]
    assert not seen, seen
    assert told
    assert all(told)
    made = {p.name for p in folder.iterdir()} - before
    if found == "refused":
        assert not made - {"o.parity.json", "o.safetensors"}, made
    for name in made:
        (folder / name).unlink()
    return found


def keras_archive(config: Any, weights: bytes = b"") -> bytes:
    """An archive as Keras lays it out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", config if isinstance(config, (str, bytes)) else json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return buffer.getvalue()
