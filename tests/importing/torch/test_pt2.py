"""Exported programs as files: read back as they were, and refused where reading would run something."""

from __future__ import annotations

import contextlib
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from graphwright.compiler.importing.torch.export import quiet
from graphwright.compiler.importing.torch.file import read_pt2
from graphwright.compiler.importing.torch.running import run
from graphwright.compiler.places import SpecError
from tests.importing.torch.parity import Net, built, floats, same

X = floats(2, 3, 8, 8)
RAN: list[str] = []


class Boom:
    """Tells when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return RAN.append, ("unpickled",)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture(scope="module")
def archive(net: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pt2") / "net.pt2"
    with quiet():
        auto = torch.export.Dim.AUTO
        program = torch.export.export(net, (X,), dynamic_shapes=({0: auto, 2: auto, 3: auto},))
        torch.export.save(program, path)
    return path


def rewritten(archive: Path, to: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of an archive with changed members."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(to, "w") as new:
        for entry in old.infolist():
            data = change(entry.filename, old.read(entry))
            if data is not None:
                new.writestr(entry.filename, data)
    return to


def test_a_saved_program_is_read_with_its_names_and_weights(net: nn.Module, archive: Path) -> None:
    graph, weights, _ = read_pt2(archive)
    assert graph.name == "net"
    assert [str(s) for s in graph.inputs[0].type.shape] == ["N", "3", "H", "W"]
    made = built(graph, weights).eval()
    same(made(X), net(X))
    same(made(floats(3, 3, 12, 10)), net(floats(3, 3, 12, 10)))
    assert {"conv", "norm", "head"} <= {n.name for n in graph.nodes}


def test_our_own_export_is_read_back(tmp_path: Path) -> None:
    import graphwright as gw

    graph = gw.load("lenet")
    module = gw.build(graph, seed=3).eval()
    path = tmp_path / "lenet.pt2"
    gw.export(graph, path, seed=3)
    again, weights, _ = read_pt2(path)
    x = floats(2, *(int(s) if isinstance(s, int) else graph.sizes[str(s)] for s in graph.inputs[0].type.shape[1:]))
    same(built(again, weights).eval()(x), module(x))
    assert weights.keys() == module.state_dict().keys()


def test_the_certificate_compares_with_the_program_itself(net: nn.Module, archive: Path) -> None:
    from graphwright.sources import find
    from graphwright.sources.found import Wish

    certificate = find(str(archive), Wish()).certificate
    assert certificate is not None
    assert certificate.eval is not None
    assert certificate.eval.bitwise
    assert certificate.train is None
    program = read_pt2(archive)[2]
    x = floats(2, 3, 8, 8)
    same(run(program, [x])[0], net(x))
    assert not torch.equal(run(program, [x])[0], net(x + 1))


def refused(path: Path) -> str:
    RAN.clear()
    with pytest.raises(SpecError) as error:
        read_pt2(path)
    assert RAN == []
    return str(error.value)


def test_files_that_are_no_program(tmp_path: Path, archive: Path) -> None:
    text = tmp_path / "text.pt2"
    text.write_text("no zip at all")
    assert "is no exported program" in refused(text)
    half = tmp_path / "half.pt2"
    half.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    assert "is no exported program" in refused(half)
    with zipfile.ZipFile(tmp_path / "empty.pt2", "w") as made:
        made.writestr("net/version", "1")
    assert "is no exported program" in refused(tmp_path / "empty.pt2")
    (tmp_path / "folder.pt2").mkdir()
    assert "is no exported program" in refused(tmp_path / "folder.pt2")


def test_an_archive_whose_bytes_are_damaged(tmp_path: Path, archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    middle = data.index(b'"graph_module"')
    data[middle : middle + 40] = b"\0" * 40
    path = tmp_path / "damaged.pt2"
    path.write_bytes(data)
    assert "damaged.pt2" in refused(path)


@pytest.mark.parametrize("where", ["sample_inputs", "constants", "weights"])
def test_a_pickled_object_is_not_unpickled(where: str, tmp_path: Path, archive: Path) -> None:
    """In place of every tensor of a folder: a file as `torch.save` writes it, which runs code when it is unpickled."""
    evil = tmp_path / "evil.pt"
    torch.save(Boom(), evil)
    RAN.clear()

    def change(name: str, data: bytes) -> bytes:
        return evil.read_bytes() if f"/{where}/" in name and not name.endswith(".json") else data

    path = rewritten(archive, tmp_path / "evil.pt2", change)
    with zipfile.ZipFile(path) as made, zipfile.ZipFile(archive) as old:
        changed = [n for n in made.namelist() if made.read(n) != old.read(n)]
    if not changed:
        pytest.skip(f"this torch writes no {where}")
    RAN.clear()
    with contextlib.suppress(SpecError):  # what is not needed may be passed over, or refused
        read_pt2(path)
    assert RAN == []


def test_an_object_among_the_constants_is_refused(tmp_path: Path, archive: Path) -> None:
    path = tmp_path / "object.pt2"
    shutil.copy(archive, path)
    with zipfile.ZipFile(path, "a") as made:
        folder = made.namelist()[0].partition("/")[0]
        made.writestr(f"{folder}/data/constants/custom_obj_0", pickle.dumps(Boom()))
    RAN.clear()
    assert "the object custom_obj_0" in refused(path)


CODE = [
    "__import__('os').system('true')", "exec('x = 1')", "Symbol.__class__", "(lambda: 1)()", "[1 for a in 'b']",
    "open('x')", "Symbol('a' if 1 else 'b')", "Symbol('x; import os')", "s0 + 1",
]  # fmt: skip


@pytest.mark.parametrize("code", CODE)
def test_a_size_that_is_code_is_refused(code: str, tmp_path: Path, archive: Path) -> None:
    def change(name: str, data: bytes) -> bytes:
        if not name.endswith("model.json") and "/models/" not in name:
            return data

        def walk(value: object) -> object:
            if isinstance(value, dict):
                return {k: code if k == "expr_str" else walk(v) for k, v in value.items()}
            return [walk(v) for v in value] if isinstance(value, list) else value

        return json.dumps(walk(json.loads(data))).encode()

    path = rewritten(archive, tmp_path / "code.pt2", change)
    assert path.read_bytes() != archive.read_bytes()
    assert "the size" in refused(path)


def test_an_archive_without_its_program(tmp_path: Path, archive: Path) -> None:
    path = rewritten(archive, tmp_path / "none.pt2", lambda name, data: None if name.endswith(".json") else data)
    assert "none.pt2" in refused(path)
