"""Files of rows: indices to names, scales, families of heads; expectations by hand, the files are our own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphwright.compiler.importing.yolo import rewrite
from graphwright.compiler.importing.yolo.scaling import Scale
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower

SMALL = """\
nc: 3
scales: {n: [0.5, 0.25, 128], s: [1.0, 0.5, 128]}
backbone:
  - [-1, 1, Conv, [32, 3, 2]]            # 0
  - [-1, 5, C2f, [64, True]]             # 1
  - [-1, 1, Conv, [512, 3, 2]]           # 2: cut to 128
  - [-1, 1, SPPF, [64, 5]]               # 3
head:
  - [-1, 1, nn.Upsample, [None, 2, "nearest"]]
  - [[-1, 1], 1, Concat, [1]]            # 5
  - [-1, 2, Conv, [36, 1]]               # 6: 9 channels, rounded up to 16; a row of one
  - [[6, 3], 1, Detect, [nc]]            # 7
"""

BY_HAND = """\
graphwright: 1
include: [yolo]
params: {classes: 3}
inputs: {image: [N, 3, H=640, W=640]}
nodes:
  conv_0: {op: conv, in: image, out: 8, kernel: 3, stride: 2}
  c2f_1: {op: c2f, in: conv_0, out: 16, depth: 2, shortcut: true}
  conv_2: {op: conv, in: c2f_1, out: 32, kernel: 3, stride: 2}
  sppf_3: {op: sppf, in: conv_2, out: 16}
  up_4: {op: upsample, in: sppf_3, scale: 2}
  concat_5: {op: concat, in: [up_4, c2f_1]}
  conv_6: {op: conv, in: concat_5, out: 16, kernel: 1}
  detect_7: {op: detect, in: [conv_6, sppf_3], classes: 3, strides: [2, 4]}
  boxes: {op: ltrb_boxes, in: detect_7}
  scores: {op: sigmoid, in: detect_7.cls}
outputs: {boxes: boxes, scores: scores}
"""


def written(folder: Path, text: str, name: str = "small.yaml", **given: str | int) -> Graph:
    """The graph of a model file, by way of the spec that it is rewritten to."""
    source, spec = folder / name, folder / "spec" / name
    source.write_text(text)
    spec.parent.mkdir(exist_ok=True)
    spec.write_text(rewrite(source, **given))  # type: ignore[arg-type]
    return load(spec)


def meaning(graph: Graph) -> list[object]:
    """What a graph computes, whatever its name and its places."""
    return [graph.inputs, graph.outputs, [(n.name, n.op, n.inputs, n.outputs, n.parameters) for n in graph.nodes]]


def test_indices_become_the_names_that_a_person_would_write(tmp_path: Path) -> None:
    (tmp_path / "hand.yaml").write_text(BY_HAND)
    small = written(tmp_path, SMALL.replace("[-1, 2, Conv, [36, 1]]", "[-1, 1, Conv, [36, 1]]"))
    assert meaning(small.deployed()) == meaning(load(tmp_path / "hand.yaml").deployed())


def test_the_text_is_short_and_chains_need_no_references(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    lines = rewrite(tmp_path / "small.yaml").splitlines()
    assert "  conv_0: {op: conv, out: 8, kernel: 3, stride: 2}" in lines
    assert "  conv_2: {op: conv, in: c2f_1, out: 32, kernel: 3, stride: 2}" in lines  # c2f_1 has two readers
    assert "  up_4: {op: upsample, in: sppf_3, scale: 2}" in lines
    assert "  concat_5: {op: concat, in: [up_4, c2f_1]}" in lines
    assert "  detect_7: {op: detect, in: [conv_6, sppf_3], classes: $classes, strides: [2, 4]}" in lines
    assert max(map(len, lines)) <= 120


def test_ways_of_counting_rows_give_one_text(tmp_path: Path) -> None:
    texts = set()
    for old, new in (("", ""), ("[-1, 1], 1, Concat", "[4, -4], 1, Concat"), ("[6, 3], 1", "[-1, -4], 1")):
        (tmp_path / "small.yaml").write_text(SMALL.replace(old, new) if old else SMALL)
        texts.add(rewrite(tmp_path / "small.yaml"))
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("repeats", "depth", "expected"),
    [(1, 0.33, 1), (3, 0.33, 1), (6, 0.33, 2), (3, 0.5, 2), (5, 0.5, 2), (2, 0.1, 1), (9, 1.33, 12)],
)
def test_repeats_are_rounded_half_to_even(repeats: int, depth: float, expected: int) -> None:
    assert Scale(depth=depth).repeats(repeats) == expected


@pytest.mark.parametrize(
    ("width", "factor", "most", "expected"),
    [(64, 0.25, 1024, 16), (100, 0.25, 1024, 32), (1024, 0.75, 768, 576), (512, 1.25, 512, 640), (8, 0.5, 512, 8)],
)
def test_widths_are_cut_scaled_and_rounded_up(width: int, factor: float, most: float, expected: int) -> None:
    assert Scale(width=factor, most=most).channels(width) == expected


def test_the_scale_is_the_letter_given_or_that_of_the_name_or_the_first(tmp_path: Path) -> None:
    parameters = {
        (name, scale): count(written(tmp_path, SMALL, name, **({"scale": scale} if scale else {}))).parameters
        for name, scale in (("a.yaml", ""), ("yolov8s.yaml", ""), ("a.yaml", "s"), ("yolov8s.yaml", "n"))
    }
    assert parameters["a.yaml", ""] == parameters["yolov8s.yaml", "n"]
    assert parameters["a.yaml", "s"] == parameters["yolov8s.yaml", ""] > parameters["a.yaml", ""]


def test_classes_from_outside_are_the_files_classes(tmp_path: Path) -> None:
    seven = written(tmp_path, SMALL.replace("nc: 3", "nc: 7"))
    assert meaning(written(tmp_path, SMALL, classes=7)) == meaning(seven)
    assert dict(seven.outputs)["scores"] in seven.types
    assert seven.types["scores"].shape[1] == 7


@pytest.mark.parametrize(
    ("given", "op", "fields"),
    [
        ("nn.ReLU()", "relu", {}),
        ("nn.LeakyReLU(0.1)", "leaky_relu", {"slope": 0.1}),
        ("torch.nn.LeakyReLU(negative_slope=0.2, inplace=True)", "leaky_relu", {"slope": 0.2}),
        ("nn.Hardswish()", "hardswish", {}),
        ("nn.GELU(approximate='tanh')", "gelu", {"approximate": "tanh"}),
        ("nn.Identity()", "identity", {}),
    ],
)
def test_an_activation_replaces_that_of_every_block(
    tmp_path: Path, given: str, op: str, fields: dict[str, object]
) -> None:
    graph = written(tmp_path, f'activation: "{given}"\n' + SMALL)
    found = [n.op for n in graph.nodes if n.name.endswith(".act")]
    assert {o.name for o in found} == {op}
    assert len(found) == 19  # 1 + (1 + 4 + 1) + 1 + 2 + 1 convolutions and 2 levels of 4
    assert {k: getattr(found[0], k) for k in fields} == fields


PGI = """\
nc: 3
anchors: 3
backbone:
  - [-1, 1, Silence, []]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, RepNCSPELAN4, [16, 16, 8, 1]]
  - [-1, 1, ADown, [32]]
  - [-1, 1, AConv, [32]]
