"""The graphs of the linear interpreter: they compile in one piece, are written and read, and leave as ONNX."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from graphwright.analyses.integrated_gradients import IntegratedGradients
from graphwright.analyses.linear_interpreter import LinearInterpreter
from graphwright.backends import inductor
from graphwright.backends.differentiated import average_pool_backward, max_pool_backward
from graphwright.backends.examples import example_inputs
from graphwright.backends.onnx import export as export_onnx
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import write
from graphwright.compiler.lowering.lower import lower
from tests.analyses.systems import TOY, built, pictures, small, spec


@pytest.mark.parametrize(
    "options", [{}, {"direction": "rows"}, {"mode": "tangent"}, {"mode": "tangent", "direction": "rows"}]
)
def test_it_compiles_in_one_piece(tmp_path: Path, options: dict[str, Any]) -> None:
    graph = spec(tmp_path, TOY)
    instrumented = LinearInterpreter(**options)(graph)
    module = built(graph)(instrumented)
    given = [pictures(graph)]
    for entry in instrumented.inputs[1:]:
        shape: Any = entry.type.at({**instrumented.sizes, "N": 2, "P": 3}).shape
        given.append(torch.randn(shape, dtype=torch.float64))
    torch._dynamo.reset()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        found, expected = compiled(*given), module(*given)
    for port in expected:
        torch.testing.assert_close(found[port], expected[port], rtol=0, atol=1e-13)


@pytest.mark.parametrize("direction", ["replay", "rows"])
def test_onnx_and_the_written_spec_compute_the_same(tmp_path: Path, direction: str) -> None:
    nodes = """
  a: {op: conv2d, out: 6, kernel: 3, stride: 2, padding: 1}
  b: batch_norm
  c: relu
  d: {op: max_pool2d, kernel: 2, stride: 1}
  e: flatten
  f: {op: linear, out: 3}"""
    graph = small(tmp_path, nodes, "f")
    instrumented = LinearInterpreter(direction=direction)(graph)  # type: ignore[arg-type]
    report = export_onnx(instrumented, lower(instrumented).eval(), tmp_path / "x.onnx")
    assert report["difference"] < 1e-5
    assert {"N", "P"} <= set(report["free"])
    (tmp_path / "again.yaml").write_text(write(instrumented))
    again = load(tmp_path / "again.yaml")
    assert [(n.name, n.op) for n in again.nodes] == [(n.name, n.op) for n in instrumented.nodes]


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")  # by inductor itself, as it is imported
def test_compiled_rows_run_nothing_forward_but_the_network(tmp_path: Path) -> None:
    """A convolution of the network, and one for its row, however many rows: the frozen lane is not run forward."""
    nodes = """
  a: {op: conv2d, out: 6, kernel: 3, stride: 2, padding: 1}
  b: relu
  c: {op: conv2d, out: 4, kernel: 3, padding: 1}
  d: relu
  m: {op: mean, dims: [2, 3]}
  f: {op: linear, out: 3}"""
    rows = LinearInterpreter(direction="rows")(small(tmp_path, nodes, "f"))
    module, given = lower(rows).eval(), example_inputs(rows)
    seen: list[Any] = []

    def capture(graph: Any, inputs: Any, **_: Any) -> Any:
        seen.append(graph)
        return graph.forward

    engine = partial(inductor.with_gradients, inner_compile=capture)
    with torch.no_grad():
        found = torch.compile(module, backend=engine, fullgraph=True)(*given)
    names = [str(n.target) for graph in seen for n in graph.graph.nodes]
    assert names.count("aten.convolution.default") == 4
    assert "aten.convolution_backward.default" not in names
    for port, expected in module(*given).items():
        torch.testing.assert_close(found[port], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(("kernel", "stride"), [((2, 2), (2, 2)), ((3, 2), (1, 1)), ((3, 3), (2, 3))])
def test_slopes_of_pools_in_plain_operations(
    kernel: tuple[int, int], stride: tuple[int, int], padding: int, ceil: bool
) -> None:
    x = torch.randn(2, 3, 7, 10, dtype=torch.float64, requires_grad=True)
    arguments: Any = (list(kernel), list(stride), [padding, padding])
    for include in (True, False):
        y = F.avg_pool2d(x, *arguments, ceil, include)
        slope = torch.randn_like(y)
        found = average_pool_backward(slope, x.detach(), *arguments, ceil, include, None)
        torch.testing.assert_close(found, torch.autograd.grad(y, x, slope)[0], rtol=0, atol=1e-14)
    y, places = F.max_pool2d(x, *arguments, 1, ceil, return_indices=True)
    slope = torch.randn_like(y)
    found = max_pool_backward(slope, x.detach(), *arguments, [1, 1], ceil, places)
    torch.testing.assert_close(found, torch.autograd.grad(y, x, slope)[0], rtol=0, atol=1e-14)


def test_onnx_has_the_slopes_of_pools(tmp_path: Path) -> None:
    nodes = """
  a: {op: avg_pool2d, kernel: 3, stride: 2, padding: 1, count_include_pad: false}
  b: {op: max_pool2d, kernel: 2, stride: 1}
  c: flatten
  y: {op: linear, out: 3}"""
    instrumented = IntegratedGradients(steps=2)(small(tmp_path, nodes, "y", "[N, 4, 7, 7]"))
    report = export_onnx(instrumented, lower(instrumented).eval(), tmp_path / "x.onnx")
    assert report["difference"] < 1e-5
