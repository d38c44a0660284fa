"""Whole ONNX models: exports by torch and by ourselves, with names, weights and free sizes, against onnxruntime."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from graphwright.backends import onnx as exporting
from graphwright.backends.examples import example_inputs
from graphwright.backends.weights import load as load_weights
from graphwright.compiler.importing.onnx import read
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.importing.test_onnx_operators import difference, ours, runtime
from tests.oracles import randomise, reference_model

TOLERANCE = 1e-4

#: Specs of the library, at params that make them small.
SPECS = ["digits", "lenet", "tiny_vgg"]


def parameters(graph: Graph) -> dict[str, Any]:
    """The parameters and buffers that a graph owns, with their types."""
    return {f"{n.name}.{leaf}": kind for n in graph.deployed().nodes for leaf, kind in (*n.owned, *n.buffers)}


def fed(graph: Graph, **sizes: int) -> dict[str, np.ndarray]:
    """Example inputs of a graph by their names."""
    values = example_inputs(graph, sizes)
    return {e.name: x.numpy() for e, x in zip(graph.inputs, values, strict=True)}


@pytest.mark.parametrize("name", SPECS)
def test_our_own_exports_come_back_under_their_names(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    graph = load(name)
    exporting.export(graph, lower(graph), path)
    back, weights = read(path)
    assert back.name == graph.name
    assert parameters(back) == parameters(graph)
    assert weights.keys() == {k for k in parameters(graph) if not k.endswith("num_batches_tracked")}
    assert [str(e.type) for e in back.inputs] == [str(e.type) for e in graph.inputs]
    inputs = fed(graph, N=3)
    assert difference(ours(path, inputs), runtime(path, inputs)) < TOLERANCE


class Small(nn.Module):
    """A little of what exporters make hard: a shared layer, a parameter of its own, shapes from shapes, a table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 8)
        self.norm = nn.LayerNorm(8)
        self.mix = nn.Linear(8, 8)
        self.gain = nn.Parameter(torch.rand(8))
        self.drop = nn.Dropout(0.1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.table(tokens)
        for _ in range(2):
            x = x + nn.functional.gelu(self.mix(self.norm(x))) * self.gain
        heads = x.reshape(x.shape[0], -1, 2, 4).transpose(1, 2)
        x = nn.functional.scaled_dot_product_attention(heads, heads, heads)
        x = self.drop(x.transpose(1, 2).flatten(2))
        return x @ self.table.weight.T


def export(model: nn.Module, inputs: torch.Tensor, path: Path, dynamo: bool) -> None:
    """The model by one of torch's exporters, with a free batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            batch = torch.export.Dim("batch")
            torch.onnx.export(
                model.eval(), (inputs,), path, dynamo=True, verbose=False, external_data=False,
                dynamic_shapes=({0: batch},),
            )  # fmt: skip
        else:
            torch.onnx.export(
                model.eval(), (inputs,), path, dynamo=False, opset_version=17, input_names=["input"],
                dynamic_axes={"input": {0: "batch"}},
            )  # fmt: skip


@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "legacy"])
def test_shared_weights_stay_shared_and_sizes_stay_free(dynamo: bool, tmp_path: Path) -> None:
    model, path = Small(), tmp_path / "small.onnx"
    export(model, torch.randint(0, 11, (2, 5)), path, dynamo)
    graph, weights = read(path)
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.equal(weights[k], v) for k, v in model.state_dict().items())
    assert [str(t.type) for t in graph.inputs] == ["int64[Batch, 5]"]
    assert str(graph.types[graph.outputs[0][1]]) == "float32[Batch, 5, 11]"
    assert [n.marks.tie for n in graph.nodes if n.marks.tie] == ["norm", "mix"]
    assert sum(n.op.name == "gelu" for n in graph.nodes) == 2
    for batch in (1, 3):
        inputs = {"tokens": np.random.default_rng(batch).integers(0, 11, (batch, 5))}
        names = [i.name for i in onnx.load(path).graph.input]
        mine = ours(path, inputs)
        assert difference(mine, runtime(path, dict(zip(names, inputs.values(), strict=True)))) < TOLERANCE
        with torch.no_grad():
            theirs = model(torch.from_numpy(inputs["tokens"]))
        assert difference(mine, [theirs.numpy()]) < TOLERANCE


@pytest.mark.parametrize(
    ("library", "name", "dynamo"),
    [("torchvision", "shufflenet_v2_x0_5", False), ("torchvision", "squeezenet1_1", True),
     ("timm", "convnext_atto", False)],
)  # fmt: skip
def test_models_of_other_libraries(library: str, name: str, dynamo: bool, tmp_path: Path) -> None:
    model, path = reference_model(library, name), tmp_path / f"{name}.onnx"
    randomise(model)
    export(model, torch.zeros(2, 3, 64, 64), path, dynamo)
    graph, _ = read(path)
    assert not [n.name for n in graph.nodes if n.name.startswith(("_", "node_", "val_", "onnx_"))]
    image = np.random.default_rng(0).standard_normal((3, 3, 64, 64)).astype(np.float32)
    entry = onnx.load(path).graph.input[0].name
    assert difference(ours(path, {entry: image}), runtime(path, {entry: image})) < TOLERANCE


def test_free_sizes_go_through_arithmetic_on_shapes(tmp_path: Path) -> None:
    """The shape N, C, H*W/4 * 2 written with Shape, Gather, Mul, Div, Concat and a resize by computed sizes."""
    make = helper.make_node
    nodes = [
        make("Shape", ["x"], ["shape"]),
        *(make("Gather", ["shape", f"at{k}"], [f"d{k}"], axis=0) for k in range(4)),
        make("Mul", ["d2", "d3"], ["area"]),
        make("Div", ["area", "four"], ["quarter"]),
        make("Mul", ["quarter", "two"], ["half"]),
        *(make("Unsqueeze", [n, "zero"], [f"{n}_"]) for n in ("d0", "d1", "half")),
        make("Concat", ["d0_", "d1_", "half_", "minus"], ["wanted"], axis=0),
        make("Reshape", ["x", "wanted"], ["y"]),
        make("Cast", ["d2"], ["h_float"], to=1),
        make("Mul", ["h_float", "scale"], ["h_scaled"]),
        make("Floor", ["h_scaled"], ["h_floor"]),
        make("Cast", ["h_floor"], ["h_new"], to=7),
        make("Unsqueeze", ["h_new", "zero"], ["h_new_"]),
        make("Unsqueeze", ["d3", "zero"], ["d3_"]),
        make("Concat", ["d0_", "d1_", "h_new_", "d3_"], ["size"], axis=0),
        make("Resize", ["x", "", "", "size"], ["z"], mode="linear"),
    ]
    whole = {"at0": 0, "at1": 1, "at2": 2, "at3": 3, "four": 4, "two": 2, "zero": [0], "minus": [-1]}
    held = [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in whole.items()]
    held.append(numpy_helper.from_array(np.array(0.5, np.float32), "scale"))
    floats = onnx.TensorProto.FLOAT
    entry = helper.make_tensor_value_info("x", floats, ["batch", 2, "height", "width"])
    leaving = [helper.make_tensor_value_info(n, floats, [None] * r) for n, r in (("y", 4), ("z", 4))]
    graph = helper.make_graph(nodes, "shapes", [entry], leaving, held)
    path = tmp_path / "shapes.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    found, weights = read(path)
    assert [n.op.name for n in found.nodes] == ["reshape", "interpolate"]
    assert str(found.types["interpolate"]) == "float32[Batch, 2, Height//2, Width]"
    assert not weights
    for shape in ((1, 2, 4, 6), (3, 2, 6, 4)):
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        assert difference(ours(path, {"x": x}), runtime(path, {"x": x})) < TOLERANCE


def test_weights_fit_the_graph_they_come_with(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export(Small(), torch.zeros(2, 5, dtype=torch.int64), path, dynamo=True)
    graph, weights = read(path)
    load_weights(lower(graph), weights)
