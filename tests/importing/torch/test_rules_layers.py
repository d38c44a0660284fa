"""Each row for layers with parameters, as a module that owns them and as a function that is given them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from graphwright.compiler.importing.torch.rules import layers
from tests.importing.torch.parity import Case, Function, case, floats, integers
from tests.oracles import randomise

aten = torch.ops.aten
SIGNAL, PICTURE, VOLUME = floats(2, 4, 10), floats(2, 4, 8, 10), floats(2, 4, 5, 6, 7)
TOKENS, INDEX = floats(2, 6, 8), integers(2, 3, below=10)
MATRIX = floats(2, 6, 6, seed=3)


def randomised(module: nn.Module) -> nn.Module:
    """With statistics and scales other than 0 and 1."""
    randomise(module)
    return module


def convolution(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A convolution by another input, as dynamic filters are."""
    return F.conv2d(x, weight[:, :, :3, :3], padding=1)


def attend(q: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    q = q.unflatten(-1, (2, 4)).transpose(1, 2)
    return (
        F.scaled_dot_product_attention(q, q, q), F.scaled_dot_product_attention(q, q * 2, q, scale=0.3),
        F.scaled_dot_product_attention(q, q, q, is_causal=True),
        F.scaled_dot_product_attention(q, q, q, attn_mask=mask[:, None]),
        F.scaled_dot_product_attention(q, q, q, attn_mask=mask[:, None] > -0.5),
    )  # fmt: skip


CASES = [
    case("conv1d.default", nn.Sequential(
        nn.Conv1d(4, 6, 3), nn.Conv1d(6, 6, 3, stride=2, padding=1, groups=2, bias=False), nn.Conv1d(6, 4, 2,
            dilation=2),
    ), SIGNAL),
    case("conv2d.default", nn.Sequential(
        nn.Conv2d(4, 6, (3, 1), stride=(1, 2)), nn.Conv2d(6, 6, 3, padding=(1, 2), groups=6, bias=False),
        nn.Conv2d(6, 4, 2, dilation=(1, 2)),
    ), PICTURE),
    case("conv2d.default", convolution, PICTURE, floats(2, 4, 8, 10, seed=1)[:, :, :3, :3]),
    case("conv2d.default", Function(lambda conv, x: conv(x), nn.Conv2d(2, 3, 3)), floats(2, 5, 6)),
    case("conv2d.default", nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), PICTURE),
    case("conv2d.default", nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), PICTURE),
    case("conv3d.default", nn.Sequential(nn.Conv3d(4, 6, 3), nn.Conv3d(6, 4, (1, 2, 3), groups=2, bias=False)), VOLUME),
    case("conv1d.padding", nn.Sequential(nn.Conv1d(4, 6, 3, padding="same"), nn.Conv1d(6, 4, 4, padding="same")),
        SIGNAL),
    case("conv2d.padding", nn.Sequential(
        nn.Conv2d(4, 6, (3, 5), padding="same", dilation=2), nn.Conv2d(6, 4, 3, padding="valid", stride=2, bias=False),
    ), PICTURE),
    case("conv3d.padding", nn.Conv3d(4, 4, (1, 2, 3), padding="same", groups=2), VOLUME),
    case("conv_transpose1d.default", nn.Sequential(
        nn.ConvTranspose1d(4, 6, 3, stride=2, output_padding=1), nn.ConvTranspose1d(6, 4, 3, groups=2, bias=False),
    ), SIGNAL),
    case("conv_transpose2d.input", nn.Sequential(
        nn.ConvTranspose2d(4, 6, 2, stride=2), nn.ConvTranspose2d(6, 4, (3, 1), padding=(1, 0), groups=2, dilation=2),
    ), PICTURE),
    case("conv_transpose3d.input", nn.ConvTranspose3d(4, 2, 2, stride=(1, 2, 2), bias=False), VOLUME),
    case("linear.default", nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 3, bias=False)), TOKENS),
    case("linear.default", lambda x, w: F.linear(x, w[0, :, :].repeat(1, 2)[:, :8], w[0, :, 0]), TOKENS, MATRIX),
    case("matmul.default", lambda x, y: (
        x.transpose(1, 2) @ x, y @ x, torch.matmul(x, torch.ones(8, 3)), y @ y[:, :, 0].unsqueeze(-1),
        x @ x[0, 0], torch.arange(6.0) @ x,
    ), TOKENS, MATRIX),
    case("bmm.default", lambda x, y: torch.bmm(y, x), TOKENS, MATRIX),
    case("mm.default", lambda x, y: torch.mm(y[0], x[0]), TOKENS, MATRIX),
    case("addmm.default", lambda x, y: (
        torch.addmm(x[0], y[0], x[1]), torch.addmm(x[0], y[0], x[1], beta=0.5, alpha=2), torch.addmm(x[0, 0], y[0],
            x[1]),
    ), TOKENS, MATRIX, near=1e-5),
    case("baddbmm.default", lambda x, y: (
        torch.baddbmm(x, y, x), torch.baddbmm(x, y, x, beta=0, alpha=0.3),
    ), TOKENS, MATRIX, near=1e-5),
    case("einsum.default", lambda x, y: (
        torch.einsum("nij,njk->nik", y, x), torch.einsum("nij, njk", y, x), torch.einsum("nij->nj", x),
        torch.einsum("nii->ni", y), torch.einsum("n...c,cd->n...d", x, torch.ones(8, 2)),
    ), TOKENS, MATRIX, near=1e-5),
    case("batch_norm.default", randomised(nn.Sequential(
        nn.BatchNorm2d(4), nn.BatchNorm2d(4, eps=1e-3, momentum=0.01), nn.BatchNorm2d(4, affine=False),
        nn.BatchNorm2d(4, track_running_stats=False),
    )), PICTURE),
    case("batch_norm.default", randomised(nn.Sequential(nn.BatchNorm1d(4), nn.BatchNorm1d(4, eps=1e-2))), SIGNAL),
    case("batch_norm.default", randomised(nn.Sequential(nn.BatchNorm3d(4))), VOLUME),
    case("instance_norm.default", randomised(nn.Sequential(
        nn.InstanceNorm2d(4), nn.InstanceNorm2d(4, affine=True, eps=1e-3),
        nn.InstanceNorm2d(4, track_running_stats=True, affine=True, momentum=0.3),
    )), PICTURE),
    case("layer_norm.default", randomised(nn.Sequential(
        nn.LayerNorm(8), nn.LayerNorm((6, 8), eps=1e-3), nn.LayerNorm(8, elementwise_affine=False),
        nn.LayerNorm(8, bias=False),
    )), TOKENS),
    case("layer_norm.default", Function(
        lambda norm, x: norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), randomised(nn.LayerNorm(4)),
    ), PICTURE),
    case("rms_norm.default", randomised(nn.Sequential(
        nn.RMSNorm(8), nn.RMSNorm((6, 8), eps=1e-3), nn.RMSNorm(8, elementwise_affine=False),
    )), TOKENS),
    case("group_norm.default", randomised(nn.Sequential(
        nn.GroupNorm(2, 4), nn.GroupNorm(1, 4, eps=1e-3), nn.GroupNorm(4, 4, affine=False),
    )), PICTURE),
    case("embedding.default", nn.Embedding(10, 4), INDEX),
    case("embedding.default", nn.Embedding(10, 4, padding_idx=0), INDEX, smooth=False),
    case("embedding.default", lambda i, x: F.embedding(i % 6, x[0]), INDEX, TOKENS),
    case("scaled_dot_product_attention.default", attend, TOKENS, MATRIX),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=str)
def test_a_row_computes_what_torch_does(row: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row.check(monkeypatch, tmp_path)


def test_every_row_has_a_case() -> None:
    assert layers.RULES.keys() - {c.row for c in CASES} == set()
