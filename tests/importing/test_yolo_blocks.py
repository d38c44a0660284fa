"""The blocks of the library file `yolo` against formulas written out in torch, with their own random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from tests.importing.test_yolo_rows import written

Weights = dict[str, Tensor]


def built(folder: Path, node: str, channels: int = 64) -> tuple[torch.nn.Module, Weights]:
    """The module of one node `b` on an input of `channels`, with random norms, and its weights by name."""
    text = f"graphwright: 1\ninclude: [yolo]\ninputs: {{x: [N, {channels}, H=8, W=12]}}\nnodes:\n  b: {node}\n"
    (folder / "block.yaml").write_text(text)
    model = lower(load(folder / "block.yaml"), seed=1).eval()
    chance = torch.Generator().manual_seed(2)
    for name, value in model.state_dict().items():
        if ".bn." in name and value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=chance) + 0.5)
    return model, {k.removeprefix("b."): v for k, v in model.state_dict().items()}


def conv(x: Tensor, w: Weights, name: str, act: bool = True, stride: int = 1, groups: int = 1) -> Tensor:
    """Convolution that keeps the size, norm with eps 1e-3, SiLU."""
    kernel = w[f"{name}.conv.weight"]
    y = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2, groups=groups)
    mean, var, scale, shift = (w[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    y = F.batch_norm(y, mean, var, scale, shift, eps=1e-3)
    return F.silu(y) if act else y


def down(x: Tensor, w: Weights) -> Tensor:
    return conv(x, {f"b.{name}": value for name, value in w.items()}, "b", stride=2)


def bottleneck(x: Tensor, w: Weights, name: str) -> Tensor:
    return x + conv(conv(x, w, f"{name}.cv1"), w, f"{name}.cv2")


def c2f(x: Tensor, w: Weights) -> Tensor:
    parts = list(conv(x, w, "cv1").chunk(2, 1))
    for k in range(2):
        parts.append(bottleneck(parts[-1], w, f"m.{k}"))
    return conv(torch.cat(parts, 1), w, "cv2")


def c3(x: Tensor, w: Weights) -> Tensor:
    y = bottleneck(bottleneck(conv(x, w, "cv1"), w, "m.0"), w, "m.1")
    return conv(torch.cat([y, conv(x, w, "cv2")], 1), w, "cv3")


def adown(x: Tensor, w: Weights) -> Tensor:
    a, b = F.avg_pool2d(x, 2, 1).chunk(2, 1)
    return torch.cat([conv(a, w, "cv1", stride=2), conv(F.max_pool2d(b, 3, 2, 1), w, "cv2")], 1)


def sppf(x: Tensor, w: Weights) -> Tensor:
    y = conv(x, w, "cv1")
    wide = [F.max_pool2d(y, k, 1, k // 2) for k in (5, 9, 13)]  # what the small windows in a row amount to
    return conv(torch.cat([y, *wide], 1), w, "cv2")


def ghost(x: Tensor, w: Weights) -> Tensor:
    y = conv(x, w, "cv1")
    return torch.cat([y, conv(y, w, "cv2", groups=y.shape[1])], 1)


def focus(x: Tensor, w: Weights) -> Tensor:
    quarters = [x[..., a::2, b::2] for b in range(2) for a in range(2)]
    return conv(torch.cat(quarters, 1), w, "conv")


def psa(x: Tensor, w: Weights) -> Tensor:
    a, b = conv(x, w, "cv1").chunk(2, 1)
    n, c, h, width = b.shape
    q, k, v = conv(b, w, "attn.qkv", act=False).view(n, 2, 128, h * width).split([32, 32, 64], 2)
    mix = (q.transpose(2, 3) @ k / 32**0.5).softmax(-1)
    y = (v @ mix.transpose(2, 3)).reshape(b.shape)
    y = y + conv(v.reshape(b.shape), w, "attn.pe", act=False, groups=c)
    b = b + conv(y, w, "attn.proj", act=False)
    b = b + conv(conv(b, w, "ffn.0"), w, "ffn.1", act=False)
    return conv(torch.cat([a, b], 1), w, "cv2")


def area(x: Tensor, w: Weights) -> Tensor:
    n, c, h, width = x.shape
    q, k, v = conv(x, w, "qkv", act=False).view(n, 2, 96, h, width).split(32, 2)
    strips = []
    for low in range(0, h, h // 4):  # four areas of whole rows
        part = [t[:, :, :, low : low + h // 4].flatten(3) for t in (q, k, v)]
        mix = (part[0].transpose(2, 3) @ part[1] / 32**0.5).softmax(-1)
        strips.append((part[2] @ mix.transpose(2, 3)).view(n, c, h // 4, width))
    y = torch.cat(strips, 2) + conv(v.reshape(x.shape), w, "pe", act=False, groups=c)
    return conv(y, w, "proj", act=False)


@pytest.mark.parametrize(
    ("node", "channels", "formula"),
    [
        ("{op: conv, out: 8, kernel: 3, stride: 2}", 64, down),
        ("{op: c2f, out: 32, depth: 2, shortcut: true}", 64, c2f),
        ("{op: c3, out: 32, depth: 2}", 64, c3),
        ("{op: adown, out: 32}", 64, adown),
        ("{op: sppf, out: 32}", 64, sppf),
        ("{op: ghost_conv, out: 32, kernel: 3}", 64, ghost),
        ("{op: focus, out: 32, kernel: 3}", 64, focus),
        ("{op: psa, out: 256}", 256, psa),
        ("{op: area_attention, heads: 2, area: 4}", 64, area),
    ],
)  # fmt: skip
def test_a_block_is_its_formula(tmp_path: Path, node: str, channels: int, formula: object) -> None:
    model, weights = built(tmp_path, node, channels)
    x = torch.randn(2, channels, 8, 12, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = formula(x, weights)  # type: ignore[operator]
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)


def norm(c1: int, c2: int, k: int = 1, groups: int = 1) -> int:
    """Parameters of a convolution with batch norm."""
    return c1 // groups * c2 * k * k + 2 * c2


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("Conv, [16, 3, 1, None, 4]", norm(16, 16, 3, 4)),
        ("DWConv, [24, 3]", norm(16, 24, 3, 8)),
        ("GhostConv, [16, 1]", norm(16, 8) + norm(8, 8, 5, 8)),
        ("Bottleneck, [16]", norm(16, 8, 3) + norm(8, 16, 3)),
        ("C1, [16]", norm(16, 16) + norm(16, 16, 3)),
        ("C2, [16]", norm(16, 16) + 2 * norm(8, 8, 3) + norm(16, 16)),
        ("C2f, [16]", norm(16, 16) + 2 * norm(8, 8, 3) + norm(24, 16)),
        ("C3, [16]", 2 * norm(16, 8) + norm(8, 8) + norm(8, 8, 3) + norm(16, 16)),
        ("C3k2, [16, False, 0.5]", norm(16, 16) + norm(8, 4, 3) + norm(4, 8, 3) + norm(24, 16)),
        ("C3k2, [16, True]", norm(16, 16) + 2 * norm(8, 4) + 4 * norm(4, 4, 3) + norm(8, 8) + norm(24, 16)),
        ("C3Ghost, [16]",
         2 * norm(16, 8) + norm(8, 2) + norm(2, 2, 5, 2) + norm(4, 4) + norm(4, 4, 5, 4) + norm(16, 16)),
        ("BottleneckCSP, [16]", norm(16, 8) + 2 * norm(8, 8, 3) + 8 * 8 + 16 * 8 + 32 + norm(16, 16)),
        ("SPPCSPC, [16]", 2 * norm(16, 16) + norm(16, 16, 3) + norm(16, 16) + norm(64, 16) + norm(16, 16, 3)
         + norm(32, 16)),
        ("C2PSA, [16]", norm(16, 16) + norm(8, 16) + norm(8, 8) + norm(8, 8, 3, 8) + 2 * norm(8, 16) - 16
         + norm(16, 16)),
        ("C2fPSA, [16]", norm(16, 16) + norm(8, 16) + norm(8, 8) + norm(8, 8, 3, 8) + 2 * norm(8, 16) - 16
         + norm(24, 16)),
        ("ConvTranspose, [16]", norm(16, 16, 2)),
        ("Focus, [16, 3]", norm(64, 16, 3)),
        ("RepC3, [16]", 2 * norm(16, 16) + norm(16, 16, 3) + norm(16, 16)),
        ("C2fCIB, [16, True, True]",
         norm(16, 16) + 2 * norm(8, 8, 3, 8) + norm(8, 16) + norm(16, 16, 7, 16) + norm(16, 16, 3, 16) + norm(16, 8)
         + norm(24, 16)),
        ("SPP, [16]", norm(16, 8) + norm(32, 16)),
        ("SPPELAN, [16, 8]", norm(16, 8) + norm(32, 16)),
        ("ELAN1, [16, 8, 4]", norm(16, 8) + 2 * norm(4, 4, 3) + norm(16, 16)),
        ("AConv, [24]", norm(16, 24, 3)),
        ("ADown, [24]", norm(8, 12, 3) + norm(8, 12)),
        ("SCDown, [24, 3, 1]", norm(16, 24) + norm(24, 24, 3, 24)),
        ("CBLinear, [[8, 24]]", 16 * 32 + 32),
        ("nn.ConvTranspose2d, [16, 2, 2]", 16 * 16 * 4 + 16),
        ("nn.BatchNorm2d, []", 32),
        ("nn.LeakyReLU, []", 0),
        ("nn.ZeroPad2d, [[0, 1, 0, 1]]", 0),
    ],
)  # fmt: skip
def test_parameters_of_a_row(tmp_path: Path, row: str, expected: int) -> None:
    text = f"nc: 1\nbackbone:\n  - [-1, 1, Conv, [16]]\nhead:\n  - [-1, 1, {row}]\n"
    assert count(written(tmp_path, text)).parameters - norm(3, 16) == expected


def test_an_area_block_with_a_learned_part(tmp_path: Path) -> None:
    text = "scales: {l: [1, 1, 512]}\nbackbone:\n  - [-1, 1, Conv, [64]]\nhead:\n  - [-1, 1, A2C2f, [64, True, 1]]\n"
    graph = written(tmp_path, text)
    unit = norm(32, 96) + norm(32, 32) + norm(32, 32, 7, 32) + norm(32, 38) + norm(38, 32)
    assert count(graph).parameters == norm(3, 64) + norm(64, 32) + 2 * unit + norm(64, 64) + 64
    assert graph.types["a2c2f_1.gamma"].shape == (64,)


def test_fusing_sums_coarser_maps_at_the_size_of_the_last(tmp_path: Path) -> None:
    text = (
        "graphwright: 1\ninclude: [yolo]\ninputs: {x: [N, 2, 8, 8], a: [N, 2, 4, 4], b: [N, 2, 2, 2]}\n"
        "nodes:\n  fuse: {op: cb_fuse, in: {x: x, coarse: [a, b]}}\n"
    )
    (tmp_path / "fuse.yaml").write_text(text)
    x, a, b = (torch.randn(1, 2, n, n) for n in (8, 4, 2))
    wide = [m.repeat_interleave(8 // m.shape[-1], 2).repeat_interleave(8 // m.shape[-1], 3) for m in (a, b)]
    torch.testing.assert_close(lower(load(tmp_path / "fuse.yaml"))(x, a, b), x + wide[0] + wide[1])
