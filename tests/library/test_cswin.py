"""CSWin transformer: stripes, their cross, and what a dense computation with masks makes of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import fill, integers, signed
from tests.library.descent import descent
from tests.oracles import distance

#: A part of the model by itself, on a map of 8x6 tokens of 16 channels.
PART = """\
graphwright: 1
name: part
extends: cswin_tiny_224
inputs: {{image: none, x: [N, 8, 6, 16]}}
nodes: {{{removed}, part: {op}}}
outputs: part
"""
NODES = ["stage1_conv_embed", *(f"stage{k}" for k in range(1, 5)), *(f"merge{k}" for k in range(1, 4))]
REMOVED = ", ".join(f"{name}: none" for name in (*NODES, "norm", "pool", "head"))
WINDOWS = [(8, 2), (2, 6), (8, 6), (4, 3)]


def part(folder: Path, op: str) -> nn.Module:
    """One op of the spec's file, filled by the counter."""
    path = folder / "part.yaml"
    path.write_text(PART.format(op=op, removed=REMOVED))
    return fill(lower(load(path)).eval())


def attention(folder: Path, high: int, wide: int) -> nn.Module:
    """Attention by two heads of a map to itself, within these windows."""
    return part(folder, f"{{op: stripe_attention, in: {{q: x, k: x, v: x}}, heads: 2, high: {high}, wide: {wide}}}")


def tokens() -> Tensor:
    """Random ones."""
    return signed("x", (2, 8, 6, 16)).float()


def together(high: int, wide: int) -> Tensor:
    """Which of the 48 tokens lie in one window."""
    y, x = torch.meshgrid(torch.arange(8) // high, torch.arange(6) // wide, indexing="ij")
    window = (y * 6 + x).flatten()
    return window[:, None] == window


def dense(x: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
    """Attention of all tokens to all, and the convolution as a sum over all; both see what the mask lets them see."""
    flat = x.flatten(1, 2)
    heads = [flat[..., s] for s in (slice(8), slice(8, 16))]
    attended = [(h @ h.mT / 8**0.5).masked_fill(~mask, -torch.inf).softmax(-1) @ h for h in heads]
    kernel = torch.zeros(16, 48, 48)
    for here in range(48):
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                y, column = here // 6 + dy, here % 6 + dx
                if 0 <= y < 8 and 0 <= column < 6:
                    kernel[:, here, y * 6 + column] = weight[:, 0, dy + 1, dx + 1]
    places = torch.einsum("cij,njc->nic", kernel * mask, flat) + bias
    return (torch.cat(attended, 2) + places).view_as(x)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_stripes_are_dense_attention_under_a_mask(window: tuple[int, int], tmp_path: Path) -> None:
    stripes, x = attention(tmp_path, *window), tokens()
    weight, bias = (stripes.get_parameter(f"part.get_v.{name}") for name in ("weight", "bias"))
    with torch.no_grad():
        assert distance(stripes(x), dense(x, weight, bias, together(*window))) < 1e-5


def test_a_block_hears_a_cross_and_two_blocks_hear_all(tmp_path: Path) -> None:
    x = tokens()
    after = x.clone()
    after[:, 5, 2, 0] += 1
    one = part(tmp_path, "{op: cswin_block, heads: 4, stripe: 2}")
    two = part(tmp_path, "{op: cswin_block, heads: 4, stripe: 2, repeat: 2}")
    whole = part(tmp_path, "{op: cswin_block, heads: 4, stripe: 8}")
    y, column = torch.meshgrid(torch.arange(8), torch.arange(6), indexing="ij")
    with torch.no_grad():
        heard = [(block(after) != block(x)).any(-1)[0] for block in (one, two, whole)]
    assert torch.equal(heard[0], (y // 2 == 5 // 2) | (column // 2 == 2 // 2))
    assert heard[1].all()
    assert heard[2].all()
    assert len([name for name in whole.state_dict() if name.endswith("get_v.weight")]) == 1


@pytest.mark.parametrize("stripe", [1, 2])
def test_a_block_turned_is_a_block(stripe: int, tmp_path: Path) -> None:
    """The map transposed, the kernels transposed, the two ways exchanged: the same numbers, transposed."""
    block = part(tmp_path, f"{{op: cswin_block, heads: 4, stripe: {stripe}}}")
    (tmp_path / "turned.yaml").write_text((tmp_path / "part.yaml").read_text().replace("8, 6, 16", "6, 8, 16"))
    turned = lower(load(tmp_path / "turned.yaml")).eval()
    halves = torch.arange(16).roll(8)
    state = {name.replace("attns.0", "attns.2"): value for name, value in block.state_dict().items()}
    state = {name.replace("attns.1", "attns.0").replace("attns.2", "attns.1"): v for name, v in state.items()}
    for name, value in state.items():
        match name.split(".")[1:]:
            case [*_, "get_v", "weight"]:
                state[name] = value.mT
            case ["qkv", _]:
                state[name] = value[torch.cat([halves, halves + 16, halves + 32])]
            case ["proj", "weight"]:
                state[name] = value[:, halves]
    turned.load_state_dict(state)
    with torch.no_grad():
        assert distance(turned(tokens().transpose(1, 2)), block(tokens()).transpose(1, 2)) < 1e-5


def test_any_map_that_stripes_divide() -> None:
    graph = load("cswin_tiny_224", {"size": 64, "width": 96, "stripes": [1, 2, 2], "depths": [1, 1, 1, 1]})
    model = fill(lower(graph).eval())
    pictures = signed("image", (2, 3, 64, 96)).float()
    with torch.no_grad():
        logits = model(pictures)
    assert logits.isfinite().all()
    assert (logits[0] - logits[1]).abs().max() > 0.01


def test_it_trains() -> None:
    tiny = {"dim": 16, "depths": [1, 1, 2, 1], "heads": [2, 2, 4, 4], "stripes": [1, 2, 2], "size": 64, "classes": 5}
    batch = signed("image", (4, 3, 64, 64)).float(), integers("label", (4,), 5)
    losses = descent(load("cswin_tiny_224", tiny), *batch, rate=0.05)
    assert all(after < before for before, after in pairwise(losses)), losses
