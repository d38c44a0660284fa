"""Structures of imported models, small: what was folded wrongly once, or not at all."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from graphwright.compiler.ir.graph import Entry, Graph, Node, Scope
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.language.load import load
from graphwright.compiler.language.writing import LEVELS, difference, write
from graphwright.compiler.ops import OPS
from graphwright.compiler.outline.fold import outline
from graphwright.compiler.outline.form import Block

BLOCKS = """
blocks:
  small:
    inputs: {x: [N, C, H, W]}
    nodes: {conv: {op: conv2d, out: $C, kernel: 3, padding: 1}, act: relu}
  other:
    nodes: {norm: batch_norm, act: gelu}
  layer:
    inputs: {xs*: any}
    nodes:
      cat: {op: concat, in: xs.*}
      conv: {op: conv2d, out: 4, kernel: 1}
      act: relu
"""


def graph_of(nodes: str, folder: Path, blocks: str = BLOCKS) -> Graph:
    path = folder / "hand.yaml"
    text = "\n".join(f"  {line}" for line in nodes.strip().splitlines())
    path.write_text(f"graphwright: 1\nname: hand\ninputs: {{x: [N, 8, 6, 6]}}\nnodes:\n{text}\n{blocks}")
    return load(path)


def blocks_of(graph: Graph, folder: Path) -> dict[str, Block]:
    """The blocks it is folded into; at every level it is the same graph."""
    for steps in LEVELS:
        (folder / "again.yaml").write_text(write(graph, steps))
        assert difference(graph, load(folder / "again.yaml")) == ""
    return {b.name: b for b in outline(graph).blocks}


def test_a_copy_of_another_kind_does_not_take_the_number_of_one_of_a_longer_series(tmp_path: Path) -> None:
    """Stage 0 has two small blocks, stage 1 a small one and then another kind, both of them numbered 1."""
    nodes = """
stages:
  nodes:
    0: {nodes: {down: relu, blocks: {nodes: {0: small, 1: small}}, up: relu}}
    1: {nodes: {down: relu, blocks: {nodes: {0: small, 1: other}}, up: relu}}
    2: {nodes: {down: relu, blocks: {nodes: {0: small, 1: small, 2: other}}, up: relu}}
"""
    assert {"small", "other"} <= blocks_of(graph_of(nodes, tmp_path), tmp_path).keys()


def test_a_node_with_a_dotted_name_is_not_merged_with_a_scope_of_that_name(tmp_path: Path) -> None:
    """In the second use `mlp` is tied to what stands outside of it, and so it is no scope there but dotted names."""
    nodes = """
a.norm: {op: conv2d, out: 8, kernel: 1}
a.mlp: {nodes: {act: {op: conv2d, out: 8, kernel: 1}}}
a.sum: {op: add, in: [x, a.mlp]}
b.norm: {op: conv2d, in: a, out: 8, kernel: 1}
b.mlp.act: {op: conv2d, in: b.norm, out: 8, kernel: 1, tie: b.norm}
b.sum: {op: add, in: [a, b.mlp]}
"""
    graph = graph_of(nodes, tmp_path)
    blocks_of(graph.with_(scopes=(Scope("a", "pair"), Scope("b", "pair"))), tmp_path)


def test_layers_that_read_more_and_more_values_are_one_block(tmp_path: Path) -> None:
    nodes = """
first: {op: layer, in: x}
second: {op: layer, in: [x, first]}
third: {op: layer, in: [x, first, second]}
sum: {op: add, in: [third, second]}
"""
    graph = graph_of(nodes, tmp_path)
    blocks = blocks_of(graph, tmp_path)
    assert list(blocks) == ["layer"]
    assert blocks["layer"].inputs == (("xs", None),)
    assert blocks["layer"].lists == {"xs"}
    assert "third: {op: layer, in: [x, first, second]}" in write(graph)


def test_a_list_is_handed_on_to_the_block_that_reads_it(tmp_path: Path) -> None:
    blocks = """\
  outer:
    inputs: {x: any, xs*: any}
    nodes:
      conv: {op: conv2d, out: 4, kernel: 1}
      layer: {op: layer, in: xs.*}
      sum: {op: add, in: [conv, layer]}
"""
    nodes = """
