"""Layer masking of whole models: its laws, hand-written references, compilation and export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from graphwright.analyses.layer_masking import LayerMasking
from graphwright.analyses.masking.rules import RULES
from graphwright.backends.exporting import export
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.ops import OPS
from graphwright.compiler.places import SpecError
from tests.oracles import randomise

#: Models of the library, cut down in depth and width, and the size of their pictures.
MODELS: dict[str, tuple[str, dict[str, Any], int]] = {
    "resnet18": ("resnet18", {}, 64),
    "resnet50": ("resnet50", {"depths": [1, 1, 1, 1]}, 64),
    "mobilenet": ("mobilenetv2_050", {"depths": [1, 2, 1, 1, 1, 1, 1]}, 64),
    "densenet": ("densenet121", {"depths": [2, 2, 2, 2]}, 64),
    "convnext": ("convnext_tiny", {"depths": [1, 1, 1, 1], "dims": [16, 32, 64, 128]}, 64),
    "vit": ("vit_tiny_patch16_224", {"depth": 2, "size": 64}, 64),
    "swin": ("swin_tiny_patch4_window7_224", {"depths": [2, 1, 1, 1], "dim": 24, "size": 72}, 72),
}


def weighted(graph: Graph, dtype: torch.dtype = torch.float32) -> Callable[[Graph], Any]:
    """How to build this graph, or one made from it, with the same random weights."""
    model = lower(graph)
    randomise(model)
    state = model.state_dict()

    def build(other: Graph) -> Any:
        made = lower(other).eval()
        made.load_state_dict({k: v for k, v in state.items() if k in made.state_dict()}, strict=True)
        made = made.to(dtype)

        def call(*inputs: torch.Tensor) -> Any:
            with torch.no_grad():
                return made(*inputs)

        return call

    return build


def spec(tmp_path: Path, nodes: str, inputs: str = "image: [N, 3, H=32, W=32]") -> Graph:
    path = tmp_path / "m.yaml"
    path.write_text(f"graphwright: 1\nname: m\ninputs: {{{inputs}}}\nnodes:\n{nodes}\noutputs: {{y: y}}\n")
    return load(path)


def pictures(size: int, count: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def patchy(size: int, patch: int = 8, count: int = 2, seed: int = 1) -> torch.Tensor:
    """Masks of which every second patch or so is visible."""
    cells = -(-size // patch)
    drawn = torch.rand(count, 1, cells, cells, generator=torch.Generator().manual_seed(seed)) > 0.5
    return drawn.repeat_interleave(patch, 2).repeat_interleave(patch, 3)[..., :size, :size]


OPTIONS: list[dict[str, Any]] = [{"compat": "official"}, {"padding": "partial"}]
#: `benchmarks/masking_laws.py` has every model at full depth.
LAWFUL = [(name, {}) for name in MODELS] + [(name, options) for name in ("resnet18", "swin") for options in OPTIONS]


@pytest.mark.parametrize(("name", "options"), LAWFUL, ids=str)
def test_laws_on_the_library(name: str, options: dict[str, Any]) -> None:
    model, params, size = MODELS[name]
    graph = load(model, params)
    result = LayerMasking(mask="patches:8", **options).run(graph, weighted(graph), pictures(size), None)
    assert all(law.holds for law in result.laws), result.laws
    expected = 4 if name == "vit" else 5  # its class token is always visible
    assert len(result.laws) == expected
    assert 0 < min(result.numbers["visible"].values()) < 1
    assert np.abs(result.arrays["scores"] - result.arrays["masked_scores"]).max() > 0


LAYERS = {
    "dilated": "{op: conv2d, in: image, out: 8, kernel: 3, dilation: 2, padding: 2}",
    "same, odd stride": "{op: conv2d, in: image, out: 8, kernel: 5, stride: 3, padding: same}",
    "valid": "{op: conv2d, in: image, out: 8, kernel: [1, 5], padding: valid}",
    "wide border": "{op: conv2d, in: image, out: 8, kernel: 1, padding: 1}",
    "reflect": "{op: conv2d, in: image, out: 8, kernel: 3, padding: 1, padding_mode: reflect}",
    "depthwise": "{op: conv2d, in: image, out: 3, kernel: 3, padding: 1, groups: 3}",
    "transposed": "{op: conv_transpose2d, in: image, out: 8, kernel: 3, stride: 2, padding: 1, output_padding: 1}",
    "transposed with gaps": "{op: conv_transpose2d, in: image, out: 8, kernel: 2, stride: 3}",
    "max pool": "{op: max_pool2d, in: image, kernel: 3, stride: 2, padding: 1, ceil: true}",
    "average pool": "{op: avg_pool2d, in: image, kernel: 3, stride: 2, padding: 1}",
    "pool to size": "{op: adaptive_avg_pool2d, in: image, size: 5}",
    "largest to size": "{op: adaptive_max_pool2d, in: image, size: 5}",
    "bilinear": "{op: interpolate, in: image, scale: 0.5, mode: bilinear}",
    "nearest": "{op: upsample, in: image, scale: 2}",
    "unshuffle": "{op: pixel_unshuffle, in: image, factor: 4}",
    "columns": "{op: unfold, in: image, kernel: 4, stride: 4}\n"
               "  r: relu\n  f: {op: fold, size: [32, 32], kernel: 4, stride: 4}",
    "columns that overlap": "{op: unfold, in: image, kernel: 4, stride: 2, padding: 1}\n"
                            "  r: relu\n  f: {op: fold, size: [32, 32], kernel: 4, stride: 2, padding: 1}",
    "learned slope": "{op: prelu, in: image, parameters: 3}",
    "asymmetric pad": "{op: pad, in: image, size: [0, 1, 2, 3]}",
    "reflecting pad": "{op: pad, in: image, size: [1, 1, 2, 2], mode: reflect}",
    "instance norm": "{op: instance_norm, in: image, affine: true}",
    "group norm": "{op: group_norm, in: image, groups: 1}",
    "norm over places": "{op: layer_norm, in: image, dims: 3}",
    "patches": "{op: rearrange, in: image, pattern: n c (h a) (w b) -> n (a b c) h w, sizes: {a: 4, b: 4}}",
    "roll": "{op: roll, in: image, shifts: [3, -5], dims: [2, 3]}",
    "slice": "{op: slice, in: image, dims: [2, 3], start: 1, stop: -2, step: 2}",
    "brightest channel": "{op: amax, in: image, dims: 1, keep: true}",
}  # fmt: skip
REST = """
  conv: {op: conv2d, out: 8, kernel: 3, stride: 2, padding: 1}
  norm: batch_norm
  act: gelu
  pooled: {op: mean, in: act, dims: [2, 3], keep: true}
  gate: {op: conv2d, out: 8, kernel: 1}
  open: sigmoid
  gated: {op: mul, in: [act, open]}
  max: {op: max_pool2d, kernel: 2}
  pool: {op: adaptive_avg_pool2d, size: 1}
  flat: flatten
  y: {op: linear, out: 5}
