"""Object detection: suppression of doubles, and assignment of predictions to objects in training.

Boxes are corners x1 y1 x2 y2. All results have fixed sizes, so everything compiles and exports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import boxes as geometry
from graphwright.compiler.ops.op import Op, arg, recorded

FAMILY = "detection"


def class_last(boxes: tuple[Size, ...], scores: tuple[Size, ...]) -> bool:
    """Whether scores are [N, A, K]: their dim 1 is that of the boxes [N, A, 4]."""
    return scores[1] == boxes[1]


def survivors(boxes: torch.Tensor, alive: torch.Tensor, limit: float, rounds: int) -> torch.Tensor:
    """Greedy suppression of boxes [..., C, 4] sorted by falling score, among those `alive` [..., C].

    The greedy result is the only fixed point of "kept = alive and not overlapped by a better kept one".
    Starting from all, every round settles at least the next box of each chain A suppresses B, so C survives, ...:
    after as many rounds as the longest such chain has boxes nothing changes any more. Before that an even number of
    rounds has lost no box that greedy suppression keeps. (400 boxes around 1 to 10 objects need up to 11 rounds.)
    """
    better = torch.ones(boxes.shape[-2], boxes.shape[-2], dtype=torch.bool, device=boxes.device).triu(1)
    rivals = (geometry.iou(boxes.unsqueeze(-2), boxes.unsqueeze(-3)) > limit) & better
    matrix = rivals.to(boxes.dtype)
    kept = alive
    for _ in range(rounds):
        kept = alive & (torch.matmul(kept.to(boxes.dtype).unsqueeze(-2), matrix).squeeze(-2) == 0)
    return kept


@recorded
def nms(
    boxes: torch.Tensor, scores: torch.Tensor, background: int | None, score: float, iou: float,
    candidates: int, keep: int, rounds: int, last: bool | None,
) -> torch.Tensor:  # fmt: skip
    """Non-maximum suppression in each class; see `Nms`."""
    if last is None:
        last = class_last(tuple(boxes.shape), tuple(scores.shape))
    scores = scores.transpose(1, 2) if last else scores
    classes = torch.arange(scores.shape[1], device=scores.device)
    alive = scores > score
    if background is not None:
        alive = alive & (classes != background).unsqueeze(-1)
    top = torch.where(alive, scores, -1.0).topk(min(candidates, scores.shape[2]))
    count = top.indices.shape[2]
    rows = top.indices.flatten(1).unsqueeze(-1).expand(-1, -1, 4)
    chosen = boxes.gather(1, rows).reshape(boxes.shape[0], -1, count, 4)
    kept = survivors(chosen, top.values > score, iou, rounds)
    ranked = torch.where(kept, top.values, -1.0).flatten(1).topk(min(keep, scores.shape[1] * count))
    found = (ranked.values > score).unsqueeze(-1)
    corners = chosen.flatten(1, 2).gather(1, ranked.indices.unsqueeze(-1).expand(-1, -1, 4))
    label = classes.repeat_interleave(count)[ranked.indices].to(boxes.dtype)
    out = torch.cat([torch.where(found, corners, 0), torch.where(found, ranked.values.unsqueeze(-1), 0),
                     torch.where(found, label.unsqueeze(-1), -1)], dim=-1)  # fmt: skip
    return torch.nn.functional.pad(out, (0, 0, 0, keep - out.shape[1]))


@dataclass(frozen=True)
class Nms(Op, name="nms", ports="boxes:float scores:float", family=FAMILY):
    """The best boxes of each image without doubles, as [N, keep, 6] rows x1 y1 x2 y2 score class, best first.

    boxes [N, A, 4] are corners; scores are [N, A, K], or [N, K, A] where dim 1 is not A. In each class, of the
    `candidates` best boxes with a score above `score`, from the best down, those go that overlap a kept one by an IoU
    above `iou`; the `keep` best of all classes remain. Rows without a box are 0 0 0 0 0 -1.
    """

    background: int | None = arg(None, "a class that is no object")
    score: float = arg(0.05, "scores up to this one are left out", min=0)
    iou: float = arg(0.5, "two boxes of one class may overlap up to this IoU", min=0, max=1)
    candidates: int = arg(400, "boxes of a class that are considered", min=1)
    keep: int = arg(100, "rows of the result", min=1)
    rounds: int = arg(32, "longest chain of suppressions that is settled exactly; `candidates` for certainty", min=1)
    class_last: bool | None = arg(None, "whether scores are [N, A, K]; by default their shape says")

    def check(self, boxes: Type, scores: Type) -> str | None:
        if boxes.rank != 3 or boxes.shape[2] != 4 or scores.rank != 3:
            return f"nms needs boxes [N, A, 4] and scores [N, A, K] or [N, K, A], got {boxes} and {scores}"
        fits = [boxes.shape[1] == s for s in scores.shape[1:]]
        if not any(fits):
            return f"nms: no dimension of the scores, {scores}, is the {boxes.shape[1]} boxes of {boxes}"
        if all(fits) and self.class_last is None:
            return f"nms: as many classes as boxes in {scores}; say class_last: true or false"
        return None

    def forward(self, boxes: Any, scores: Any) -> Any:
        return nms(boxes, scores, background=self.background, score=self.score, iou=self.iou,
                   candidates=self.candidates, keep=self.keep, rounds=self.rounds, last=self.class_last)  # fmt: skip


@recorded
def iou_match(
    defaults: torch.Tensor, objects: torch.Tensor, labels: torch.Tensor, iou: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The object of each default box, and its label; see `IouMatch`."""
    real = (labels > 0).unsqueeze(-1)
    overlaps = geometry.iou(objects.unsqueeze(2), geometry.corners(defaults))
    overlaps = torch.where(real, overlaps, -1.0)
    best = torch.zeros_like(overlaps).scatter(2, overlaps.argmax(2, keepdim=True), 1.0)
    claim = overlaps + 2 * best * real
    strength, which = claim.max(1)
    found = torch.where(strength >= iou, labels.gather(1, which), 0)
    return objects.gather(1, which.unsqueeze(-1).expand(-1, -1, 4)), found


