"""Views. A `view` becomes the op that says what it does: flatten, unflatten, or reshape."""

from __future__ import annotations

from graphwright.compiler.importing.torch.convert import Converter
from graphwright.compiler.importing.torch.rules.layers import compact
from graphwright.compiler.importing.torch.rules.parts import looked_up
from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.sizes import type_of
from graphwright.compiler.importing.torch.values import Constant, NoRule, Value
from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops import shape
from graphwright.compiler.ops.op import Op


def _view(site: Site) -> Value:
    x = site.node("self")
    wanted = site["size"] or site["shape"] or ()
    old = site.type(x)
    new = site.result.shape
    if old.shape == new:
        return x
    op = reshaped(old, new, tuple(wanted))
    if x in site.convert.lookups and isinstance(op, shape.Unflatten) and op.dim == 0:
        table, index = site.convert.lookups[x]
        sizes = [int(s) for s in op.sizes]
        return looked_up(site, table, 0, Constant(index.tensor.reshape(*sizes, *index.tensor.shape[1:]), index.name))
    return site.emit(op, x)


def reshaped(old: Type, new: tuple[Size, ...], wanted: tuple[Size, ...]) -> Op:
    """The op from one shape to another: what is equal at both ends stays, and the middle is merged or split.

    Sizes of 1 could belong to either neighbour. What the author left open (-1 in `wanted`) settles that; else the whole
    shape is written, so that copies of a module whose sizes differ stay copies.
    """
    if -1 in wanted and len(wanted) == len(new):
        place = wanted.index(-1)
        if (op := _merged(old, new, place) or _middle(old, new, wanted, (place, len(new) - place - 1))) is not None:
            return op
    op = _middle(old, new, (), (len(new), len(new)))
    return op if op is not None else shape.Reshape(_settled(new, wanted))


def _middle(old: Type, new: tuple[Size, ...], wanted: tuple[Size, ...], most: tuple[int, int]) -> Op | None:
    """The merging or splitting between the equal ends, of which at most so many sizes are taken at the two ends."""
    front = 0
    while front < min(old.rank, len(new), most[0]) and old.shape[front] == new[front]:
        front += 1
    back = 0
    while back < min(old.rank - front, len(new) - front, most[1]) and old.shape[-1 - back] == new[-1 - back]:
        back += 1
    before, after = old.shape[front : old.rank - back], new[front : len(new) - back]
    if (before, after) == ((), (1,)):
        return shape.Unsqueeze(front)
    if (before, after) == ((1,), ()):
        return shape.Squeeze(front)
    if not wanted and 1 in (*before, *after):
        return None
    if len(after) == 1 and len(before) > 1:
        end = old.rank - back - 1
        return shape.Flatten(front, end if end < old.rank - 1 else -1)
    if len(before) == 1 and len(after) > 1:
        sizes = _settled(after, wanted[front : len(new) - back] if wanted else ())
        return shape.Unflatten(front if front < old.rank - 1 or front == 0 else -1, sizes)
    return None


def _merged(old: Type, new: tuple[Size, ...], place: int) -> Op | None:
    """The merging of neighbours that `view(..., -1, ...)` is, where every other size stays."""
    tail = len(new) - place - 1
    count = old.rank - place - tail
    if count < 2 or new[:place] != old.shape[:place] or (tail and new[-tail:] != old.shape[-tail:]):
        return None
    return shape.Flatten(place, old.rank - tail - 1 if tail else -1)


def _settled(sizes: tuple[Size, ...], wanted: tuple[Size, ...] = ()) -> tuple[Size, ...]:
    """The sizes with -1 for the only one that is free, or that the author left open."""
    free = [k for k, s in enumerate(sizes) if isinstance(s, Dim)]
    open_ = [k for k, s in enumerate(wanted) if s == -1]
    if len(free) == 1 or (not free and len(open_) == 1 and len(wanted) == len(sizes)):
        k = free[0] if free else open_[0]
        return (*sizes[:k], -1, *sizes[k + 1 :])
    return sizes


def _flatten(site: Site) -> Value:
    x = site.node("self")
    rank = site.type(x).rank
    start, end = site["start_dim"] % rank, site["end_dim"] % rank
    if start == end:
        return x
    return site.emit(shape.Flatten(start, end if end < rank - 1 else -1), x)


def _unflatten(site: Site) -> Value:
    return site.emit(shape.Unflatten(site["dim"], _settled(tuple(site["sizes"]))), site["self"])


def _transpose(site: Site) -> Value:
    x = site.node("self")
    rank = site.type(x).rank
    names = ("dim0", "dim1") if "dim0" in site.call.arguments else ("axis0", "axis1")
    dims = sorted(site[n] % rank for n in names)
    if dims[0] == dims[1]:
        return x
    return site.emit(shape.Transpose((-2, -1) if dims == [rank - 2, rank - 1] else tuple(dims)), x)


#: Operations that choose their kernel by how their input lies in memory.
BY_LAYOUT = ("conv", "pool", "norm", "upsample", "linear", "mean", "sum", "var")


