"""The rules of layer masking, each against something written anew."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from graphwright.analyses.layer_masking import LayerMasking
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops.masking import AnyPool2d, AnyTranspose2d, NeighborPadding, VisibleMoments
from graphwright.compiler.places import SpecError
from tests.analyses.test_layer_masking import patchy, pictures, spec, weighted
from tests.oracles import randomise


def brute_force(x: list[list[float]], mask: list[list[bool]], rings: int) -> list[list[float]]:
    """Neighbour padding of one channel, cell by cell."""
    size = len(x)
    x = [[x[i][j] if mask[i][j] else 0.0 for j in range(size)] for i in range(size)]
    for _ in range(rings):
        new, grown = [row[:] for row in x], [row[:] for row in mask]
        for i, j in itertools.product(range(size), repeat=2):
            if mask[i][j]:
                continue
            near = [
                x[a][b]
                for a, b in itertools.product(range(i - 1, i + 2), range(j - 1, j + 2))
                if 0 <= a < size and 0 <= b < size and mask[a][b]
            ]
            if near:
                new[i][j], grown[i][j] = sum(near) / len(near), True
        x, mask = new, grown
    return x


@pytest.mark.parametrize("rings", [0, 1, 2, 5])
def test_neighbor_padding_cell_by_cell(rings: int) -> None:
    generator = torch.Generator().manual_seed(rings)
    x = torch.randn(2, 3, 8, 8, generator=generator, dtype=torch.float64)
    mask = torch.rand(2, 1, 8, 8, generator=generator) > 0.8
    found = NeighborPadding(rings).forward(x, mask)
    for n, c in itertools.product(range(2), range(3)):
        expected = torch.tensor(brute_force(x[n, c].tolist(), mask[n, 0].tolist(), rings), dtype=torch.float64)
        torch.testing.assert_close(found[n, c], expected, rtol=0, atol=1e-14)


def test_a_half_plane_is_filled_as_by_replication() -> None:
    row = torch.randn(12, dtype=torch.float64)
    x = row.expand(1, 2, 5, 12)
    mask = (torch.arange(12) < 7).expand(1, 1, 5, 12)
    found = NeighborPadding(3).forward(x, mask)
    assert torch.allclose(found[..., :10], F.pad(x[..., :7], (0, 3, 0, 0), mode="replicate"), rtol=0, atol=1e-15)
    assert float(found[..., 10:].abs().max()) == 0


def test_constant_pictures_stay_constant_and_the_official_ones_almost() -> None:
    x, mask = torch.full((1, 1, 8, 8), 5.0), torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    mask[..., 3:5, 2:6] = True
    assert torch.equal(NeighborPadding(8).forward(x, mask), x)
    official = NeighborPadding(2, 1e-5).forward(x, mask)
    assert 4.9999 < float(official[0, 0, 2, 3]) < 5


@pytest.mark.parametrize(("kernel", "dilation", "stride"), [(3, 1, 1), (3, 2, 1), (5, 1, 2), (7, 1, 3)])
def test_as_many_rings_as_the_kernel_reaches_are_enough_and_one_less_is_not(
    kernel: int, dilation: int, stride: int
) -> None:
    generator = torch.Generator().manual_seed(kernel)
    x = torch.randn(1, 2, 40, 40, generator=generator)
    mask = torch.zeros(1, 1, 40, 40, dtype=torch.bool)
    mask[..., 17:23, 15:21] = True
    weight = torch.randn(3, 2, kernel, kernel, generator=generator)
    reach = (kernel - 1) * dilation
    seen = AnyPool2d(kernel, stride, reach // 2, dilation).forward(mask)

    def convolved(rings: int) -> torch.Tensor:
        return F.conv2d(NeighborPadding(rings).forward(x, mask), weight, None, stride, reach // 2, dilation) * seen

    assert torch.equal(convolved(reach), convolved(reach + 4))
    assert not torch.equal(convolved(reach - 1), convolved(reach))


@pytest.mark.parametrize(("kernel", "stride", "padding", "extra", "dilation"), [(3, 2, 1, 1, 1), (2, 2, 0, 0, 1),
                                                                                (3, 1, 2, 0, 2)])  # fmt: skip
def test_transposed_windows_are_those_that_a_gradient_reaches(
    kernel: int, stride: int, padding: int, extra: int, dilation: int
) -> None:
    mask = torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(kernel)) > 0.8
    found = AnyTranspose2d(kernel, stride, padding, extra, dilation).forward(mask)
    layer = torch.nn.ConvTranspose2d(1, 1, kernel, stride, padding, extra, bias=False, dilation=dilation)
    torch.nn.init.constant_(layer.weight, 1.0)
    assert torch.equal(found, layer(mask.float()) > 0)


def test_moments_are_those_of_the_visible_cells() -> None:
    x, mask = torch.randn(2, 6, 5, 7, dtype=torch.float64), torch.rand(2, 1, 5, 7) > 0.5
    mean, variance, share = VisibleMoments(3).forward(x, mask)
    for n in range(2):
        visible = x[n][:, mask[n, 0]]
        for c in range(6):
            group = visible[c // 2 * 2 : c // 2 * 2 + 2]
            assert mean[n, c].item() == pytest.approx(group.mean().item(), rel=1e-12)
            assert variance[n, c].item() == pytest.approx(group.var(correction=0).item(), rel=1e-12)
        assert share[n].item() == pytest.approx(mask[n].double().mean().item())


def _masked(tmp_path: Path, nodes: str, **options: str) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """What a small net gives under a mask, in float64, and its weights."""
    graph = spec(tmp_path, nodes, "image: [N, 3, 32, 32]")
    model = lower(graph)
    randomise(model)
    build = weighted(graph, torch.float64)
    found = build(LayerMasking(**options)(graph))(IMAGES, MASK)  # type: ignore[arg-type]
    state = {k: v.double() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    return (found["y"] if isinstance(found, dict) else found), state


IMAGES, MASK = pictures(32).double(), patchy(32)


@pytest.mark.parametrize("name", ["var", "std"])
def test_variance_is_that_of_the_visible_cells(tmp_path: Path, name: str) -> None:
    nodes = f"""  g: {{op: rearrange, in: image, pattern: n (g c) h w -> n g c h w, sizes: {{g: 1}}}}
  y: {{op: {name}, dims: [2, 3, 4], correction: 0}}"""
    found, _ = _masked(tmp_path, nodes)
    for k in range(2):
        expected = getattr(IMAGES[k][:, MASK[k, 0]], name)(correction=0)
        torch.testing.assert_close(found[k, 0], expected, rtol=1e-12, atol=0)


def test_one_group_of_everything_is_found_channels_last_too(tmp_path: Path) -> None:
    first, _ = _masked(tmp_path, "  y: {op: group_norm, in: image, groups: 1, affine: false}")
    nodes = """  l: {op: rearrange, in: image, pattern: n c ... -> n ... c}
  y: {op: group_norm, groups: 1, affine: false}"""
    last, _ = _masked(tmp_path, nodes)
    torch.testing.assert_close(last.movedim(3, 1), first, rtol=0, atol=1e-12)


def test_an_unbiased_variance_over_places_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="correction=1"):
        _masked(tmp_path, "  y: {op: var, in: image, dims: [2, 3]}")


def test_group_norm_uses_the_visible_cells(tmp_path: Path) -> None:
    found, state = _masked(tmp_path, "  y: {op: group_norm, in: image, groups: 1}")
    for n in range(2):
        visible = IMAGES[n][:, MASK[n, 0]]
        normed = (visible - visible.mean()) / (visible.var(correction=0) + 1e-5).sqrt()
        expected = normed * state["y.weight"][:, None] + state["y.bias"][:, None]
        torch.testing.assert_close(found[n][:, MASK[n, 0]], expected, rtol=0, atol=1e-12)


def test_partial_convolution(tmp_path: Path) -> None:
    found, state = _masked(tmp_path, "  y: {op: conv2d, in: image, out: 4, kernel: 3, padding: 1}", padding="partial")
    m, ones = MASK.double(), torch.ones(1, 1, 3, 3, dtype=torch.float64)
    count, whole = F.conv2d(m, ones, padding=1), F.conv2d(torch.ones_like(m), ones, padding=1)
    scaled = F.conv2d(IMAGES * m, state["y.weight"], padding=1) * whole / count.clamp(min=1)
    expected = (scaled + state["y.bias"][:, None, None]) * (count > 0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_no_padding_reads_zeros(tmp_path: Path) -> None:
    found, state = _masked(tmp_path, "  y: {op: conv2d, in: image, out: 4, kernel: 3, padding: 1}", padding="none")
    expected = F.conv2d(IMAGES * MASK, state["y.weight"], state["y.bias"], padding=1)
    seen = F.max_pool2d(MASK.double(), 3, 1, 1)
    torch.testing.assert_close(found, expected * seen, rtol=0, atol=1e-12)


def test_max_pooling_never_takes_a_masked_zero_but_the_official_one_does(tmp_path: Path) -> None:
    nodes = "  low: {op: add, in: [image], other: -10.0}\n  y: {op: max_pool2d, kernel: 4}"
    patches = (IMAGES - 10).masked_fill(~MASK, -torch.inf).unfold(2, 4, 4).unfold(3, 4, 4).amax((4, 5))
    clean, _ = _masked(tmp_path, nodes)
    torch.testing.assert_close(clean, patches.masked_fill(patches.isinf(), 0), rtol=0, atol=0)
    cell = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    cell[..., 0, 0] = True
    graph = spec(tmp_path, nodes, "image: [N, 3, 32, 32]")
    for compat, expected in (("clean", IMAGES[..., 0, 0] - 10), ("official", torch.zeros(2, 3).double())):
        found = weighted(graph)(LayerMasking(compat=compat)(graph))(IMAGES, cell)["y"]  # type: ignore[arg-type]
        torch.testing.assert_close(found[..., 0, 0], expected, rtol=0, atol=0)


def test_average_pooling_divides_by_what_is_visible_but_the_official_one_does_not(tmp_path: Path) -> None:
    nodes = "  y: {op: avg_pool2d, in: image, kernel: 3, stride: 2, padding: 1}"
    total = F.avg_pool2d(IMAGES * MASK, 3, 2, 1, divisor_override=1)
    count = F.avg_pool2d(MASK.double(), 3, 2, 1, divisor_override=1)
    inside = F.avg_pool2d(torch.ones_like(MASK, dtype=torch.float64), 3, 2, 1, divisor_override=1)
    clean, _ = _masked(tmp_path, nodes)
    torch.testing.assert_close(clean, total / 9 * inside / count.clamp(min=1), rtol=0, atol=1e-14)
    official, _ = _masked(tmp_path, nodes, compat="official")
    torch.testing.assert_close(official, total / 9, rtol=0, atol=1e-14)


JOINED = """
  a: {op: conv2d, in: image, out: 4, kernel: 3, padding: 1}
  b: {op: conv2d, in: a, out: 4, kernel: 3, padding: 1}
  ab: {op: concat, in: [image, a]}
  y: {op: concat, in: [ab, b]}
