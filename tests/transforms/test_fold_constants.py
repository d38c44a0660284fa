"""Constants: what is stored, what is too large or no constant, and that values are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms.fold_constants import FoldConstants
from graphwright.compiler.transforms.optimise import carried
from tests.transforms.laws import kept, ops

Spec = Callable[..., Graph]

#: A bias by relative position, as windowed attention has it.
BIAS = """
inputs: {x: [N, 2, 9, 9]}
nodes:
  table: {op: parameter, shape: [17, 2], init: {normal: {std: 0.1}}}
  index: {op: formula, value: i - j + 8, over: {i: 9, j: 9}}
  gather: {op: embedding, in: {index: index, table: table}}
  bias: {op: rearrange, in: gather, pattern: "i j h -> h i j"}
  sum: {op: add, in: [x, bias]}
"""


def test_a_bias_by_position_is_stored(spec: Spec) -> None:
    made = kept(spec(BIAS), FoldConstants())
    assert [(n.name, n.op.name) for n in made.nodes] == [("bias", "buffer"), ("sum", "add")]
    assert str(made.types["bias"]) == "float32[2, 9, 9]"
    assert lower(made).state_dict().keys() == {"bias"}


@pytest.mark.parametrize(
    ("limit", "names"),
    [(162, ["bias", "sum"]), (161, ["table", "index", "gather", "bias", "sum"]), (16, None)],
)
def test_nothing_larger_than_the_limit_is_stored(spec: Spec, limit: int, names: list[str] | None) -> None:
    graph = spec(BIAS)
    made = kept(graph, FoldConstants(limit))
    assert [n.name for n in made.nodes] == (names or [n.name for n in graph.nodes])


def test_a_table_that_is_read_elsewhere_stays(spec: Spec) -> None:
    graph = spec(BIAS + """
  more: {op: linear, in: x, out: 3}
  positions: {op: formula, value: i, over: {i: 3}}
  rows: {op: embedding, in: {index: positions, table: more.weight}}
  wide: {op: rearrange, in: rows, pattern: "a b -> 1 1 a b"}
  total: {op: add, in: [more, {rearranged: wide}]}
""".replace("{rearranged: wide}", "scaled").replace(
        "  total", "  scaled: {op: mean, in: wide, dims: 3}\n  total"))  # fmt: skip
    made = kept(graph, FoldConstants())
    assert "more.weight" in lower(made).state_dict()
    assert made.by_name["scaled"].op.name == "buffer"


def test_a_layer_of_a_grid_is_a_constant(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 5, 4]}
nodes:
  grid: {op: formula, value: [p / 5, 1 - p / 5], over: {p: 5}}
  fc1: {op: linear, in: grid, out: 8}
  act: relu
  fc2: {op: linear, out: 4}
  sum: {op: add, in: [x, fc2]}
  out: {op: linear, out: 3}
""")
    made = kept(graph, FoldConstants())
    assert ops(made) == ["buffer", "add", "linear"]
    assert lower(made).state_dict().keys() == {"fc2", "out.weight", "out.bias"}


def test_formulas_alone_need_no_weights(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 4]}
nodes:
  i: {op: formula, value: i / 4, over: {i: 4}}
  wave: sin
  sum: {op: add, in: [x, wave]}
  fc: {op: linear, out: 2}
""")
    made = kept(graph, FoldConstants())
    state = carried(graph, made, {})
    assert torch.equal(state["wave"], (torch.arange(4) / 4).sin())


def test_what_depends_on_an_input_or_a_free_size_is_no_constant(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, C=3]}
nodes:
  i: {op: formula, value: i / 4, over: {i: $C}}
  wave: sin
  mean: {op: mean, in: x, dims: 0}
  sum: {op: add, in: [x, wave, mean]}
""")
    assert kept(graph, FoldConstants()).nodes == graph.nodes


def test_parts_of_a_constant_stay_parts(spec: Spec) -> None:
    graph = spec("""
inputs: {x: [N, 2]}
nodes:
  both: {op: parameter, shape: [4], init: ones}
  twice: {op: scale, in: both, factor: 2}
  part: {op: split, sizes: [2, 2], dim: 0}
  scaled: {op: mul, in: [x, part.0]}
  shifted: {op: add, in: [scaled, part.1]}
""")
    made = kept(graph, FoldConstants())
    assert [n.op.name for n in made.nodes] == ["buffer", "split", "mul", "add"]
