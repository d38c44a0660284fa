"""Views, joins and indexing. A `view` becomes the op that says what it does: flatten, unflatten, or reshape."""

from __future__ import annotations

from typing import Any

import torch

from graphwright.compiler.importing.torch.convert import Constant, Converter, Lazy, NoRule, Quiet, Rule, Site, Value
from graphwright.compiler.importing.torch.rules.layers import compact
from graphwright.compiler.importing.torch.rules.pointwise import cast_to
from graphwright.compiler.importing.torch.sizes import UnknownSize, type_of
from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.types import DTYPES, Type
from graphwright.compiler.ops import join, shape
from graphwright.compiler.ops.arithmetic import Cast
from graphwright.compiler.ops.comparison import Where
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.linear import Embedding
from graphwright.compiler.ops.op import Op

LAST = 2**62


def _getitem(site: Site) -> Value:
    found = site["source"]
    if not isinstance(found, tuple):
        return found if site["index"] == 0 else _none(site)
    if site["index"] >= len(found):
        raise Quiet  # the parts of something that was not understood
    item = found[site["index"]]
    return item.make() if isinstance(item, Lazy) else item


def _none(site: Site) -> Value:
    raise NoRule(f"result {site['index']}")


# -- views ----------------------------------------------------------------------------------------
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
        return _rows(site, table, 0, Constant(index.tensor.reshape(*sizes, *index.tensor.shape[1:]), index.name))
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


# -- parts ----------------------------------------------------------------------------------------
def _slice(site: Site) -> Value:
    x = site.node("self")
    old = site.type(x)
    dim, start, stop, step = site["dim"], site["start"], site["end"], site["step"]
    size = old.shape[dim]
    start = None if start in (None, 0) else start
    if stop is not None and (stop == size or (isinstance(stop, int) and (stop >= LAST or _beyond(stop, size)))):
        stop = None
    if start is None and stop is None and step == 1:
        return x
    return site.emit(join.Slice(dim, start, stop, None if step == 1 else step), x)


def _beyond(stop: int, size: Size) -> bool:
    return isinstance(size, int) and stop >= size


def _select(site: Site) -> Value:
    x, dim, index = site.node("self"), site["dim"], site["index"]
    size = site.type(x).shape[dim]
    if isinstance(size, int) and size == 1:
        index = 0
    return site.emit(join.Select(dim, index), x)


def _narrow(site: Site) -> Value:
    start, length = site["start"], site["length"]
    return site.emit(join.Slice(site["dim"], start or None, start + length), site["self"])


