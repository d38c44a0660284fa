"""Dropout and its kin: what is random in training and nothing in inference."""

from __future__ import annotations

from typing import Any

from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.values import Constant, Noise, NoRule, Uniform, Value
from graphwright.compiler.ops import random
from graphwright.compiler.ops.arithmetic import Div, Floor


def _dropout(op: Any) -> Rule:
    def rule(site: Site) -> Value:
        x, p = site["input"], site["p"]
        return x if p == 0 else site.emit(op(float(p)), x)

    return rule


def _channels(site: Site) -> Value:
    x, p = site.node("input"), site["p"]
    if p == 0:
        return x
    ops: dict[int, Any] = {3: random.Dropout1d, 4: random.Dropout2d, 5: random.Dropout3d}
    return site.emit(ops[site.type(x).rank](float(p)), x)


def _empty(site: Site) -> Value:
    """Memory that noise is written into; anything else that reads it would read garbage."""
    return Noise(1.0, tuple(site["size"] if "size" in site.call.arguments else site.result.shape))


def _bernoulli(site: Site) -> Value:
    found = site["self"]
    shape = found.shape if isinstance(found, Noise) else site.kind_of(found).shape
    return Noise(float(site["p"]), tuple(shape))


def _drawn(site: Site) -> Value:
    """`bernoulli(full(shape, p))`."""
    found = site["self"]
    if not isinstance(found, Constant) or found.tensor.min() != found.tensor.max():
        raise NoRule("probabilities that are not all equal")
    return Noise(float(found.tensor.flatten()[0]), tuple(found.tensor.shape))


def _uniform(site: Site) -> Value:
    return Uniform(0.0, tuple(site["size"] or site.result.shape))


def floor(site: Site) -> Value:
    """The floor; of `keep + uniform noise` it is one with probability `keep`, else zero."""
    x = site["self"]
    return Noise(x.low, x.shape) if isinstance(x, Uniform) else site.emit(Floor(), x)


def undivided(site: Site, x: Value, keep: float) -> Value | None:
    """What was divided by `keep` to give `x`, as in `x / keep * noise`."""
    node = next((n for n in reversed(site.convert.builder.nodes) if n.name == x), None)
    divided = node is not None and isinstance(node.op, Div) and node.op.other == keep
    return node.reads[0] if divided and node is not None else None


def dropped(site: Site, noise: Noise, x: Value) -> Value:
    """The op that multiplies by this noise: `drop_path` for whole samples, `dropout2d` for channels."""
    if noise.keep == 1:
        return x
    if not noise.scaled:
        x = undivided(site, x, noise.keep)
        if x is None:
            raise NoRule("noise that is not divided by its probability")
    kind = site.kind_of(x)
    ones = [size == 1 for size in noise.shape]
    p = _probability(site, noise.keep)
    if len(ones) == kind.rank and not ones[0] and all(ones[1:]):
        return site.emit(random.DropPath(p), x)
    if len(ones) == kind.rank and not ones[0] and not ones[1] and all(ones[2:]):
        ops: dict[int, Any] = {3: random.Dropout1d, 4: random.Dropout2d, 5: random.Dropout3d}
        return site.emit(ops[kind.rank](p), x)
    if len(ones) == kind.rank and not any(ones):
        return site.emit(random.Dropout(p), x)
    raise NoRule(f"noise of shape {list(map(str, noise.shape))} for {kind}")


def _probability(site: Site, keep: float) -> float:
    """The rate as the module has it, `p` with `1 - p == keep`."""
    module = site.convert.modules.get(site.call.path)
    for name in ("drop_prob", "p", "drop_path_rate"):
        rate = getattr(module, name, None)
        if isinstance(rate, float) and 1 - rate == keep:
            return rate
    short = round(1 - keep, 12)
    return short if 1 - short == keep else 1 - keep


RULES: dict[str, Rule] = {
    "dropout.default": _dropout(random.Dropout), "alpha_dropout.default": _dropout(random.AlphaDropout),
    "feature_dropout.default": _channels,
    "new_empty.default": _empty, "empty.memory_format": _empty, "empty_like.default": _empty,
    "rand.default": _uniform, "rand_like.default": _uniform, "floor.default": floor,
    "bernoulli.p": _bernoulli, "bernoulli.float": _bernoulli, "bernoulli.default": _drawn,
}  # fmt: skip
