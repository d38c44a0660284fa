"""Parts of tensors and what is joined from parts: slices, splits, indices, concatenation."""

from __future__ import annotations

import torch

from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.sizes import UnknownSize
from graphwright.compiler.importing.torch.values import Constant, Lazy, NoRule, Quiet, Value
from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ops import join, shape
from graphwright.compiler.ops.comparison import Where
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.linear import Embedding

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
    return looked_up(site, x, where[0], indices[where[0]])


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
    return looked_up(site, site["self"], site["dim"], site["index"])


def looked_up(site: Site, x: Value, dim: int, index: Value) -> Value:
    if site.kind_of(index).dtype == "bool":
        raise NoRule("a mask, whose result has a size that depends on data")
    kind = site.kind_of(x)
    if kind.rank == 2 and dim == 0:
        rows = site.emit_named(Embedding(), {"index": index, "table": x})
        if isinstance(index, Constant):
            site.convert.lookups[rows] = (x, index)
        return rows
    return site.emit(join.IndexSelect(dim), x, index)


RULES: dict[str, Rule] = {
    "getitem": _getitem,
    "unfold.default": _unfold, "slice.Tensor": _slice, "select.int": _select, "narrow.default": _narrow,
    "split.Tensor": _split, "split_with_sizes.default": _split, "split.sizes": _split, "chunk.default": _chunk,
    "unbind.int": _unbind,
    "cat.default": _concat, "concat.default": _concat, "concatenate.default": _concat, "stack.default": _stack,
    "slice_scatter.default": _slice_scatter, "select_scatter.default": _select_scatter,
    "index.Tensor": _index, "index_put.default": _index_put, "index_select.default": _index_select,
}  # fmt: skip
