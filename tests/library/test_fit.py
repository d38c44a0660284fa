"""FIT: its layer string, what a token may see, and what attention costs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from graphwright.compiler.ir.dims import evaluate
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops.attention import Attention
from graphwright.compiler.places import SpecError
from tests.library.counter import fill, integers, signed
from tests.library.descent import descent

SMALL: dict[str, Any] = {
    "groups": 4, "tokens": 5, "latents": 2, "dim": 32, "latent_dim": 48, "heads": 2, "latent_heads": 4,
}  # fmt: skip


def depths(graph: Graph) -> list[tuple[int, int]]:
    """Layers within the groups and across them, block by block, as the names say."""
    norms = [n.name.split(".") for n in graph.nodes if n.name.endswith(".norm1")]
    blocks = range(1 + max(int(n.name.split(".")[1]) for n in graph.nodes if n.name.startswith("blocks.")))
    kinds = [(int(parts[1]), parts[2]) for parts in norms]
    return [(kinds.count((k, "local")), kinds.count((k, "work"))) for k in blocks]


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [("(2)1(0)12(3)", [(2, 1), (0, 12), (3, 0)]), ("(11)1(1)2", [(11, 1), (1, 2)]), ("(3)", [(3, 0)])],
)
def test_the_layer_string(layers: str, wanted: list[tuple[int, int]]) -> None:
    assert depths(load("fit", {**SMALL, "layers": layers})) == wanted


@pytest.mark.parametrize("layers", ["(2)x(1)", "(two)1", "[2]1"])
def test_a_layer_string_that_is_none(layers: str) -> None:
    with pytest.raises(SpecError):
        load("fit", {**SMALL, "layers": layers})


@torch.no_grad()
def test_a_token_sees_no_later_one() -> None:
    """Each token in turn is another one: no logit before it changes, its own does; and later groups hear the first."""
    graph = load("fit_ar", {**SMALL, "layers": "(1)1(1)1(1)", "vocabulary": 11})
    model = fill(lower(graph)).double().eval()
    tokens = integers("tokens", (1, 4, 5), 11)
    logits = model(tokens).flatten(0, 2)
    for at in range(tokens.numel()):
        other = tokens.clone().flatten()
        other[at] = (other[at] + 1) % 11
        moved = (model(other.view_as(tokens)).flatten(0, 2) - logits).abs().amax(1)
        assert (moved[:at] < 1e-12).all()
        assert moved[at] > 1e-6
        if at < 5:  # a group is heard by all of the tokens of the next groups
            assert (moved[5:] > 1e-9).all()


def attention_cost(graph: Graph, part: str = "") -> int:
    """Multiply-accumulates of softmax(q k') v in nodes whose name has `part`."""
    chosen = [n for n in graph.nodes if isinstance(n.op, Attention) and part in n.name]
    return sum(evaluate(n.op.macs(graph.input_types(n), n.outputs), {"N": 1}) for n in chosen)


def test_attention_costs_as_the_formula_says() -> None:
    """T n^2 d within the groups, (T m)^2 D across them, T n m min(d, D) to read or write; each for q k' and for v."""
    t, n, m, d, wide = 4, 5, 2, 32, 48
    found = attention_cost(load("fit", {**SMALL, "layers": "(2)3(1)1"}))
    assert found == 2 * (3 * t * n**2 * d + 4 * (t * m) ** 2 * wide + (2 + 1) * t * n * m * min(d, wide))


def test_far_reach_costs_length_to_the_four_thirds() -> None:
    """Groups of the cube root of the length: eight times as long costs sixteen times as much, not sixty-four."""
    sizes = {**SMALL, "layers": "(1)1", "dim": 16, "heads": 1, "latent_dim": 16, "latent_heads": 1}
    short, long = (load("fit", {**sizes, "groups": n * n, "tokens": n}) for n in (4, 8))
    assert attention_cost(long, "attn") == 16 * attention_cost(short, "attn")
    assert attention_cost(long, "read") == 8 * attention_cost(short, "read")


def test_what_the_latents_were_counts_for_nothing_at_first() -> None:
    """The norm behind it starts with a scale of zero; once that is learned, it counts."""
    sizes = {**SMALL, "channels": 6, "cond_dim": 3, "layers": "(1)1(1)"}
    model = lower(load("fit_denoiser_self_cond", sizes)).eval()
    x, time, cond = signed("x", (2, 4, 5, 6)).float(), torch.tensor([0.1, 0.7]), signed("c", (2, 1, 3)).float()
    before = signed("before", (2, 4, 2, 48)).float()
    with torch.no_grad():
        fresh, then = (model(x, time, cond, b)["noise"] for b in (torch.zeros_like(before), before))
        assert torch.equal(fresh, then)
        model.get_parameter("latent_copies.norm.weight").fill_(1)
        assert not torch.allclose(model(x, time, cond, before)["noise"], fresh)


def test_it_trains() -> None:
    graph = load("fit_ar", {**SMALL, "layers": "(1)1(1)", "vocabulary": 11})
    tokens = integers("tokens", (3, 4, 5), 11)
    losses = descent(graph, tokens, integers("next", (3, 4, 5), 11), rate=0.1)
    assert all(after < before for before, after in pairwise(losses)), losses


def test_the_denoiser_trains() -> None:
    graph = load("fit_denoiser", {**SMALL, "channels": 6, "cond_dim": 3, "layers": "(1)1(1)"})
    x, noise = signed("x", (2, 4, 5, 6)).float(), signed("noise", (2, 4, 5, 6)).float()
    cond = signed("cond", (2, 1, 3)).float()
    losses = descent(graph, x, torch.tensor([0.1, 0.7]), cond, noise, rate=0.1)
    assert all(after < before for before, after in pairwise(losses)), losses
