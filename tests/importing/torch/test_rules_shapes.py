"""Each row for views, joins, parts and tensors made of nothing, with free and with fixed sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphwright.compiler.importing.torch.rules import filled, parts, views
from tests.importing.torch.parity import Case, case, floats, integers

aten = torch.ops.aten
X, PICTURE, ONES, INT = floats(2, 6, 4), floats(2, 4, 6, 8), floats(2, 1, 4, 1), integers(2, 6, 4)
ROWS = integers(2, 3, below=4)


def written(x: torch.Tensor) -> torch.Tensor:
    """Zeros of the input's batch, filled in two parts."""
    out = x.new_zeros(x.shape[0], 6, 8)
    out[:, :, :4] = x
    out[:, :, 4:] = x * 2
    return out


def masked(x: torch.Tensor) -> torch.Tensor:
    y = x * 2
    y[x > 0.3] = 0.5
    return y


CASES = [
    case("unfold.default", lambda x: (x.unfold(1, 3, 2), x.unfold(-1, 2, 1).unfold(1, 2, 2)), PICTURE),
    case("getitem", lambda x: (x.split(3, 1)[1], x.chunk(2, -1)[0], torch.unbind(x, 1)[2]), X),
    case("view.default", lambda x, p: (
        x.view(x.shape[0], -1), x.view(x.shape[0], 2, 3, 4), x.view(-1, 4), x.view(x.shape[0], 3, 8), x.view(x.shape),
        p.view(p.shape[0], 2, 2, *p.shape[2:]), p.view(p.shape[0], 4, -1), x.view(x.shape[0], 6, 1, 4), x.view(-1),
        x.view(x.shape[0], 1, 6, 4).view(x.shape[0], 6, 4, 1), x.view(x.shape[0] * 6, 2, 2),
    ), X, PICTURE),
    case("reshape.default", lambda x, p: (
        x.reshape(x.shape[0], -1), p.permute(0, 2, 3, 1).reshape(p.shape[0], -1, 4), x.reshape(-1, 8),
        x.reshape(x.shape[0], 4, 6), x.transpose(1, 2).reshape(x.shape[0], 24), p.reshape(p.shape[0] * 4, *p.shape[2:]),
    ), X, PICTURE),
    case("_unsafe_view.default", lambda x: aten._unsafe_view(x, [x.shape[0], 24]), X),
    case("view_as.default", lambda x, y: x.view_as(y), X, floats(2, 3, 8)),
    case("reshape_as.default", lambda x, y: x.reshape_as(y), X, floats(2, 3, 8)),
    case("flatten.using_ints", lambda x, p: (x.flatten(1), p.flatten(2), p.flatten(-2), p.flatten(0, 1), p.flatten(1,
        2),
                                             x.flatten(), x.flatten(1, 1)), X, PICTURE),
    case("unflatten.int", lambda x: (x.unflatten(1, (2, 3)), x.unflatten(-1, (-1, 2)), x.unflatten(0, (-1, 1))), X),
    case("transpose.int", lambda x: (x.transpose(1, 2), x.transpose(-1, 0), x.transpose(-2, -1), x.transpose(1, 1)), X),
    case("swapaxes.default", lambda x: (x.swapaxes(0, 1), aten.swapaxes.default(x, 1, -1)), X),
    case("swapdims.default", lambda x: (x.swapdims(0, 1), aten.swapdims.default(x, 1, -1)), X),
    case("contiguous.default", lambda x, p: (
        x.transpose(1, 2).contiguous(), torch.nn.functional.avg_pool2d(p.permute(0, 1, 3, 2).contiguous(), 2),
        x.contiguous() + 1,
    ), X, PICTURE),
    case("t.default", lambda x: x[0].t(), X),
    case("mT.default", lambda x: aten.mT.default(x), X),
    case("numpy_T.default", lambda x: (x[0].T, x[0, 0].T), X),
    case("permute.default", lambda x, p: (x.permute(2, 0, 1), p.permute(0, -1, 1, -2), x.permute(0, 1, 2)), X, PICTURE),
    case("movedim.int", lambda p: (p.movedim(1, -1), p.movedim(-1, 1), p.movedim(0, 2)), PICTURE),
    case("movedim.intlist", lambda p: (p.movedim((1, 2), (-1, 1)), p.movedim((-1, 0), (0, 2))), PICTURE),
    case("squeeze.dim", lambda x, y: (y.squeeze(1), y.squeeze(-1), y.squeeze(2), x.squeeze(1)), X, ONES),
    case("squeeze.dims", lambda y: (y.squeeze((1, 3)), y.squeeze((-1, 2))), ONES),
    case("squeeze.default", lambda y: y.squeeze(), ONES),
    case("unsqueeze.default", lambda x: (x.unsqueeze(0), x.unsqueeze(-1), x.unsqueeze(2), x[:, None], x[..., None, :]),
        X),
    case("expand.default", lambda y: (y.expand(-1, 3, 4, 5), y.expand(2, -1, -1, -1, -1), y.expand(y.shape)), ONES),
    case("expand_as.default", lambda x, y: y[..., 0].expand_as(x), X, ONES),
    case("broadcast_to.default", lambda y: aten.broadcast_to.default(y, [y.shape[0], 3, 4, 2]), ONES),
    case("broadcast_tensors.default", lambda x, y: torch.broadcast_tensors(x[:, :1], y[..., 0], x), X, ONES),
    case("repeat.default", lambda x: (x.repeat(1, 2, 3), x.repeat(2, 1, 1, 1), x.repeat(1, 1, 1), x.repeat(2, 1, 1)),
        X),
    case("tile.default", lambda x: (x.tile(2), x.tile((1, 2, 3)), x.tile(2, 1, 1, 1)), X),
    case("repeat_interleave.self_int", lambda x: (
        x.repeat_interleave(2, 1), x.repeat_interleave(3, -1), x.repeat_interleave(2, 0), x.repeat_interleave(2),
    ), X),
    case("roll.default", lambda p: (p.roll(1, 2), p.roll((-1, 2), (2, 3)), p.roll(3, -1)), PICTURE),
    case("flip.default", lambda p: (p.flip(2), p.flip((2, 3)), p.flip(-1)), PICTURE),
    case("slice.Tensor", lambda x: (
        x[:, 1:], x[:, :3], x[:, 1:5:2], x[:, -2:], x[:, :-1], x[..., 1:3], x[:, :, ::2], x[:, :100], x[:, 0:6], x[:-1],
        x[:, 2:, 1:],
    ), X),
    case("select.int", lambda x: (x[:, 0], x[:, -1], x[..., 2], x.select(-1, 1), x[0], x[-1]), X),
    case("narrow.default", lambda x: (x.narrow(1, 1, 3), x.narrow(-1, 0, 2), x.narrow(1, -3, 2)), X),
    case("split.Tensor", lambda x: (*x.split(3, 1), *x.split(4, 1), *x.split(2, -1)), X),
    case("split_with_sizes.default", lambda x: (
        *x.split([1, 2, 3], 1), *x.split_with_sizes([1, 3], -1), x.split([2, 4], 1)[1],
    ), X),
    case("split.sizes", lambda x: aten.split.sizes(x, [1, 5], 1), X),
    case("chunk.default", lambda x: (*x.chunk(2, 1), *x.chunk(4, 1), *x.chunk(2, -1), *x.chunk(9, 1), x.chunk(3,
        1)[2]), X),
    case("unbind.int", lambda x: (*x.unbind(-1), *x[:, :2].unbind(1)), X),
    case("cat.default", lambda x, y: (
        torch.cat([x, y], 1), torch.cat((x, x, y), -1), torch.cat([x], 1), torch.cat([x, y]), torch.cat([x[:, :0], y],
            1),
        torch.cat([x, torch.ones(2, 1, 4).expand(x.shape[0], -1, -1)], 1) if x.shape[0] else x,
    ), X, floats(2, 6, 4, seed=1)),
    case("concat.default", lambda x, y: torch.concat([x, y], 1), X, X + 1),
    case("concatenate.default", lambda x, y: torch.concatenate([x, y], -1), X, X + 1),
    case("stack.default", lambda x, y: (torch.stack([x, y]), torch.stack([x, y], -1), torch.stack([x], 1)), X, X + 1),
    case("slice_scatter.default", lambda x, y: (
        torch.slice_scatter(x, y[:, :2], 1, 2, 4), torch.slice_scatter(x, y[:, :2], 1, -2), written(y),
        torch.slice_scatter(x, y[:, :2], 1, 0, 2),
    ), X, X + 1),
    case("slice_scatter.default", lambda x, y: (
        torch.slice_scatter(x, y[:, :3], 1, 0, 6, 2), torch.slice_scatter(x, y[:, :2], 1, 1, 5, 3),
    ), X, X + 1),
    case("select_scatter.default", lambda x, y: (
        torch.select_scatter(x, y[:, 0], 1, 2), torch.select_scatter(x, y[:, 0], 1, -1), torch.select_scatter(x, y[...,
            0], 2, 0),
    ), X, X + 1),
    case("index.Tensor", lambda x, i: (
        x[:, torch.tensor([2, 0, 2])], x[..., i[0]], x[0][i], x[:, i], x[:, :, torch.arange(3, -1, -1)],
    ), X, ROWS),
    case("index_select.default", lambda x, i: (
        x.index_select(1, torch.tensor([2, 0, 2])), x.index_select(-1, i[0]), x[0].index_select(0, i[1]),
    ), X, ROWS),
    case("zeros.default", lambda x: torch.cat([x, torch.zeros(x.shape[0], 1, 4)], 1), X),
    case("ones.default", lambda x: (torch.ones(x.shape[0], 2), x + torch.ones(6, 1), torch.ones(x.shape[0], 2,
        dtype=torch.int64)), X),
    case("full.default", lambda x: (torch.full((x.shape[0], 2), 0.3), torch.full((x.shape[0], 2), 7)), X),
    case("zeros_like.default", lambda x, i: (torch.zeros_like(x), torch.zeros_like(i), torch.zeros_like(x,
        dtype=torch.bool)), X, INT),
    case("ones_like.default", lambda x, i: (torch.ones_like(x), torch.ones_like(i)), X, INT),
    case("full_like.default", lambda x, i: (torch.full_like(x, -2.5), torch.full_like(i, 3)), X, INT),
    case("new_zeros.default", lambda x: (x.new_zeros(x.shape[0], 3), x.new_zeros(2, 2)), X),
    case("new_ones.default", lambda x: (x.new_ones(x.shape[0], 3), x.new_ones((x.shape[0],), dtype=torch.bool)), X),
    case("new_full.default", lambda x: (x.new_full((x.shape[0], 3), 0.7), x.new_full((x.shape[0],), 2,
        dtype=torch.int64)), X),
    case("zero.default", lambda x: x + (x * 2).zero_(), X),
    case("fill.Scalar", lambda x: x + (x * 2).fill_(0.3), X),
    case("fill.Tensor", lambda x: x + (x * 2).fill_(x.sum()) + (x * 2).fill_(torch.tensor(0.5)), X),
    case("index_put.default", masked, X),
    case("arange.default", lambda x: (torch.arange(x.shape[0]), torch.arange(x.shape[0], dtype=torch.float32)), X),
    case("arange.start", lambda x: (torch.arange(1, x.shape[0] + 1), torch.arange(2.0, x.shape[0] + 2)), X),
    case("arange.start_step", lambda x: (torch.arange(0, 2 * x.shape[0], 2), torch.arange(3, 3 * x.shape[0] + 3, 3)),
        X),
    case("meshgrid.default", lambda x: aten.meshgrid.default([x[0, :, 0], x[0, 0]]), X),
    case("meshgrid.indexing", lambda x: (
        *torch.meshgrid(x[0, :, 0], x[0, 0], indexing="ij"), *torch.meshgrid(x[0, :, 0], x[0, 0], indexing="xy"),
        *torch.meshgrid(x[0, :, 0], x[0, 0], x[0, 1], indexing="xy"),
    ), X),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=str)
def test_a_row_computes_what_torch_does(row: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row.check(monkeypatch, tmp_path)


def test_every_row_has_a_case() -> None:
    assert {*views.RULES, *parts.RULES, *filled.RULES} - {c.row for c in CASES} == set()
