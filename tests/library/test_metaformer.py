"""MetaFormer baselines: one block, five token mixers, and what each of them lets tokens know of one another."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import fill, integers, signed
from tests.library.descent import descent
from tests.oracles import distance

#: A part of a family by itself.
PART = """\
graphwright: 1
name: part
extends: {family}
inputs: {{image: none, x: [N, {shape}]}}
nodes: {{{removed}, part: {op}}}
outputs: part
"""
#: The nodes of timm's families, and of those with the names of the paper's repository.
TIMMS = ("stem", "stages", "head")
PAPERS = (*(f"{part}.{k}" for part in ("downsample_layers", "stages") for k in range(4)), "pool", "norm", "head")
#: The family that has the mixer, its norm, whether channels are last, and how far a token is heard.
MIXERS = {
    "identity": ("identityformer_s12", "joint_norm", True, 0),
    "random_mixing": ("randformer_s12", "joint_norm", True, 99),
    "heads_of_32": ("caformer_s18", "channel_norm", True, 99),
    "pooling": ("poolformerv2_s12", "joint_norm", False, 1),
    "sep_conv": ("convformer_s18", "channel_norm", False, 3),
}
#: A map, with the channels last or not.
SHAPES = {True: "12, 10, 64", False: "64, 12, 10"}
TINY = {"depths": [1, 1, 2, 1], "dims": [16, 32, 32, 64], "classes": 5}


def part(folder: Path, family: str, op: str, shape: str) -> nn.Module:
    """One op of a family's file, filled by the counter."""
    removed = ", ".join(f"{name}: none" for name in (PAPERS if family.startswith(("identity", "rand")) else TIMMS))
    path = folder / "part.yaml"
    path.write_text(PART.format(family=family, shape=shape, removed=removed, op=op))
    return fill(lower(load(path)).eval(), keep=("*random_matrix",))


def tokens(last: bool) -> Tensor:
    """Random ones of that shape."""
    x = signed("x", (1, 12, 10, 64)).float()
    return x if last else x.permute(0, 3, 1, 2).contiguous()


@pytest.mark.parametrize("mixer", MIXERS)
def test_how_far_a_token_is_heard(mixer: str, tmp_path: Path) -> None:
    family, _, last, reach = MIXERS[mixer]
    mix = part(tmp_path, family, mixer, SHAPES[last])
    before = tokens(last)
    after = before.clone()
    (after if last else after.permute(0, 2, 3, 1))[:, 5, 2] += 1
    with torch.no_grad():
        heard = (mix(after) != mix(before)).any(-1 if last else 1)[0]
    y, x = torch.meshgrid(torch.arange(12), torch.arange(10), indexing="ij")
    assert torch.equal(heard, torch.maximum((y - 5).abs(), (x - 2).abs()) <= reach)


@pytest.mark.parametrize("mixer", MIXERS)
def test_only_attention_and_identity_know_no_order(mixer: str, tmp_path: Path) -> None:
    """In the other blocks it matters where a token stands."""
    family, norm, last, _ = MIXERS[mixer]
    op = f"{{op: metaformer_block, mixer: {mixer}, norm: {norm}, last: {str(last).lower()}, scaled: true}}"
    block = part(tmp_path, family, op, SHAPES[last])
    order = signed("order", (120,)).argsort()

    def shuffled(x: Tensor) -> Tensor:
        return (x.flatten(1, 2)[:, order] if last else x.flatten(2)[:, :, order]).view_as(x)

    with torch.no_grad():
        apart = distance(block(shuffled(tokens(last))), shuffled(block(tokens(last))))
    assert apart < 1e-5 if mixer in ("identity", "heads_of_32") else apart > 1e-2


def test_star_relu_of_a_normal_number_is_standard(tmp_path: Path) -> None:
    """With s = 1 / sqrt(5/4) and b = -s / 2, by equation 5 of the paper; it takes four operations."""
    star = part(tmp_path, "poolformerv2_s12", "star_relu", "4")
    scale = 1.25**-0.5
    star.load_state_dict({"part.scale": torch.tensor([scale]), "part.bias": torch.tensor([-scale / 2])})
    normal = torch.special.ndtri((torch.arange(400_000, dtype=torch.double) + 0.5) / 400_000)
    with torch.no_grad():
        found = star(normal.float().reshape(-1, 4)).double()
    assert found.mean().abs() < 1e-3
    assert (found.var() - 1).abs() < 1e-3
    assert count(load(tmp_path / "part.yaml")).flops == 4 * 4


def test_the_random_mixers_are_stochastic_and_stay() -> None:
    graph = load("randformer_s12", {**TINY, "size": 64})
    start, moved = lower(graph), lower(graph)
    mixers = {name: p for name, p in start.named_parameters() if name.endswith("random_matrix")}
    assert [list(p.shape) for p in mixers.values()] == [[16, 16], [16, 16], [4, 4]]
    for p in mixers.values():
        torch.testing.assert_close(p.sum(1), torch.ones(len(p)))
        assert (p.amax(1) / p.amin(1)).max() < torch.e
        assert p.std(0).min() > 0
    assert not torch.equal(*list(mixers.values())[:2])
    loss = moved(signed("image", (2, 3, 64, 64)).float()).square().mean()
    loss.backward()
    assert {n for n, p in moved.named_parameters() if p.grad is None} == set(mixers)
    assert count(graph).frozen == 2 * 16**2 + 4**2


@pytest.mark.parametrize("name", [family for family, *_ in MIXERS.values()])
def test_it_trains(name: str) -> None:
    graph = load(name, TINY | ({"size": 64} if name[:4] in ("iden", "rand") else {}))
    batch = signed("image", (4, 3, 64, 64)).float(), integers("label", (4,), 5)
    losses = descent(graph, *batch, rate=0.05)
    assert all(after < before for before, after in pairwise(losses)), losses
