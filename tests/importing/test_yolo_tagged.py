"""Files with tags and keywords; expectations by hand, the files are our own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphwright.compiler.importing.yolo import rewrite
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from tests.importing.test_yolo_rows import meaning, written

TAGGED = """\
name: two levels
anchor: {reg_max: 4}
model:
  backbone:
    - Conv:
        args: {out_channels: 8, kernel_size: 3, stride: 2}
        source: 0
    - RepNCSPELAN:
        args: {out_channels: 16, part_channels: 16, csp_args: {repeat_num: 2}}
        tags: B1
    - ADown: {args: {out_channels: 24}}
    - SPPELAN: {args: {out_channels: 16}, tags: B2}
  head:
    - UpSample: {args: {scale_factor: 2, mode: nearest}}
    - Concat: {source: [-1, B1]}
    - Conv: {args: {out_channels: 16, kernel_size: 1, activation: ReLU}, tags: P1}
  detection:
    - MultiheadDetection: {source: [P1, B2], tags: Main, output: True}
  auxiliary:
    - CBLinear: {args: {out_channels: [8, 16]}, source: B2, tags: R}
    - Conv: {args: {out_channels: 16, kernel_size: 3, stride: 2}, source: 0}
    - CBFuse: {args: {index: [1]}, source: [R, -1], tags: A1}
    - MultiheadDetection: {source: [A1, B2], tags: AUX, output: True}
"""

BY_HAND = """\
graphwright: 1
include: [yolo_tagged, yolo]
inputs: {image: [N, 3, H=640, W=640]}
nodes:
  conv_0: {op: conv, in: image, out: 8, kernel: 3, stride: 2}
  b1_1: {op: rep_elan, in: conv_0, out: 16, hidden: 16, depth: 2}
  down_2: {op: adown, in: b1_1, out: 24}
  b2_3: {op: spp_elan, in: down_2, out: 16}
  up_4: {op: upsample, in: b2_3, scale: 2}
  concat_5: {op: concat, in: [up_4, b1_1]}
  p1_6: {op: conv, in: concat_5, out: 16, act: relu}
  detect_7: {op: multihead_detection, in: [p1_6, b2_3], classes: 80, strides: [2, 4], bins: 4}
  boxes: {op: ltrb_boxes, in: detect_7}
  scores: {op: sigmoid, in: detect_7.cls}
