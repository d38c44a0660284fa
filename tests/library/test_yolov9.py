"""What the YOLOv9 paper promises of its parts: what training adds goes away without a trace, and branches fuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.transforms.fold_batch_norm import FoldBatchNorm
from graphwright.compiler.transforms.fuse_branches import FuseBranches
from graphwright.compiler.transforms.weights import rewrite_weights
from tests.library.case import Boxes, apart, picture, recording
from tests.library.counter import fill, integers
from tests.library.descent import descent
from tests.library.papers.yolov9 import CLASSES, SMALL, predictions
from tests.ops.test_detection import slow_nms
from tests.oracles import distance

TINY: dict[str, Any] = {
    "stem": [4, 8], "stages": [16, 16, 24, 32], "hidden": [16, 16, 24, 32], "downs": [12, 16], "depth": 2, "classes": 3,
    "class_width": 16,
}  # fmt: skip
IMAGE = picture(64, 2)[0].tensor("image")
OBJECTS = Boxes((2, 4, 4), 64).tensor("objects")
LABELS = integers("labels", (2, 4), 3)

LOSS = """\
graphwright: 1
name: objective
include: [yolo]
params: {classes: int}
inputs: {box: [N, 64, 84], cls: [N, $classes, 84], p3: [N, 1, 8, 8], p4: [N, 1, 4, 4], p5: [N, 1, 2, 2]}
nodes:
  side: {op: dfl, in: box}
  grid: {op: grid, in: [p3, p4, p5], strides: [8, 16, 32]}
outputs: side
targets: {objects: [N, M, 4], labels: "int64[N, M]"}
losses:
  main:
    op: detection_loss
    in: {cls: cls, box: box, side: side, points: grid.points, strides: grid.strides, objects: objects, labels: labels}
"""


def objective(folder: Path) -> Any:
    """The loss of the blocks alone, of box distributions, class scores, objects and labels."""
    path = folder / "objective.yaml"
    path.write_text(LOSS)
    model = lower(load(path, {"classes": CLASSES}), cone="train").double()
    return lambda box, cls, *targets: model(box, cls, *(box.new_zeros(len(box), 1, k, k) for k in (8, 4, 2)), *targets)[
        "losses"
    ]["main"]


def test_the_objective_and_its_gradient_are_the_official_ones(tmp_path: Path) -> None:
    box, cls, objects, labels = predictions()
    box.requires_grad_()
    cls.requires_grad_()
    loss = objective(tmp_path)(box, cls, objects, labels)
    found = [loss, *torch.autograd.grad(loss, [box, cls])]
    assert apart(found, recording("yolov9_objective")["values"]) < 1e-6


def test_rows_without_an_object_do_not_count(tmp_path: Path) -> None:
    box, cls, objects, labels = predictions()
    loss = objective(tmp_path)
    padded = (
        torch.cat([objects, 64 * torch.rand(2, 3, 4).double()], 1),
        torch.cat([labels, -torch.ones(2, 3).long()], 1),
    )
    assert torch.equal(loss(box, cls, objects, labels), loss(box, cls, *padded))
    alone = loss(box, cls, objects, torch.full_like(labels, -1))
    nothing = torch.nn.functional.binary_cross_entropy_with_logits(cls, torch.zeros_like(cls), reduction="sum")
    torch.testing.assert_close(alone, 0.5 * nothing)


@pytest.mark.parametrize(
    ("name", "parameters", "gigaflops"),
    [
        ("gelan_t", 2_407_632, 9.8),
        ("gelan_s", 7_105_888, 26.4),
        ("gelan_m", 19_978_672, 76.3),
        ("gelan_c", 25_288_768, 102.1),
        ("gelan_e", 57_345_920, 188.9),
    ],
)
def test_published_counts_of_fused_models(name: str, parameters: int, gigaflops: float) -> None:
    fused = count(FuseBranches()(FoldBatchNorm()(load(name))))
    assert fused.parameters == parameters
    assert 2e-9 * fused.macs == pytest.approx(gigaflops, abs=0.06)


def test_published_counts_of_t_are_those_of_a_narrower_head() -> None:
    graph = load("gelan_t", {"class_width": 80})
    fused = count(FuseBranches()(FoldBatchNorm()(graph)))
    assert (count(graph).parameters, fused.parameters) == (2_036_560, 2_001_840)
    assert 2e-9 * fused.macs == pytest.approx(7.7, abs=0.05)


@torch.no_grad()
def test_a_fused_model_computes_the_same() -> None:
    graph = load("gelan_t", TINY)
    model = fill(lower(graph).eval(), ["*.dfl*"], 0.9)
    fused = FuseBranches()(FoldBatchNorm()(graph))
    assert not any(node.op.name == "batch_norm" for node in fused.nodes)
    assert sum(rewrite.rule == "fuse" for rewrite in fused.rewrites) == 7 * 2 * 2  # stages, chains, bottlenecks
    one = lower(fused).eval()
    one.load_state_dict(rewrite_weights(fused, model.state_dict()))
    found, wanted = one(IMAGE), model(IMAGE)
    for port in ("boxes", "scores"):
        assert distance(found[port], wanted[port]) < 1e-5


#: Where the official repository's rows go when it takes the auxiliary branch away: how far, and the heads' rows.
CONVERTED = {"t": (0, 29, 22), "c": (1, 38, 22), "e": (7, 49, 42)}


def converted(name: str, size: str) -> str | None:
    """The name in GELAN of a parameter of YOLOv9, by the repository's tables; None for what is in training alone."""
    shift, head, ours = CONVERTED[size]
    row, _, rest = name.removeprefix("model.").partition(".")
    if int(row) == head:
        part, _, rest = rest.partition(".")
        kept = {"cv4": "cv2", "cv5": "cv3", "dfl2": "dfl"}
        return f"model.{ours}.{kept[part]}.{rest}" if part in kept else None
    first = 29 if size == "e" else 0  # E's rows stay, up to its second neck
    return f"model.{int(row) - shift if int(row) >= first else row}.{rest}"