"""


@pytest.mark.parametrize("options", [{}, {"compat": "official"}, {"padding": "partial"}, {"padding": "none"}], ids=str)
@pytest.mark.parametrize("layer", LAYERS)
def test_laws_of_single_ops(layer: str, options: dict[str, Any], tmp_path: Path) -> None:
    inputs = "image: [N, 3, 32, 32]"
    graph = spec(tmp_path, f"  layer: {LAYERS[layer]}{REST}", inputs)
    masking = LayerMasking(mask="patches:8", fraction=0.6, **options)
    result = masking.run(graph, weighted(graph), pictures(32), None)
    # where a border or gaps of the model's own reach the head, something is known even of nothing
    named = {law.name: law for law in result.laws}
    assert all(law.holds for law in result.laws), result.laws
    assert len(named) == 5 or layer in ("wide border", "transposed with gaps", "asymmetric pad")


def test_two_dense_ways_out_of_places(tmp_path: Path) -> None:
    """A dense layer on a flattened map, and one that mixes tokens."""
    for nodes in (
        "  flat: flatten\n  y: {op: linear, out: 5}",
        "  tokens: {op: rearrange, pattern: n c h w -> n c (h w)}\n  mix: {op: linear, out: 6}\n"
        "  mean: {op: mean, dims: 2}\n  y: {op: linear, out: 5}",
    ):
        graph = spec(tmp_path, f"  pool: {{op: max_pool2d, kernel: 4}}\n{nodes}", "image: [N, 3, 32, 32]")
        result = LayerMasking(mask="patches:8").run(graph, weighted(graph), pictures(32), None)
        assert all(law.holds for law in result.laws), result.laws


def test_resnet18_equals_a_hand_written_forward() -> None:
    """The method written for one network: tensors and masks side by side, masked after every op."""
    graph = load("resnet18")
    build = weighted(graph, torch.float64)
    model = lower(graph)
    randomise(model)
    weights = {k: v.double() for k, v in model.state_dict().items()}
    images, mask = pictures(64).double(), patchy(64)
    found = build(LayerMasking()(graph))(images, mask)
    torch.testing.assert_close(found, masked_resnet18(weights, images, mask), rtol=0, atol=1e-12)


def masked_resnet18(w: dict[str, torch.Tensor], x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    m = mask.to(x.dtype)

    def conv(name: str, x: torch.Tensor, m: torch.Tensor, stride: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
        weight = w[f"{name}.weight"]
        size = weight.shape[-1]
        filled = fill(x, m, size - 1)
        seen = F.max_pool2d(m, size, stride, pad)
        return F.conv2d(filled, weight, None, stride, pad) * seen, seen

    def fill(x: torch.Tensor, m: torch.Tensor, rings: int) -> torch.Tensor:
        x, ones = x * m, torch.ones(1, 1, 3, 3, dtype=x.dtype)
        for _ in range(rings):
            total = F.conv2d(x.flatten(0, 1)[:, None], ones, padding=1).reshape(x.shape)
            count = F.conv2d(m, ones, padding=1)
            x = x + (1 - m) * total / count.clamp(min=1)
            m = (m + count).clamp(0, 1)
        return x

    def norm(name: str, x: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
        mean, var, weight, bias = (w[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, weight, bias) * m

    x, m = conv("conv1", x * m, m, 2, 3)
    x = norm("bn1", x, m).relu() * m
    x, m = F.max_pool2d(x, 3, 2, 1), F.max_pool2d(m, 3, 2, 1)
    for stage in range(1, 5):
        for block in range(2):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y, n = conv(f"{at}.conv1", x, m, stride, 1)
            y, n = conv(f"{at}.conv2", norm(f"{at}.bn1", y, n).relu(), n, 1, 1)
            y = norm(f"{at}.bn2", y, n)
            if f"{at}.downsample.0.weight" in w:
                x, m = conv(f"{at}.downsample.0", x, m, stride, 0)
                x = norm(f"{at}.downsample.1", x, m)
            x, m = ((x + y) * (m * n)).relu(), m * n
    pooled = (x * m).sum((2, 3)) / m.sum((2, 3)).clamp(min=1)
    return F.linear(pooled, w["fc.weight"], w["fc.bias"])


def test_a_vit_equals_the_vit_of_the_visible_tokens() -> None:
    graph = load("vit_tiny_patch16_224", {"depth": 2, "size": 64})
    model = lower(graph)
    randomise(model)
    w = {k: v.double() for k, v in model.state_dict().items()}
    images, mask = pictures(64, 1).double(), patchy(64, 16, 1)
    found = weighted(graph, torch.float64)(LayerMasking()(graph))(images, mask)

    tokens = F.conv2d(images, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], 16).flatten(2).mT
    x = torch.cat([w["cls_token"], tokens], 1) + w["pos_embed"]
    kept = torch.cat([torch.tensor([True]), mask[0, 0, ::16, ::16].flatten()])
    assert 1 < int(kept.sum()) < len(kept)
    x = x[:, kept]
    for k in range(2):
        p = f"blocks.{k}"
        y = F.layer_norm(x, (192,), w[f"{p}.norm1.weight"], w[f"{p}.norm1.bias"], 1e-6)
        qkv = F.linear(y, w[f"{p}.attn.qkv.weight"], w[f"{p}.attn.qkv.bias"])
        q, key, v = qkv.unflatten(2, (3, 3, 64)).permute(2, 0, 3, 1, 4)
        y = ((q @ key.mT / 8).softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + F.linear(y, w[f"{p}.attn.proj.weight"], w[f"{p}.attn.proj.bias"])
        y = F.layer_norm(x, (192,), w[f"{p}.norm2.weight"], w[f"{p}.norm2.bias"], 1e-6)
        y = F.gelu(F.linear(y, w[f"{p}.mlp.fc1.weight"], w[f"{p}.mlp.fc1.bias"]))
        x = x + F.linear(y, w[f"{p}.mlp.fc2.weight"], w[f"{p}.mlp.fc2.bias"])
    y = F.layer_norm(x, (192,), w["norm.weight"], w["norm.bias"], 1e-6)[:, 0]
    torch.testing.assert_close(found, F.linear(y, w["head.weight"], w["head.bias"]), rtol=0, atol=1e-11)


def test_attention_in_steps_equals_attention_in_one(tmp_path: Path) -> None:
    start = (
        "  proj: {op: conv2d, out: 8, kernel: 4, stride: 4}\n  t: {op: rearrange, pattern: n c h w -> n (h w) c}\n"
        "  q: {op: linear, in: t, out: 8}\n  k: {op: linear, in: t, out: 8}\n"
    )
    end = "\n  mean: {op: mean, dims: 1}\n  y: {op: linear, out: 5}"
    one = spec(tmp_path, f"{start}  a: {{op: attention, in: {{q: q, k: k, v: t}}, scale: 0.5}}{end}")
    steps = spec(
        tmp_path,
        f"{start}  kt: {{op: transpose, in: k}}\n  s: {{op: matmul, in: [q, kt]}}\n  r: {{op: scale, factor: 0.5}}\n"
        f"  p: softmax\n  a: {{op: matmul, in: [p, t]}}{end}",
    )
    images, mask = pictures(32).double(), patchy(32)
    found = [weighted(g, torch.float64)(LayerMasking()(g))(images, mask) for g in (one, steps)]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-12)


def test_a_network_of_1x1_convolutions_is_the_mean_over_visible_pixels(tmp_path: Path) -> None:
    graph = spec(
        tmp_path,
        "  a: {op: conv2d, in: image, out: 8, kernel: 1}\n  n: batch_norm\n  r: relu\n"
        "  b: {op: conv2d, out: 4, kernel: 1}\n  pool: {op: adaptive_avg_pool2d, size: 1}\n  y: flatten",
    )
    model = lower(graph)
    randomise(model)
    images, mask = pictures(32).double(), patchy(32)
    found = weighted(graph, torch.float64)(LayerMasking()(graph))(images, mask)
    for k in range(2):
        pixels = images[k][:, mask[k, 0]]  # [3, visible], as pictures of one row
        alone = weighted(graph, torch.float64)(graph)(pixels[None, :, None])
        torch.testing.assert_close(found[k : k + 1], alone, rtol=0, atol=1e-12)


def test_masked_pixels_have_no_gradient() -> None:
    graph = load("resnet18", {"classes": 10})
    model = lower(LayerMasking()(graph)).eval()
    images, mask = pictures(64).requires_grad_(), patchy(64)
    model(images, mask).sum().backward()
    assert images.grad is not None
    hidden = ~mask.expand_as(images)
    assert torch.equal(images.grad[hidden], torch.zeros_like(images.grad[hidden]))
    assert float(images.grad[~hidden].abs().max()) > 0


def test_an_output_that_is_a_map_has_its_mask_beside_it(tmp_path: Path) -> None:
    graph = spec(tmp_path, "  y: {op: conv2d, in: image, out: 4, kernel: 3, padding: 1}")
    masked = LayerMasking()(graph)
    assert [port for port, _ in masked.outputs] == ["y", "visible_y"]
    found = weighted(masked)(masked)(pictures(32), patchy(32))
    assert torch.equal(found["visible_y"], F.max_pool2d(patchy(32).float(), 3, 1, 1) > 0)
    assert float((found["y"] * ~found["visible_y"]).abs().max()) == 0


def test_an_output_that_no_picture_reaches_is_no_batch() -> None:
    graph = load("prototypes_mnist")  # one output is the prototypes, decoded
    result = LayerMasking(mask="patches:7").run(graph, weighted(graph), torch.rand(2, 1, 28, 28), None)
    assert all(law.holds for law in result.laws), result.laws


def test_all_ops_without_a_rule_are_reported_at_once(tmp_path: Path) -> None:
    graph = spec(
        tmp_path,
        "  sums: {op: cumsum, in: image, dim: 3}\n  conv: {op: conv2d, in: image, out: 4, kernel: 1}\n"
        "  cols: {op: norm, dims: 3}\n  total: {op: mean, in: cols, dims: 2}\n"
        "  z: {op: mean, in: sums, dims: [2, 3]}\n  y: {op: concat, in: [total, z]}",
    )
    with pytest.raises(SpecError) as caught:
        LayerMasking()(graph)
    problems = caught.value.problems
    assert [(p.place.line, p.message) for p in problems] == [
        (5, "layer masking at 'sums' (cumsum): it has no rule"),
        (7, "layer masking at 'cols' (norm): it has no rule"),
    ]
    assert problems[0].hint == "add a row to RULES in analyses/masking/rules.py"


def test_every_row_is_an_op() -> None:
    assert set(RULES) <= set(OPS)


def test_a_model_without_pictures_is_refused() -> None:
    with pytest.raises(SpecError, match="0 inputs that are pictures"):
        LayerMasking()(load("lstm_classifier"))


@pytest.mark.parametrize("name", ["resnet18", "swin"])
def test_one_full_graph_without_recompiles(name: str) -> None:
    spec_name, params, size = MODELS[name]
    model = lower(LayerMasking()(load(spec_name, {**params, "classes": 10}))).eval()
    graphs: list[Any] = []

    def count(module: Any, examples: Any) -> Any:
        graphs.append(module)
        return module

    torch._dynamo.reset()
    compiled = torch.compile(model, backend=count, fullgraph=True)
    with torch.no_grad():
        for seed in range(3):
            images, mask = pictures(size, seed=seed), patchy(size, seed=seed + 5)
            assert torch.equal(compiled(images, mask), model(images, mask))
    assert len(graphs) == 1
    eager = torch.compile(model, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(eager(images, mask), model(images, mask), rtol=1e-5, atol=1e-5)


def test_onnx_gives_the_same_numbers(tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    graph = spec(tmp_path, f"  layer: {LAYERS['same, odd stride']}{REST}", "image: [N, 3, 32, 32]")
    masked = LayerMasking()(graph)
    model = lower(masked).eval()
    randomise(model)
    export(masked, model, tmp_path / "m.onnx")
    session = ort.InferenceSession(str(tmp_path / "m.onnx"))
    images, mask = pictures(32), patchy(32)
    feed = dict(zip([i.name for i in session.get_inputs()], (images.numpy(), mask.numpy()), strict=True))
    (found,) = session.run(None, feed)
    with torch.no_grad():
        np.testing.assert_allclose(found, model(images, mask).numpy(), rtol=1e-5, atol=1e-6)