@dataclass(frozen=True)
class IouMatch(
    Op, name="iou_match", ports="defaults:float objects:float labels", results="boxes labels", family=FAMILY
):
    """The object that each default box answers for, arXiv:1512.02325.

    defaults [D, 4] are centre, width and height; objects [N, M, 4] are corners, labels [N, M] int64 with 0 where there
    is no object. A default box takes the object of largest IoU, if that is at least `iou`; besides, every object takes
    the default box that overlaps it most (of two such objects the one of larger IoU has it).
    boxes [N, D, 4] are the objects' corners, labels [N, D] their classes, 0 for background.
    """

    iou: float = arg(0.5, "least IoU of a match", min=0, max=1)

    def check(self, defaults: Type, objects: Type, labels: Type) -> str | None:
        if (defaults.rank, objects.rank, labels.rank) != (2, 3, 2) or labels.dtype != "int64":
            got = f"{defaults}, {objects}, {labels}"
            return f"iou_match needs defaults [D, 4], objects [N, M, 4] and labels int64[N, M], got {got}"
        return None

    def forward(self, defaults: Any, objects: Any, labels: Any) -> Any:
        found = iou_match(defaults, objects, labels, iou=self.iou)
        return found[0], found[1]


@recorded
def hard_negatives(loss: torch.Tensor, positive: torch.Tensor, ratio: float) -> torch.Tensor:
    """Negatives among the `ratio * positives` largest losses of their row."""
    order = torch.where(positive, float("-inf"), loss.detach()).argsort(dim=-1, descending=True)
    rank = order.argsort(dim=-1)
    return (rank < ratio * positive.sum(-1, keepdim=True)) & ~positive


@dataclass(frozen=True)
class HardNegatives(Op, name="hard_negatives", ports="loss:ordered positive", family=FAMILY):
    """True at the negatives of largest loss, `ratio` per positive of the same image, arXiv:1512.02325.

    loss [N, D] float, positive [N, D] bool, result [N, D] bool.
    """

    ratio: float = arg(3.0, "negatives per positive", min=0)

    def check(self, loss: Type, positive: Type) -> str | None:
        if positive.dtype != "bool" or loss.rank != positive.rank:
            return f"hard_negatives needs a loss and a bool mask of one shape, got {loss} and {positive}"
        return None

    def forward(self, loss: Any, positive: Any) -> Any:
        return hard_negatives(loss, positive, ratio=self.ratio)


