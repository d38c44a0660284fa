"""Exported models compute the same elsewhere, under the spec's names, at other sizes too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from graphwright.backends import pt2
from graphwright.backends.compare import compare
from graphwright.backends.examples import example_inputs
from graphwright.backends.exporting import EXPORTS, export
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.backends.specs import AUXILIARY, CONVNET, TIED, graph_of

SPECS = {"convnet": (CONVNET, ["H", "N", "W"]), "tied": (TIED, ["L", "N"]), "auxiliary": (AUXILIARY, ["N"])}


@pytest.mark.parametrize("name", SPECS)
def test_pt2(name: str, tmp_path: Path) -> None:
    text, free = SPECS[name]
    graph = graph_of(text, tmp_path)
    module, path = lower(graph).eval(), tmp_path / "x.pt2"
    report = export(graph, module, path)
    assert report["free"] == free
    with pt2.quiet():
        program = torch.export.load(path)
    inputs = example_inputs(graph, {"N": 5})
    assert compare(program.module()(*inputs), module(*inputs)).within
    origins = {n.meta["custom"]["spec_node"] for n in program.graph.nodes if "spec_node" in n.meta.get("custom", {})}
    assert origins >= {n.name for n in graph.deployed().nodes if n.op.name in ("conv2d", "linear", "relu")}


@pytest.mark.parametrize("name", SPECS)
def test_onnx(name: str, tmp_path: Path) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    text, free = SPECS[name]
    graph = graph_of(text, tmp_path)
    module, path = lower(graph).eval(), tmp_path / "x.onnx"
    assert export(graph, module, path)["free"] == free
    model = onnx.load(path)
    names = {n.name for n in model.graph.node}
    assert names >= {n.name for n in graph.deployed().nodes if n.op.name in ("conv2d", "relu")}
    sizes = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == [s if isinstance(s, int) else str(s) for s in graph.inputs[0].type.shape]
    assert [o.name for o in model.graph.output] == [name for name, _ in graph.outputs]
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = example_inputs(graph, {"N": 5})
    reference = module(*inputs)
    values = list(reference.values()) if isinstance(reference, dict) else [reference]
    found = session.run(None, {graph.inputs[0].name: inputs[0].numpy()})
    assert all(compare(torch.from_numpy(a), b).within for a, b in zip(found, values, strict=True))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["spec.yaml", "x.onnx"]


#: Outputs called like an input, a parameter and values that the exporter makes; one value twice; an input as it is.
NAMES = """
graphwright: 1
name: names
inputs: {x: [N, 4], y: [N, 4]}
nodes:
  a: {op: linear, in: x, out: 4}
  b: relu
  c: {op: linear, out: 3}
  d: relu
outputs: {x: d, y: x, a.weight: b, linear: c, relu: a, twice: a, x_out: y}
"""


ATTENTION = """
graphwright: 1
name: attention
inputs: {x: [N, 2, 3, 5, 8], mask: "bool[5, 5]"}
nodes:
  five: {op: attention, in: {q: x, k: x, v: x, bias: mask}}
  windows: {op: rearrange, in: x, pattern: n w h l d -> (n w) h l d}
  four: {op: attention, in: {q: windows, k: windows, v: windows}, causal: true, scale: 0.3}
  heads: {op: rearrange, in: x, pattern: n w h l d -> (n w h) l d}
  bias: {op: parameter, shape: [5, 1], init: normal}
  three: {op: attention, in: {q: heads, k: heads, v: heads, bias: bias}}
outputs: {five: five, four: four, three: three}
"""


def test_attention_of_any_rank_and_mask_leaves_as_onnx(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    graph = graph_of(ATTENTION, tmp_path)
    module, path = lower(graph).eval(), tmp_path / "x.onnx"
    export(graph, module, path)
    x, _ = example_inputs(graph, {"N": 3})
    mask = torch.ones(5, 5, dtype=torch.bool).triu(1)  # the last row sees nothing
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"x": x.numpy(), "mask": mask.numpy()})
    for wanted, told in zip(module(x, mask).values(), found, strict=True):
        torch.testing.assert_close(torch.from_numpy(told), wanted, atol=1e-5, rtol=1e-5)
    assert not found[0][..., -1, :].any()


def test_output_names_are_nobody_elses_in_onnx(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    graph, path = graph_of(NAMES, tmp_path), tmp_path / "x.onnx"
    module = lower(graph).eval()
    export(graph, module, path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["x", "y"]
    outputs = [entry.name for entry in session.get_outputs()]
    assert outputs == ["x_out_", "y_out", "a.weight_out", "linear", "relu", "twice", "x_out"]
    x, y = example_inputs(graph, {"N": 3})
    found = session.run(None, {"x": x.numpy(), "y": y.numpy()})
    for expected, value in zip(module(x, y).values(), found, strict=True):
        torch.testing.assert_close(torch.from_numpy(value), expected)


SAME = """
graphwright: 1
name: same
inputs: {x: [N, 2, H=7, W=9]}
nodes:
  conv: {op: conv2d, in: x, out: 3, kernel: 3, stride: 2, padding: same}
  mean: {op: avg_pool2d, in: x, kernel: 3, stride: 2, padding: same}
  max: {op: max_pool2d, in: x, kernel: 2, stride: 3, padding: same}
