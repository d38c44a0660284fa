"""`extends`, `include`, blocks of the library, params from outside, and the limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.ir.text import dump, parse
from graphwright.compiler.language import limits
from graphwright.compiler.language.load import load
from graphwright.compiler.places import SpecError

Spec = Callable[..., Graph]

BASE = """graphwright: 1
name: base
params: {width: 8, classes: 10}
inputs: {image: [N, 3, 16, 16]}
nodes:
  conv: {op: conv2d, out: $width, kernel: 3}
  act: relu
  pool: {op: adaptive_avg_pool2d, size: 1}
  flat: flatten
  fc: {op: linear, out: $classes}
outputs: {logits: fc}
expect: {parameters: 314}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def derived(folder: Path, text: str) -> Graph:
    path = folder / "derived.yaml"
    path.write_text("graphwright: 1\n" + text)
    return load(path)


def test_extends_replaces_removes_and_adds(folder: Path) -> None:
    graph = derived(
        folder,
        """extends: base.yaml
params: {classes: 7}
nodes:
  act: gelu
  pool: {op: adaptive_max_pool2d, size: 1}
  soft: softmax
outputs: {scores: soft}
expect: {parameters: none}
""",
    )
    ops = {n.name: n.op.name for n in graph.nodes}
    assert ops == {
        "conv": "conv2d",
        "act": "gelu",
        "pool": "adaptive_max_pool2d",
        "flat": "flatten",
        "fc": "linear",
        "soft": "softmax",
    }
    assert list(ops) == ["conv", "act", "pool", "flat", "fc", "soft"]  # replaced nodes keep their place
    assert str(graph.by_name["fc"].outputs[0]) == "float32[N, 7]"
    assert [port for port, _ in graph.outputs] == ["scores"]
    assert graph.expect == {}
    assert graph.by_name["conv"].place.file.endswith("base.yaml")
    assert graph.by_name["act"].place.file.endswith("derived.yaml")


def test_extends_without_changes_is_the_same_model(folder: Path) -> None:
    assert structural_hash(derived(folder, "extends: base.yaml\n")) == structural_hash(load(folder / "base.yaml"))


def test_a_node_is_removed_by_none(folder: Path) -> None:
    graph = derived(folder, "extends: base.yaml\nnodes:\n  act: none\nexpect: none\n".replace("expect: none\n", ""))
    assert "act" not in graph.by_name
    assert graph.by_name["pool"].reads == ("conv",)


def test_extending_a_shipped_model(folder: Path) -> None:
    graph = derived(folder, "extends: resnet18\nparams: {classes: 3}\nexpect: {parameters: none, macs: none}\n")
    assert str(graph.types[graph.outputs[0][1]]).endswith(", 3]")


def test_included_blocks_are_ops(folder: Path) -> None:
    (folder / "mine.yaml").write_text("""graphwright: 1
blocks:
  unit:
    params: {width: int}
    nodes:
      conv: {op: conv2d, out: $width, kernel: 3}
      act: relu
""")
    graph = derived(folder, "include: [./mine.yaml]\ninputs: {x: [N, 3, 8, 8]}\nnodes:\n  a: {op: unit, width: 5}\n")
    assert [n.name for n in graph.nodes] == ["a.conv", "a.act"]
    assert graph.by_name["a.conv"].place.file.endswith("mine.yaml")


def test_a_spec_may_extend_and_include(folder: Path) -> None:
    """An included block stands for the base's of the same name, and the spec's own for both."""
    (folder / "more.yaml").write_text("graphwright: 1\nblocks:\n  act: {op: gelu}\n  end: {op: softmax}\n")
    graph = derived(
        folder,
        """extends: base.yaml
include: [./more.yaml]
nodes:
  act: act
  end: end
outputs: {scores: end}
blocks:
  end: {op: log_softmax}
""",
    )
    assert [n.op.name for n in graph.nodes] == [
        "conv2d",
        "gelu",
        "adaptive_avg_pool2d",
        "flatten",
        "linear",
        "log_softmax",
    ]


def test_a_model_is_an_op(spec: Spec) -> None:
    graph = spec("inputs: {image: [N, 3, 32, 32]}\nnodes:\n  guide: {op: resnet18, classes: 4}\n  soft: softmax\n")
    assert graph.by_name["guide.conv1"].op.name == "conv2d"
    assert str(graph.by_name["soft"].outputs[0]) == "float32[N, 4]"


def test_params_from_outside_are_read_by_type(spec: Spec) -> None:
    text = """params: {depth: 2, widths: [4, 8], act: relu, scale: 0.5, bias: true}
inputs: {x: [N, 3, 8, 8]}
nodes:
  c$i: {op: conv2d, repeat: {i: $depth, width: $widths}, out: $width, kernel: 1, bias: $bias}
  act: {op: $act}
"""
    assert len(spec(text).nodes) == 3
    graph = spec(text, depth="3", widths="[4, 5, 6]", act="gelu", bias="no")
    assert [n.op.name for n in graph.nodes] == ["conv2d", "conv2d", "conv2d", "gelu"]
    assert graph.by_name["c2"].op.arguments() == {"out": 6, "kernel": 1, "bias": False}
    assert structural_hash(graph) == structural_hash(spec(text, depth=3, widths=[4, 5, 6], act="gelu", bias=False))