head:
  - [2, 1, CBLinear, [[8]]]
  - [4, 1, CBLinear, [[8, 16]]]
  - [0, 1, Conv, [8, 3, 2]]
  - [[5, 6, -1], 1, CBFuse, [[0, 0]]]
  - [[8, 2], 1, {head}, [nc]]
"""


def test_a_twin_head_learns_in_training_only(tmp_path: Path) -> None:
    graph = written(tmp_path, PGI.replace("{head}", "DualDDetect"))
    deployed = {n.name.split(".")[0] for n in graph.deployed().nodes}
    assert deployed == {"conv_1", "rep_elan_2", "detect_9", "boxes", "scores"}  # rows 3 to 8 serve the twin
    assert {"cb_linear_5", "cb_linear_6", "conv_7", "cb_fuse_8", "down_3"} <= {
        n.name.split(".")[0] for n in graph.training().nodes
    }
    fused = graph.by_name["cb_fuse_8.sum"]
    assert fused.reads[0] == "conv_7.act"
    assert "image" in graph.by_name["conv_7.conv"].reads  # row 0, Silence, is the image itself
    names = {name for n in graph.nodes for name in (f"{n.name}.{p}" for p, _ in n.parameters)}
    for part in ("cv2.0.2.bias", "cv3.0.0.bn.weight", "dfl.conv.weight", "cv4.0.0.conv.weight", "dfl2.conv.weight"):
        assert f"detect_9.{part}" in names


def test_the_objective_reaches_every_weight(tmp_path: Path) -> None:
    graph = written(tmp_path, PGI.replace("{head}", "DualDDetect"))
    torch.manual_seed(0)
    model = lower(graph, cone="train")
    boxes = torch.tensor([[[4.0, 4.0, 40.0, 44.0]]]).expand(2, 1, 4)
    losses = model(torch.rand(2, 3, 64, 64), boxes, torch.zeros(2, 1, dtype=torch.int64))["losses"]
    assert set(losses) == {"main", "aux"}
    (losses["main"] + 0.25 * losses["aux"]).backward()
    learned = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
    assert len(learned) > 60
    assert [n for n, g in learned.items() if g is None or not g.abs().sum() > 0] == []


@pytest.mark.parametrize("head", ["DDetect", "Detect"])
def test_one_level_set_reads_all_levels(tmp_path: Path, head: str) -> None:
    graph = written(tmp_path, PGI.replace("{head}", head))
    branches = [n.op for n in graph.nodes if n.name.startswith("detect_9.cv2") and n.op.name == "conv2d"]
    groups = {op.groups for op in branches}  # type: ignore[attr-defined]
    assert groups == ({1, 4} if head == "DDetect" else {1})
    assert dict(graph.types)["boxes.box"].shape[2] == 4


def test_boxes_are_the_expected_sides_around_the_cells(tmp_path: Path) -> None:
    graph = written(tmp_path, SMALL.replace("[[6, 3], 1, Detect", "[[3, 6], 1, Detect")).deployed()
    model = lower(graph)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if ".cv2." in name and name.endswith("2.weight"):
                value.zero_()
            if ".cv2." in name and name.endswith("2.bias"):  # all weight on bin 2 of the sides
                value.fill_(-50.0)
                value.view(4, 16)[:, 2] = 50.0
    boxes = model.eval()(torch.rand(1, 3, 16, 8))["boxes"]
    first, last = torch.tensor([2.0, 2.0]), torch.tensor([7.0, 15.0])  # cells of stride 4 come first, then stride 2
    assert torch.allclose(boxes[0, 0], torch.cat([first - 8, first + 8]))
    assert torch.allclose(boxes[0, -1], torch.cat([last - 4, last + 4]))
    assert boxes.shape == (1, 4 * 2 + 8 * 4, 4)


ANCHORS = """\
nc: 2
depth_multiple: 0.33
width_multiple: 0.5
anchors: [[10, 20, 30, 40], [50, 60, 70, 80]]
backbone:
  - [-1, 1, Conv, [32, 6, 2, 2]]
  - [-1, 3, C3, [32]]
