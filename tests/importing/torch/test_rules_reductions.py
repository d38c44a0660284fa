"""Each row for sums, means, norms and positions, over one dimension, several and all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from graphwright.compiler.importing.torch.rules import reductions
from tests.importing.torch.parity import Case, case, floats, integers, truths

aten = torch.ops.aten
Y = floats(2, 3, 4, 5, seed=1)
X, INT, MASK = floats(2, 3, 4, 5), integers(2, 3, 4, 5), truths(2, 3, 4, 5)


def every(reduce: Any, *extra: Any) -> Any:
    """Over the dimensions that people name, kept and not."""
    return lambda x: tuple(
        reduce(x, d, keepdim=k) for d in (-1, 1, (2, 3), (-1, -2), (0, 2), [1]) for k in (False, True)
    )  # fmt: skip


def losses(loss: Any) -> Any:
    return lambda x, y: tuple(loss(x, y, reduction=how) for how in ("mean", "sum", "none"))


def places(reduce: Any) -> Any:
    return lambda x: tuple(reduce(x, d, keepdim=k) for d in (-1, 1) for k in (False, True))


CASES = [
    case("mean.dim", every(torch.mean), X),
    case("mean.dim", lambda x: (x.mean((1, 2), dtype=torch.float64), x.half().mean(1, dtype=torch.float32)), X),
    case("mean.default", lambda x: (x.mean(), x.mean(dtype=torch.float64)), X),
    case("sum.dim_IntList", every(torch.sum), X),
    case("sum.dim_IntList", lambda i, m, x: (
        i.sum(1), m.sum(1), m.sum(1, dtype=torch.float32), x.sum(-1, dtype=torch.float64), x.sum(()), i.sum((1, 2),
            keepdim=True),
    ), INT, MASK, X),
    case("sum.default", lambda x, i, m: (x.sum(), i.sum(), m.sum(), x.sum(dtype=torch.float64)), X, INT, MASK),
    case("amax.default", lambda x: (x.amax(1), x.amax((2, 3), keepdim=True), x.amax(-1), x.amax()), X),
    case("amin.default", lambda x: (x.amin(1), x.amin((2, 3), keepdim=True), x.amin(-1), x.amin()), X),
    case("max.default", lambda x, i: (x.max(), i.max()), X, INT, smooth=False),
    case("min.default", lambda x, i: (x.min(), i.min()), X, INT, smooth=False),
    case("prod.dim_int", lambda x, i: (x.prod(1), x.prod(-1, keepdim=True), i.prod(1)), X, INT),
    case("prod.default", lambda x: x.prod(), X),
    case("max.dim", lambda x: (x.max(1)[0], x.max(-1, keepdim=True).values, *x.max(2)), X),
    case("max.dim", places(torch.max), X),
    case("min.dim", lambda x: (x.min(1)[0], x.min(-1, keepdim=True).values, *x.min(2)), X),
    case("var.correction", lambda x: (
        x.var(1), x.var((2, 3), keepdim=True), x.var(-1, correction=0), x.var((0, 1), unbiased=False), x.var(1,
            correction=2),
    ), X),
    case("var.dim", lambda x: (aten.var.dim(x, [1]), aten.var.dim(x, [2, 3], False, True)), X),
    case("var.default", lambda x: (aten.var.default(x), aten.var.default(x, False)), X),
    case("std.correction", lambda x: (x.std(1), x.std((2, 3), keepdim=True), x.std(-1, correction=0), x.std()), X),
    case("std.dim", lambda x: (aten.std.dim(x, [1]), aten.std.dim(x, [2, 3], False, True)), X),
    case("std.default", lambda x: (aten.std.default(x), aten.std.default(x, False)), X),
    case("var_mean.correction", lambda x: (
        *torch.var_mean(x, (1, 2), keepdim=True), *torch.var_mean(x, 1, correction=0), *torch.var_mean(x),
    ), X, near=1e-6),
    case("var_mean.dim", lambda x: (*aten.var_mean.dim(x, [1]), *aten.var_mean.dim(x, [2], False, True)), X, near=1e-6),
    case("norm.ScalarOpt_dim", lambda x: (aten.norm.ScalarOpt_dim(x, 2, [1]), aten.norm.ScalarOpt_dim(x, 1, [-1],
        True), aten.norm.ScalarOpt_dim(x, None, [2, 3])), X),
    case("norm.Scalar", lambda x: aten.norm.Scalar(x, 2), X),
    case("linalg_vector_norm.default", lambda x: (
        torch.linalg.vector_norm(x, dim=1), torch.linalg.vector_norm(x, 1, (2, 3), True), torch.linalg.vector_norm(x),
        torch.linalg.vector_norm(x, float("inf"), 1), torch.nn.functional.normalize(x, dim=1), x.norm(), x.norm(1, -1),
    ), X),
    case("pairwise_distance.default", lambda x, y: (F.pairwise_distance(x, y), F.pairwise_distance(x, y, 1, 0.1,
        True)), X, Y),
    case("cosine_similarity.default", lambda x, y: (
        F.cosine_similarity(x, y), F.cosine_similarity(x, y, -1),
    ), X, Y, near=1e-6),
    case("mse_loss.default", losses(F.mse_loss), X, Y),
    case("l1_loss.default", losses(F.l1_loss), X, Y),
    case("argmax.default", lambda x: (x.argmax(1), x.argmax(-1, keepdim=True), x.argmax()), X),
    case("argmin.default", lambda x: (x.argmin(1), x.argmin(-1, keepdim=True), x.argmin()), X),
    case("topk.default", lambda x: (*x.topk(2), *x.topk(2, 1), *x.topk(3, -1, largest=False), x.topk(1)[1]), X),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=str)
def test_a_row_computes_what_torch_does(row: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row.check(monkeypatch, tmp_path)


def test_every_row_has_a_case() -> None:
    assert reductions.RULES.keys() - {c.row for c in CASES} == set()
