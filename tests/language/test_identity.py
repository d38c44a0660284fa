"""The structural hash and the difference of two graphs; selectors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphwright.compiler.ir.diff import diff
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.hashing import structural_hash
from graphwright.compiler.ir.select import BadSelector, select
from tests.language.conftest import shipped_graph

Spec = Callable[..., Graph]

BASE = """
inputs: {image: [N, 3, H=16, W=16]}
nodes:
  stem: {op: conv2d, out: 8, kernel: 3, padding: 1}
  left: {op: conv2d, in: stem, out: 8, kernel: 3, padding: 1}
  right: {op: conv2d, in: stem, out: 8, kernel: 1}
  sum: {op: add, in: [left, right]}
  pool: {op: adaptive_avg_pool2d, size: 1}
  flat: flatten
  fc: {op: linear, out: 5}
outputs: {logits: fc}
"""

SAME = {
    "renamed": BASE.replace("stem", "first").replace("left", "a").replace("flat:", "vector:"),
    "commented": BASE.replace("nodes:", "nodes:  # the body\n  # of the model"),
    "documented": BASE.replace("kernel: 1}", "kernel: 1, doc: the short way}"),
    "reordered": BASE.replace(
        """  left: {op: conv2d, in: stem, out: 8, kernel: 3, padding: 1}
  right: {op: conv2d, in: stem, out: 8, kernel: 1}
""", """  right: {op: conv2d, in: stem, out: 8, kernel: 1}
  left: {op: conv2d, in: stem, out: 8, kernel: 3, padding: 1}
"""),
    "default written out": BASE.replace("padding: 1}", "padding: 1, stride: 1, groups: 1}"),
    "in a scope": BASE.replace("  fc: {op: linear, out: 5}", "  fc: {nodes: {inner: {op: linear, out: 5}}}"),
    "by an expression": BASE.replace("out: 5", "out: $(2 + 3)"),
    "other default size": BASE.replace("H=16", "H=32"),
}  # fmt: skip
OTHER = {
    "argument": BASE.replace("kernel: 1}", "kernel: 1, bias: false}"),
    "width": BASE.replace("out: 5", "out: 6"),
    "wiring": BASE.replace("[left, right]", "[left, left]"),
    "order of a join": BASE.replace("op: add, in: [left, right]", "op: concat, in: [left, right]"),
    "op": BASE.replace("op: add", "op: mul"),
    "output": BASE.replace("logits: fc", "scores: fc"),
    "freeze": BASE.replace("kernel: 1}", "kernel: 1, freeze: true}"),
    "input": BASE.replace("[N, 3,", "[N, 4,"),
    "one node more": BASE.replace("  flat: flatten\n", "  flat: flatten\n  drop: {op: dropout, p: 0.1}\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_hash_sees_structure_only(spec: Spec, name: str) -> None:
    assert SAME[name] != BASE
    assert structural_hash(spec(SAME[name])) == structural_hash(spec(BASE))


@pytest.mark.parametrize("name", OTHER)
def test_hash_sees_a_change(spec: Spec, name: str) -> None:
    assert OTHER[name] != BASE
    assert structural_hash(spec(OTHER[name])) != structural_hash(spec(BASE))


def test_concat_is_ordered_and_tying_counts(spec: Spec) -> None:
    joined = OTHER["order of a join"]
    assert structural_hash(spec(joined)) != structural_hash(spec(joined.replace("[left, right]", "[right, left]")))
    twin = BASE.replace(
        "right: {op: conv2d, in: stem, out: 8, kernel: 1}",
        "right: {op: conv2d, in: stem, out: 8, kernel: 3, padding: 1}",
    )
    tied = twin.replace(
        "in: stem, out: 8, kernel: 3, padding: 1}\n  sum", "in: stem, out: 8, kernel: 3, padding: 1, tie: left}\n  sum"
    )
    assert tied != twin
    assert structural_hash(spec(tied)) != structural_hash(spec(twin))


def test_diff_is_empty_for_equal_graphs_and_names_each_change(spec: Spec) -> None:
    base = spec(BASE)
    assert diff(base, spec(SAME["commented"])) == ()
    assert diff(base, base) == ()
    (changed,) = diff(base, spec(OTHER["argument"]))
    assert str(changed) == "~ right (conv2d): bias: True -> False"
    kinds = {(c.kind, c.name) for c in diff(base, spec(OTHER["one node more"]))}
    assert kinds == {("added", "drop"), ("changed", "fc")}
    back = {(c.kind, c.name) for c in diff(spec(OTHER["one node more"]), base)}
    assert back == {("removed", "drop"), ("changed", "fc")}


def test_diff_of_two_models() -> None:
    changes = diff(shipped_graph("resnet18"), shipped_graph("resnet34"))
    assert {c.kind for c in changes} >= {"added"}
    assert all(c.name.startswith("layer") for c in changes if c.kind == "added")


@pytest.mark.parametrize(("selector", "count"), [
    ("op:batch_norm", 20), ("layer1.*.bn1", 2), ("layer[1-3].*.bn1", 6), ("layer1.**", 14), ("first:conv2d", 1),
    ("last:conv2d", 1),
    ("op:conv2d scope:layer2", 5), ("block:basic_block op:relu", 16), ("family:norm", 20), ("conv1", 1), ("**", 69),
    ("nothing", 0),
    ("tag:none", 0), ("layer1.* op:relu", 0), ("op:conv2d last:conv2d", 1),
])  # fmt: skip
def test_selectors_on_resnet18(selector: str, count: int) -> None:
    graph = shipped_graph("resnet18")
    found = select(graph, selector)
    assert len(found) == (len(graph.nodes) if selector == "**" else count)
    assert [n for n in graph.nodes if n in found] == list(found)


def test_first_and_last() -> None:
    graph = shipped_graph("resnet18")
    assert select(graph, "first:conv2d")[0].name == "conv1"
    assert select(graph, "last:conv2d")[0].name == [n for n in graph.nodes if n.op.name == "conv2d"][-1].name


@pytest.mark.parametrize("selector", ["", "  ", "kind:relu", "a(b)", "lay er(", "conv$"])
def test_bad_selectors(selector: str) -> None:
    with pytest.raises(BadSelector):
        select(shipped_graph("resnet18"), selector)