head:
  - [-1, 1, Conv, [14, 3, 2]]             # 14 = 2 anchors of 7 values: not scaled
  - [[1, 2], 1, Detect, [nc, anchors]]
"""


def test_anchor_heads_scale_offsets_by_stride_and_anchors(tmp_path: Path) -> None:
    graph = written(tmp_path, ANCHORS)
    assert graph.types["conv_2.conv"].shape[1] == 14
    assert graph.types["conv_0.conv"].shape[1] == 16
    model = lower(graph).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.startswith("detect_3.m"):
                value.zero_()  # every sigmoid is one half
    found = model(torch.rand(1, 3, 8, 8))
    boxes, scores = found["boxes"], found["scores"]
    assert boxes.shape == (1, 2 * 16 + 2 * 4, 4)
    assert torch.allclose(scores, torch.full_like(scores, 0.25))
    assert torch.allclose(boxes[0, 0], torch.tensor([1 - 5.0, 1 - 10.0, 1 + 5.0, 1 + 10.0]))  # the first cell
    assert torch.allclose(boxes[0, 16], torch.tensor([1 - 15.0, 1 - 20.0, 1 + 15.0, 1 + 20.0]))  # the second anchor
    assert torch.allclose(boxes[0, -1], torch.tensor([6 - 35.0, 6 - 40.0, 6 + 35.0, 6 + 40.0]))


def test_end_to_end_heads_keep_one_branch(tmp_path: Path) -> None:
    graph = written(tmp_path, SMALL.replace("1, Detect", "1, v10Detect"))
    kept = {n.name.split(".")[1] for n in graph.deployed().nodes if n.name.startswith("detect_7.")}
    assert {"one2one_cv2", "one2one_cv3", "dfl"} <= kept
    assert not {"cv2", "cv3"} & kept
    assert {"cv2", "cv3"} <= {n.name.split(".")[1] for n in graph.training().nodes if n.name.startswith("detect_7.")}
    assert [(t.name, t.weight) for t in graph.losses] == [("main", 1.0), ("aux", 1.0)]


def test_a_classifier_has_torchs_own_norm(tmp_path: Path) -> None:
    graph = written(tmp_path, "nc: 5\nbackbone:\n  - [-1, 1, Conv, [8, 3, 2]]\nhead:\n  - [-1, 1, Classify, [nc]]\n")
    assert graph.types[dict(graph.outputs)["logits"]].shape[1] == 5
    assert {n.op.eps for n in graph.nodes if n.op.name == "batch_norm"} == {1e-5}  # type: ignore[attr-defined]
    assert count(graph).parameters == (3 * 8 * 9 + 16) + (8 * 1280 + 2 * 1280) + (1280 * 5 + 5)
