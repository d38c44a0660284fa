"""Keys that are paths: a node put into a scope that is not opened, or was opened above."""

from __future__ import annotations

from pathlib import Path

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load

SPEC = """graphwright: 1
name: paths
inputs: {x: [N, 8]}
nodes:
  head:
    nodes:
      norm: layer_norm
      fc: {op: linear, in: norm, out: 8}
  tail.deep.act: {op: relu, in: head.norm}
  head.sum: {op: add, in: [head, tail]}
  tail.deep.pair: {op: two, in: tail.deep.act, freeze: true}
  branch.a$k: {op: linear, in: head.sum, out: $k, each: {k: [3, 5]}}
  all: {op: concat, in: [branch.a3, branch.a5, tail.deep.pair.second], dim: 1}
outputs: {out: all, last: tail}
blocks:
  two:
    nodes:
      first: {op: linear, out: 4}
      second: {op: linear, in: first, out: 4}
    outputs: {first: first, second: second}
"""


def graph(folder: Path) -> Graph:
    (folder / "paths.yaml").write_text(SPEC)
    return load(folder / "paths.yaml")


def test_names_and_reads(tmp_path: Path) -> None:
    reads = {n.name: n.reads for n in graph(tmp_path).nodes}
    assert list(reads) == [
        "head.norm", "head.fc", "tail.deep.act", "head.sum", "tail.deep.pair.first", "tail.deep.pair.second",
        "branch.a3", "branch.a5", "all",
    ]  # fmt: skip
    assert reads["tail.deep.act"] == ("head.norm",)
    assert reads["head.sum"] == ("head.fc", "tail.deep.act")  # an opened scope puts out what it did before
    assert reads["all"] == ("branch.a3", "branch.a5", "tail.deep.pair.second")


def test_a_path_means_what_was_put_there_last(tmp_path: Path) -> None:
    assert graph(tmp_path).outputs[1] == ("last", "tail.deep.pair.first")


def test_scopes_are_made_once_and_marks_stay(tmp_path: Path) -> None:
    made = graph(tmp_path)
    assert sorted(s.name for s in made.scopes) == ["branch", "head", "tail", "tail.deep", "tail.deep.pair"]
    assert [n.name for n in made.nodes if n.marks.freeze] == ["tail.deep.pair.first", "tail.deep.pair.second"]


NUMBERED = """graphwright: 1
name: numbered
inputs: {x: [N, 8]}
nodes:
  10: {op: chunk, parts: 2}
  11: {op: add, in: [10.0, 10.1]}
  more:
    outputs: {maps: [11, part.*]}
    nodes:
      part: {op: linear, each: {k: [4, 4]}, in: 11, out: $k}
  all: {op: concat, in: more.maps.*}
outputs: all
"""


def test_numbers_as_names_and_lists_among_outputs(tmp_path: Path) -> None:
    """`10.0` is an output of the node 10, not a number; `part.*` is spliced into a list of outputs."""
    (tmp_path / "numbered.yaml").write_text(NUMBERED)
    reads = {n.name: n.reads for n in load(tmp_path / "numbered.yaml").nodes}
    assert reads["11"] == ("10", "10:1")
    assert reads["all"] == ("11", "more.part.0", "more.part.1")
