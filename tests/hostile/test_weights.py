"""Weights that are not what they say: pickles that call, headers that lie, tensors of other shapes and kinds."""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

import graphwright as gw
from graphwright.backends.weights import read
from graphwright.compiler.places import SpecError
from tests.hostile.mutators import CANARY
from tests.hostile.watch import bounded, watched

SPEC = """\
graphwright: 1
name: s
inputs: {x: [N, 4]}
nodes:
  a: {op: linear, out: 4}
  n: batch_norm
"""


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("spec") / "s.yaml"
    path.write_text(SPEC)
    return gw.load(path)


@pytest.fixture(scope="module")
def state(graph: Any) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in gw.build(graph).state_dict().items()}


def outcome(graph: Any, path: Path) -> str:
    """`loaded` or `refused`; anything else is raised."""
    with watched(path.parent) as seen, bounded():
        try:
            gw.build(graph, weights=path)
            found, told = "loaded", str(path)
        except SpecError as error:
            found, told = "refused", error.render()
    assert not seen
    assert str(path) in told
    return found


class Calls:
    """What pickle turns into a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.reduced = (function, args)

    def __reduce__(self) -> Any:
        return self.reduced


def _pickled(value: Any) -> bytes:
    return pickle.dumps(value, protocol=2)


def _archived(data: bytes) -> bytes:
    """As torch.save lays a file out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return buffer.getvalue()


CALLS = {
    "eval": Calls(eval, f"{CANARY}()"),
    "exec": Calls(exec, f"{CANARY}()"),
    "import": Calls(__import__, "antigravity"),
    "open": Calls(open, "graphwright-was-here", "w"),
    "nested": {"a.weight": [Calls(eval, f"{CANARY}()")]},
}


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize("form", ["pickle", "archive"])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
def test_pickles_call_nothing(graph: Any, tmp_path: Path, name: str, form: str, suffix: str) -> None:
    data = _pickled(CALLS[name])
    path = tmp_path / f"w{suffix}"
    path.write_bytes(data if form == "pickle" else _archived(data))
    assert outcome(graph, path) == "refused"


