"""Checkpointed scopes: the values and gradients of the plain lowering, bit for bit, and less kept in between."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.checkpoint.fold import checkpoint_regions
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.lowering.checkpoint.nets import INPUTS, net, plain
from tests.lowering.reversible.nets import apart, gradients, model, objective, revnet, saved_bytes

BYTES = 8
#: Elements of a map [3, 5, 6, 6].
MAP = 3 * 5 * 6 * 6


def _same(ours: Graph, theirs: Graph, mode: str = "train") -> None:
    """Values, gradients and running statistics of two steps, bit for bit."""
    a, b = model(ours).train(mode == "train"), model(theirs).train(mode == "train")
    assert a.state_dict().keys() == b.state_dict().keys()
    for seed in range(2):
        found, wanted = gradients(a, INPUTS, seed), gradients(b, INPUTS, seed)
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[k], wanted[k]) for k in wanted)
    before = dict(model(theirs).named_buffers())
    for name, buffer in b.named_buffers():
        assert torch.equal(a.get_buffer(name), buffer)
    if mode == "train":  # else nothing would be shown
        assert any(not torch.equal(before[name], buffer) for name, buffer in b.named_buffers())


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_values_gradients_and_statistics_are_those_of_the_plain_lowering(tmp_path: Path, mode: str) -> None:
    graph = net(tmp_path)
    assert len(checkpoint_regions(graph)) == 3
    assert lower(graph, cone="train", device="meta").code.count("self.checkpoint_") == 3
    _same(graph, plain(graph), mode)


def test_a_region_keeps_what_it_reads(tmp_path: Path) -> None:
    quiet = ("      dropout: {op: dropout, p: $drop}\n      drop_path: {op: drop_path, p: $drop}\n", "")
    add = ("in: [x, drop_path]", "in: [x, scaled]")
    sizes = {}
    for depth in (2, 5):
        graph = net(tmp_path, quiet, add, depth=depth)
        sizes[depth] = saved_bytes(model(graph), INPUTS), saved_bytes(model(plain(graph)), INPUTS)
    assert sizes[5][0] - sizes[2][0] == 3 * MAP * BYTES  # what comes into each scope
    # of each scope: what comes in, the convolution's output, what comes out of relu; of batch norm its statistics,
    # running ones and batch's
    assert sizes[5][1] - sizes[2][1] == 3 * (3 * MAP + 4 * 5) * BYTES


def test_words_join_scopes_and_nodes(tmp_path: Path) -> None:
    graph = net(tmp_path, ("checkpoint: true", "checkpoint: all"), ("kernel: 1}", "kernel: 1, checkpoint: all}"))
    (region,) = checkpoint_regions(graph)
    assert {"stem", "blocks.0.conv", "blocks.2.sum"} < region
    _same(graph, plain(graph))
    assert saved_bytes(model(graph), INPUTS) < saved_bytes(model(net(tmp_path)), INPUTS)


def test_a_marked_scope_takes_in_what_is_marked_inside(tmp_path: Path) -> None:
    graph = net(tmp_path, ("act: relu", "act: {op: relu, checkpoint: true}"))
    assert checkpoint_regions(graph) == checkpoint_regions(net(tmp_path))
    _same(graph, plain(graph))


def test_a_region_that_is_left_and_entered_again_is_run_in_parts(tmp_path: Path) -> None:
    """Every other block is in the region, and so on both sides of the one between."""
    split = "blocks: {op: block, repeat: $depth, drop: $drop, checkpoint: true}", (
        "first: {op: block, drop: $drop, checkpoint: a}\n  second: {op: block, drop: $drop}\n"
        "  third: {op: block, drop: $drop, checkpoint: a}"
    )  # fmt: skip
    graph = net(tmp_path, split)
    assert len(checkpoint_regions(graph)) == 1
    assert "checkpoint_1" in lower(graph, cone="train", device="meta").code
    _same(graph, plain(graph))


def test_what_stands_among_the_nodes_of_a_region_is_computed_after_and_draws_in_order(tmp_path: Path) -> None:
    split = "blocks: {op: block, repeat: $depth, drop: $drop, checkpoint: true}", (
        "first: {op: block, drop: $drop, checkpoint: a}\n  noise: {op: dropout, in: first, p: 0.5}\n"
        "  quiet: {op: relu, in: first}\n"
        "  third: {op: block, in: first, drop: $drop, checkpoint: a}\n  sum: {op: add, in: [third, noise, quiet]}"
    )  # fmt: skip
    graph = net(tmp_path, split)
    assert len(re.findall(r"self\.checkpoint_", lower(graph, cone="train", device="meta").code)) == 2  # noise draws
    found, wanted = gradients(model(graph), INPUTS), gradients(model(plain(graph)), INPUTS)
    assert apart(found, wanted) < 1e-13  # the gradients that meet at one value are summed in another order


def test_a_buffer_that_a_region_moves_is_moved_once(tmp_path: Path) -> None:
    variance = "norm: batch_norm\n", (
        "running: {op: buffer, shape: [$C], init: 1.0}\n"
        "      var: {op: batch_variance, in: [conv, running]}\n"
        "      wide: {op: reshape, in: var, size: [1, $C, 1, 1]}\n"
        "      norm: {op: div, in: [conv, wide]}\n"
    )  # fmt: skip
    graph = net(tmp_path, variance)
    _same(graph, plain(graph))


def test_a_reversible_scope_stays_so(tmp_path: Path) -> None:
    graph = revnet(tmp_path, ("reversible: true}", "reversible: true, checkpoint: true}"), depth=2)
    code = lower(graph, cone="train", device="meta").code
    assert "reversible_0" in code
    assert "checkpoint_0" not in code


def test_a_copy_of_the_module_trains_as_the_original(tmp_path: Path) -> None:
    original = model(net(tmp_path))
    twin = copy.deepcopy(original)
    found, wanted = gradients(twin, INPUTS), gradients(original, INPUTS)
    assert all(torch.equal(found[k], wanted[k]) for k in wanted)


def test_both_runs_have_the_same_precision(tmp_path: Path) -> None:
    made = model(net(tmp_path)).float()
    seen: list[torch.dtype] = []
    made.get_submodule("blocks.1.conv").register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        loss = objective(made(INPUTS[0].float(), INPUTS[1]))
    loss.backward()
    assert seen == [torch.bfloat16, torch.bfloat16]


def test_without_gradients_a_region_runs_once(tmp_path: Path) -> None:
    made = model(net(tmp_path))
    runs: list[Tensor] = []
    made.get_submodule("blocks.1.conv").register_forward_hook(lambda _, __, out: runs.append(out))
    with torch.no_grad():
        made(*INPUTS)
    assert len(runs) == 1


def test_the_deployed_graph_is_as_it_was(tmp_path: Path) -> None:
    graph = net(tmp_path)
    assert lower(graph, device="meta").code == lower(plain(graph), device="meta").code


@pytest.mark.parametrize("drop", [0.0, 0.3])
def test_training_is_one_full_graph(tmp_path: Path, drop: float) -> None:
    """Forward and backward, compiled: the gradients and statistics of the same model compiled without marks."""
    graph = net(tmp_path, depth=2, drop=drop)
    results = []
    for each in (graph, plain(graph)):
        made = model(each)
        torch._dynamo.reset()
        compiled = torch.compile(made, backend="aot_eager", fullgraph=True)
        torch.manual_seed(0)
        loss = objective(compiled(*INPUTS))
        loss.backward()
        grads = {name: p.grad for name, p in made.named_parameters() if p.grad is not None}
        results.append({"loss": loss.detach(), **grads, **dict(made.named_buffers())})
    ours, theirs = results
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-10, atol=1e-12)


def test_a_gradient_in_a_region_is_a_mistake(tmp_path: Path) -> None:
    inner = (
        "      norm: batch_norm\n      act: relu\n",
        (
            "      norm: {op: batch_norm, in: conv}\n      slope: {op: gradient, in: {of: norm, at: conv}}\n"
            "      act: {op: relu, in: slope}\n"
        ),
    )
    with pytest.raises(SpecError, match=r"'blocks\.0\.slope' cannot be checkpointed"):
        lower(net(tmp_path, inner), cone="train", device="meta")
