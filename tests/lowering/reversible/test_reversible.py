"""Reversible scopes: the gradients of the plain backward pass, with the memory of one scope."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.lowering.reversible.plan import regions
from graphwright.compiler.places import SpecError
from tests.lowering.reversible.nets import INPUTS, apart, gradients, model, objective, plain, revnet, saved_bytes

#: Values that an analysis may read: inside a step, and a state between steps.
WATCHED = ("outputs: {logits: pool}", "outputs: {logits: pool, inside: blocks.1.f.act, between: blocks.0.a}")
QUIET = {"drop": 0, "norm": "layer_norm"}


def test_steps_are_found_in_the_graph(tmp_path: Path) -> None:
    (region,) = regions(revnet(tmp_path, depth=2).training())
    found = [(s.new, s.back.old, s.back.formula.value) for s in region.steps if s.back]
    assert found == [
        ("blocks.0.y", "left", "made0 - x1"),
        ("blocks.0.half", "right", "made0 / 0.5"),
        ("blocks.0.z", "blocks.0.half", "made0 - x1"),
        ("blocks.1.y", "blocks.0.y", "made0 - x1"),
        ("blocks.1.half", "blocks.0.z", "made0 / 0.5"),
        ("blocks.1.z", "blocks.1.half", "made0 - x1"),
    ]
    assert region.kept == {"blocks.1.y", "blocks.1.z"}


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_gradients_and_statistics_are_those_of_the_plain_backward(tmp_path: Path, mode: str) -> None:
    graph = revnet(tmp_path)
    ours, theirs = model(graph).train(mode == "train"), model(plain(graph)).train(mode == "train")
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for seed in range(2):
        assert apart(gradients(ours, INPUTS, seed), gradients(theirs, INPUTS, seed)) < 1e-10
    for name, buffer in theirs.named_buffers():
        torch.testing.assert_close(ours.get_buffer(name), buffer, rtol=1e-10, atol=0)


def test_gradients_flow_through_what_is_read_inside(tmp_path: Path) -> None:
    reading = (
        "losses: {main: {op: cross_entropy, in: [logits, label]}}",
        "losses:\n  main: {op: cross_entropy, in: [logits, label]}\n  inner: {op: mean, in: inside}\n"
        "  square: {op: square, in: between}\n  outer: {op: mean, in: square}",
    )
    graph = revnet(tmp_path, WATCHED, reading)
    ours, theirs = gradients(model(graph), INPUTS), gradients(model(plain(graph)), INPUTS)
    assert apart(ours, theirs) < 1e-10


def test_what_stands_between_reversible_scopes_and_reads_them_is_computed_after(tmp_path: Path) -> None:
    """A head on the first block, written before the second."""
    split = (
        "  blocks: {op: pair, repeat: $depth, in: {a: left, b: right}, drop: $drop, norm: $norm, reversible: true}\n",
        "  first: {op: pair, in: {a: left, b: right}, drop: $drop, norm: $norm, reversible: true}\n"
        "  head: {op: mean, in: first.a, dims: [2, 3]}\n  scaled: {op: scale, in: head, factor: 3}\n"
        "  blocks: {op: pair, in: {a: first.a, b: first.b}, drop: $drop, norm: $norm, reversible: true}\n",
    )
    graph = revnet(tmp_path, split, ("outputs: {logits: pool}", "outputs: {logits: pool, early: scaled}"))
    assert [r.scopes for r in regions(graph)] == [("first", "blocks")]
    assert apart(gradients(model(graph), INPUTS), gradients(model(plain(graph)), INPUTS)) < 1e-10


def test_scopes_with_something_between_them_are_two_regions(tmp_path: Path) -> None:
    split = (
        "  blocks: {op: pair, repeat: $depth, in: {a: left, b: right}, drop: $drop, norm: $norm, reversible: true}\n",
        "  first: {op: pair, in: {a: left, b: right}, drop: $drop, norm: $norm, reversible: true}\n"
        "  smaller: {op: avg_pool2d, in: first.a, kernel: 2}\n  smaller_too: {op: avg_pool2d, in: first.b, kernel: 2}\n"
        "  blocks: {op: pair, in: {a: smaller, b: smaller_too}, drop: $drop, norm: $norm, reversible: true}\n",
    )
    graph = revnet(tmp_path, split)
    assert [r.scopes for r in regions(graph)] == [("first",), ("blocks",)]
    assert apart(gradients(model(graph), INPUTS), gradients(model(plain(graph)), INPUTS)) < 1e-10


def test_memory_is_flat_in_depth(tmp_path: Path) -> None:
    sizes = [saved_bytes(model(revnet(tmp_path, depth=depth, **QUIET)), INPUTS) for depth in (2, 5)]
    grown = [saved_bytes(model(plain(revnet(tmp_path, depth=depth, **QUIET))), INPUTS) for depth in (2, 5)]
    assert sizes[0] == sizes[1] < grown[0] < grown[1]


def test_of_what_is_drawn_the_draws_alone_are_kept(tmp_path: Path) -> None:
    drop_path = ("      dropout: {op: dropout, p: $drop}\n      dropout2d: {op: dropout2d, p: $drop}\n", "")
    sizes = [
        saved_bytes(model(revnet(tmp_path, drop_path, depth=depth, norm="layer_norm")), INPUTS) for depth in (2, 5)
    ]
    assert sizes[1] - sizes[0] == 3 * 2 * 3 * 8  # blocks, branches, samples, bytes of a double


def test_a_copy_of_the_module_trains_as_the_original(tmp_path: Path) -> None:
    original = model(revnet(tmp_path))
    twin = copy.deepcopy(original)
    assert twin.state_dict().keys() == original.state_dict().keys()
    assert apart(gradients(twin, INPUTS), gradients(original, INPUTS)) == 0
    twin.eval()
    assert not twin.get_submodule("blocks.0.f.norm").training
    assert original.get_submodule("blocks.0.f.norm").training


def test_both_runs_have_the_same_precision(tmp_path: Path) -> None:
    made = model(revnet(tmp_path)).float()
    seen: list[torch.dtype] = []
    made.get_submodule("blocks.1.g.conv").register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        loss = objective(made(INPUTS[0].float(), INPUTS[1]))
    loss.backward()
    assert seen == [torch.bfloat16, torch.bfloat16]


def test_the_deployed_graph_and_unmarked_ones_are_as_they_were(tmp_path: Path) -> None:
    graph = revnet(tmp_path)
    assert lower(graph, device="meta").code == lower(plain(graph), device="meta").code
    assert "reversible" not in lower(plain(graph), cone="train", device="meta").code


def test_training_is_one_full_graph(tmp_path: Path) -> None:
    """Forward and backward, compiled: the gradients of the eager run, with what it draws and counts."""
    lean = ("      act: relu\n      dropout: {op: dropout, p: $drop}\n      dropout2d: {op: dropout2d, p: $drop}\n", "")
    graph = revnet(tmp_path, lean, depth=1)
    eager, other = model(graph), model(graph)
    torch._dynamo.reset()
    compiled = torch.compile(other, backend="aot_eager", fullgraph=True)
    wanted = gradients(eager, INPUTS)
    torch.manual_seed(0)
    loss = objective(compiled(*INPUTS))
    loss.backward()
    found = {name: p.grad for name, p in other.named_parameters() if p.grad is not None}
    assert apart({"loss": loss.detach(), **found}, wanted) < 1e-10
    for name, buffer in eager.named_buffers():
        torch.testing.assert_close(other.get_buffer(name), buffer, rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("      z: {op: add, in: [half, g]}", "      z: {op: relu, in: g}"),
            "'blocks.0.z' is handed on by a reversible scope, and not computed back",
        ),
        (
            ("{a: y, b: z}\n    nodes:\n", "{a: y, b: z}\n    nodes:\n      both: {op: relu, in: b}\n"),
            "'blocks.0.both' is in a reversible scope, and in two of its steps, 'blocks.0.y' and 'blocks.0.z'",
        ),
        (
            ("dropout: {op: dropout, p: $drop}", "dropout: {op: alpha_dropout, p: $drop}"),
            "'blocks.0.f.dropout' cannot be in a reversible scope: what alpha_dropout draws at random cannot be drawn",
        ),
    ],
    ids=["state lost", "shared", "draws"],
)
def test_mistakes(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    changes = [change]
    if "both" in change[1]:
        changes += [
            ("f: {op: branch, in: b", "f: {op: branch, in: both"),
            ("g: {op: branch, in: y", "h: {op: add, in: [y, both]}\n      g: {op: branch, in: h"),
        ]
    graph = revnet(tmp_path, *changes, depth=2)
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        lower(graph, cone="train", device="meta")


def test_a_scope_that_nothing_can_be_computed_back_from_is_a_mistake(tmp_path: Path) -> None:
    changes = [
        ("      y: {op: add, in: [a, f]}\n", "      y: {op: mul, in: [f, f]}\n"),
        ("      z: {op: add, in: [half, g]}", "      z: {op: mul, in: [g, g]}"),
    ]
    with pytest.raises(SpecError, match=r"'blocks\.0' is not reversible: nothing that it reads is computed back"):
        lower(revnet(tmp_path, *changes, depth=1), cone="train", device="meta")
