"""Suppression, matching and assignment against slow references that follow the papers line by line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import boxes as geometry
from graphwright.compiler.ops.box_loss import CiouLoss, DistributionFocalLoss
from graphwright.compiler.ops.detection import HardNegatives, IouMatch, Nms, TaskAlignedAssign

Box = Any  # four numbers


def iou(a: Box, b: Box) -> float:
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * high
    return wide * high / union if union > 0 else 0.0


def ciou(a: Box, b: Box) -> float:
    """arXiv:1911.08287, equations 7 to 11."""
    score = iou(a, b)
    distance = ((a[0] + a[2] - b[0] - b[2]) ** 2 + (a[1] + a[3] - b[1] - b[3]) ** 2) / 4
    diagonal = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    v = 4 / math.pi**2 * (math.atan((b[2] - b[0]) / (b[3] - b[1])) - math.atan((a[2] - a[0]) / (a[3] - a[1]))) ** 2
    alpha = v / (1 - score + v) if v else 0.0
    return score - distance / diagonal - alpha * v


def random_boxes(draw: np.random.Generator, count: int, spread: float = 40.0) -> np.ndarray:
    low = draw.uniform(0, spread, (count, 2))
    return np.concatenate([low, low + draw.uniform(4, 24, (count, 2))], 1)


def slow_nms(
    boxes: np.ndarray,
    scores: np.ndarray,
    background: int | None,
    score: float,
    limit: float,
    candidates: int,
    keep: int,
) -> np.ndarray:
    """The single-shot detector's post-processing for one image, boxes [A, 4] and scores [A, K], one box at a time."""
    found = []
    for k in range(scores.shape[1]):
        if k == background:
            continue
        order = [a for a in np.argsort(-scores[:, k], kind="stable") if scores[a, k] > score][:candidates]
        kept: list[int] = []
        for a in order:
            if all(iou(boxes[a], boxes[b]) <= limit for b in kept):
                kept.append(a)
        found += [(scores[a, k], k, a) for a in kept]
    found.sort(reverse=True)
    rows = np.zeros((keep, 6))
    rows[:, 5] = -1
    for row, (value, k, a) in zip(rows, found[:keep], strict=False):
        row[:4], row[4], row[5] = boxes[a], value, k
    return rows


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([None, 0]), st.sampled_from([0.2, 0.45, 0.7]))
def test_nms_is_greedy_suppression_in_each_class(seed: int, last: bool, background: int | None, limit: float) -> None:
    draw = np.random.default_rng(seed)
    count, classes = int(draw.integers(5, 30)), 3
    boxes = np.stack([random_boxes(draw, count, draw.choice([5.0, 40.0])) for _ in range(2)]).astype(np.float32)
    scores = draw.uniform(0, 1, (2, count, classes)).astype(np.float32)
    op = Nms(background=background, score=0.1, iou=limit, candidates=12, keep=15)
    given_scores = torch.from_numpy(scores if last else scores.transpose(0, 2, 1).copy())
    got = op.forward(torch.from_numpy(boxes), given_scores)
    wanted = np.stack([slow_nms(b, s, background, 0.1, limit, 12, 15) for b, s in zip(boxes, scores, strict=True)])
    assert got.shape == (2, 15, 6)
    torch.testing.assert_close(got, torch.from_numpy(wanted).float())


