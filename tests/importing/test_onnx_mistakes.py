"""Files that cannot be read: one error with everything that is wrong, and nothing read outside the model's folder."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from graphwright.compiler.importing.onnx import file, read
from graphwright.compiler.places import SpecError
from tests.importing.onnx_cases import Case, Const, X, c, k, real, s, value


def written(path: Path, nodes: Sequence[Any], held: Sequence[Any] = (), opset: int = 21, kind: Any = None) -> Path:
    """A model of nodes from `x` to `y`."""
    entry = kind or value("x", X)
    graph = helper.make_graph(nodes, "g", [entry], [value("y", X)], held)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9), path)
    return path


def complaint(path: Path) -> str:
    """What reading a file complains of."""
    with pytest.raises(SpecError) as caught:
        read(path)
    return str(caught.value)


RELU = helper.make_node("Relu", ["x"], ["y"])


def _truncated(path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    written(path, [node], [numpy_helper.from_array(real(6, 4, 3, 3), "w")])
    path.write_bytes(path.read_bytes()[:300])


NOT_MODELS: dict[str, Callable[[Path], Any]] = {
    "text": lambda path: path.write_text("no model at all\n"),
    "empty": lambda path: path.write_bytes(b""),
    "zip": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(60)),
    "truncated": _truncated,
}


@pytest.mark.parametrize("make", NOT_MODELS.values(), ids=NOT_MODELS)
def test_a_file_that_is_no_model(make: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    make(path)
    text = complaint(path)
    assert text.startswith(f"{path}: error: this is not an ONNX model")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no such file" in complaint(tmp_path / "none.onnx")


def test_operators_without_a_rule_are_all_listed_with_counts_and_places(tmp_path: Path) -> None:
    make = helper.make_node
    nodes = [
        make("Hardmax", ["x"], ["a"], name="/head/pick/Hardmax"),
        make("NonZero", ["a"], ["b"], name="find"),
        make("Hardmax", ["a"], ["d"], name="again"),
        make("LRN", ["d"], ["e"], name="lrn", size=4),
        make("Magic", ["e"], ["y"], name="trick", domain="acme"),
    ]
    text = complaint(written(tmp_path / "m.onnx", nodes))
    assert "no rule for Hardmax, used 2 times: /head/pick/Hardmax, again" in text
    assert "no rule for NonZero, used once: find" in text
    assert "no rule for acme.Magic, used once: trick" in text
    assert "LRN 'lrn': size=4 is even" in text
    assert "compiler/importing/onnx/table.py" in text


LIMITS = [
    (Case("AveragePool", (X,), {"kernel_shape": [2, 2], "dilations": [2, 2]}), "dilations=[2, 2] have no counterpart"),
    (Case("Mod", (X, real(8)), {"fmod": 1}), "fmod=1 has no counterpart; only fmod=0 has"),
    (Case("ArgMax", (X,), {"select_last_index": 1}), "select_last_index=1 has no counterpart"),
    (Case("Reshape", (X, np.array([2, -1])), {}), "the new shape depends on the values of the model's inputs"),
    (Case("MaxPool", (X,), {"kernel_shape": [2, 2]}, outputs=2), "its output 2, 'out1', is used"),
    (Case("GRU", (real(5, 2, 3), k(1, 6, 3), k(1, 6, 2)), {"hidden_size": 2}), "linear_before_reset=0"),
    (Case("LSTM", (real(5, 2, 3), k(1, 8, 3), k(1, 8, 2), None, None, k(1, 2, 2)), {"hidden_size": 2}),
     "initial_h that is not zero"),
    (Case("Conv", (X.astype(np.float64), Const(real(6, 4, 3, 3).astype(np.float64)))), "weights are float32"),
    (Case("Resize", (X, None, c(1, 1, 0.7, 0.7, dtype=np.float32))), "nearest_mode=round_prefer_floor"),
    (Case("OneHot", (np.array([1, 2]), s(4, np.int64), c(0, 5))), "values=[0, 5]"),
    (Case("BatchNormalization", (X, real(4), real(4), real(4), real(4))), "a parameter depends on the model's inputs"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "expected"), LIMITS, ids=[str(case) for case, _ in LIMITS])
def test_what_no_op_expresses(case: Case, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(case.model(), path)
    assert expected in complaint(path)


def _external(path: Path, location: str, length: int = 16) -> Path:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    onnx.external_data_helper.set_external_data(tensor, location, offset=0, length=length)
    tensor.ClearField("raw_data")
    return written(path, [helper.make_node("Mul", ["x", "w"], ["y"])], [tensor])


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "link.bin", ""])
def test_data_outside_the_folder_is_never_read(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    assert "lies outside the model's folder" in complaint(_external(folder / "m.onnx", location))


def test_data_that_is_missing_or_cut_off(tmp_path: Path) -> None:
    path = _external(tmp_path / "m.onnx", "w.bin")
    assert "the data of 'w' is missing: there is no 'w.bin'" in complaint(path)
    (tmp_path / "w.bin").write_bytes(bytes(10))
    assert "'w.bin' ends 6 bytes too early" in complaint(path)


def test_data_beside_the_model_is_read(tmp_path: Path) -> None:
    path = _external(tmp_path / "m.onnx", "w.bin")
    (tmp_path / "w.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    entry = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [3, 4])
    model = onnx.load(path, load_external_data=False)
    model.graph.input[0].CopyFrom(entry)
    onnx.save(model, path)
    _, weights = read(path)
    assert weights["w"].tolist() == [0, 1, 2, 3]


def test_operators_of_an_old_version(tmp_path: Path) -> None:
    assert "ONNX operators of version 6" in complaint(written(tmp_path / "m.onnx", [RELU], opset=6))


def test_an_input_of_text(tmp_path: Path) -> None:
    entry = helper.make_tensor_value_info("x", onnx.TensorProto.STRING, [3])
    path = written(tmp_path / "m.onnx", [helper.make_node("Identity", ["x"], ["y"])], kind=entry)
    assert "the input 'x' is of type string" in complaint(path)


def test_a_model_that_breaks_the_rules(tmp_path: Path) -> None:
    path = written(tmp_path / "m.onnx", [helper.make_node("Relu", ["nowhere"], ["y"])])
    assert "the model breaks a rule of ONNX" in complaint(path)


def test_a_constant_too_large_to_compute_is_not_computed(tmp_path: Path) -> None:
    make = helper.make_node
    nodes = [make("ConstantOfShape", ["n"], ["big"]), make("ReduceSum", ["big"], ["t"]), make("Add", ["x", "t"], ["y"])]
    path = written(tmp_path / "m.onnx", nodes, [numpy_helper.from_array(np.array([10**6, 10**6]), "n")])
    graph, weights = read(path)
    assert not weights
    assert {n.op.name for n in graph.nodes} == {"formula", "sum", "squeeze", "add"} - {"squeeze"}


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = importlib.import_module

    def refuse(name: str) -> Any:
        if name.partition(".")[0] == "onnx":
            raise ImportError(name)
        return real_import(name)

    monkeypatch.setattr(file.importlib, "import_module", refuse)
    assert "pip install 'graphwright[onnx]'" in complaint(tmp_path / "m.onnx")
