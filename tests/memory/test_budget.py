"""A byte budget: the marks that meet it, and what they cost."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.memory.budget import Fitted, Memory
from graphwright.compiler.memory.cut import Piece
from graphwright.compiler.memory.ledger import Item, Ledger, Storage, ledger
from graphwright.compiler.memory.size import read_bytes, told_bytes
from graphwright.compiler.memory.tracking import batched
from graphwright.compiler.places import SpecError
from tests.cli.test_commands import run
from tests.memory.measured import inputs_of, measured, step

BATCH = 128


#: Six blocks with batch norm and dropout, for pictures of 8 x 8. Their 16 channels fill a vector of every processor: of
#: fewer, oneDNN makes padded copies for itself where vectors are longer, up to twice as large as the tensors.
SPEC = """
graphwright: 1
name: blocks
inputs: {image: [N, 1, 8, 8]}
nodes:
  stem: {op: conv2d, out: 16, kernel: 3, padding: 1}
  blocks: {op: block, repeat: 6}
  pool: {op: mean, dims: [2, 3]}
  head: {op: linear, out: 10}
outputs: {logits: head}
blocks:
  block:
    inputs: {x: [N, C, _, _]}
    nodes:
      conv: {op: conv2d, out: $C, kernel: 3, padding: 1, bias: false}
      norm: batch_norm
      act: gelu
      drop: {op: dropout, p: 0.1}
      sum: {op: add, in: [x, drop]}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spec") / "blocks.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture(scope="module")
def blocks(spec: Path) -> Graph:
    return load(spec)


def _fitted(graph: Graph, share: float) -> Fitted:
    before = Memory("1TiB", BATCH, "sgd").fit(graph).before
    return Memory(int(share * before), BATCH, "sgd").fit(graph)


@pytest.mark.parametrize("share", [0.8, 0.5])
def test_the_measured_peak_is_within_the_budget(blocks: Graph, share: float) -> None:
    found = _fitted(blocks, share)
    state = 4 * sum(p.numel() for p in lower(blocks).parameters())
    peak = measured(found.graph, batched(blocks, BATCH))[1] + state
    assert found.regions
    assert found.peak <= found.budget
    assert 0.9 * found.budget < peak <= found.budget  # by the profiler, which sees kernels' own memory as well


def test_values_gradients_and_buffers_are_the_same_bit_for_bit(blocks: Graph) -> None:
    found = _fitted(blocks, 0.6)
    results = []
    for graph in (blocks, found.graph):
        module = lower(graph, cone="train").train()
        ends = step(graph, module, inputs_of(graph, batched(graph, BATCH)))
        results.append([*ends, *(p.grad for p in module.parameters()), *module.buffers()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))  # type: ignore[arg-type]


def test_less_memory_costs_more(blocks: Graph) -> None:
    costs = [_fitted(blocks, share).extra for share in (1.1, 0.8, 0.5)]
    assert costs[0] == 0 < costs[1] <= costs[2] < 1


def test_a_graph_that_fits_stays_as_it_is(blocks: Graph) -> None:
    found = Memory("1GiB", BATCH).fit(blocks)
    assert found.graph is blocks
    assert str(found).endswith("nothing is computed again")


def test_a_scope_that_is_a_region_is_marked_as_one() -> None:
    graph = load("vit_tiny_patch16_224", {"depth": 3})
    found = Memory(int(0.75 * Memory("1TiB", 8).fit(graph).before), 8).fit(graph)
    marked = [s for s in found.graph.scopes if s.marks.checkpoint] + [
        n for n in found.graph.nodes if n.marks.checkpoint
    ]
    names = {n for region in found.regions for n in region}
    assert marked
    assert all(any(n == m.name or n.startswith(f"{m.name}.") for m in marked) for n in names)


def test_a_budget_that_cannot_be_met_is_told_with_the_least(blocks: Graph) -> None:
    with pytest.raises(SpecError, match=r"does not fit into 1 KiB: the least that was found is .* \([\d,]+ bytes\)"):
        Memory("1KiB", BATCH).fit(blocks)


# -- the cut ----------------------------------------------------------------------------------
def _book(bytes_: list[int], costs: list[int], reads: list[list[int]], saves: list[list[int]]) -> Ledger:
    """Item k makes storage k, and reads and saves those listed."""
    storages = [Storage(b, k) for k, b in enumerate(bytes_)]
    for k, (read, save) in enumerate(zip(reads, saves, strict=True)):
        for s in read:
            storages[s].readers.add(k)
        for s in save:
            storages[s].savers.add(k)
    return Ledger(tuple(Item(str(k), c, c) for k, c in enumerate(costs)), tuple(storages))