@torch.no_grad()
@pytest.mark.parametrize("size", ["t", "c"])
def test_what_is_deployed_is_gelan_bit_for_bit(size: str) -> None:
    params = TINY if size == "t" else {**SMALL, "classes": 3}
    graph = load(f"yolov9_{size}", params)
    whole = fill(lower(graph, cone="train").eval(), ["*.dfl*"], 0.9)
    deployed, gelan = lower(graph).eval(), lower(load(f"gelan_{size}", params)).eval()
    state = whole.state_dict()
    deployed.load_state_dict({name: state[name] for name in deployed.state_dict()})
    renamed = {converted(name, size): tensor for name, tensor in deployed.state_dict().items()}
    gelan.load_state_dict({name: tensor for name, tensor in renamed.items() if name is not None})
    outputs = [whole(IMAGE, OBJECTS, LABELS)["outputs"], deployed(IMAGE), gelan(IMAGE)]
    for port in ("detections", "boxes", "scores"):
        assert all(torch.equal(found[port], outputs[0][port]) for found in outputs)


@pytest.mark.parametrize("size", ["t", "c", "e"])
def test_what_is_deployed_has_gelans_parameters(size: str) -> None:
    def shapes(graph: Graph) -> dict[str, Any]:
        return {f"{n.name}.{k}": t.shape for n in graph.deployed().nodes for k, t in (*n.owned, *n.buffers)}

    ours = {converted(name, size): shape for name, shape in shapes(load(f"yolov9_{size}")).items()}
    assert ours == shapes(load(f"gelan_{size}"))


@torch.no_grad()
def test_detections_are_the_greedy_ones() -> None:
    model = fill(lower(load("gelan_t", {**TINY, "score": 0.5, "iou": 0.3, "keep": 40})).eval(), ["*.dfl*"], 0.9)
    found = model(IMAGE)
    for n in range(2):
        wanted = slow_nms(found["boxes"][n].numpy(), found["scores"][n].T.numpy(), None, 0.5, 0.3, 400, 40)
        kept = (found["detections"][n, :, 5] >= 0).sum()
        assert 0 < kept < (found["scores"][n] > 0.5).sum()
        torch.testing.assert_close(found["detections"][n], torch.from_numpy(wanted).float())


@pytest.mark.parametrize("name", ["gelan_t", "yolov9_t"])
def test_two_steps_lower_the_objective(name: str) -> None:
    batch: tuple[Tensor, ...] = (IMAGE, OBJECTS, LABELS)
    found = descent(load(name, TINY), *batch, rate=1e-3)
    assert found[0] > found[1] > found[2]


def test_names_are_rows_of_the_official_files() -> None:
    graph = load("yolov9_e", {"classes": 3}).training()
    rows = {int(match[1]) for n in graph.nodes if (match := re.match(r"model\.(\d+)", n.name))}
    assert rows == set(range(50))
