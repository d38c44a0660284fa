"""Keras models against outputs that Keras itself gave, and the mistakes that a file can hold.

`keras_models/` holds what `to_json` wrote for small models, the shapes of their weights, and Keras' outputs for weights
and inputs that count through a sine.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from graphwright.backends.weights import load
from graphwright.compiler.importing.keras import read
from graphwright.compiler.importing.keras.file import snake
from graphwright.compiler.importing.keras.reading import convert
from graphwright.compiler.importing.keras.table import TABLE
from graphwright.compiler.ir.diff import diff
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError

FOLDER = Path(__file__).parent / "keras_models"
MODELS = sorted(FOLDER.glob("*.json"))


def counted(shapes: dict[str, list[list[int]]]) -> dict[str, list[np.ndarray]]:
    """Weights as they were when the outputs were recorded; vectors are positive, so that they can be variances."""
    found: dict[str, list[np.ndarray]] = {}
    count = 0
    for layer, many in shapes.items():
        found[layer] = []
        for shape in many:
            wave = 0.4 * np.sin(1.3 * np.arange(prod(shape)) + count) + (0.7 if len(shape) == 1 else 0)
            found[layer].append(wave.reshape(shape).astype(np.float32))
            count += 1
    return found


def inputs_of(model: dict[str, Any]) -> list[torch.Tensor]:
    """Inputs that count through a sine, or from 0 to 4, with images in our order."""
    found = []
    for layer in model["config"]["layers"]:
        if layer["class_name"] != "InputLayer":
            continue
        shape = [2 if s is None else s for s in layer["config"]["batch_shape"]]
        places = np.arange(prod(shape))
        if layer["config"]["dtype"].startswith("int"):
            found.append(torch.from_numpy((places % 5).reshape(shape).astype(np.int32)))
        else:
            values = torch.from_numpy(np.sin(0.37 * places).reshape(shape).astype(np.float32))
            found.append(values.movedim(-1, 1) if values.dim() > 3 else values)
    return found


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models_compute_what_keras_did(path: Path) -> None:
    record = json.loads(path.read_text())
    graph, weights = convert(record["model"], counted(record["weights"]))
    module = lower(graph).eval()
    load(module, weights)
    with torch.no_grad():
        result = module(*inputs_of(record["model"]))
    ours = list(result.values()) if isinstance(result, dict) else [result]
    for mine, theirs in zip(ours, record["outputs"], strict=True):
        expected = torch.tensor(theirs)
        assert mine.shape == expected.shape
        assert (mine - expected).abs().max() < 1e-5 * expected.abs().max()


def test_the_recorded_models_use_most_rows() -> None:
    used = {c for path in MODELS for c in _classes(json.loads(path.read_text())["model"])}
    assert len(used & TABLE.keys()) >= 40


def _classes(model: dict[str, Any]) -> set[str]:
    layers = model["config"]["layers"]
    return {c for x in layers for c in (_classes(x) if "layers" in x["config"] else {x["class_name"]})}


def test_an_architecture_alone_has_a_graph_of_the_same_nodes(tmp_path: Path) -> None:
    record = json.loads((FOLDER / "tiny_image.json").read_text())
    path = tmp_path / "model.json"
    path.write_text(json.dumps(record["model"]))
    graph, weights = read(path)
    full, stored = convert(record["model"], counted(record["weights"]))
    assert not diff(graph, full)
    assert not weights
    assert stored


def test_a_layer_called_twice_shares_its_weights() -> None:
    record = json.loads((FOLDER / "tiny_two.json").read_text())
    graph, weights = convert(record["model"], counted(record["weights"]))
    assert [(n.name, n.marks.tie) for n in graph.nodes if n.marks.tie] == [("shared_2", "shared")]
    assert {k for k in weights if k.startswith("shared")} == {"shared.weight", "shared.bias"}
    assert "inner.a" in graph.by_name


#: One model in the notations of Keras 3 and Keras 2.
CONV = {"filters": 4, "kernel_size": [3, 3], "padding": "same", "data_format": "channels_last", "activation": "relu"}


def _old() -> dict[str, Any]:
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 8, 8, 3], "dtype": "float32", "name": "x"},
         "name": "x", "inbound_nodes": []},
        {"class_name": "Conv2D", "config": {"name": "conv", **CONV}, "name": "conv",
         "inbound_nodes": [[["x", 0, 0, {}]]]},
        {"class_name": "Add", "config": {"name": "sum"}, "name": "sum",
         "inbound_nodes": [[["conv", 0, 0, {}], ["conv", 0, 0, {}]]]},
    ]  # fmt: skip
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["sum", 0, 0]]}
    return {"class_name": "Functional", "config": config, "keras_version": "2.13.1", "backend": "tensorflow"}


def _new() -> dict[str, Any]:
    def value(name: str) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}

    model = _old()
    first, conv, total = model["config"]["layers"]
    first["config"] = {"batch_shape": [None, 8, 8, 3], "dtype": "float32", "name": "x"}
    conv["inbound_nodes"] = [{"args": [value("x")], "kwargs": {}}]
    total["inbound_nodes"] = [{"args": [[value("conv"), value("conv")]], "kwargs": {}}]
    model["config"] |= {"input_layers": ["x", 0, 0], "output_layers": ["sum", 0, 0]}
    return {"module": "keras", "class_name": "Functional", "config": model["config"]}


def test_both_notations_give_one_graph() -> None:
    old, _ = convert(_old(), None)
    new, _ = convert(_new(), None)
    assert not diff(old, new)
    assert [n.name for n in new.nodes] == ["conv", "conv_relu", "sum"]
    assert str(new.types["sum"]) == "float32[N, 4, 8, 8]"


# -- mistakes -------------------------------------------------------------------------------------
def complaint(path: Path) -> str:
    """What reading a file complains of."""
    with pytest.raises(SpecError) as caught:
        read(path)
    return str(caught.value)


def test_layers_without_a_rule_are_all_listed_and_code_is_not_run(tmp_path: Path) -> None:
    model = _new()
    history = model["config"]["layers"][1]["inbound_nodes"]
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAAA"}}
    for name, kind in (("trick", "Lambda"), ("again", "Lambda"), ("own", "MyLayer")):
        config = {"name": name, "function": code}
        model["config"]["layers"].append({"class_name": kind, "config": config, "name": name, "inbound_nodes": history})
    model["config"]["layers"][1]["config"]["activation"] = "wavy"
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    text = complaint(path)
    assert "no rule for Lambda, used 2 times: trick, again" in text
    assert "no rule for MyLayer, used once: own" in text
    assert "Conv2D 'conv': there is no rule for the activation wavy" in text


def test_a_registered_class_is_not_taken_for_keras_own(tmp_path: Path) -> None:
    model = _new()
    model["config"]["layers"][1]["registered_name"] = "mine>Conv2DWithATwist"
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    assert "no rule for Conv2D, used once: conv" in complaint(path)


def test_settings_that_no_op_has(tmp_path: Path) -> None:
    model = _new()
    model["config"]["layers"][1]["config"]["data_format"] = "channels_first"
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    assert "data_format=channels_first has no counterpart" in complaint(path)


def test_weights_that_do_not_fit() -> None:
    with pytest.raises(SpecError, match="needs 2 tensors of weights, and the file has 0"):
        convert(_new(), {})
    with pytest.raises(SpecError, match=r"conv.weight have the sizes \[4, 5, 3, 3\], and \[4, 3, 3, 3\] fit"):
        convert(_new(), {"conv": [np.zeros((3, 3, 5, 4), np.float32), np.zeros(4, np.float32)]})


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")


NOT_MODELS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "text": (lambda p: p.write_text("hello"), "this is not a Keras model in JSON"),
    "list": (lambda p: p.write_text("[1, 2]"), "this is no functional or sequential Keras model, but 'list'"),
    "subclassed": (lambda p: p.write_text(json.dumps({"class_name": "MyModel", "config": {}})), "but 'MyModel'"),
    "archive": (_archive, "this is not a whole Keras archive"),
    "cycle": (lambda p: p.write_text(json.dumps(_cycle())), "read what no layer computes: conv, sum"),
}


def _cycle() -> dict[str, Any]:
    model = _new()
    model["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = "sum"
    return model


@pytest.mark.parametrize(("make", "expected"), NOT_MODELS.values(), ids=NOT_MODELS)
def test_files_that_are_no_models(make: Callable[[Path], Any], expected: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    make(path)
    assert expected in complaint(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no such file" in complaint(tmp_path / "none.json")


def test_weights_of_an_archive(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    kernel = np.random.default_rng(0).standard_normal((3, 3, 3, 4)).astype(np.float32)
    with h5py.File(tmp_path / "w.h5", "w") as store:
        store["layers/conv2d/vars/0"], store["layers/conv2d/vars/1"] = kernel, np.arange(4, dtype=np.float32)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(_new()))
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    _, weights = read(tmp_path / "m.keras")
    assert torch.equal(weights["conv.weight"], torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy()))
    assert weights["conv.bias"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "group"),
    [("Conv2D", "conv2d"), ("BatchNormalization", "batch_normalization"), ("LSTM", "lstm"), ("PReLU", "p_re_lu"),
     ("DepthwiseConv2D", "depthwise_conv2d"), ("Conv2DTranspose", "conv2d_transpose"), ("SimpleRNN", "simple_rnn")],
)  # fmt: skip
def test_names_of_groups(kind: str, group: str) -> None:
    """As `keras.src.utils.naming.to_snake_case` gives them."""
    assert snake(kind) == group