def chain(length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes in a row, each overlapping its neighbours by IoU 0.6, with falling scores: the hardest case."""
    left = 2.5 * torch.arange(float(length))
    boxes = torch.stack([left, torch.zeros(length), left + 10, torch.full((length,), 10.0)], 1)
    return boxes[None], torch.linspace(1, 0.5, length)[None, None]


def test_nms_settles_chains_up_to_its_rounds() -> None:
    boxes, scores = chain(40)
    exact = Nms(rounds=40, keep=40, class_last=False).forward(boxes, scores)
    assert (exact[0, :, 4] > 0).sum() == 20
    wanted = slow_nms(boxes[0].numpy(), scores[0].T.numpy(), None, 0.05, 0.5, 400, 40)
    np.testing.assert_allclose(exact[0].numpy(), wanted, rtol=1e-6)
    fewer = Nms(rounds=8, keep=40, class_last=False).forward(boxes, scores)
    assert {tuple(row) for row in exact[0, :20].tolist()} <= {tuple(row) for row in fewer[0].tolist()}


def test_nms_layouts() -> None:
    boxes, other = Type((2, 30, 4)), Type((2, 30, 30))
    assert "as many classes as boxes" in (Nms().check(boxes, other) or "")
    assert Nms(class_last=True).check(boxes, other) is None
    assert "no dimension of the scores" in (Nms().check(boxes, Type((2, 3, 4))) or "")
    cells = Dim.symbol("H") * Dim.symbol("W")
    assert Nms().check(Type((1, cells, 4)), Type((1, 80, cells))) is None
    assert "needs boxes" in (Nms().check(Type((30, 4)), other) or "")


def test_nms_compiles_and_exports_in_one_piece() -> None:
    boxes, scores = geometry.corners(20 + 10 * torch.rand(2, 30, 4)), torch.rand(2, 3, 30)

    class Model(torch.nn.Module):
        def forward(self, boxes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            return Nms(keep=9, rounds=6).forward(boxes, scores)  # type: ignore[no-any-return]

    wanted = Model()(boxes, scores)
    torch.testing.assert_close(torch.compile(Model(), backend="eager", fullgraph=True)(boxes, scores), wanted)
    exported = torch.export.export(Model(), (boxes, scores), dynamic_shapes=({0: torch.export.Dim.AUTO},) * 2)
    torch.testing.assert_close(exported.module()(boxes[:1], scores[:1]), Model()(boxes[:1], scores[:1]))


def slow_match(defaults: np.ndarray, objects: np.ndarray, labels: np.ndarray, least: float) -> list[int]:
    """arXiv:1512.02325, section 2.2: the object of each default box by position in the list, or -1."""
    corners = np.concatenate([defaults[:, :2] - defaults[:, 2:] / 2, defaults[:, :2] + defaults[:, 2:] / 2], 1)
    real = [m for m in range(len(objects)) if labels[m] > 0]
    table = {(m, d): iou(objects[m], corners[d]) for m in real for d in range(len(defaults))}
    matched = []
    for d in range(len(defaults)):
        best = max(real, key=lambda m: table[m, d], default=-1)
        matched.append(best if best >= 0 and table[best, d] >= least else -1)
    claims: dict[int, list[int]] = {}
    for m in real:
        claims.setdefault(max(range(len(defaults)), key=lambda d: table[m, d]), []).append(m)
    for d, rivals in claims.items():
        matched[d] = max(rivals, key=lambda m: table[m, d])
    return matched


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_matching(seed: int) -> None:
    draw = np.random.default_rng(seed)
    defaults = np.concatenate([draw.uniform(0, 50, (20, 2)), draw.uniform(5, 25, (20, 2))], 1).astype(np.float32)
    objects = np.stack([random_boxes(draw, 5) for _ in range(2)]).astype(np.float32)
    labels = draw.integers(0, 3, (2, 5))
    op = IouMatch(iou=0.4)
    found, classes = op.forward(torch.from_numpy(defaults), torch.from_numpy(objects), torch.from_numpy(labels))
    for n in range(2):
        wanted = slow_match(defaults, objects[n], labels[n], 0.4)
        assert classes[n].tolist() == [labels[n][m] if m >= 0 else 0 for m in wanted]
        for d, m in enumerate(wanted):
            assert m < 0 or found[n, d].tolist() == objects[n, m].tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_hard_negatives_are_the_largest_losses(seed: int) -> None:
    draw = np.random.default_rng(seed)
    loss = draw.normal(size=(3, 20)).astype(np.float32)
    positive = draw.uniform(size=(3, 20)) < draw.choice([0.05, 0.2, 0.6])
    got = HardNegatives(3.0).forward(torch.from_numpy(loss), torch.from_numpy(positive)).numpy()
    for n in range(3):
        negatives = sorted((d for d in range(20) if not positive[n, d]), key=lambda d: -loss[n, d])
        assert set(np.flatnonzero(got[n])) == set(negatives[: 3 * int(positive[n].sum())])


def slow_assign(
    scores: np.ndarray, pred: np.ndarray, points: np.ndarray, boxes: np.ndarray, labels: np.ndarray,
    topk: int, alpha: float, beta: float,
) -> tuple[dict[int, int], dict[int, float]]:  # fmt: skip
    """arXiv:2108.07755, section 3.2, for one image: the object of each positive point, and its target score."""
    fit: dict[tuple[int, int], float] = {}
    overlap: dict[tuple[int, int], float] = {}
    inside: dict[tuple[int, int], bool] = {}
    for m, box in enumerate(boxes):
        if labels[m] < 0:
            continue
        for a, (x, y) in enumerate(points):
            overlap[m, a] = max(0.0, ciou(pred[a], box))
            inside[m, a] = box[0] < x < box[2] and box[1] < y < box[3]
            probability = 1 / (1 + math.exp(-scores[labels[m], a]))
            fit[m, a] = probability**alpha * overlap[m, a] ** beta
    candidates: dict[int, list[int]] = {}
    real = sorted({m for m, _ in fit})
    for m in real:
        ranked = sorted((a for a in range(len(points)) if inside[m, a]), key=lambda a: -fit[m, a])[:topk]
        for a in ranked:
            if fit[m, a] > 0:
                candidates.setdefault(a, []).append(m)
    owner = {a: max(real if len(ms) > 1 else ms, key=lambda m: overlap[m, a]) for a, ms in candidates.items()}
    target = {}
    for a, m in owner.items():
        mine = [p for p, other in owner.items() if other == m]
        target[a] = fit[m, a] / (max(fit[m, p] for p in mine) + 1e-9) * max(overlap[m, p] for p in mine)
    return owner, target


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_task_aligned_assignment(seed: int) -> None:
    draw = np.random.default_rng(seed)
    points = np.stack(np.meshgrid(np.arange(6) * 8 + 4.0, np.arange(6) * 8 + 4.0), -1).reshape(-1, 2)
    boxes = np.stack([random_boxes(draw, 4, 30.0) for _ in range(2)])
    labels = draw.integers(-1, 3, (2, 4))
    pred = np.stack(
        [np.concatenate([points - s[:, :2], points + s[:, 2:]], 1) for s in draw.uniform(1, 16, (2, 36, 4))]
    )
    scores = draw.normal(size=(2, 3, 36))
    op = TaskAlignedAssign(topk=5, alpha=0.5, beta=2.0)
    strides = np.full((36, 1), 8.0)
    tensors = [torch.from_numpy(t) for t in (scores, pred, points, strides, boxes, labels)]
    found, wanted, weight, sides = op.forward(*tensors)
    for n in range(2):
        owner, target = slow_assign(scores[n], pred[n], points, boxes[n], labels[n], 5, 0.5, 2.0)
        expected = np.zeros((3, 36))
        for a, m in owner.items():
            expected[labels[n][m], a] = target[a]
            np.testing.assert_allclose(found[n, a], boxes[n, m])
            around = [*(points[a] - boxes[n, m, :2]), *(boxes[n, m, 2:] - points[a])]
            np.testing.assert_allclose(sides[n, a], np.array(around) / 8)
        np.testing.assert_allclose(wanted[n], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(weight[n], expected.sum(0), rtol=1e-4, atol=1e-6)


def test_assignment_gives_no_gradient_and_compiles() -> None:
    scores = torch.randn(1, 2, 9, requires_grad=True)
    points = torch.cartesian_prod(torch.arange(3.0), torch.arange(3.0)) * 8 + 4
    sides = torch.rand(1, 9, 2, requires_grad=True)
    pred = torch.cat([points - 8 * sides, points + 8 * sides], -1)
    boxes, labels = torch.tensor([[[0.0, 0, 20, 20], [0, 0, 0, 0]]]), torch.tensor([[1, -1]])
    inputs = (scores, pred, points, torch.full((9, 1), 8.0), boxes, labels)
    results = TaskAlignedAssign().forward(*inputs)
    assert not any(r.requires_grad for r in results)
    compiled = torch.compile(lambda *t: TaskAlignedAssign().forward(*t), backend="eager", fullgraph=True)(
        *(t.detach() for t in inputs)
    )
    for a, b in zip(results, compiled, strict=True):
        torch.testing.assert_close(a, b)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_ciou_loss(seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b, weight = random_boxes(draw, 6), random_boxes(draw, 6), draw.uniform(0, 1, 6)
    wanted = np.array([1 - ciou(x, y) for x, y in zip(a, b, strict=True)])
    tensors = [torch.from_numpy(t) for t in (a, b, weight)]
    np.testing.assert_allclose(CiouLoss("none").forward(tensors[0], tensors[1]), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(CiouLoss("sum").forward(*tensors), (wanted * weight).sum(), rtol=1e-5)
    np.testing.assert_allclose(CiouLoss().forward(tensors[0], tensors[0]), 0, atol=1e-6)


def test_ciou_of_boxes_without_area_has_a_finite_gradient() -> None:
    pred = torch.tensor([[3.0, 4, 3, 4], [0, 0, 5, 5]], requires_grad=True)
    CiouLoss("sum").forward(pred, torch.tensor([[0.0, 0, 0, 0], [2, 2, 2, 2]])).backward()
    assert pred.grad is not None
    assert torch.isfinite(pred.grad).all()


def test_distribution_focal_loss() -> None:
    draw = np.random.default_rng(0)
    pred, target, weight = draw.normal(size=(2, 4 * 5, 3)), draw.uniform(-1, 6, (2, 3, 4)), draw.uniform(0, 1, (2, 3))
    wanted = np.zeros((2, 3))
    for n, a, side in np.ndindex(2, 3, 4):
        logits = pred[n, 5 * side : 5 * side + 5, a]
        logs = logits - np.log(np.exp(logits).sum())
        place = min(max(target[n, a, side], 0), 4 - 0.01)
        left = int(place)
        wanted[n, a] -= ((left + 1 - place) * logs[left] + (place - left) * logs[left + 1]) / 4
    tensors = [torch.from_numpy(t) for t in (pred, target, weight)]
    np.testing.assert_allclose(DistributionFocalLoss("none").forward(tensors[0], tensors[1]), wanted)
    np.testing.assert_allclose(DistributionFocalLoss("sum").forward(*tensors), (wanted * weight).sum())


def test_images_without_objects() -> None:
    """Padding alone matches nothing and asks for nothing."""
    defaults = torch.tensor([[5.0, 5, 4, 4], [9, 9, 4, 4]])
    objects, labels = torch.zeros(1, 1, 4), torch.zeros(1, 1, dtype=torch.int64)
    assert IouMatch().forward(defaults, objects, labels)[1].tolist() == [[0, 0]]
    got = TaskAlignedAssign().forward(torch.randn(1, 2, 2), torch.rand(1, 2, 4), torch.rand(2, 2), torch.ones(2, 1),
                                      objects, labels - 1)  # fmt: skip
    assert got[1].abs().sum() == 0
    assert got[2].abs().sum() == 0
