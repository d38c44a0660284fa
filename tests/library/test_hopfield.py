"""Hopfield layers: what the update does to a state, and what the layers are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import fill, signed
from tests.library.descent import descent
from tests.oracles import distance

#: One op on states and stored patterns; `in` and arguments are filled in.
SPEC = """\
graphwright: 1
name: one
inputs: {{state: {state}, stored: {stored}, other: {other}}}
nodes:
  one: {{op: {op}, in: {{{reads}}}{arguments}}}
"""
Build = Callable[..., Graph]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def made(op: str, reads: str, state: str, stored: str = "[1]", other: str = "[1]", **arguments: Any) -> Graph:
        text = "".join(f", {key}: {value}" for key, value in arguments.items())
        path = tmp_path / f"{op}.yaml"
        path.write_text(SPEC.format(op=op, reads=reads, state=state, stored=stored, other=other, arguments=text))
        return load(path)

    return made


ASSOCIATION = ("hopfield_association", "state: state, stored: stored, projection: other")
SHAPES = ("[N, 2, L, 16]", "[N, 2, S, 16]", "[N, 2, S, 6]")


def slow(q: Tensor, stored: Tensor, values: Tensor, beta: float, steps: int, eps: float) -> tuple[Tensor, list[int]]:
    """The update as the paper writes it, one head after the other; and how many steps each took."""
    results, taken = [], []
    for head in range(q.shape[1]):
        state, patterns = q[:, head], stored[:, head]
        weights = (beta * state @ patterns.mT).softmax(-1)
        count, moving = 0, True
        while moving and count < steps:
            count += 1
            before, weights = weights, (beta * (weights @ patterns) @ patterns.mT).softmax(-1)
            moving = bool(max((a - b).norm() for a, b in zip(before, weights, strict=True)) > eps)
        results.append(weights @ values[:, head])
        taken.append(count)
    return torch.stack(results, 1), taken


@torch.no_grad()
def test_each_head_stops_on_its_own(build: Build) -> None:
    """The second head's patterns are longer, so that its states find theirs at once."""
    model = lower(build(*ASSOCIATION, *SHAPES, beta=0.35, steps=40, eps=1e-3)).double()
    stored = signed("stored", (3, 2, 9, 16)) * torch.tensor([0.7, 3.0])[:, None, None]
    q, values = signed("state", (3, 2, 4, 16)), signed("values", (3, 2, 9, 6))
    expected, taken = slow(q, stored, values, 0.35, 40, 1e-3)
    assert 1 < taken[1] < taken[0] < 40, taken
    assert distance(model(q, stored, values), expected) < 1e-12
    assert distance(expected, slow(q, stored, values, 0.35, taken[1], 0.0)[0]) > 1e-4  # it matters when a head stops


@torch.no_grad()
def test_one_step_is_attention_before_attention(build: Build) -> None:
    model = lower(build(*ASSOCIATION, *SHAPES, steps=1)).double()
    q, stored, values = (signed(n, s) for n, s in (("q", (1, 2, 3, 16)), ("k", (1, 2, 5, 16)), ("v", (1, 2, 5, 6))))
    attend = nn.functional.scaled_dot_product_attention
    assert distance(model(q, stored, values), attend(attend(q, stored, stored), stored, values)) < 1e-12


def energy(state: Tensor, stored: Tensor, beta: float) -> Tensor:
    """E = -lse(beta, X' q) + q' q / 2 + log(N) / beta + M^2 / 2."""
    similar = (beta * state @ stored.mT).logsumexp(-1) / beta
    largest = stored.square().sum(-1).max()
    return -similar + state.square().sum(-1) / 2 + math.log(len(stored)) / beta + largest / 2


@torch.no_grad()
@pytest.mark.parametrize("beta", [0.05, 0.2, 1.0])
def test_no_step_adds_energy(build: Build, beta: float) -> None:
    stored = signed("stored", (20, 16))
    states = [signed("state", (30, 16))]
    for _ in range(6):
        model = lower(build(*ASSOCIATION, "[1, 1, 30, 16]", "[1, 1, 20, 16]", "[1, 1, 20, 16]", beta=beta)).double()
        states.append(model(states[-1][None, None], stored[None, None], stored[None, None])[0, 0])
    energies = [energy(state, stored, beta) for state in states]
    assert all((after <= before + 1e-12).all() for before, after in pairwise(energies))
    assert (energies[1] < energies[0]).all()
    assert (energies[-1] >= 0).all()


