"""Rules of the ops that mix tokens or channels: attention, products of matrices, softmax, linear layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphwright.analyses.masking import windows
from graphwright.analyses.masking.sight import Masker, Sight, refuse
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops.comparison import LogicalAnd, LogicalNot, LogicalOr
from graphwright.compiler.ops.rearrange import Rearrange
from graphwright.compiler.ops.shape import Transpose, listed


def pointwise(made: Masker, node: Node) -> None:
    """Element by element: visible where all that is read is."""
    sights = [s for s in made.seeing(node) if s is not None]
    made.keep(node)
    for value in node.values:
        made.sights[value] = _together(made, node, sights)


def _together(made: Masker, node: Node, sights: Sequence[Sight]) -> Sight:
    """What is visible of several values at once; a border that only some have counts as visible."""
    if len(set(sights)) == 1:
        return sights[0]
    return Sight(made.both(node, [made.known(node, s) for s in sights]))


def formula(made: Masker, node: Node) -> None:
    """A formula without indices works element by element."""
    op: Any = node.op
    if op.over or not isinstance(op.value, str):
        raise refuse(node, "a formula with indices, or a list of them, reads a masked value", "apply it to constants")
    pointwise(made, node)


def batch_norm(made: Masker, node: Node) -> None:
    """With running statistics it works element by element."""
    if not getattr(node.op, "track", True):
        raise refuse(node, "statistics of the batch would mix pictures", "track: true")
    pointwise(made, node)


def instance_norm(made: Masker, node: Node) -> None:
    """With running statistics it works element by element, else on the statistics of what is visible."""
    (pointwise if getattr(node.op, "track", False) else windows.moments)(made, node)


def channels(made: Masker, node: Node) -> None:
    """Within a cell: the mask stays as it is."""
    sight = made.only(node)
    if mixed := [d for d in _axes(made, node) if d in made.full(sight.visible)]:
        raise refuse(node, f"it mixes places along dim {mixed[0]} of {made.types[made.now(node.reads[0])]}")
    pointwise(made, node)


def layer_norm(made: Masker, node: Node) -> None:
    """Over channels it stays within a cell; over places too, it uses the statistics of what is visible."""
    op: Any = node.op
    sight = made.only(node)
    rank = made.types[made.now(node.reads[0])].rank
    if op.dims > 1 and rank == op.dims + 1 and set(made.full(sight.visible)) - {0}:
        windows.moments(made, node)
    else:
        channels(made, node)


def linear(made: Masker, node: Node) -> None:
    """Over channels it stays within a cell. A dense layer over places reads zeros where nothing is visible."""
    sight = made.only(node)
    known = made.known(node, sight)
    last = len(made.shape(known)) - 1
    if last not in made.full(known):
        pointwise(made, node)
        return
    made.keep(node, made.reading(node, made.fill(node, made.now(node.reads[0]), known, 0.0)))
    made.sights[node.name] = Sight(made.any(node, known, (last,)))


def softmax(made: Masker, node: Node) -> None:
    """Among places, those that are not visible get no weight."""
    op: Any = node.op
    sight = made.only(node)
    known = made.known(node, sight)
    dim = op.dim % len(made.shape(known))
    if dim not in made.full(known):
        pointwise(made, node)
        return
    scores = made.fill(node, made.now(node.reads[0]), _choice(made, node, known, dim), float("-inf"))
    made.keep(node, made.reading(node, scores))
    made.sights[node.name] = Sight(known)


def _choice(made: Masker, node: Node, known: str, dim: int) -> str:
    """The mask, and true throughout where it would leave nothing to choose from: what comes of that is never read."""
    some = made.any(node, known, (dim,))
    return made.mask(node, LogicalOr(), known, made.mask(node, LogicalNot(), some, word="blind"), word="choice")


def matmul(made: Masker, node: Node) -> None:
    """Sums over visible places; a row or column of the product is visible if any of its factors is."""
    values, rows = [], []
    for value, sight, contracted in zip(node.reads, made.seeing(node), (-1, -2), strict=True):
        now = made.now(value)
        if sight is None:
            values.append(now)
            continue
        known = made.known(node, sight)
        dim = len(made.shape(known)) + contracted
        values.append(made.fill(node, now, known, 0.0) if dim in made.full(known) else now)
        rows.append(made.any(node, known, (dim,)))
    made.keep(node, made.reading(node, *values))
    made.sights[node.name] = Sight(made.both(node, rows))


def contraction(made: Masker, node: Node) -> None:
    """As `matmul`, for einsum: sums over visible places; an element sees if all that its letters name does."""
    op: Any = node.op
    groups, result = op.terms()
    values, seen = [], []
    for letters, value, sight in zip(groups, node.reads, made.seeing(node), strict=True):
        now = made.now(value)
        if sight is not None:
            known = made.known(node, sight)
            full = made.full(known)
            if len(set(letters)) < len(letters):
                raise refuse(node, f"'{letters}' takes a diagonal of a masked value", "name each letter once")
            gone = tuple(d for d in full if letters[d] not in result)
            now = made.fill(node, now, known, 0.0) if gone else now
            seen.append(_lettered(made, node, made.any(node, known, gone), letters, result))
        values.append(now)
    made.keep(node, made.reading(node, *values))
    made.sights[node.name] = Sight(made.both(node, seen))


def _lettered(made: Masker, node: Node, mask: str, letters: str, result: str) -> str:
    """A mask whose dimensions have these letters, with those of the result, of size 1 where it has none."""
    full = {letters[d] for d in made.full(mask)}
    left, right = (" ".join(c if c in full else "1" for c in side) for side in (letters, result))
    return mask if left == right else made.mask(node, Rearrange(f"{left} -> {right}"), mask)


def suppressed(made: Masker, node: Node) -> None:
    """Boxes of which nothing is visible are empty and have no score, so that none of them is kept."""
    made.keep(node, [
        (port, value if sight is None else made.fill(node, value, made.known(node, sight), missing))
        for (port, value), sight, missing in zip(made.reading(node), made.seeing(node), (0.0, -1.0), strict=True)
    ])  # fmt: skip


def attention(made: Masker, node: Node) -> None:
    """Keys that are not visible are left out, exactly: their weight is zero and the others add up to one."""
    op: Any = node.op
    q, k, v, *more = made.seeing(node)
    keys = k or v
    if more and more[0] is not None:
        raise refuse(node, "its bias depends on the picture")
    if keys is None:
        made.keep(node)
        made.sights[node.name] = q  # type: ignore[assignment]
        return
    known = made.known(node, keys)
    rank = len(made.shape(known))
    if rank - 1 in made.full(known):
        raise refuse(node, "places are the channels of its keys")
    if op.causal:
        raise refuse(node, "causal: true leaves no room for a mask", "give the causal mask as a bias")
    choice = made.mask(node, Transpose((-2, -1)), _choice(made, node, known, rank - 2), word="choice")
    inputs = dict(made.reading(node))
    if "bias" not in inputs:
        inputs["bias"] = choice
    elif made.types[inputs["bias"]].dtype == "bool":
        inputs["bias"] = made.mask(node, LogicalAnd(), choice, inputs["bias"])
    else:
        inputs["bias"] = made.fill(node, inputs["bias"], choice, float("-inf"), "choosing")
    made.keep(node, tuple(inputs.items()))
    if q is not None:
        made.sights[node.name] = q


def _axes(made: Masker, node: Node) -> tuple[int, ...]:
    """The dimensions that an op within cells mixes."""
    op: Any = node.op
    rank = made.types[made.now(node.reads[0])].rank
    if op.name in ("channel_shuffle", "local_response_norm"):
        return (1,)
    if getattr(op, "dim", -1) == -1 and hasattr(op, "dims"):
        return tuple(range(rank - op.dims, rank))
    return tuple(d % rank for d in listed(op.dim))