a: {op: outer, in: {x: x, xs: [x]}}
b: {op: outer, in: {x: a, xs: [x, a]}}
c: {op: outer, in: {x: b, xs: [a, b, x]}}
"""
    blocks_of(graph_of(nodes, tmp_path, BLOCKS + blocks), tmp_path)


def test_lists_of_one_length_stay_inputs_with_names(tmp_path: Path) -> None:
    nodes = """
a: {op: layer, in: [x, x]}
b: relu
c: {op: layer, in: [x, b]}
d: {op: layer, in: [b, c]}
"""
    assert not any(b.lists for b in blocks_of(graph_of(nodes, tmp_path), tmp_path).values())


def test_initial_values_that_differ_in_numbers_are_params(tmp_path: Path) -> None:
    blocks = """\
  scaled:
    params: {std: float, start: float}
    nodes:
      conv: {op: conv2d, out: 8, kernel: 1, init: {weight: {normal: {std: $std}}, bias: $start}}
      act: relu
"""
    nodes = """
a: {op: scaled, std: 0.1, start: 1.0}
b: {op: scaled, std: 0.2, start: 1.0}
c: {op: scaled, std: 0.3, start: 2.0}
"""
    (block,) = blocks_of(graph_of(nodes, tmp_path, BLOCKS + blocks), tmp_path).values()
    assert [(name, p.type) for name, p in block.params.items()] == [("std", "float"), ("bias", "float")]


def test_a_flag_is_called_after_what_it_adds_and_lists_name_height_and_width(tmp_path: Path) -> None:
    blocks = """\
  window:
    params: {mask: bool, half: int}
    nodes:
      relu: relu
      roll: {op: roll, in: relu, shifts: [1, 1], dims: [2, 3], if: $mask}
      mask: {op: mul, in: [roll, relu], if: $mask, else: relu}
      flat: {op: flatten, in: mask, start: 2}
      back: {op: unflatten, dim: -1, sizes: ["$(2 * half)", "$(2 * half)"]}
"""
    nodes = """
a: {op: window, mask: true, half: 3}
pool: {op: max_pool2d, kernel: 3}
b: {op: window, mask: false, half: 1}
c: {op: window, mask: true, half: 1}
"""
    graph = graph_of(nodes, tmp_path, BLOCKS + blocks)
    (block,) = blocks_of(graph, tmp_path).values()
    assert list(block.params) == ["mask"]
    assert "sizes: [$H, $W]" in write(graph)


def random_kinds(count: int) -> Graph:
    """Scopes of one class that have nothing in common, the worst that can be asked of what compares them."""
    image = Type((1, 8, 4, 4))
    names = ("relu", "tanh", "silu", "gelu", "sigmoid")
    nodes: list[Node] = []
    for k in range(count):
        digits, number = [], k
        while number or not digits:
            digits.append(names[number % 5])
            number //= 5
        for j, op in enumerate(digits):
            nodes.append(Node(f"layers.{k}.n{j}", OPS[op](), (("x", nodes[-1].name if nodes else "x"),), (image,)))
    scopes = tuple(Scope(f"layers.{k}", "Layer") for k in range(count))
    return verify(Graph("kinds", (Entry("x", image),), tuple(nodes), (("out", nodes[-1].name),), scopes=scopes))


def long_lists(count: int) -> Graph:
    """Blocks that differ in every one of many numbers of one argument."""
    image = Type((1, 5000))
    nodes: list[Node] = []
    for k in range(count):
        sizes = [1 + (j // (k + 1)) % 2 for j in range(2000)]
        sizes.append(5000 - sum(sizes))
        split = OPS["split"](sizes=tuple(sizes), dim=1)  # type: ignore[call-arg]
        nodes.append(Node(f"layers.{k}.a", split, (("x", "x"),), tuple(Type((1, s)) for s in sizes)))
    scopes = tuple(Scope(f"layers.{k}", "Layer") for k in range(count))
    return Graph("lists", (Entry("x", image),), tuple(nodes), (("out", nodes[-1].name),), scopes=scopes)


@pytest.mark.parametrize("graph", [random_kinds(600), long_lists(6)], ids=["kinds", "lists"])
def test_nothing_grows_out_of_hand(graph: Graph) -> None:
    start = time.process_time()
    assert write(graph)
    assert time.process_time() - start < 10
