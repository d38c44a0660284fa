"""ByteFormer: its parameters by the formula, its tokens, and the side taken where CoreNet's masks have no effect."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from tests.library.counter import fill, integers
from tests.library.descent import descent
from tests.oracles import distance

SMALL: dict[str, Any] = {
    "classes": 5, "dim": 24, "heads": 2, "kernel": 8, "window": 16, "shift": 8, "length": 200, "max_tokens": 100,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "d", "depth", "kernel"), [("tiny", 192, 12, 4), ("small", 384, 12, 16), ("huge", 1280, 32, 32)]
)
def test_parameters_by_the_formula(name: str, d: int, depth: int, kernel: int) -> None:
    """Bytes, convolution, positions, layers of 12 d^2 + 13 d, six mergings, norm and classes."""
    params = {"kernel": kernel, "max_tokens": 60_000, "length": 4000}
    found = sum(p.numel() for p in lower(load(f"byteformer_{name}", params), device="meta").parameters())
    layers = depth * (12 * d * d + 13 * d)
    assert found == 257 * d + kernel * d * d + 60_000 * d + layers + 6 * (2 * d * d + 2 * d) + 2 * d + 1000 * (d + 1)


def test_without_positions_it_has_as_many_as_published() -> None:
    counts = []
    for kernel in (32, 16, 8, 4):
        model = lower(load("byteformer_tiny", {"kernel": kernel, "length": 4000, "max_tokens": 3000}), device="meta")
        counts.append(sum(p.numel() for n, p in model.named_parameters() if not n.startswith("pos_embed")))
    assert counts == [7_205_416, 6_615_592, 6_320_680, 6_173_224]


@torch.no_grad()
def windowed(layer: nn.Module, x: Tensor, heads: int, window: int, shift: int) -> Tensor:
    """A layer on each window by itself: after rolling, one loop over windows, and rolled back; nothing is masked."""
    length = x.shape[1]
    padded = torch.cat([x, x.new_zeros(len(x), -length % window, x.shape[2])], 1)
    places = (torch.arange(padded.shape[1]) + shift) % padded.shape[1]
    out = torch.empty_like(padded)
    mha, ffn = layer.get_submodule("pre_norm_mha"), layer.get_submodule("pre_norm_ffn")
    for part in places.split(window):
        tokens = padded[:, part]
        q, k, v = mha.get_submodule("1.qkv_proj")(mha.get_submodule("0")(tokens)).chunk(3, -1)
        found = []
        for a, b, c in zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True):
            found.append((a @ b.mT / a.shape[-1] ** 0.5).softmax(-1) @ c)
        tokens = tokens + mha.get_submodule("1.out_proj")(torch.cat(found, -1))
        hidden = nn.functional.gelu(ffn.get_submodule("1")(ffn.get_submodule("0")(tokens)))
        out[:, part] = tokens + ffn.get_submodule("4")(hidden)
    return out[:, :length]


@torch.no_grad()
def test_it_equals_the_same_written_in_torch() -> None:
    """Windows one after the other, pairs by indexing, bytes after the end as token 256."""
    graph = load("byteformer_tiny", SMALL)
    model = fill(lower(graph)).double().eval()
    get = model.get_submodule
    file = integers("bytes", (2, 200), 256)
    file[1, 150:] = -1
    x = get("embeddings").weight[torch.where(file < 0, 256, file)]
    pieces = x.unfold(1, 8, 4)
    x = torch.einsum("ntck,ock->nto", pieces, get("token_reduction_net").weight)
    x = x + model.state_dict()["pos_embed.pos_embed.pos_embed"][0, :, : x.shape[1]]
    for i in range(12):
        x = windowed(get(f"transformer.{i}"), x, 2, 16, 8 * (i % 2))
        if i in (0, 1, 3, 5, 7, 9):
            x = torch.cat([x, x.new_zeros(2, x.shape[1] % 2, 24)], 1)
            pairs = torch.stack([x[:, 0::2], x[:, 1::2]], -1).flatten(2)
            x = get(f"downsamplers.downsample_{i}.norm")(get(f"downsamplers.downsample_{i}.reduction")(pairs))
    expected = get("classifier")(get("post_transformer_norm")(x).mean(1))
    assert distance(model(file), expected) < 1e-10


@torch.no_grad()
def test_what_stands_after_the_end_of_a_file_counts() -> None:
    """The masks of the paper have no effect in the code that made the published weights, and there are none here."""
    model = fill(lower(load("byteformer_tiny", SMALL))).eval()
    file = integers("bytes", (1, 200), 256)
    ended, other = file.clone(), file.clone()
    ended[:, 150:], other[:, 150:] = -1, 256
    assert torch.equal(model(ended), model(other))
    ended[:, 190:] = 0
    assert distance(model(ended), model(other)) > 1e-3


def test_it_trains() -> None:
    losses = descent(load("byteformer_tiny", SMALL), integers("bytes", (4, 200), 256), torch.arange(4), rate=0.05)
    assert all(after < before for before, after in pairwise(losses)), losses