outputs: {conv: conv, mean: mean, max: max}
"""


def test_same_padding_of_free_sizes_leaves_as_onnx(tmp_path: Path) -> None:
    """Odd and even ones: ONNX divides towards zero, torch down."""
    runtime = pytest.importorskip("onnxruntime")
    graph, path = graph_of(SAME, tmp_path), tmp_path / "x.onnx"
    module = lower(graph).eval()
    assert export(graph, module, path)["free"] == ["H", "N", "W"]
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for sizes in ({"H": 7, "W": 9}, {"H": 8, "W": 11}, {"H": 10, "W": 12}):
        inputs = example_inputs(graph, sizes)
        for wanted, found in zip(module(*inputs).values(), session.run(None, {"x": inputs[0].numpy()}), strict=True):
            torch.testing.assert_close(torch.from_numpy(found), wanted, atol=1e-5, rtol=1e-5)


TOKENS = """
graphwright: 1
name: tokens
inputs: {x: [N, S=1, 4], y: [N, 4]}
nodes:
  first: {op: unsqueeze, in: y, dim: 1}
  all: {op: concat, in: [first, x], dim: 1}
  out: {op: linear, out: 3}
"""


@pytest.mark.parametrize("suffix", ["pt2", "onnx"])
def test_a_size_of_one_by_default_stays_free(suffix: str, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    graph, path = graph_of(TOKENS, tmp_path), tmp_path / f"x.{suffix}"
    module = lower(graph).eval()
    assert export(graph, module, path)["free"] == ["N", "S"]
    for size in (1, 3):
        x, y = example_inputs(graph, {"S": size})
        if suffix == "onnx":
            session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            found = torch.from_numpy(session.run(None, {"x": x.numpy(), "y": y.numpy()})[0])
        else:
            with pt2.quiet():
                found = torch.export.load(path).module()(x, y)
        torch.testing.assert_close(found, module(x, y))


#: A neck of strides whose maps meet again: torch's solver cannot say which heights and widths fit.
NECK = """
graphwright: 1
name: neck
inputs: {image: [N, 3, H=64, W=64]}
nodes:
  a: {op: conv2d, in: image, out: 4, kernel: 3, stride: 2, padding: 1}
  b: {op: conv2d, in: a, out: 4, kernel: 3, stride: 2, padding: 1}
  c: {op: avg_pool2d, in: b, kernel: 2, stride: 1}
  d: {op: conv2d, in: c, out: 4, kernel: 3, stride: 2, padding: 1}
  e: {op: avg_pool2d, in: d, kernel: 2, stride: 1}
  f: {op: conv2d, in: e, out: 4, kernel: 3, stride: 2, padding: 1}
  up: {op: upsample, in: f, scale: 2}
  merged: {op: concat, in: [up, d]}
  g: {op: avg_pool2d, in: merged, kernel: 2, stride: 1}
  h: {op: conv2d, in: g, out: 4, kernel: 3, stride: 2, padding: 1}
  out: {op: concat, in: [h, f]}
"""


def test_sizes_that_torch_cannot_solve_are_fixed_at_their_defaults(tmp_path: Path) -> None:
    graph = graph_of(NECK, tmp_path)
    report = export(graph, lower(graph).eval(), tmp_path / "neck.pt2")
    assert report["free"] == ["N"]
    assert report["difference"] < 1e-5


def test_a_wrong_export_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(CONVNET, tmp_path)
    program_of = pt2.program_of
    monkeypatch.setattr(pt2, "program_of", lambda graph, module: program_of(graph, lower(graph, seed=7)))
    with pytest.raises(SpecError, match="the exported model differs by"):
        export(graph, lower(graph), tmp_path / "x.pt2")
    assert [p.name for p in tmp_path.iterdir()] == ["spec.yaml"]


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    graph = graph_of(CONVNET, tmp_path)
    with pytest.raises(SpecError, match="needs the package 'onnxscript'") as error:
        export(graph, lower(graph), tmp_path / "x.onnx")
    assert error.value.problems[0].hint == "pip install 'graphwright[onnx]'"


def test_unknown_suffix(tmp_path: Path) -> None:
    graph = graph_of(CONVNET, tmp_path)
    with pytest.raises(SpecError, match=r"'.tflite' is no format for exports") as error:
        export(graph, lower(graph), tmp_path / "x.tflite")
    assert error.value.problems[0].hint == "known: " + ", ".join(EXPORTS)


def test_export_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    graph = graph_of(CONVNET, tmp_path)
    for suffix in ("safetensors", "pt2", "onnx"):
        export(graph, lower(graph), tmp_path / f"x.{suffix}")
    assert capfd.readouterr() == ("", "")