def header(tensors: Any, data: bytes = b"", size: int | None = None) -> bytes:
    """A safetensors file with this header."""
    text = tensors if isinstance(tensors, bytes) else json.dumps(tensors).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def tensor(start: int, end: int, shape: Any = (4,), dtype: Any = "F32") -> dict[str, Any]:
    """An entry of the header."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


HEADERS: dict[str, bytes] = {
    "nothing": b"",
    "seven-bytes": b"\0" * 7,
    "no-header": header(b""),
    "header-of-2-to-63-bytes": header({}, size=2**63),
    "header-of-a-terabyte": header({}, size=2**40),
    "header-beyond-the-file": header({"a.weight": tensor(0, 16)}, size=10_000),
    "not-json": header(b"{" * 1000),
    "deep-json": header(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "a-list": header([]),
    "overlapping": header({"a.bias": tensor(0, 16), "n.bias": tensor(8, 24)}, b"\0" * 24),
    "equal-places": header({"a.bias": tensor(0, 16), "n.bias": tensor(0, 16)}, b"\0" * 16),
    "a-hole": header({"a.bias": tensor(0, 16), "n.bias": tensor(32, 48)}, b"\0" * 48),
    "beyond-the-end": header({"a.bias": tensor(0, 1 << 40, (1 << 38,))}, b"\0" * 16),
    "end-before-start": header({"a.bias": tensor(16, 0)}, b"\0" * 16),
    "negative": header({"a.bias": tensor(-16, 0)}, b"\0" * 16),
    "sizes-overflow": header({"a.bias": tensor(0, 16, (1 << 33, 1 << 33))}, b"\0" * 16),
    "other-size": header({"a.bias": tensor(0, 16, (5,))}, b"\0" * 16),
    "no-dtype": header({"a.bias": tensor(0, 16, dtype="F31")}, b"\0" * 16),
    "dtype-of-another-kind": header({"a.bias": tensor(0, 16, dtype=7)}, b"\0" * 16),
    "name-twice": header(b'{"a.bias":%b,"a.bias":%b}' % ((json.dumps(tensor(0, 16)).encode(),) * 2), b"\0" * 16),
    "more-data": header({"a.bias": tensor(0, 16)}, b"\0" * 64),
    "shared-of-another-kind": header({"__metadata__": {"graphwright.shared": "[1]"}}),
    "shared-that-is-no-json": header({"__metadata__": {"graphwright.shared": "{"}}),
    "shared-in-a-circle": header({"__metadata__": {"graphwright.shared": '{"a.bias": "a.bias", "b": ["c"]}'}}),
    "shared-deep": header({"__metadata__": {"graphwright.shared": "[" * 100_000}}),
    "many-names": header({f"x{k}": tensor(0, 0, (0,)) for k in range(20_000)}),
    "long-name": header({"x" * 1_000_000: tensor(0, 0, (0,))}),
}


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_headers_that_lie(graph: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(HEADERS[name])
    assert outcome(graph, path) == "refused"


CHANGES: dict[str, Callable[[dict[str, torch.Tensor]], Any]] = {
    "other-shape": lambda s: {**s, "a.weight": torch.zeros(4, 5)},
    "other-rank": lambda s: {**s, "a.weight": torch.zeros(4, 4, 1)},
    "scalar": lambda s: {**s, "a.weight": torch.zeros(())},
    "missing": lambda s: {k: v for k, v in s.items() if k != "a.weight"},
    "unknown": lambda s: {**s, "evil.weight": torch.zeros(1)},
    "complex": lambda s: {**s, "a.weight": torch.zeros(4, 4, dtype=torch.complex64)},
    "bool": lambda s: {**s, "a.weight": torch.zeros(4, 4, dtype=torch.bool)},
    "int": lambda s: {**s, "a.weight": torch.zeros(4, 4, dtype=torch.int64)},
    "floats-for-the-counter": lambda s: {**s, "n.num_batches_tracked": torch.tensor(float("nan"))},
    "half-a-count": lambda s: {**s, "n.num_batches_tracked": torch.tensor(0.5)},
}


@pytest.mark.parametrize("name", sorted(CHANGES))
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_tensors_of_another_kind(
    graph: Any, state: dict[str, torch.Tensor], tmp_path: Path, name: str, suffix: str
) -> None:
    """Numbers of another kind would be cut to fit."""
    path = tmp_path / f"w{suffix}"
    changed = CHANGES[name](state)
    torch.save(changed, path) if suffix == ".pt" else save_file(changed, path)
    assert outcome(graph, path) == "refused"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_kept(
    graph: Any, state: dict[str, torch.Tensor], tmp_path: Path, value: float
) -> None:
    """A run that has diverged can be looked at; what it gives is no number either, and no other one."""
    path = tmp_path / "w.safetensors"
    save_file({**state, "a.bias": torch.full((4,), value)}, path)
    assert outcome(graph, path) == "loaded"
    assert not gw.build(graph, weights=path)(torch.ones(2, 4)).isfinite().any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_are_weights(
    graph: Any, state: dict[str, torch.Tensor], tmp_path: Path, dtype: torch.dtype
) -> None:
    path = tmp_path / "w.safetensors"
    save_file({k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}, path)
    assert outcome(graph, path) == "loaded"


ODD_PICKLES: dict[str, Any] = {
    "sparse": {"a.weight": torch.eye(4).to_sparse()},
    "meta": {"a.weight": torch.empty(4, 4, device="meta")},
    "a-number": 3,
    "a-list": [torch.zeros(1)],
    "a-module": torch.nn.Linear(4, 4),
    "keys-that-are-no-text": {1: torch.zeros(1), None: torch.zeros(1)},
    "expanded": {"a.weight": torch.zeros(1).expand(1 << 20, 1 << 20)},
    "itself": None,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(ODD_PICKLES))
def test_pickles_of_other_things(graph: Any, state: dict[str, torch.Tensor], tmp_path: Path, name: str) -> None:
    path, value = tmp_path / "w.pt", ODD_PICKLES[name]
    if name == "itself":
        value = {}
        value["state_dict"] = value
    elif name in ("sparse", "meta", "expanded"):
        value = {**state, **value}
    torch.save(value, path)
    assert outcome(graph, path) == "refused"


def test_flips_and_cuts(graph: Any, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """Files with a byte changed or the end cut off are read as weights or refused; by seed, always the same ones."""
    rng, found = random.Random(7), {"loaded": 0, "refused": 0}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    for suffix, data in ((".safetensors", save(state)), (".pt", buffer.getvalue())):
        path = tmp_path / f"w{suffix}"
        for _ in range(100):
            changed = bytearray(data)
            if rng.random() < 0.3:
                del changed[rng.randrange(len(data)) :]
            for _ in range(rng.choice((1, 1, 4))):
                if changed:
                    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            found[outcome(graph, path)] += 1
    assert found["loaded"] > 5
    assert found["refused"] > 5


@pytest.mark.parametrize("what", ["folder", "loop", "missing", "nul", "long", "yaml"])
def test_what_is_no_file(tmp_path: Path, what: str) -> None:
    path = tmp_path / "w.safetensors"
    if what == "folder":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path)
    elif what == "yaml":
        path = tmp_path / "w.yaml"
    name = {"nul": "a\0.safetensors", "long": "a" * 5000 + ".safetensors"}.get(what, str(path))
    with pytest.raises(SpecError):
        read(name)
