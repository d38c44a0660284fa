"""Losses of object detectors: how well boxes fit, and distributions over the distances of their sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import boxes
from graphwright.compiler.ops.loss import FAMILY, REDUCE_DOC, Loss, Reduction, reduced
from graphwright.compiler.ops.op import arg, recorded


@recorded
def ciou_loss(pred: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None, reduce: Reduction) -> torch.Tensor:
    """`1 - CIoU` of each pair of boxes, times its weight."""
    loss = 1 - boxes.ciou(pred, target)
    return reduced(loss if weight is None else loss * weight, reduce)


@dataclass(frozen=True)
class CiouLoss(Loss, name="ciou_loss", ports="pred:float target:float weight?:float", family=FAMILY):
    """`weight (1 - CIoU)` of boxes pred and target [..., 4] by their corners x1 y1 x2 y2, weight [...].

    `CIoU = IoU - d^2 / c^2 - alpha v`: distance of centres over the diagonal of the box around both, and the
    difference of aspect ratios; arXiv:1911.08287.
    """

    reduce: Reduction = arg("mean", REDUCE_DOC)

    def check(self, pred: Type, target: Type, weight: Type | None) -> str | None:
        if pred.shape[-1:] != (4,) or target.shape[-1:] != (4,):
            return f"ciou_loss needs boxes [..., 4]: pred is {pred}, target is {target}"
        if weight is not None and weight.rank != pred.rank - 1:
            return f"ciou_loss needs one weight a box: pred is {pred}, weight is {weight}"
        return None

    def forward(self, pred: Any, target: Any, weight: Any = None) -> Any:
        return ciou_loss(pred, target, weight, self.reduce)


@recorded
def distribution_focal_loss(
    pred: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None, reduce: Reduction
) -> torch.Tensor:
    """Cross entropy of the two bins around each target, weighted by closeness; the mean of the four sides."""
    logs = F.log_softmax(pred.reshape(pred.shape[0], 4, -1, pred.shape[2]), dim=2)
    bins = logs.shape[2]
    place = target.transpose(1, 2).clamp(0, bins - 1.01)
    left = place.floor()
    near, far = (logs.gather(2, k.long().unsqueeze(2)).squeeze(2) for k in (left, left + 1))
    loss = -((left + 1 - place) * near + (place - left) * far).mean(1)
    return reduced(loss if weight is None else loss * weight, reduce)


@dataclass(frozen=True)
class DistributionFocalLoss(Loss, name="distribution_focal_loss", ports="pred:float target weight?", family=FAMILY):
    """How far box sides, predicted as distributions over bins, are from the wanted distances; arXiv:2006.04388.

    pred [N, 4 bins, A] holds logits, side by side; target [N, A, 4] holds distances in bins, brought into the range
    of the bins; weight [N, A]. The mean of four sides of `-(k + 1 - t) log p_k - (t - k) log p_{k+1}`, `k = floor(t)`.
    """

    reduce: Reduction = arg("mean", REDUCE_DOC)

    def check(self, pred: Type, target: Type, weight: Type | None) -> str | None:
        if pred.rank != 3 or target.rank != 3 or target.shape[-1] != 4:
            return f"distribution_focal_loss needs pred [N, 4 bins, A] and target [N, A, 4], got {pred} and {target}"
        if isinstance(pred.shape[1], int) and (pred.shape[1] % 4 or pred.shape[1] < 8):
            return f"distribution_focal_loss: {pred.shape[1]} channels of {pred} are not four times two or more bins"
        return None

    def forward(self, pred: Any, target: Any, weight: Any = None) -> Any:
        return distribution_focal_loss(pred, target, weight, self.reduce)