@torch.no_grad()
@pytest.mark.parametrize(("beta", "error"), [(0.5, 1e-6), (0.02, None)])
def test_stored_patterns_are_retrieved_where_beta_is_large(build: Build, beta: float, error: float | None) -> None:
    """A thousand patterns of 64 numbers and noise on them; where beta is small, all states end at one average."""
    shape = "[1, 1, 1000, 64]"
    model = lower(build(*ASSOCIATION, shape, shape, shape, beta=beta, steps=5)).double()
    stored = signed("stored", (1000, 64))
    noisy = stored + 0.3 * signed("noise", (1000, 64))
    found = model(noisy[None, None], stored[None, None], stored[None, None])[0, 0]
    if error is None:
        assert found.std(0).max() < 1e-3
        return
    assert ((found - stored).norm(dim=1) / stored.norm(dim=1)).median() < error
    assert (torch.cdist(found, stored).argmin(1) == torch.arange(1000)).all()
    again = model(found[None, None], stored[None, None], stored[None, None])[0, 0]
    assert (again - found).abs().max() < 1e-6  # fixed points


HOPFIELD = ("hopfield", "state: state, stored: stored, projection: other")
POOLING, LAYER = ("hopfield_pooling", "x: state"), ("hopfield_layer", "x: state")


@pytest.mark.parametrize(
    ("op", "options", "parameters"),
    [
        (HOPFIELD, {}, 17_024), (HOPFIELD, {"hidden": 8, "heads": 8}, 17_024), (POOLING, {}, 17_088),
        (LAYER, {"quantity": 10}, 17_664),
    ],
)  # fmt: skip
def test_parameters(build: Build, op: tuple[str, str], options: dict[str, int], parameters: int) -> None:
    """As hflayers has them for patterns of 64 numbers."""
    model = lower(build(*op, *("[N, 5, 64]",) * 3, **options), device="meta")
    assert sum(p.numel() for p in model.parameters()) == parameters


@torch.no_grad()
def test_without_steps_it_is_attention_in_heads(build: Build) -> None:
    model = fill(lower(build(*HOPFIELD, "[N, 3, 24]", "[N, 5, 24]", "[N, 5, 24]", heads=4))).eval()
    theirs = nn.MultiheadAttention(24, 4, batch_first=True).eval()
    core = model.get_submodule("one.association_core")
    theirs.load_state_dict(core.state_dict())
    inputs = [signed(n, (2, k, 24)).float() for n, k in (("q", 3), ("k", 5), ("v", 5))]
    norms = ("norm_state_pattern", "norm_stored_pattern", "norm_pattern_projection")
    normed = [model.get_submodule(f"one.{n}")(x) for n, x in zip(norms, inputs, strict=True)]
    assert distance(model(*inputs), theirs(*normed)[0]) < 1e-5


@torch.no_grad()
def test_three_projections_are_one_cut_in_three(build: Build) -> None:
    """Patterns of other sizes need matrices of their own; with equal sizes they give the same."""
    shapes = ("[N, 3, 24]", "[N, 5, 24]", "[N, 5, 24]")
    joint, apart = (fill(lower(build(*HOPFIELD, *shapes, hidden=8, heads=2, pattern=p))).eval() for p in (0, 8))
    state = joint.state_dict()
    matrices = state.pop("one.association_core.in_proj_weight").chunk(3)
    state |= {f"one.association_core.{n}_proj_weight": m for n, m in zip("qkv", matrices, strict=True)}
    apart.load_state_dict(state)
    inputs = [signed(n, (2, k, 24)).float() for n, k in (("q", 3), ("k", 5), ("v", 5))]
    assert distance(apart(*inputs), joint(*inputs)) < 1e-6
    other = lower(build(*HOPFIELD, "[N, 3, 24]", "[N, 5, 7]", "[N, 5, 9]", hidden=8, heads=2, pattern=6), device="meta")
    core = other.get_submodule("one.association_core")
    assert {n: list(core.get_parameter(f"{n}_proj_weight").shape) for n in "qkv"} == {
        "q": [16, 24], "k": [16, 7], "v": [12, 9],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["hopfield_latch", "hopfield_latch_pooling", "hopfield_latch_lookup"])
@pytest.mark.parametrize("steps", [0, 2])
def test_it_trains(name: str, steps: int) -> None:
    graph = load(name, {"instances": 6, "characters": 8, "heads": 2, "steps": steps})
    sequence = nn.functional.one_hot((signed("x", (16, 6)) * 9).long() % 8, 8).float()
    losses = descent(graph, sequence, sequence[:, 0, :4].sum(1), rate=0.1)
    assert all(after < before for before, after in pairwise(losses)), losses
