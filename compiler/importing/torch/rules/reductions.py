"""Sums, means, norms and positions."""

from __future__ import annotations

from typing import Any

from graphwright.compiler.importing.torch.rules.arithmetic import cast_to
from graphwright.compiler.importing.torch.rules.layers import compact
from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.values import Lazy, Value
from graphwright.compiler.ops import reduce
from graphwright.compiler.ops.arithmetic import Abs, Add, Div, Maximum, Mul, Square, Sub


def _dims(site: Site) -> Any:
    dims = site["dim"] if "dim" in site.call.arguments else None
    return None if dims in (None, ()) else compact(dims)


def _keep(site: Site) -> bool:
    return bool(site["keepdim"]) if "keepdim" in site.call.arguments else False


def _reduce(op: Any) -> Rule:
    def rule(site: Site) -> Value:
        x = cast_to(site, site["self"], site["dtype"])
        return site.emit(op(_dims(site), _keep(site)), x)

    return rule


def _with_place(op: Any, place: Any) -> Rule:
    """Values and positions; positions are a node of their own, taken only where they are read."""

    def rule(site: Site) -> Value:
        x = site.node("self")
        dim, keep = site["dim"], _keep(site)
        return Lazy(lambda: site.emit(op(dim, keep), x)), Lazy(lambda: site.emit(place(dim, keep), x))

    return rule


def _spread(op: Any) -> Rule:
    def rule(site: Site) -> Value:
        if "unbiased" in site.call.arguments:
            correction: Any = int(site["unbiased"])
        else:
            correction = site["correction"]
        return site.emit(op(_dims(site), _keep(site), 1 if correction is None else int(correction)), site["self"])

    return rule


def _var_mean(site: Site) -> Value:
    correction = int(site["unbiased"]) if "unbiased" in site.call.arguments else site["correction"]
    x, dims, keep = site.node("self"), _dims(site), _keep(site)
    spread = reduce.Var(dims, keep, 1 if correction is None else int(correction))
    return site.emit(spread, x), site.emit(reduce.Mean(dims, keep), x)


def _norm(site: Site) -> Value:
    p = site["ord"] if "ord" in site.call.arguments else site["p"]
    return site.emit(reduce.Norm(_dims(site), _keep(site), float(2 if p is None else p)), site["self"])


def _pairwise_distance(site: Site) -> Value:
    """`norm(x1 - x2 + eps)` over the last dimension."""
    apart = site.emit(Add(float(site["eps"])), site.emit(Sub(), site["x1"], site["x2"]))
    return site.emit(reduce.Norm(-1, site["keepdim"], float(site["p"])), apart)


def _cosine_similarity(site: Site) -> Value:
    """`(x1 . x2) / (|x1| |x2|)`, each norm at least `eps`."""
    units = []
    for x in (site["x1"], site["x2"]):
        norm = site.emit(reduce.Norm(site["dim"], True, 2.0), x)
        units.append(site.emit(Div(), x, site.emit(Maximum(float(site["eps"])), norm)))
    return site.emit(reduce.Sum(site["dim"]), site.emit(Mul(), *units))


def _loss(op: Any) -> Rule:
    """A difference of two values, averaged, summed or as it is."""

    def rule(site: Site) -> Value:
        apart = site.emit(Sub(), site["self"], site["target"])
        each = site.emit(op(), apart)
        means = {1: reduce.Mean(), 2: reduce.Sum()}
        return site.emit(means[site["reduction"]], each) if site["reduction"] in means else each

    return rule


def _position(op: Any) -> Rule:
    return lambda site: site.emit(op(site["dim"], _keep(site)), site["self"])


RULES: dict[str, Rule] = {
    "mean.dim": _reduce(reduce.Mean), "mean.default": _reduce(reduce.Mean),
    "sum.dim_IntList": _reduce(reduce.Sum), "sum.default": _reduce(reduce.Sum),
    "amax.default": _reduce(reduce.Amax), "amin.default": _reduce(reduce.Amin),
    "max.default": _reduce(reduce.Amax), "min.default": _reduce(reduce.Amin),
    "prod.dim_int": _reduce(reduce.Prod), "prod.default": _reduce(reduce.Prod),
    "max.dim": _with_place(reduce.Amax, reduce.Argmax), "min.dim": _with_place(reduce.Amin, reduce.Argmin),
    "var.correction": _spread(reduce.Var), "var.dim": _spread(reduce.Var), "var.default": _spread(reduce.Var),
    "std.correction": _spread(reduce.Std), "std.dim": _spread(reduce.Std), "std.default": _spread(reduce.Std),
    "var_mean.correction": _var_mean, "var_mean.dim": _var_mean,
    "norm.ScalarOpt_dim": _norm, "norm.Scalar": _norm, "linalg_vector_norm.default": _norm,
    "pairwise_distance.default": _pairwise_distance, "cosine_similarity.default": _cosine_similarity,
    "mse_loss.default": _loss(Square), "l1_loss.default": _loss(Abs),
    "argmax.default": _position(reduce.Argmax), "argmin.default": _position(reduce.Argmin),
    "topk.default": lambda site: site.emit(reduce.TopK(site["k"], site["dim"], site["largest"]), site["self"]),
}  # fmt: skip