"""


def test_joined_channels_are_visible_together_and_vote_in_the_official_rules(tmp_path: Path) -> None:
    """Three parts, of which the second sees one cell further and the third two."""
    graph = spec(tmp_path, JOINED, "image: [N, 3, 32, 32]")
    build = weighted(graph)
    masks = [MASK, *(F.max_pool2d(MASK.float(), 2 * k + 1, 1, k) > 0 for k in (1, 2))]
    clean = build(LayerMasking()(graph))(IMAGES.float(), MASK)
    assert torch.equal(clean["visible_y"], MASK)
    official = build(LayerMasking(compat="official")(graph))(IMAGES.float(), MASK)
    assert torch.equal(official["visible_y"], sum(m.int() for m in masks) > 1.5)
    own = torch.cat([m.expand(-1, c, -1, -1) for m, c in zip(masks, (3, 4, 4), strict=True)], 1)
    assert torch.equal(official["y"] != 0, own & official["visible_y"])


def test_the_official_filling_is_one_ring_deeper_and_divides_by_a_little_more(tmp_path: Path) -> None:
    found, state = _masked(tmp_path, "  y: {op: conv2d, in: image, out: 4, kernel: 3, padding: 1}", compat="official")
    x, m, ones = IMAGES * MASK, MASK.double(), torch.ones(1, 1, 3, 3, dtype=torch.float64)
    for _ in range(3):
        total = F.conv2d(x.flatten(0, 1)[:, None], ones, padding=1).reshape(x.shape)
        count = F.conv2d(m, ones, padding=1)
        x, m = x + (1 - m) * total / (count + 1e-5), (m + count).clamp(0, 1)
    expected = F.conv2d(x, state["y.weight"], state["y.bias"], padding=1) * F.max_pool2d(MASK.double(), 3, 1, 1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_a_flattened_map_has_the_mean_of_what_is_visible_or_zeros(tmp_path: Path) -> None:
    nodes = "  flat: {op: flatten, in: image}\n  y: {op: linear, out: 5}"
    found, state = _masked(tmp_path, nodes)
    mean = (IMAGES * MASK).sum((2, 3), keepdim=True) / MASK.sum((2, 3), keepdim=True)
    filled = torch.where(MASK, IMAGES, mean).flatten(1)
    torch.testing.assert_close(found, F.linear(filled, state["y.weight"], state["y.bias"]), rtol=0, atol=1e-12)
    found, state = _masked(tmp_path, nodes, compat="official")
    zeros = (IMAGES * MASK).flatten(1)
    torch.testing.assert_close(found, F.linear(zeros, state["y.weight"], state["y.bias"]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("merge", [
    "{op: rearrange, in: image, pattern: n c (h a) (w b) -> n (b a c) h w, sizes: {a: 2, b: 2}}",
    "{op: flatten, in: apart, start: 1, end: 3}",
])  # fmt: skip
def test_places_that_become_channels_take_the_mean_of_their_cell(merge: str, tmp_path: Path) -> None:
    start = "  apart: {op: rearrange, in: image, pattern: n c (h a) (w b) -> n b a c h w, sizes: {a: 2, b: 2}}\n"
    nodes = (start if "flatten" in merge else "") + f"  y: {merge}"
    graph = spec(tmp_path, nodes, "image: [N, 3, 32, 32]")
    mask = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)) > 0.6
    found = weighted(graph)(LayerMasking()(graph))(IMAGES, mask)
    cells = [IMAGES[..., a::2, b::2] for b in range(2) for a in range(2)]
    seen = [mask[..., a::2, b::2] for b in range(2) for a in range(2)]
    count = sum(m.double() for m in seen)
    mean = sum(torch.where(m, c, 0.0) for m, c in zip(seen, cells, strict=True)) / count.clamp(min=1)
    expected = torch.cat([torch.where(m, c, mean) for m, c in zip(seen, cells, strict=True)], 1)
    torch.testing.assert_close(found["y"], expected, rtol=0, atol=1e-14)
    assert torch.equal(found["visible_y"], count > 0)


def test_a_padded_map_is_filled_as_if_the_convolution_had_padded_it(tmp_path: Path) -> None:
    apart, state = _masked(
        tmp_path,
        "  pad: {op: pad, in: image, size: [1, 1, 1, 1]}\n  y: {op: conv2d, out: 4, kernel: 3, stride: 2}",
    )
    joined, other = _masked(tmp_path, "  y: {op: conv2d, in: image, out: 4, kernel: 3, stride: 2, padding: 1}")
    assert all(torch.equal(state[k], other[k]) for k in other)
    torch.testing.assert_close(apart, joined, rtol=0, atol=1e-13)


def test_a_border_that_was_cropped_and_pooled_stays_a_border(tmp_path: Path) -> None:
    """As in NASNet's reductions: what was padded on is no unknown cell, to be filled from its neighbours."""
    graph = spec(tmp_path, """
  pad: {op: pad, size: [0, 1, 0, 1]}
  shifted: {op: slice, dims: [2, 3], start: 1}
  pool: {op: avg_pool2d, kernel: 1, stride: 2}
  y: {op: conv2d, out: 4, kernel: 3, padding: 1}""")  # fmt: skip
    build, x = weighted(graph), pictures(31)
    found = build(LayerMasking()(graph))(x, torch.ones(2, 1, 31, 31, dtype=torch.bool))
    assert torch.equal(found["y"], build(graph)(x))
