"""Inception transformer: what the two halves of its mixer hear, and how their shares change with depth."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.case import shapes
from tests.library.counter import fill, integers, signed
from tests.library.descent import descent

#: A part of the model by itself.
PART = """\
graphwright: 1
name: part
extends: iformer_small
inputs: {{image: none, x: [N, {shape}]}}
nodes: {{{removed}, part: {op}}}
outputs: part
"""
STAGED = ("patch_embed", "pos_embed", "place", "blocks")
NODES = [f"{name}{k}" for name in STAGED for k in range(1, 5)]
REMOVED = ", ".join(f"{name}: none" for name in ("patch_embed", *NODES[1:], "norm", "pool", "head"))


def part(folder: Path, op: str, shape: str) -> nn.Module:
    """One op of the spec's file, filled by the counter."""
    path = folder / "part.yaml"
    path.write_text(PART.format(op=op, shape=shape, removed=REMOVED))
    return fill(lower(load(path)).eval())


@torch.no_grad()
def heard(model: nn.Module, x: Tensor) -> Tensor:
    """Where a change at row 5, column 2 is heard, for maps with the channels second."""
    after = x.clone()
    after[:, :, 5, 2] += 1
    changed: Tensor = (model(after) != model(x)).any(1)[0]
    return changed


def test_the_high_mixer_hears_its_neighbours_and_the_low_one_all(tmp_path: Path) -> None:
    x = signed("x", (1, 16, 12, 10)).float()
    y, column = torch.meshgrid(torch.arange(12), torch.arange(10), indexing="ij")
    near = ((y - 5).abs() <= 1) & ((column - 2).abs() <= 1)
    assert torch.equal(heard(part(tmp_path, "high_mixer", "16, 12, 10"), x), near)
    assert heard(part(tmp_path, "{op: low_mixer, heads: 2, pool: 2}", "16, 12, 10"), x).all()


@pytest.mark.parametrize("pool", [1, 2])
def test_the_low_mixer_attends_on_the_pooled_map(pool: int, tmp_path: Path) -> None:
    """Head by head, without an output projection; on a map that is not square."""
    mixer = part(tmp_path, f"{{op: low_mixer, heads: 2, pool: {pool}}}", "16, 12, 10")
    x = signed("x", (3, 16, 12, 10)).float()
    small = F.avg_pool2d(x, pool)
    weight, bias = (mixer.get_parameter(f"part.qkv.{name}") for name in ("weight", "bias"))
    q, k, v = (small.flatten(2).mT @ weight.T + bias).chunk(3, 2)
    heads = [(q[..., s] @ k[..., s].mT / 8**0.5).softmax(-1) @ v[..., s] for s in (slice(8), slice(8, 16))]
    expected = torch.cat(heads, 2).mT.reshape(small.shape)
    torch.testing.assert_close(mixer(x), expected.repeat_interleave(pool, 2).repeat_interleave(pool, 3))


@pytest.mark.parametrize("size", ["small", "base", "large"])
def test_the_share_of_attention_grows(size: str) -> None:
    """Heads have 32 channels everywhere; the first block gives one to attention, the last one all but one."""
    found = shapes(lower(load(f"iformer_{size}"), device="meta"))
    low = {name: shape[1] for name, shape in found.items() if name.endswith("low_mixer.qkv.weight")}
    width = {name: found[name.replace("attn.low_mixer.qkv", "norm1")][0] for name in low}
    shares = [low[name] / width[name] for name in low]
    assert all(before <= after for before, after in pairwise(shares))
    assert all(channels % 32 == 0 for channels in low.values())
    assert min(low.values()) == 32
    assert shares[-1] == 1 - 32 / max(width.values())


def test_a_late_block_begins_as_the_identity(tmp_path: Path) -> None:
    """With layer scales of zero it is; they begin at a millionth."""
    op = "{op: iformer_block, heads: 2, low: 1, scaled: true}"
    block = part(tmp_path, op, "4, 6, 16")
    x = signed("x", (2, 4, 6, 16)).float()
    with torch.no_grad():
        assert (block(x) - x).abs().max() > 0.1
        for k in (1, 2):
            block.get_parameter(f"part.layer_scale_{k}").zero_()
        assert torch.equal(block(x), x)
    fresh = lower(load(tmp_path / "part.yaml"))
    torch.testing.assert_close(fresh.get_parameter("part.layer_scale_1"), torch.full((16,), 1e-6))


def test_it_trains() -> None:
    tiny = {"dims": [16, 32, 32, 64], "heads": [2, 2, 4, 4], "attending": [[1], [1], [2, 3], [3]]}
    graph = load("iformer_small", {**tiny, "size": 64, "classes": 5})
    batch = signed("image", (4, 3, 64, 64)).float(), integers("label", (4,), 5)
    losses = descent(graph, *batch, rate=0.05)
    assert all(after < before for before, after in pairwise(losses)), losses