outputs: {boxes: boxes, scores: scores}
"""


def test_tags_become_names(tmp_path: Path) -> None:
    (tmp_path / "hand.yaml").write_text(BY_HAND)
    graph = written(tmp_path, TAGGED)
    assert graph.name == "two_levels"
    assert meaning(graph.deployed()) == meaning(load(tmp_path / "hand.yaml").deployed())


def test_a_tag_and_a_number_are_one_source(tmp_path: Path) -> None:
    plain = written(tmp_path, TAGGED)
    numbers = written(tmp_path, TAGGED.replace("source: [-1, B1]", "source: [5, -4]").replace("[P1, B2]", "[7, 4]"))
    assert meaning(plain) == meaning(numbers)


def test_what_serves_the_auxiliary_head_only_is_not_deployed(tmp_path: Path) -> None:
    graph = written(tmp_path, TAGGED, classes=3)
    assert {n.name.split(".")[0] for n in graph.training().nodes} - {
        n.name.split(".")[0] for n in graph.deployed().nodes
    } == {"r_8", "conv_9", "a1_10", "detect_11", "losses"}
    assert [(t.name, t.weight) for t in graph.losses] == [("main", 1.0), ("auxiliary", 0.25)]
    torch.manual_seed(0)
    target = torch.tensor([[[2.0, 2.0, 20.0, 24.0]]])
    losses = lower(graph, cone="train")(torch.rand(1, 3, 32, 32), target, torch.zeros(1, 1, dtype=torch.int64))
    assert all(torch.isfinite(v) and v > 0 for v in losses["losses"].values())


def test_parameters_counted_by_hand(tmp_path: Path) -> None:
    def conv(c1: int, c2: int, k: int = 1, groups: int = 1) -> int:
        return c1 * c2 * k * k // groups + 2 * c2

    def csp(c: int, depth: int) -> int:  # two 1x1 to half, `depth` bottlenecks of (3x3 + 1x1) and 3x3, one 1x1
        half = c // 2
        return 2 * conv(c, half) + depth * (conv(half, half, 3) + conv(half, half) + conv(half, half, 3)) + conv(c, c)

    elan = conv(8, 16) + 2 * (csp(8, 2) + conv(8, 8, 3)) + conv(32, 16)
    down = conv(8, 12, 3) + conv(8, 12)
    spp = conv(24, 8) + conv(32, 16)
    box = conv(16, 16, 3) + conv(16, 16, 3, 4) + (16 * 16 // 4 + 16) + 4  # the last 4 are the frozen bins
    scores = conv(16, 16, 3) + conv(16, 16, 3) + (16 * 3 + 3)
    total = conv(3, 8, 3) + elan + down + spp + conv(32, 16) + 2 * (box + scores)
    assert count(written(tmp_path, TAGGED, classes=3).deployed()).parameters == total


def test_weights_have_the_names_inside_the_modules(tmp_path: Path) -> None:
    names = set(lower(written(tmp_path, TAGGED), cone="train", device="meta").state_dict())
    for name in (
        "conv_0.conv.weight",
        "b1_1.conv2.0.bottleneck.1.conv1.conv2.bn.running_mean",
        "b1_1.conv3.1.bn.weight",
        "down_2.conv2.conv.weight",
        "b2_3.conv5.bn.bias",
        "detect_7.heads.1.anchor_conv.2.bias",
        "detect_7.heads.0.class_conv.1.conv.weight",
        "detect_7.heads.0.anc2vec.anc2vec.weight",
        "r_8.conv.bias",
    ):
        assert name in names


@pytest.mark.parametrize(
    ("module", "op", "fields"),
    [
        ("Pool: {args: {method: avg}}", "avg_pool2d", {"kernel": 2, "stride": 2, "padding": 0}),
        ("Pool: {args: {kernel_size: 3, stride: 1}}", "max_pool2d", {"kernel": 3, "stride": 1, "padding": 1}),
        ("Pool: {args: {kernel_size: 4}}", "max_pool2d", {"kernel": 4, "stride": 4, "padding": 1}),
        ("UpSample: {args: {scale_factor: 2, mode: bilinear}}", "upsample", {"scale": 2, "mode": "bilinear"}),
    ],
)
def test_pools_and_resizing(tmp_path: Path, module: str, op: str, fields: dict[str, object]) -> None:
    graph = written(tmp_path, f"model:\n  backbone:\n    - {module}\n")
    found = graph.nodes[-1].op
    assert found.name == op
    assert {k: getattr(found, k) for k in fields} == fields


def test_text_is_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TAGGED)
    assert rewrite(tmp_path / "a.yaml") == rewrite(tmp_path / "a.yaml")
    assert max(map(len, rewrite(tmp_path / "a.yaml").splitlines())) <= 120


def test_anchors_with_learned_offsets_and_factors(tmp_path: Path) -> None:
    text = (
        "anchor: {anchor: [[4, 8, 6, 6]]}\nmodel:\n  backbone:\n    - SPPCSPConv: {args: {out_channels: 8}}\n"
        "  head:\n    - MultiheadDetection: {args: {version: v7}, source: [-1], tags: Main, output: true}\n"
    )
    model = lower(written(tmp_path, text, classes=2)).eval()
    state = model.state_dict()
    assert state["detect_1.heads.0.implicit_a.implicit"].shape == (1, 8, 1, 1)
    assert state["detect_1.heads.0.implicit_m.implicit"].shape == (1, 14, 1, 1)
    state["detect_1.heads.0.implicit_m.implicit"].zero_()  # so that every sigmoid is one half
    found = model(torch.rand(1, 3, 2, 2))
    assert torch.allclose(found["scores"], torch.full((1, 2, 8), 0.25))
    assert torch.allclose(found["boxes"][0, [0, 4]], torch.tensor([[-1.5, -3.5, 2.5, 4.5], [-2.5, -2.5, 3.5, 3.5]]))


def test_masks_beside_boxes(tmp_path: Path) -> None:
    head = "Conv: {args: {out_channels: 4, kernel_size: 3}}\n    - MultiheadSegmentation: {args: {num_maskes: 5}, "
    text = TAGGED.replace("MultiheadDetection: {source: [P1, B2],", head + "source: [P1, B2, -1],")
    graph = written(tmp_path, text)
    found = lower(graph.deployed()).eval()(torch.rand(1, 3, 16, 16))
    assert {k: tuple(v.shape) for k, v in found.items()} == {
        "boxes": (1, 80, 4),
        "scores": (1, 80, 80),
        "masks": (1, 5, 80),
        "prototypes": (1, 5, 8, 8),
    }
    names = {f"{n.name}.{p}" for n in graph.nodes for p, _ in n.parameters}
    assert {"segment_8.heads.1.mask_conv.2.bias", "segment_8.heads.2.conv.weight"} <= names
    assert "segment_8.detect.heads.0.class_conv.0.conv.weight" in names


def test_a_classifier(tmp_path: Path) -> None:
    graph = written(tmp_path, "model:\n  backbone:\n    - Classification: {args: {neck_channels: 6}}\n", classes=4)
    assert count(graph).parameters == (3 * 6 + 12) + (6 * 4 + 4)
    assert dict(graph.outputs) == {"logits": "classify_0.head"}


def test_a_dictionary_of_atoms(tmp_path: Path) -> None:
    module = "RepNCSPELAND: {args: {out_channels: 8, part_channels: 8, atoms: 6}}"
    plain = written(tmp_path, f"model:\n  backbone:\n    - {module.replace('LAND', 'LAN').replace(', atoms: 6', '')}\n")
    graph = written(tmp_path, f"model:\n  backbone:\n    - {module}\n")
    extra = (8 * 6 + 12) + (6 * 25 + 12) + (6 * 8 + 16)
    assert count(graph).parameters == count(plain).parameters + extra
    assert lower(graph).eval()(torch.rand(1, 3, 4, 4)).shape == (1, 8, 4, 4)