@pytest.mark.parametrize("seed", range(20))
def test_the_cut_is_the_best_of_all_choices(seed: int) -> None:
    """Beside all ways to say of each item whether it runs again, on random graphs of seven items."""
    torch.manual_seed(seed)
    n, price = 7, 3
    draw = lambda high: torch.randint(1, high, (n,)).tolist()  # noqa: E731
    bytes_, costs = draw(20), draw(60)
    reads = [[j for j in range(i) if torch.rand(()) < 0.4] for i in range(n)]
    saves = [[j for j in (*read, i) if torch.rand(()) < 0.5] for i, read in enumerate(reads)]
    book = _book(bytes_, costs, reads, saves)
    needed = {s for row in saves for s in row}

    def worth(again: tuple[bool, ...]) -> int:
        used = {r for k in range(n) if again[k] for r in reads[k]} | needed
        return sum(costs[k] for k in range(n) if again[k]) + price * sum(bytes_[s] for s in used if not again[s])

    best = min(worth(again) for again in product((False, True), repeat=n))
    choice = Piece(book, 0, n).cut(price)
    again = {k for region in choice.regions for k in region}
    assert choice.kept * price + choice.cost <= best + sum(costs[k] for k in again)
    assert price * choice.kept <= best


def test_ledgers_count_what_autograd_keeps(blocks: Graph) -> None:
    sizes = batched(blocks, BATCH)
    buffers = sum(b.nbytes for b in lower(blocks).buffers() if b.is_floating_point())
    kept = sum(s.bytes for s in ledger(blocks, sizes).storages if s.savers)
    assert kept + buffers == measured(blocks, sizes)[0]  # batch norm keeps its running statistics as well


# -- sizes and commands -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "size"), [("4GiB", 4 << 30), ("512 MiB", 512 << 20), ("1.5GB", 1500000000), (77, 77), ("2kb", 2000)]
)
def test_sizes_are_read(text: str | int, size: int) -> None:
    assert read_bytes(text) == size


@pytest.mark.parametrize("text", ["4 apples", "-1GiB", "", "0", "GiB"])
def test_what_is_no_size_is_a_mistake(text: str) -> None:
    with pytest.raises(SpecError, match=r"number of bytes|leaves no memory"):
        read_bytes(text)


def test_sizes_are_told() -> None:
    assert [told_bytes(s) for s in (0, 999, 1024, 1536 << 20)] == ["0 B", "999 B", "1 KiB", "1.5 GiB"]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *words: run(monkeypatch, capsys, *words)


def test_compile_and_show_tell_of_it(cli: Any, spec: Path) -> None:
    code, out, _ = cli("show", spec, "--memory", "--batch", 128, "--json")
    assert code == 0
    peak = json.loads(out)["memory"]["training"]
    assert "peak of training" in cli("show", spec, "--memory")[1]
    compiling = ["compile", spec, "--backend", "eager", "--batch", 128, "--steps", 1, "--memory"]
    code, out, _ = cli(*compiling, int(0.7 * peak))
    assert code == 0
    assert "run again" in out
    code, _, err = cli(*compiling, "1KiB")
    assert code == 2
    assert "the least that was found" in err


def test_training_within_a_budget_ends_at_the_same_weights(cli: Any, spec: Path, tmp_path: Path) -> None:
    before = Memory("1TiB", 128).fit(load(spec)).before
    common = ["epochs=1", "batch=128"]
    assert cli("train", spec, "-o", tmp_path / "a", *common)[0] == 0
    code, _, err = cli("train", spec, "-o", tmp_path / "b", *common, "--memory", int(0.7 * before))
    assert code == 0
    assert "run again" in err
    a, b = (load_file(next((tmp_path / k).glob("*.safetensors"))) for k in "ab")
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_marks_change_no_structure(blocks: Graph) -> None:
    from graphwright.compiler.ir.hashing import structural_hash

    found = _fitted(blocks, 0.6)
    assert structural_hash(found.graph) == structural_hash(blocks)
    assert replace(found.graph, nodes=(), scopes=()) == replace(blocks, nodes=(), scopes=())
