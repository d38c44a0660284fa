"""Each row for pooling and resizing, at sizes that do and do not divide."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from graphwright.compiler.importing.torch.rules import pooling
from tests.importing.torch.parity import Case, case, floats

aten = torch.ops.aten
SIGNAL, PICTURE, VOLUME = floats(2, 4, 11), floats(2, 4, 9, 12), floats(2, 4, 5, 6, 7)


CASES = [
    case("max_pool1d.default", lambda x: (
        F.max_pool1d(x, 2), F.max_pool1d(x, 3, 2, 1), F.max_pool1d(x, 3, 2, ceil_mode=True, dilation=2),
    ), SIGNAL),
    case("max_pool2d.default", lambda x: (
        F.max_pool2d(x, 2), F.max_pool2d(x, (3, 2), stride=(1, 2), padding=(1, 0)), F.max_pool2d(x, 3, 2, 1),
        F.max_pool2d(x, 3, 2, ceil_mode=True), F.max_pool2d(x, 3, 1, 1, dilation=1), F.max_pool2d(x, 2, 2, dilation=2),
    ), PICTURE),
    case("max_pool3d.default", lambda x: (F.max_pool3d(x, 2), F.max_pool3d(x, (1, 2, 3), (1, 1, 2), (0, 1, 1))),
        VOLUME),
    case("avg_pool1d.default", lambda x: (
        F.avg_pool1d(x, 2), F.avg_pool1d(x, 3, 2, 1), F.avg_pool1d(x, 3, 2, 1, count_include_pad=False, ceil_mode=True),
    ), SIGNAL),
    case("avg_pool2d.default", lambda x: (
        F.avg_pool2d(x, 2), F.avg_pool2d(x, (3, 2), (1, 2), (1, 0)), F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
        F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    ), PICTURE),
    case("avg_pool3d.default", lambda x: (F.avg_pool3d(x, 2), F.avg_pool3d(x, (1, 2, 3), 2, (0, 1, 1))), VOLUME),
    case("adaptive_avg_pool1d.default", lambda x: (F.adaptive_avg_pool1d(x, 1), F.adaptive_avg_pool1d(x, 4)), SIGNAL),
    case("adaptive_avg_pool2d.default", lambda x: (
        F.adaptive_avg_pool2d(x, 1), F.adaptive_avg_pool2d(x, (3, 5)), F.adaptive_avg_pool2d(x, 7),
        F.adaptive_avg_pool2d(x, (None, 1)),
    ), PICTURE),
    case("adaptive_avg_pool3d.default", lambda x: (F.adaptive_avg_pool3d(x, 1), F.adaptive_avg_pool3d(x, (2, 3, 4))),
        VOLUME),
    case("adaptive_max_pool2d.default", lambda x: (F.adaptive_max_pool2d(x, 1), F.adaptive_max_pool2d(x, (3, 5))),
        PICTURE),
    case("upsample_nearest1d.vec", lambda x: (F.interpolate(x, scale_factor=2), F.interpolate(x, 7)), SIGNAL),
    case("upsample_nearest2d.vec", lambda x: (
        F.interpolate(x, scale_factor=2), F.interpolate(x, (7, 5)), F.interpolate(x, scale_factor=(0.5, 3)),
        F.interpolate(x, size=(x.shape[2] * 2, x.shape[3] * 2)), F.interpolate(x, size=x.shape[2:]),
    ), PICTURE),
    case("upsample_nearest3d.vec", lambda x: (F.interpolate(x, scale_factor=2), F.interpolate(x, (3, 8, 7))), VOLUME),
    case("upsample_nearest2d.default", lambda x: aten.upsample_nearest2d.default(x, [7, 20]), PICTURE),
    case("upsample_linear1d.vec", lambda x: (
        F.interpolate(x, scale_factor=2, mode="linear"), F.interpolate(x, 7, mode="linear", align_corners=True),
    ), SIGNAL),
    case("upsample_bilinear2d.vec", lambda x: (
        F.interpolate(x, scale_factor=2, mode="bilinear"), F.interpolate(x, (7, 5), mode="bilinear",
            align_corners=True),
        F.interpolate(x, size=(x.shape[2] * 2, x.shape[3] * 2), mode="bilinear"),
    ), PICTURE),
    case("upsample_bilinear2d.default", lambda x: (
        aten.upsample_bilinear2d.default(x, [7, 20], False), aten.upsample_bilinear2d.default(x, [7, 20], True),
    ), PICTURE),
    case("_upsample_bilinear2d_aa.vec", lambda x: F.interpolate(x, (5, 6), mode="bilinear", antialias=True), PICTURE),
    case("_upsample_bicubic2d_aa.vec", lambda x: F.interpolate(x, (5, 6), mode="bicubic", antialias=True), PICTURE),
    case("_upsample_bilinear2d_aa.default", lambda x: aten._upsample_bilinear2d_aa.default(x, [5, 6], False), PICTURE),
    case("_upsample_bicubic2d_aa.default", lambda x: aten._upsample_bicubic2d_aa.default(x, [5, 6], True), PICTURE),
    case("upsample_bicubic2d.vec", lambda x: (
        F.interpolate(x, scale_factor=1.5, mode="bicubic"), F.interpolate(x, (7, 5), mode="bicubic",
            align_corners=True),
    ), PICTURE),
    case("upsample_bicubic2d.default", lambda x: aten.upsample_bicubic2d.default(x, [7, 20], False), PICTURE),
    case("upsample_trilinear3d.vec", lambda x: (
        F.interpolate(x, scale_factor=2, mode="trilinear"), F.interpolate(x, (3, 8, 7), mode="trilinear"),
    ), VOLUME),
    case("_upsample_nearest_exact2d.vec", lambda x: (
        F.interpolate(x, (7, 5), mode="nearest-exact"), F.interpolate(x, scale_factor=2, mode="nearest-exact"),
    ), PICTURE),
    case("grid_sampler.default", lambda x, g: (
        F.grid_sample(x, g, align_corners=False), F.grid_sample(x, g, "nearest", "border", True),
    ), PICTURE, floats(2, 3, 4, 2)),
    case("grid_sampler_2d.default", lambda x, g: aten.grid_sampler_2d.default(x, g, 0, 1, True), PICTURE, floats(2, 3,
        4, 2)),
    case("pad.default", lambda x: (
        F.pad(x, (1, 2)), F.pad(x, (1, 2, 0, 3), value=0.5), F.pad(x, (1, 1, 2, 2), mode="reflect"),
        F.pad(x, (1, 0, 0, 2), mode="replicate"), F.pad(x, (1, 1, 1, 1), mode="circular"), F.pad(x, (0, 0)),
        F.pad(x, (-1, -2)), F.pad(x, (0, 0, 0, 0, 1, 1)), F.pad(x, (1, 1), value=-1e9),
    ), PICTURE),
    case("constant_pad_nd.default", lambda x: (
        aten.constant_pad_nd.default(x, [1, 2], 0.5), aten.constant_pad_nd.default(x, [0, 0]),
    ), PICTURE),
    case("im2col.default", lambda x: (F.unfold(x, 3), F.unfold(x, (2, 3), padding=1, stride=2, dilation=(1, 2))),
        PICTURE),
    case("col2im.default", lambda x: F.fold(F.unfold(x, 3, padding=1), (9, 12), 3, padding=1), PICTURE),
    case("pixel_shuffle.default", lambda x: F.pixel_shuffle(x, 2), PICTURE),
    case("channel_shuffle.default", lambda x: F.channel_shuffle(x, 2), PICTURE),
    case("pixel_unshuffle.default", lambda x: F.pixel_unshuffle(x[:, :, :8], 2), PICTURE),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=str)
def test_a_row_computes_what_torch_does(row: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row.check(monkeypatch, tmp_path)


def test_every_row_has_a_case() -> None:
    assert pooling.RULES.keys() - {c.row for c in CASES} == set()