def _split(site: Site) -> Value:
    x, dim = site.node("self"), site["dim"]
    size = site.type(x).shape[dim]
    parts = site["split_size"] if "split_size" in site.call.arguments else site["split_sizes"]
    if isinstance(parts, int):
        if not isinstance(size, int):
            raise UnknownSize("parts of a dimension whose size is free")
        count = -(-size // parts)
        if size % parts == 0:
            return _parts(site.emit(join.Chunk(count, dim), x))
        parts = (parts,) * (count - 1) + (size - parts * (count - 1),)
    return _parts(site.emit(join.Split(tuple(parts), dim), x))


def _parts(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


def _chunk(site: Site) -> Value:
    x, dim, count = site.node("self"), site["dim"], site["chunks"]
    size = site.type(x).shape[dim]
    if isinstance(size, int) and size % count:
        part = -(-size // count)
        sizes = [part] * (size // part) + ([size % part] if size % part else [])
        return _parts(site.emit(join.Split(tuple(sizes), dim), x))
    return _parts(site.emit(join.Chunk(count, dim), x))


def _unbind(site: Site) -> Value:
    return _parts(site.emit(join.Unbind(site["dim"]), site["self"]))


def _concat(site: Site) -> Value:
    values = [v for v in site["tensors"] if site.kind_of(v).shape != (0,)]
    return values[0] if len(values) == 1 else site.emit(join.Concat(site["dim"]), *values)


def _stack(site: Site) -> Value:
    return site.emit(join.Stack(site["dim"]), *site["tensors"])


def _slice_scatter(site: Site) -> Value:
    """The parts before and after the written slice, with the new values between them."""
    x, new = site.node("self"), site["src"]
    dim, size = site["dim"], site.type(x).shape[site["dim"]]
    start, stop, step = site["start"] or 0, site["end"], site["step"]
    stop = size if stop is None or (isinstance(stop, int) and (stop >= LAST or _beyond(stop, size))) else stop
    if isinstance(start, int) and start < 0:
        start = size + start
    if isinstance(stop, int) and stop < 0:
        stop = size + stop
    if step != 1:
        if not (isinstance(start, int) and isinstance(stop, int) and isinstance(size, int)):
            raise UnknownSize("a write with steps into a dimension whose size is free")
        places = torch.arange(size)
        places[start:stop:step] = size + torch.arange(len(range(start, stop, step)))
        return site.emit(join.IndexSelect(dim), site.emit(join.Concat(dim), x, new), Constant(places))
    pieces = [] if start == 0 else [site.emit(join.Slice(dim, None, start), x)]
    pieces.append(new)
    if stop != size:
        pieces.append(site.emit(join.Slice(dim, stop), x))
    return pieces[0] if len(pieces) == 1 else site.emit(join.Concat(dim), *pieces)


def _select_scatter(site: Site) -> Value:
    x, dim, index = site.node("self"), site["dim"], site["index"]
    size = site.type(x).shape[dim]
    new = site.emit(shape.Unsqueeze(dim), site["src"])
    if not isinstance(index, int) or (index < 0 and not isinstance(size, int)):
        raise UnknownSize("a write at a free position")
    index = index % size if isinstance(size, int) else index
    pieces = [] if index == 0 else [site.emit(join.Slice(dim, None, index), x)]
    pieces.append(new)
    if size != index + 1:
        pieces.append(site.emit(join.Slice(dim, index + 1), x))
    return pieces[0] if len(pieces) == 1 else site.emit(join.Concat(dim), *pieces)


def _index(site: Site) -> Value:
    """`x[index]` along one dimension: rows of a table."""
    x, indices = site["self"], site["indices"]
    where = [k for k, i in enumerate(indices) if i is not None]
    if len(where) != 1:
        raise NoRule(f"{len(where)} index tensors at once")
    return _rows(site, x, where[0], indices[where[0]])


def _index_put(site: Site) -> Value:
    """`x[mask] = number`."""
    indices, value = site["indices"], site["values"]
    if site["accumulate"] or len(indices) != 1 or site.kind_of(indices[0]).dtype != "bool":
        raise NoRule("positions that depend on data")
    if site.kind_of(value).rank or site.kind_of(indices[0]).rank != site.result.rank:
        raise NoRule("a mask of fewer dimensions, or as many values as are true in it")
    return site.emit(Where(), indices[0], value, site["self"])


def _unfold(site: Site) -> Value:
    """`x.unfold(dim, size, step)`: windows along one dimension, their elements on a new last one."""
    x = site.node("self")
    rank = site.type(x).rank
    dim, size, step = site["dimension"] % rank, site["size"], site["step"]
    over = (("i", site.result.shape[dim]), ("j", size))
    index = site.emit(Formula("i + j" if step == 1 else f"{step} * i + j", over), short="windows")
    order = (*range(dim + 1), *range(dim + 2, rank + 1), dim + 1)
    return site.emit(shape.Permute(order), site.emit(join.IndexSelect(dim), x, index))


def _index_select(site: Site) -> Value:
    return _rows(site, site["self"], site["dim"], site["index"])


def _rows(site: Site, x: Value, dim: int, index: Value) -> Value:
    if site.kind_of(index).dtype == "bool":
        raise NoRule("a mask, whose result has a size that depends on data")
    kind = site.kind_of(x)
    if kind.rank == 2 and dim == 0:
        rows = site.emit_named(Embedding(), {"index": index, "table": x})
        if isinstance(index, Constant):
            site.convert.lookups[rows] = (x, index)
        return rows
    return site.emit(join.IndexSelect(dim), x, index)


# -- made of nothing ------------------------------------------------------------------------------
def _filled(number: float | None) -> Rule:
    """A tensor full of one number; where its sizes are known it is a constant, else a formula over them."""

    def rule(site: Site) -> Value:
        value = site["value" if "value" in site.call.arguments else "fill_value"] if number is None else number
        kind = site.result
        if all(isinstance(s, int) for s in kind.shape):
            return Constant(torch.full(kind.shape, value, dtype=getattr(torch, kind.dtype)))  # type: ignore[arg-type]
        over = tuple((name, size) for name, size in zip("ijklmn", kind.shape, strict=False))
        return _as(site, site.emit(Formula(repr(value), over)), kind.dtype)

    return rule


def _filled_with(site: Site) -> Value:
    """Full of the number that a tensor without dimensions holds."""
    x, value = site.node("self"), cast_to(site, site["value"], DTYPES[site.result.dtype])
    if isinstance(value, Constant) and all(isinstance(s, int) for s in site.result.shape):
        return Constant(value.tensor.expand(site.result.shape))  # type: ignore[arg-type]
    return site.emit(shape.Expand(site.type(x).shape), value)


def _arange(site: Site) -> Value:
    start = site["start"] if "start" in site.call.arguments else 0
    step = site["step"] if "step" in site.call.arguments else 1
    (size,) = site.result.shape
    text = "i" if step == 1 else f"{step!r} * i"
    if start:
        if isinstance(start, Dim):
            raise UnknownSize("a start that is a size left free")
        text = f"{start!r} + {text}"
    return _as(site, site.emit(Formula(text, (("i", size),))), site.result.dtype)


def _as(site: Site, value: Value, dtype: str) -> Value:
    return value if site.type(value).dtype == dtype else site.emit(Cast(dtype), value)  # type: ignore[arg-type]


def _meshgrid(site: Site) -> Value:
    vectors = site["tensors"]
    swap = site["indexing"] == "xy" if "indexing" in site.call.arguments else False
    sizes = [site.kind_of(v).shape[0] for v in vectors]
    order = [1, 0, *range(2, len(sizes))] if swap else list(range(len(sizes)))
    results = []
    for axis, vector in enumerate(vectors):
        lone: tuple[Any, ...] = tuple(-1 if order[k] == axis else 1 for k in range(len(sizes)))
        flat = site.emit(shape.Reshape(lone), vector)
        results.append(site.emit(shape.Expand(tuple(sizes[k] for k in order)), flat))
    return tuple(results)


RULES: dict[str, Rule] = {
    "getitem": _getitem,
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
    "unfold.default": _unfold, "slice.Tensor": _slice, "select.int": _select, "narrow.default": _narrow,
    "split.Tensor": _split, "split_with_sizes.default": _split, "split.sizes": _split, "chunk.default": _chunk,
    "unbind.int": _unbind,
    "cat.default": _concat, "concat.default": _concat, "concatenate.default": _concat, "stack.default": _stack,
    "slice_scatter.default": _slice_scatter, "select_scatter.default": _select_scatter,
    "index.Tensor": _index, "index_put.default": _index_put, "index_select.default": _index_select,
    "zeros.default": _filled(0), "ones.default": _filled(1), "full.default": _filled(None),
    "zeros_like.default": _filled(0), "ones_like.default": _filled(1), "full_like.default": _filled(None),
    "new_zeros.default": _filled(0), "new_ones.default": _filled(1), "new_full.default": _filled(None),
    "zero.default": _filled(0), "fill.Scalar": _filled(None), "fill.Tensor": _filled_with,
    "arange.default": _arange, "arange.start": _arange, "arange.start_step": _arange,
    "meshgrid.default": _meshgrid, "meshgrid.indexing": _meshgrid,
}  # fmt: skip