@recorded
def task_aligned_assign(
    scores: torch.Tensor, pred: torch.Tensor, points: torch.Tensor, strides: torch.Tensor,
    boxes: torch.Tensor, labels: torch.Tensor, topk: int, alpha: float, beta: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    """Targets of every point; see `TaskAlignedAssign`. Inside, M objects are in dim 1 and A points in dim 2."""
    dtype = torch.promote_types(scores.dtype, boxes.dtype)  # logits may be of half precision
    scores, pred = scores.detach().to(dtype).sigmoid(), pred.detach().to(dtype)
    real = (labels >= 0).unsqueeze(-1)
    kind = labels.clamp(min=0)
    overlaps = geometry.ciou(pred.unsqueeze(1), boxes.unsqueeze(2)).clamp(min=0) * real
    fit = scores.gather(1, kind.unsqueeze(-1).expand(-1, -1, scores.shape[2])) ** alpha * overlaps**beta
    distances = torch.cat([points - boxes[..., None, :2], boxes[..., None, 2:] - points], dim=-1)
    near = fit * (distances.amin(-1) > 0)
    best = near.topk(min(topk, fit.shape[2]), dim=2)
    candidate = torch.zeros_like(fit).scatter(2, best.indices, 1.0) * near > 0

    rivals = candidate.sum(1, keepdim=True)
    which = torch.where(rivals > 1, overlaps.argmax(1, keepdim=True), candidate.to(fit.dtype).argmax(1, keepdim=True))
    owner = torch.zeros_like(fit, dtype=torch.bool).scatter(1, which, True) & (rivals > 0)
    fit, overlaps = fit * owner, overlaps * owner
    share = (fit * overlaps.amax(2, keepdim=True) / (fit.amax(2, keepdim=True) + 1e-9)).amax(1)
    rows = which.squeeze(1)
    corners = boxes.gather(1, rows.unsqueeze(-1).expand(-1, -1, 4))
    wanted = torch.zeros_like(scores).scatter(1, kind.gather(1, rows).unsqueeze(1), share.unsqueeze(1))
    sides = torch.cat([points - corners[..., :2], corners[..., 2:] - points], dim=-1) / strides
    return corners, wanted, share, sides


@dataclass(frozen=True)
class TaskAlignedAssign(
    Op, name="task_aligned_assign", ports="scores:float pred:float points:float strides:float boxes:float labels",
    results="boxes scores weight sides", family=FAMILY,
):  # fmt: skip
    """Which predictions answer for which object, by class score and overlap together; arXiv:2108.07755.

    scores [N, K, A] are logits and pred [N, A, 4] corners of the predictions at points [A, 2] with strides [A, 1];
    boxes [N, M, 4] and labels int64[N, M] are the objects, label -1 where there is none. An object's candidates are the
    `topk` points inside it of largest `fit = sigmoid(score)^alpha CIoU^beta`; a point that several objects want goes to
    the object of largest CIoU, even to one that did not want it, as in all code of this kind. Results:
    boxes [N, A, 4]; scores [N, K, A], at the object's class `fit / (max fit + 1e-9) * max CIoU` over the object's
    points, 0 elsewhere; weight [N, A] the sum of these over the classes; sides [N, A, 4], the distances left, top,
    right, bottom in strides. No gradient flows back.
    """

    topk: int = arg(10, "candidates an object", min=1)
    alpha: float = arg(0.5, "power of the class score")
    beta: float = arg(6.0, "power of the overlap")

    def check(self, scores: Type, pred: Type, points: Type, strides: Type, boxes: Type, labels: Type) -> str | None:
        got = {"scores": scores, "pred": pred, "points": points, "strides": strides, "boxes": boxes, "labels": labels}
        if [t.rank for t in got.values()] != [3, 3, 2, 2, 3, 2] or labels.dtype != "int64":
            return (
                "task_aligned_assign needs scores [N, K, A], pred [N, A, 4], points [A, 2], strides [A, 1], "
                f"boxes [N, M, 4], labels int64[N, M]; got {', '.join(f'{k} {v}' for k, v in got.items())}"
            )
        return None

    def forward(self, scores: Any, pred: Any, points: Any, strides: Any, boxes: Any, labels: Any) -> Any:
        found = task_aligned_assign(
            scores, pred, points, strides, boxes, labels, topk=self.topk, alpha=self.alpha, beta=self.beta
        )
        return tuple(found[k] for k in range(4))
