"""Layer masking of what is made of other ops, and of what moves places among channels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from graphwright.analyses.layer_masking import LayerMasking
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from tests.analyses.test_layer_masking import patchy, pictures, spec, weighted
from tests.analyses.test_linear_rules import LOOP
from tests.oracles import randomise

HEAD = "  m: {op: mean, dims: 1}\n  y: {op: linear, out: 5}"
NETS = {
    "heads": f"""
  proj: {{op: conv2d, in: image, out: 8, kernel: 4, stride: 4}}
  t: {{op: rearrange, pattern: n c h w -> n (h w) c}}
  a: {{op: multi_head_attention, heads: 2}}
{HEAD}""",
    "rows of pixels": """
  t: {op: rearrange, in: image, pattern: n c h w -> n c (h w)}
  a: {op: conv1d, out: 4, kernel: 5, padding: 2, stride: 2}
  b: {op: max_pool1d, kernel: 3, stride: 2}
  c: {op: avg_pool1d, kernel: 2}
  d: {op: adaptive_avg_pool1d, size: 1}
  e: flatten
  y: {op: linear, out: 5}""",
    "a variance of groups": """
  c: {op: conv2d, in: image, out: 12, kernel: 3, padding: 1}
  g: {op: rearrange, pattern: n (g c) h w -> n g c h w, sizes: {g: 3}}
  v: {op: var, dims: [2, 3, 4], correction: 0}
  y: {op: linear, out: 5}""",
    "a deviation of channels": """
  c: {op: conv2d, in: image, out: 12, kernel: 3, padding: 1}
  v: {op: std, dims: [2, 3], correction: 0}
  y: {op: linear, out: 5}""",
    "a norm of all, channels last": """
  c: {op: conv2d, in: image, out: 12, kernel: 3, padding: 1}
  l: {op: permute, dims: [0, 2, 3, 1]}
  n: {op: group_norm, groups: 1, affine: false}
  m: {op: mean, dims: [1, 2]}
  y: {op: linear, out: 5}""",
    "a blend, and dots in a pattern": """
  c: {op: conv2d, in: image, out: 12, kernel: 3, padding: 1}
  l: {op: rearrange, pattern: n c ... -> n ... c}
  w: {op: parameter, shape: [1], init: 0.3}
  r: {op: relu, in: l}
  b: {op: lerp, in: {x: l, start: r, weight: w}}
  m: {op: mean, dims: [1, 2]}
  y: {op: linear, out: 5}""",
    "a contraction of places": """
  w: {op: conv2d, in: image, out: 4, kernel: 3, padding: 1}
  e: {op: einsum, in: [image, w], equation: "nchw,ndhw->ncd"}
  f: flatten
  y: {op: linear, out: 5}""",
    "boxes at places": f"""
  c: {{op: conv2d, in: image, out: 12, kernel: 3, padding: 1}}
  r: {{op: rearrange, pattern: n (a v) h w -> n (h w a) v, sizes: {{v: 4}}}}
{HEAD}""",
    "boxes at places, reshaped": f"""
  c: {{op: conv2d, in: image, out: 12, kernel: 3, padding: 1}}
  p: {{op: permute, dims: [0, 2, 3, 1]}}
  r: {{op: reshape, size: [-1, 3072, 4]}}
{HEAD}""",
}


@pytest.mark.parametrize("options", [{}, {"padding": "partial"}, {"compat": "official"}], ids=str)
@pytest.mark.parametrize("net", NETS)
def test_laws(net: str, options: dict[str, str], tmp_path: Path) -> None:
    graph = spec(tmp_path, NETS[net], "image: [N, 3, 32, 32]")
    masking = LayerMasking(mask="patches:8", fraction=0.6, **options)  # type: ignore[arg-type]
    result = masking.run(graph, weighted(graph), pictures(32), None)
    assert len(result.laws) == 5
    assert all(law.holds for law in result.laws), result.laws


def test_boxes_see_what_their_place_sees(tmp_path: Path) -> None:
    """Three boxes a place, beside one another, by either way of putting them there."""
    masks = []
    for net in ("boxes at places", "boxes at places, reshaped"):
        graph = spec(tmp_path, NETS[net].partition("  m:")[0].replace("  r:", "  y:"), "image: [N, 3, 32, 32]")
        masks.append(weighted(graph)(LayerMasking()(graph))(pictures(32), patchy(32))["visible_y"])
    places = (F.max_pool2d(patchy(32).float(), 3, 1, 1) > 0).flatten(1)
    assert torch.equal(masks[0], places.repeat_interleave(3, 1)[..., None])
    assert torch.equal(masks[0], masks[1])


def test_a_loop_hands_on_what_is_visible(tmp_path: Path) -> None:
    """A row sees if it is visible itself and the row below, which is read first, is seen in reach."""
    (tmp_path / "m.yaml").write_text(LOOP.replace("6]", "32]") % (32, "relu"))
    graph = load(tmp_path / "m.yaml")
    result = LayerMasking(mask="patches:8").run(graph, weighted(graph), pictures(32), None)
    assert all(law.holds for law in result.laws), result.laws
    assert 0 < result.numbers["visible"]["down"] < result.numbers["visible"]["c"] < 1


def test_partial_transposed_convolution(tmp_path: Path) -> None:
    layer = "  y: {op: conv_transpose2d, in: image, out: 4, kernel: 3, stride: 2, padding: 1}"
    graph = spec(tmp_path, layer, "image: [N, 3, 16, 16]")
    model = lower(graph)
    randomise(model)
    w, b = model.state_dict()["y.weight"].double(), model.state_dict()["y.bias"].double()
    x, mask = pictures(16).double(), patchy(16, 4)
    found = weighted(graph, torch.float64)(LayerMasking(padding="partial")(graph))(x, mask)["y"]
    ones = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    count, whole = (F.conv_transpose2d(m, ones, None, 2, 1) for m in (mask.double(), torch.ones(1, 1, 16, 16).double()))
    value = F.conv_transpose2d(x * mask, w, None, 2, 1) * whole / count.clamp(min=1) + b[:, None, None]
    torch.testing.assert_close(found, value * (count > 0), rtol=0, atol=1e-12)


def test_reading_at_positions_takes_the_visible_pixels(tmp_path: Path) -> None:
    text = """
  at: {op: unflatten, in: grid, dim: 1, sizes: [5, 5]}
  y: {op: grid_sample, in: [image, at], align_corners: true}"""
    inputs = "image: [N, 3, 8, 8], grid: [N, 25, 2]"
    graph = spec(tmp_path, text, inputs)
    x, mask = pictures(8).double(), torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5
    grid = 2 * torch.rand(2, 25, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1
    found = weighted(graph, torch.float64)(LayerMasking()(graph))(x, grid, mask)
    total, share = (F.grid_sample(v, grid.unflatten(1, (5, 5)), align_corners=True) for v in (x * mask, mask.double()))
    expected = torch.where(share > 0, total / share.clamp(min=1e-12), 0.0)
    torch.testing.assert_close(found["y"], expected, rtol=0, atol=1e-9)
    assert torch.equal(found["visible_y"], share > 0)
    with pytest.raises(SpecError, match="bicubic weights may be negative"):
        LayerMasking()(spec(tmp_path, text.replace("align", "mode: bicubic, align"), inputs))


def test_heads_leave_out_what_is_not_visible(tmp_path: Path) -> None:
    graph = spec(tmp_path, NETS["heads"].partition("  m:")[0].replace("  a:", "  y:"), "image: [N, 3, 32, 32]")
    model = lower(graph).double().eval()
    randomise(model)
    x, mask = pictures(32, 1).double(), patchy(32, 4, 1)
    found = weighted(graph, torch.float64)(LayerMasking()(graph))(x, mask)["y"]
    kept = mask[0, 0, ::4, ::4].flatten()
    tokens = model.proj(x).flatten(2).mT[:, kept]
    torch.testing.assert_close(found[:, kept], model.y(tokens), rtol=0, atol=1e-12)
    assert float(found[:, ~kept].abs().max()) == 0


def test_boxes_that_see_nothing_are_not_kept(tmp_path: Path) -> None:
    nodes = """
  c: {op: conv2d, in: image, out: 6, kernel: 1}
  r: {op: rearrange, pattern: n c h w -> n (h w) c}
  s: {op: split, sizes: [4, 2], dim: 2}
  p: {op: sigmoid, in: s.1}
  y: {op: nms, in: {boxes: s.0, scores: p}, score: 0, keep: 64}"""
    graph = spec(tmp_path, nodes, "image: [N, 3, 8, 8]")
    mask = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    found = weighted(graph)(LayerMasking()(graph))(pictures(8), mask)
    assert bool((found[..., 5] == -1).all())
    mask[0, 0, 3, 4] = True
    found = weighted(graph)(LayerMasking()(graph))(pictures(8), mask)
    assert int((found[0, :, 5] >= 0).sum()) in (1, 2)
    assert bool((found[1, :, 5] == -1).all())
