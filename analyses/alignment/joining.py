"""A guide beside a target, in one graph: every Gram matrix right after the value it is of, and their similarities.

The guide's nodes come first, so that when the target begins nothing is left of the guide but N x N matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.graph import Entry, Graph, Node
from graphwright.compiler.ops.arithmetic import Neg, Sub
from graphwright.compiler.ops.join import Stack
from graphwright.compiler.ops.norm import BatchNorm
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.reduce import Mean, Sum
from graphwright.compiler.ops.resize import Interpolate
from graphwright.compiler.ops.shape import Roll
from graphwright.compiler.ops.similarity import Cka, Gram, Rsa
from graphwright.compiler.places import NOWHERE, fail
from graphwright.compiler.transforms.instrument import Rewriter, shadow

Feed = Literal["same", "shuffled"]
Mode = Literal["eval", "batch_stats"]
#: By name: the op that compares two Gram matrices, and whether these are centred.
SIMILARITIES: dict[str, tuple[Op, bool]] = {
    "cka": (Cka(), True), "unbiased_cka": (Cka(unbiased=True), True), "rsa": (Rsa(), False),
}  # fmt: skip


@dataclass(frozen=True)
class Joined:
    """The graph of both; `scope` is where the guide lies in it.

    `grams` are values by the node they are of (the guide's by their names in the guide), `alignment` is the similarity
    of each pair as one value [P], and `loss` the scalar `sum (1 - similarity)` or its mean.
    """

    graph: Graph
    scope: str
    guide_grams: Mapping[str, str]
    target_grams: Mapping[str, str]
    alignment: str
    loss: str


def join(
    target: Graph, guide: Graph, pairs: Sequence[tuple[str, str]], similarity: str, reduce: Literal["sum", "mean"],
    feed: Feed = "same", mode: Mode = "eval", gather: bool = False,
    also: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> Joined:  # fmt: skip
    """Both models on the same samples; the target's nodes, outputs and losses are what they were.

    `feed: shuffled` gives the guide the samples in another order, a control. With `mode: batch_stats` its batch norms
    take the statistics of the batch. `also` are taps of guide and target whose Gram matrices are wanted besides.
    """
    scope = scope_beside(target)
    both = _beside(target, _moded(guide, mode), scope, feed)
    made = Rewriter(both, "guidance")
    op, centred = SIMILARITIES[similarity]
    wanted = {f"{scope}.{g}": g for g in (*(g for g, _ in pairs), *also[0])}
    own = {t: t for t in (*(t for _, t in pairs), *also[1])}
    grams: dict[str, str] = {}
    for node in both.nodes:
        made.keep(node)
        if node.name in wanted or node.name in own:
            grams[node.name] = made.add(node, "gram", Gram(centred=centred, gather=gather), (node.name,))
    found = [made.add(t, "alignment", op, (grams[f"{scope}.{g}"], grams[t])) for g, t in pairs]
    stacked = made.add("", "alignment", Stack(), found)
    total = made.add("", "alignment_total", Sum(0) if reduce == "sum" else Mean(0), (stacked,))
    excess = made.add("", "alignment_excess", Sub(float(len(pairs)) if reduce == "sum" else 1.0), (total,))
    loss = made.add("", "misalignment", Neg(), (excess,))
    return Joined(
        both.with_(nodes=tuple(made.nodes)), scope, {g: grams[name] for name, g in wanted.items()},
        {t: grams[t] for t in own}, stacked, loss,
    )  # fmt: skip


def scope_beside(target: Graph) -> str:
    """Where a guide lies beside this graph: `guide`, if that name is free."""
    taken = {n.name.partition(".")[0] for n in target.nodes} | {e.name for e in (*target.inputs, *target.targets)}
    return next(name for name in ("guide", *(f"guide_{k}" for k in range(2, len(taken) + 3))) if name not in taken)


def _moded(guide: Graph, mode: Mode) -> Graph:
    """The guide with batch norms that keep no statistics, for `batch_stats`."""
    if mode == "eval":
        return guide
    nodes = (replace(n, op=replace(n.op, track=False)) if isinstance(n.op, BatchNorm) else n for n in guide.nodes)
    return guide.with_(nodes=tuple(nodes))


def _beside(target: Graph, guide: Graph, scope: str, feed: Feed) -> Graph:
    """The guide's nodes before the target's, reading the target's inputs; pictures are brought to the guide's size."""
    if len(guide.inputs) != len(target.inputs):
        rule = f"the guide {guide.name} has {len(guide.inputs)} inputs, {target.name} {len(target.inputs)}"
        raise fail(NOWHERE, rule, "they read the same")
    feeds: dict[str, str] = {}
    sizes: dict[str, Size] = {}
    first: list[Node] = []
    for own, given in zip(guide.inputs, target.inputs, strict=True):
        value = given.name
        made: list[tuple[str, Op]] = [("shuffled", Roll(1, 0))] if feed == "shuffled" else []
        if (shape := _fixed(guide, own, given, sizes)) is not None:
            made.append(("resized", Interpolate(size=shape, mode="bilinear", align_corners=False)))
        for word, op in made:
            first.append(Node(f"{scope}.{word}_{own.name}", op, ((op.ports[0].name, value),), place=own.place))
            value = first[-1].name
        feeds[own.name] = value
    return shadow(target, guide, scope, feeds, sizes, first)


def _fixed(guide: Graph, own: Entry, given: Entry, sizes: dict[str, Size]) -> tuple[Size, ...] | None:
    """The height and width that the guide insists on where they differ; its free sizes are put into `sizes`."""
    both = zip(own.type.shape, given.type.shape, strict=False)
    apart = any(not isinstance(a, Dim) and a != b for a, b in both)
    spatial = (own.type.rank == 4 and own.type.shape[1] == given.type.shape[1]) or not apart
    if own.type.rank != given.type.rank or own.type.dtype != given.type.dtype or not spatial:
        rule = f"the guide {guide.name} reads {own.name}: {own.type}, the target {given.name}: {given.type}"
        raise fail(NOWHERE, rule, "the guide's params may fit it, for example channels or size")
    sizes.update({str(a): b for a, b in zip(own.type.shape, given.type.shape, strict=True) if str(a).isidentifier()})
    return own.type.shape[2:] if apart else None