#: Views that keep how the rest lies in memory.
STRIDED = ("select", "slice", "unbind", "getitem", "squeeze", "unsqueeze", "permute", "transpose", "chunk", "split")


def _contiguous(site: Site) -> Value:
    """A node where the layout changes and a reader's kernel depends on it; else nothing, as values stay."""
    x = site["self"]
    if isinstance(x, str) and not site.convert.straight(site.call) and _layout_matters(site.convert, site.call.name):
        return site.emit(shape.Contiguous(), x)
    return x


def _layout_matters(convert: Converter, name: str) -> bool:
    """Whether a value, or a view of it, is read by an operation that chooses its kernel by the layout."""
    for call in convert.readers.get(name, ()):
        target = call.target.removeprefix("aten.")
        if any(word in target for word in BY_LAYOUT):
            return True
        if target.startswith(STRIDED) and _layout_matters(convert, call.name):
            return True
    return False


def _last_two(site: Site) -> Value:
    return site.emit(shape.Transpose(), site["self"])


def _reversed(site: Site) -> Value:
    rank = site.kind_of(site["self"]).rank
    return _last_two(site) if rank == 2 else site.emit(shape.Permute(tuple(reversed(range(rank)))), site["self"])


def _permute(site: Site) -> Value:
    dims = site["dims"]
    return site.emit(shape.Permute(tuple(d % len(dims) for d in dims)), site["self"])


def _movedim(site: Site) -> Value:
    x = site.node("self")
    rank = site.type(x).rank
    source, target = site["source"], site["destination"]
    source, target = ((v,) if isinstance(v, int) else v for v in (source, target))
    order = [d for d in range(rank) if d not in [s % rank for s in source]]
    for to, from_ in sorted(zip([t % rank for t in target], [s % rank for s in source], strict=True)):
        order.insert(to, from_)
    return site.emit(shape.Permute(tuple(order)), x)


def _squeeze(site: Site) -> Value:
    x = site.node("self")
    old = site.type(x)
    dims = site["dim"] if "dim" in site.call.arguments else range(old.rank)
    dims = [d % old.rank for d in ((dims,) if isinstance(dims, int) else dims)]
    dims = [d for d in dims if old.shape[d] == 1]
    return x if not dims else site.emit(shape.Squeeze(compact(dims) if len(dims) > 1 else dims[0]), x)


def _expand(site: Site) -> Value:
    x = site.node("self")
    old, new = site.type(x), site.result.shape
    if old.shape == new:
        return x
    lead = len(new) - old.rank
    sizes = tuple(-1 if k >= lead and s == old.shape[k - lead] else s for k, s in enumerate(new))
    return site.emit(shape.Expand(sizes), x)


def _broadcast(site: Site) -> Value:
    """Each value in the shape that all of them broadcast to."""
    shapes = [type_of(v, site.convert.symbols).shape for v in site.call.value]
    return tuple(
        v if site.kind_of(v).shape == new else site.emit(shape.Expand(new), v)
        for v, new in zip(site["tensors"], shapes, strict=True)
    )  # fmt: skip


def _tile(site: Site) -> Value:
    repeats = tuple(site["repeats"] if "repeats" in site.call.arguments else site["dims"])
    return site.name_of(site["self"]) if all(r == 1 for r in repeats) else site.emit(shape.Tile(repeats), site["self"])


def _repeat_interleave(site: Site) -> Value:
    x, dim = site.node("self"), site["dim"]
    if dim is None:
        x, dim = site.emit(shape.Flatten(0), x) if site.type(x).rank != 1 else x, 0
    return site.emit(shape.RepeatInterleave(site["repeats"], dim), x)


def _roll(site: Site) -> Value:
    if not site["dims"]:
        raise NoRule("all dimensions at once")
    return site.emit(shape.Roll(compact(site["shifts"]), compact(site["dims"])) if len(site["dims"]) == 1
                     else shape.Roll(tuple(site["shifts"]), tuple(site["dims"])), site["self"])  # fmt: skip


RULES: dict[str, Rule] = {
    "view.default": _view, "reshape.default": _view, "_unsafe_view.default": _view, "view_as.default": _view,
    "reshape_as.default": _view,
    "flatten.using_ints": _flatten, "unflatten.int": _unflatten,
    "transpose.int": _transpose, "swapaxes.default": _transpose, "swapdims.default": _transpose,
    "contiguous.default": _contiguous,
    "t.default": _last_two, "mT.default": _last_two, "numpy_T.default": _reversed,
    "permute.default": _permute, "movedim.int": _movedim, "movedim.intlist": _movedim,
    "squeeze.dim": _squeeze, "squeeze.dims": _squeeze, "squeeze.default": _squeeze,
    "unsqueeze.default": lambda site: site.emit(shape.Unsqueeze(site["dim"]), site["self"]),
    "expand.default": _expand, "expand_as.default": _expand, "broadcast_to.default": _expand,
    "broadcast_tensors.default": _broadcast,
    "repeat.default": _tile, "tile.default": _tile,
    "repeat_interleave.self_int": _repeat_interleave,
    "roll.default": _roll, "flip.default": lambda site: site.emit(shape.Flip(compact(site["dims"])), site["self"]),
}  # fmt: skip
