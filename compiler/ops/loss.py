"""Losses. Each compares `pred` with `target`; `reduce` says whether elements are averaged, summed or kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.nn import functional as F

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import FLOATING, Op, arg, recorded

FAMILY = "loss"

Reduction = Literal["mean", "sum", "none"]
REDUCE_DOC = "'mean' over the elements, their 'sum', or 'none' to keep them"


def reduced(loss: torch.Tensor, how: Reduction) -> torch.Tensor:
    """The mean or sum of all elements, or the elements."""
    return loss if how == "none" else loss.mean() if how == "mean" else loss.sum()


@dataclass(frozen=True)
class Loss(Op):
    """What the losses share: a cost of a few operations per element of the prediction."""

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """About four operations per element of the prediction."""
        return 4 * inputs[0].numel()


@dataclass(frozen=True)
class _Elementwise(Loss):
    reduce: Reduction = arg("mean", REDUCE_DOC)

    def check(self, pred: Type, target: Type) -> str | None:
        differences = [a - b for a, b in zip(pred.shape, target.shape, strict=False)]
        if pred.rank != target.rank or any(isinstance(d, int) and d for d in differences):
            return f"{self.name} needs a target of the prediction's shape: pred is {pred}, target is {target}"
        if any(t.dtype not in FLOATING for t in (pred, target)) or pred.dtype != target.dtype:
            return f"{self.name} needs floating values of one dtype: pred is {pred}, target is {target}"
        return None


@recorded
def cross_entropy(pred: torch.Tensor, target: torch.Tensor, dim: int | None, **options: Any) -> torch.Tensor:
    """torch's cross entropy for classes in `dim`, or where the target's shape says."""
    return F.cross_entropy(_classes_second(pred, target, dim), target, **options)


@recorded
def nll(pred: torch.Tensor, target: torch.Tensor, dim: int | None, **options: Any) -> torch.Tensor:
    """torch's negative log-likelihood for classes in `dim`, or where the target's shape says."""
    return F.nll_loss(_classes_second(pred, target, dim), target, **options)


def _classes_second(pred: torch.Tensor, target: torch.Tensor, dim: int | None) -> torch.Tensor:
    if pred.dim() < 2:
        return pred
    return pred.movedim(class_dim(tuple(pred.shape), tuple(target.shape)) if dim is None else dim, 1)


def class_dim(pred: tuple[Size, ...], target: tuple[Size, ...]) -> int:
    """Where the classes are: in dim 1 if the target has pred's shape or pred's without dim 1, else in the last."""
    if len(pred) < 2:
        return 0
    if len(target) == len(pred):
        return 1
    return 1 if pred[2:] == target[1:] else -1


@dataclass(frozen=True)
class _ClassLoss(Loss):
    reduce: Reduction = arg("mean", REDUCE_DOC)
    ignore: int = arg(-100, "label of elements that do not count")
    dim: int | None = arg(None, "the dimension of the classes, where the shapes leave it open")

    def check(self, pred: Type, target: Type) -> str | None:
        if target.rank == pred.rank:
            return None if target.dtype.startswith(("float", "bfloat")) else _unfit(self.name, pred, target)
        if target.rank != pred.rank - 1 or target.dtype != "int64" or pred.dtype not in FLOATING:
            return _unfit(self.name, pred, target)
        dim = class_dim(pred.shape, target.shape) if self.dim is None else self.dim
        rest = list(pred.shape)
        del rest[dim]
        differences = [a - b for a, b in zip(rest, target.shape, strict=True)]
        return _unfit(self.name, pred, target) if any(isinstance(d, int) and d for d in differences) else None


def _unfit(name: str, pred: Type, target: Type) -> str:
    return (
        f"{name} needs int64 labels of pred's shape without its classes (dim 1, else the last), or floating "
        f"probabilities of pred's shape: pred is {pred}, target is {target}"
    )


@dataclass(frozen=True)
class CrossEntropy(_ClassLoss, name="cross_entropy", ports="pred target", family=FAMILY):
    """`-log softmax(pred)[target]`; torch.nn.functional.cross_entropy.

    Classes are in dim 1, as in torch, where target [N, ...] has pred's other sizes in that order; else in the
    last dimension, as for pred [N, D, K] with target [N, D]. A target of pred's shape holds probabilities.
    """

    smoothing: float = arg(0.0, "part of the target spread evenly over all classes", min=0, max=1)

    def forward(self, pred: Any, target: Any) -> Any:
        return cross_entropy(
            pred, target, self.dim, reduction=self.reduce, ignore_index=self.ignore, label_smoothing=self.smoothing
        )


@dataclass(frozen=True)
class Nll(_ClassLoss, name="nll", ports="pred target", family=FAMILY):
    """`-pred[target]` for log-probabilities pred; torch.nn.functional.nll_loss. Classes as in `cross_entropy`."""

    def forward(self, pred: Any, target: Any) -> Any:
        return nll(pred, target, self.dim, reduction=self.reduce, ignore_index=self.ignore)


@dataclass(frozen=True)
class BceWithLogits(_Elementwise, name="bce_with_logits", ports="pred target", family=FAMILY):
    """`-t log s(x) - (1 - t) log(1 - s(x))`, s the sigmoid; torch.nn.functional.binary_cross_entropy_with_logits."""

    def forward(self, pred: Any, target: Any) -> Any:
        return F.binary_cross_entropy_with_logits(pred, target, reduction=self.reduce)


@dataclass(frozen=True)
class Bce(_Elementwise, name="bce", ports="pred target", family=FAMILY):
    """`-t log p - (1 - t) log(1 - p)` for probabilities p; torch.nn.functional.binary_cross_entropy."""

    def forward(self, pred: Any, target: Any) -> Any:
        return F.binary_cross_entropy(pred, target, reduction=self.reduce)


@dataclass(frozen=True)
class Mse(_Elementwise, name="mse", ports="pred target", family=FAMILY):
    """`(pred - target)^2`; torch.nn.functional.mse_loss."""

    def forward(self, pred: Any, target: Any) -> Any:
        return F.mse_loss(pred, target, reduction=self.reduce)


@dataclass(frozen=True)
class L1(_Elementwise, name="l1", ports="pred target", family=FAMILY):
    """`|pred - target|`; torch.nn.functional.l1_loss."""

    def forward(self, pred: Any, target: Any) -> Any:
        return F.l1_loss(pred, target, reduction=self.reduce)


@dataclass(frozen=True)
class SmoothL1(_Elementwise, name="smooth_l1", ports="pred target", family=FAMILY):
    """`d^2 / (2 beta)` where `d = |pred - target| < beta`, else `d - beta / 2`; torch.nn.functional.smooth_l1_loss."""

    beta: float = arg(1.0, "where the parabola meets the line", min=0)

    def forward(self, pred: Any, target: Any) -> Any:
        return F.smooth_l1_loss(pred, target, reduction=self.reduce, beta=self.beta)


@dataclass(frozen=True)
class Huber(_Elementwise, name="huber", ports="pred target", family=FAMILY):
    """`d^2 / 2` where `d = |pred - target| < delta`, else `delta (d - delta / 2)`; torch.nn.functional.huber_loss."""

    delta: float = arg(1.0, "where the parabola meets the line", min=0)

    def forward(self, pred: Any, target: Any) -> Any:
        return F.huber_loss(pred, target, reduction=self.reduce, delta=self.delta)


@dataclass(frozen=True)
class KlDiv(Loss, name="kl_div", ports="pred target", family=FAMILY):
    """`t (log t - pred)` for log-probabilities pred and probabilities t; torch.nn.functional.kl_div."""

    reduce: Literal["mean", "sum", "none", "batchmean"] = arg("batchmean", "as elsewhere; 'batchmean' is sum / N")
    log_target: bool = arg(False, "the target holds log-probabilities too")

    def forward(self, pred: Any, target: Any) -> Any:
        return F.kl_div(pred, target, reduction=self.reduce, log_target=self.log_target)


@dataclass(frozen=True)
class FocalLoss(_Elementwise, name="focal_loss", ports="pred target", family=FAMILY):
    """`a (1 - p)^gamma BCE` with p the probability given to the target t, arXiv:1708.02002.

    `a = alpha t + (1 - alpha) (1 - t)`; pred holds logits, target 0 and 1.
    """

    alpha: float = arg(0.25, "weight of the positives", min=0, max=1)
    gamma: float = arg(2.0, "how strongly easy elements are damped", min=0)

    def forward(self, pred: Any, target: Any) -> Any:
        loss = F.binary_cross_entropy_with_logits(pred, target, reduction="none")
        p = torch.sigmoid(pred)
        wrong = p + target - 2 * p * target
        balance = self.alpha * target + (1 - self.alpha) * (1 - target)
        return reduced(balance * torch.pow(wrong, self.gamma) * loss, self.reduce)
