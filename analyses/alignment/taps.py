"""Which values of two models are compared, and with which: taps, and the mapping between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.select import BadSelector, select
from graphwright.compiler.places import NOWHERE, Problem, SpecError, fail

#: The layers with weight matrices, whose outputs are compared if nothing is said.
DEFAULT = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear",
           "multi_head_attention", "lstm", "gru", "rnn")  # fmt: skip
#: What the published code compares (layer_extract.py), by op.
OFFICIAL = ("conv2d", "linear", "adaptive_avg_pool2d", "lstm", "rnn", "layer_norm", "multi_head_attention")
NAMED = {"default": DEFAULT, "official": OFFICIAL}


def taps(graph: Graph, how: str, who: str) -> tuple[str, ...]:
    """The values that are compared, in order: `default`, `official` (both without the last, which gives the logits),
    or a selector.

    A named choice passes over values whose first dimension is not the batch, such as attention windows; those that
    a selector names are refused. Raises `SpecError` where none is left; `who` says whose taps they are.
    """
    deployed = graph.deployed()
    if how in NAMED:
        nodes = [n for n in deployed.nodes if n.op.name in NAMED[how]][:-1]
        chosen = tuple(n.name for n in nodes if unfit(deployed, n) is None)
        hint = f"name some with a selector, for example {'target_taps' if who == 'target' else 'taps'}: op:relu"
    else:
        try:
            nodes = list(select(deployed, how))
        except BadSelector as error:
            raise fail(NOWHERE, f"taps of the {who}: {error}", "`graphwright show` lists the names") from None
        wrong = [(n, why) for n in nodes if (why := unfit(deployed, n))]
        problems = [Problem(n.place, f"'{n.name}' of the {who} is no tap: {why}") for n, why in wrong]
        if problems:
            raise SpecError(problems)
        chosen, hint = tuple(n.name for n in nodes), "`graphwright show` lists the names"
    if not chosen:
        raise fail(NOWHERE, f"no node of the {who} ({graph.name}) is a tap by '{how}'", hint)
    return chosen


def unfit(graph: Graph, node: Node) -> str | None:
    """Why a node's first output is no features of samples [N, ...]."""
    type_, batch = node.outputs[0], graph.inputs[0].type.shape[0]
    if not type_.dtype.startswith(("float", "bfloat")):
        return f"it is {type_}, no floating type"
    if type_.rank < 2 or type_.shape[0] != batch:
        return f"it is {type_}, and its first dimension is not the batch, {batch}"
    return None


def nearest(index: int, count: int, among: int) -> int:
    """The target layer for guide layer `index` of `count`: the one at the same relative depth of `among`.

    `min(round(i (T - 1) / (G - 1)), T - 1)`, halves to the even number as in Python; a single guide layer goes last.
    """
    return among - 1 if count == 1 else min(round(index * (among - 1) / (count - 1)), among - 1)


def pairs(
    guide: Sequence[str], target: Sequence[str], mapping: str | Mapping[str, str]
) -> tuple[tuple[str, str], ...]:  # fmt: skip
    """(guide tap, target tap): every guide tap with the target tap of its depth; with `official`, of several guide taps
    at one target tap only the last, as the published code keeps them; or those that a mapping names."""
    if isinstance(mapping, Mapping):
        return tuple(mapping.items())
    if mapping not in ("all", "official"):
        raise fail(NOWHERE, f"no mapping '{mapping}'", "all, official, or {guide node: target node}")
    found = [(g, target[nearest(i, len(guide), len(target))]) for i, g in enumerate(guide)]
    return tuple((g, t) for t, g in {t: g for g, t in found}.items()) if mapping == "official" else tuple(found)
