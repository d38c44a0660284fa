"""Rules of the ops that move elements: the mask moves with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from graphwright.analyses.masking.sight import Masker, Sight, refuse
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops.arithmetic import WeightedSum
from graphwright.compiler.ops.comparison import Gt
from graphwright.compiler.ops.join import Concat, Select, Stack
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.shape import Expand, Pad, Unsqueeze, listed


def on_mask(made: Masker, node: Node, op: Any, mask: str) -> Op:
    """The op as it applies to a mask, whose sizes are 1 where those of the value are not."""
    sizes = made.shape(mask)
    changed: dict[str, Any] = {}
    if op.name in ("rearrange", "reduce", "repeat"):
        ones = [a for g, s in zip(op.parsed.left, sizes, strict=True) if s == 1 for a in g]
        changed = {"sizes": tuple({**dict(op.sizes), **dict.fromkeys(ones, 1)}.items())}
    elif op.name == "unflatten" and sizes[op.dim] == 1:
        changed = {"sizes": (1,) * len(op.sizes)}
    elif op.name == "tile":
        repeats = (1,) * (len(sizes) - len(op.repeats)) + tuple(op.repeats)
        changed = {"repeats": tuple(1 if s == 1 else r for s, r in zip(sizes, repeats, strict=True))}
    same: Op = replace(op, **changed)
    return same


def moved(made: Masker, node: Node) -> None:
    """The same op on the mask."""
    sight = made.only(node)
    made.keep(node)
    _carry(made, node, sight, lambda mask: on_mask(made, node, node.op, mask))


def _carry(made: Masker, node: Node, sight: Sight, op: Callable[[str], Op], indices: tuple[str, ...] = ()) -> None:
    """Gives each value of the node the output of an op on the masks; where it has but one, they share it."""
    for k, value in enumerate(node.values):

        def carried(mask: str, k: int = k) -> str:
            found = made.masks(node, op(mask), (mask, *indices))
            return found[min(k, len(found) - 1)]

        made.sights[value] = sight.through(carried)


def along(made: Masker, node: Node) -> None:
    """An op along one dimension, or several: where the mask is the same for all of one, there is nothing to do."""
    op: Any = node.op
    sight = made.only(node)
    made.keep(node)
    for value in node.values:
        made.sights[value] = sight
    rank = len(made.shape(sight.visible))
    dims = [d % rank for d in listed(op.dims if hasattr(op, "dims") else op.dim)]
    full = [k for k, d in enumerate(dims) if d in made.full(sight.visible)]
    if op.name in ("select", "unbind") and not full:
        shrunk: Op = Select(dims[0], 0)
    elif op.name == "squeeze":
        shrunk = op
    elif not full:
        return
    elif op.name in ("slice", "roll") and len(full) < len(dims):
        shrunk = replace(op, dims=tuple(dims[k] for k in full),
                         **{f: tuple(v[k] for k in full) for f in ("start", "stop", "step", "shifts")
                            if isinstance(v := getattr(op, f, None), tuple)})  # fmt: skip
    else:
        shrunk = op
    indices = tuple(made.now(v) for v in node.reads[1:])
    _carry(made, node, sight, lambda _: shrunk, indices)


def expanded(made: Masker, node: Node) -> None:
    """What is repeated sees the same."""
    sight = made.only(node)
    (y, *_) = made.keep(node)
    if made.types[y].rank != len(made.shape(sight.visible)):
        raise refuse(node, "new dimensions of a masked value", "unsqueeze it first")
    made.sights[node.name] = sight


def padding(made: Masker, node: Node) -> None:
    """What is added is border: known, and no part of the picture. Copies of the picture's cells see what those see."""
    op: Any = node.op
    sight = made.only(node)
    made.keep(node)
    full = made.full(sight.visible)
    rank = len(made.shape(sight.visible))
    size = tuple(s if rank - 1 - k // 2 in full else 0 for k, s in enumerate(op.size))
    if not any(s != 0 for s in size):
        made.sights[node.name] = sight
        return
    if op.mode != "constant":
        made.sights[node.name] = replace(sight, visible=made.seen(node, replace(op, size=size), sight.visible))
        return
    around = Pad(size)
    inside = sight.inside or made.all_true(node, sight.visible)
    thick = max(s if isinstance(s, int) else 10**6 for s in size)
    made.sights[node.name] = Sight(
        made.mask(node, around, sight.visible), made.mask(node, around, inside, word="inside"), sight.border + thick
    )


def joined(made: Masker, node: Node) -> None:
    """Along places, masks are joined as values are. Along channels, a cell is visible if all its parts are.

    In the published code the parts of a cell vote, those that are themselves joined each for itself.
    """
    op: Any = node.op
    sights = [s and Sight(made.known(node, s)) if s and s.inside else s for s in made.seeing(node)]
    masked = [s.visible for s in sights if s is not None]
    dim = op.dim % len(made.shape(masked[0]))
    if any(dim in made.full(m) for m in masked):
        made.keep(node)
        made.sights[node.name] = Sight(_side_by_side(made, node, dim, sights))
    elif made.official:
        _vote(made, node, sights)
    else:
        made.keep(node)
        made.sights[node.name] = Sight(made.both(node, masked))


def _side_by_side(made: Masker, node: Node, dim: int, sights: Sequence[Sight | None]) -> str:
    shapes = [made.shape(s.visible) for s in sights if s is not None]
    like = tuple(next((s for s in sizes if s != 1), 1) for sizes in zip(*shapes, strict=True))
    parts = []
    for value, sight in zip(node.reads, sights, strict=True):
        size = made.shape(made.now(value))[dim]
        if sight is None:
            parts.append(made.whole(node, size, dim, like))
        else:
            wide = tuple(size if d == dim else s for d, s in enumerate(like))
            same = made.shape(sight.visible) == wide
            parts.append(sight.visible if same else made.mask(node, Expand(wide), sight.visible))
    return made.mask(node, Concat(dim), *parts)


def _vote(made: Masker, node: Node, sights: Sequence[Sight | None]) -> None:
    votes: list[Sight | None] = []
    reads = []
    for value, sight in zip(node.reads, sights, strict=True):
        votes += made.votes.get(value, (sight,))
        now = made.now(value)
        whole = sight is None or value in made.votes  # what is itself joined has zeros already, part by part
        reads.append(now if whole or sight is None else made.fill(node, now, sight.visible, 0.0))
    made.keep(node, [(p, v) for (p, _), v in zip(node.inputs, reads, strict=True)])
    made.votes[node.name] = tuple(votes)
    numbers = [made.number(node, s.visible) for s in votes if s is not None]
    total = made.mask(node, WeightedSum((1.0,) * len(numbers)), *numbers, word="votes")
    half = len(votes) / 2 - (len(votes) - len(numbers))
    made.sights[node.name] = Sight(made.mask(node, Gt(half), total))


def stacked(made: Masker, node: Node) -> None:
    """Along a new dimension of channels, visible where all parts are; rows or columns put together see each their own.

    The last two dimensions of a map [N, C, H, W] are rows and columns.
    """
    op: Any = node.op
    sights = made.seeing(node)
    made.keep(node)
    rank = node.outputs[0].rank
    dim = op.dim % rank
    masks = [made.known(node, s) for s in sights if s is not None]
    if rank == 4 and dim >= 2 and len(set(sights)) > 1:
        like = made.shape(masks[0])
        parts = [made.known(node, s) if s else made.all_true(node, masks[0]) for s in sights]
        if all(made.shape(p) == like for p in parts):
            made.sights[node.name] = Sight(made.mask(node, Stack(dim), *parts))
            return
    made.sights[node.name] = Sight(made.mask(node, Unsqueeze(dim), made.both(node, masks)))