SMALL = "inputs: {x: [N, 3, 8, 8]}\nnodes:\n  a: {op: relu, repeat: 5}\n"
NESTED = """inputs: {x: [N, 3]}
nodes: {a: b1}
blocks:
  b1: {nodes: {x1: b2}}
  b2: {nodes: {x2: relu}}
"""


@pytest.mark.parametrize(("name", "value", "text", "message"), [
    ("FILE_BYTES", 50, SMALL, "larger than 50 bytes"), ("FILE_VALUES", 10, SMALL, "more than 10 values"),
    ("NESTING", 2, SMALL, "nested deeper than 2 levels"), ("NODES", 4, SMALL, "the limit is 4 nodes"),
    ("NODES", 9, SMALL + "  b: {op: relu, repeat: 5}\n", "more than 9 nodes"),
    ("COPIES", 4, SMALL, "more than 4 nodes and scopes"),
    ("NAME_LENGTH", 3, SMALL.replace("a:", "long:"), "a name of 4 "),
    ("ALL_STEPS", 3, SMALL.replace("5", "$(9 + 1 - 8)"), "of the spec take more than 3 steps"),
    ("LIST_ITEMS", 3, SMALL.replace("5", "'$(len([[1, 1], [1]][0]))'"), "more than 3 items"),
    ("LIST_ITEMS", 3, SMALL.replace("5", "$(len('aaaa'))"), "more than 3 characters"),
    ("NESTING", 3, SMALL.replace("5", "'$(len([[[[1]]]]))'"), "lists nested deeper than 3 levels"),
    ("BLOCK_DEPTH", 1, NESTED, "blocks nested deeper than 1"),
    ("EXPRESSION_LENGTH", 9, SMALL.replace("5", "$(1 + 1 + 1 + 1)"), "longer than 9 characters"),
    ("EXPRESSION_STEPS", 3, SMALL.replace("5", "$(9 + 1 - 8)"), "more than 3 steps"),
    ("LIST_ITEMS", 3, SMALL.replace("5", "$(len(range(4)))"), "more than 3 items"),
    ("INTEGER_BITS", 4, SMALL.replace("5", "$(8 * 3 - 20)"), "more than 4 bits"),
    ("TENSOR_ELEMENTS", 90, SMALL, "makes a tensor of 192 elements"),
])  # fmt: skip
def test_limits(spec: Spec, monkeypatch: pytest.MonkeyPatch, name: str, value: int, text: str, message: str) -> None:
    spec(text)
    monkeypatch.setattr(limits, name, value)
    with pytest.raises(SpecError, match=message):
        spec(text.replace("1 + 1", "1  + 1"))


def test_a_block_that_is_its_own_op(spec: Spec) -> None:
    with pytest.raises(SpecError, match="nested deeper than 40: b1 -> b1"):
        spec("inputs: {x: [N, 3]}\nnodes: {a: b1}\nblocks: {b1: {op: b1}}\n")


def test_an_init_that_is_a_free_size(spec: Spec) -> None:
    nodes = "inputs: {x: [N, H, 3]}\nnodes: {a: {op: b1, out: 2, init: $(H)}}\n"
    text = nodes + "blocks: {b1: {inputs: {x: [N, H, C]}, op: linear}}"
    with pytest.raises(SpecError, match=r"an init is a number, .* got H"):
        spec(text)


def test_keys_of_an_op_given_as_a_param_are_filled(spec: Spec) -> None:
    text = """inputs: {x: [N, 3]}
nodes: {a: {op: b1, part: {op: linear, $word: 4}}}
params: {word: out}
blocks: {b1: {params: {part: op}, nodes: {x1: {op: $part}}}}
"""
    assert spec(text).nodes[0].op.arguments()["out"] == 4


def test_settings_of_any_name_in_the_text_form(spec: Spec) -> None:
    graph = spec("inputs: {x: [N, 3]}\nnodes: {a: relu}\ntrain: {'!x y': 1, '': 2, 'a = \"b': 3, lr.x: 4}\n")
    assert parse(dump(graph)) == graph
    assert dict(graph.train) == dict(parse(dump(graph)).train)


#: A column as RevCol has it: every copy reads the picture, and carries the state.
COLUMNS = """
inputs: {image: [N, 4]}
nodes:
  zero: {op: scale, factor: 0}
  column: {op: column, repeat: 3, in: {x: image, state: zero}}
outputs: column
blocks:
  column:
    inputs: {x: [N, C], state: [N, C]}
    outputs: {state: sum}
    nodes:
      sum: {op: add, in: [x, state]}
"""


def test_an_input_without_a_namesake_is_read_by_every_copy(spec: Spec) -> None:
    reads = [node.reads for node in spec(COLUMNS).nodes if node.op.name == "add"]
    assert reads == [("image", "zero"), ("image", "column.0.sum"), ("image", "column.1.sum")]
