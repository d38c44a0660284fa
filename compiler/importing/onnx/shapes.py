"""Rules for what moves elements: shapes, parts, joins, look-ups."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from graphwright.compiler.importing.onnx.call import Call, Unsupported, Value
from graphwright.compiler.importing.onnx.file import need
from graphwright.compiler.importing.onnx.folding import Known, sizes
from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ops import join, linear, shape
from graphwright.compiler.ops.activation import Identity
from graphwright.compiler.ops.arithmetic import Gather, OneHot
from graphwright.compiler.ops.comparison import Ne, Where
from graphwright.compiler.ops.formula import Formula

#: Bounds of slices beyond this mean "to the end".
FAR = 2**31 - 2


def shape_of(call: Call) -> Known:
    """Shape: known as far as the sizes are."""
    whole = call.type(0).shape
    return sizes(whole[call.attribute("start", 0) : call.attribute("end")])


def size_of(call: Call) -> Known:
    """Size."""
    array = np.empty((), dtype=object)
    array[()] = call.type(0).numel()
    return Known(array)


def reshape(call: Call) -> str:
    """Reshape; 0 keeps a size, -1 takes the rest."""
    x = call.value(0)
    old = call.type_of(x).shape
    wanted = list(call.sizes(1, "the new shape") if call.has(1) else call.attribute("shape"))
    if not call.attribute("allowzero", 0):
        wanted = [old[k] if isinstance(s, int) and s == 0 else s for k, s in enumerate(wanted)]
    return reshaped(call, x, old, tuple(wanted))


def reshaped(call: Call, x: str, old: tuple[Size, ...], new: tuple[Size, ...]) -> str:
    """`x` in another shape, by the plainest op that says it."""
    if new == old:
        return x
    if len(new) == 2 and len(old) > 2 and new[0] in (old[0], -1) and new[1] in (-1, prod(old[1:])) and new != (-1, -1):
        return call.add(shape.Flatten(), x)
    free = [k for k, s in enumerate(new) if isinstance(s, Dim)]
    if len(free) == 1 and -1 not in new:  # the one free size follows from the others
        exact = prod(old) == prod(new)
        new = new if exact else tuple(-1 if k in free else s for k, s in enumerate(new))
    return call.add(shape.Reshape(new), x)


def flatten(call: Call) -> str:
    """Flatten to a matrix."""
    x = call.value(0)
    old = call.type_of(x).shape
    axis = int(call.attribute("axis", 1))
    axis += len(old) if axis < 0 else 0
    return reshaped(call, x, old, (prod(old[:axis]), prod(old[axis:])))


def transpose(call: Call) -> str:
    """Transpose."""
    x = call.value(0)
    rank = call.type_of(x).rank
    order = tuple(int(d) for d in call.attribute("perm") or reversed(range(rank)))
    return x if order == tuple(range(rank)) else call.add(shape.Permute(order), x)


def axes_of(call: Call, index: int = 1) -> list[int] | None:
    """The axes that an attribute or, in later versions, an input lists."""
    if call.has(index):
        return [int(a) for a in call.numbers(index, "axes")]
    given = call.attribute("axes")
    return None if given is None else [int(a) for a in given]


def squeeze(call: Call) -> str:
    """Squeeze."""
    x, axes = call.value(0), axes_of(call)
    old = call.type_of(x).shape
    if axes is None:
        axes = [k for k, s in enumerate(old) if s == 1]
    found = tuple(sorted(a % len(old) for a in axes))
    if chosen := _selected(call, x, found):
        return chosen
    return call.add(shape.Squeeze(found[0] if len(found) == 1 else found), x) if found else x


def _selected(call: Call, x: str, axes: tuple[int, ...]) -> str:
    """One place of a slice of length 1 whose dimension goes, as one op; else nothing."""
    made = next((n for n in reversed(call.reader.builder.nodes) if n.name == x), None)
    if made is None or not isinstance(made.op, join.Slice) or axes != (made.op.dims,):
        return ""
    start, stop = made.op.start or 0, made.op.stop
    if not isinstance(start, int) or made.op.step is not None or stop != (None if start == -1 else start + 1):
        return ""
    return call.add(join.Select(axes[0], start), made.reads[0])


def unsqueeze(call: Call) -> str:
    """Unsqueeze, one dimension at a time."""
    x, axes = call.value(0), axes_of(call) or []
    rank = call.type_of(x).rank + len(axes)
    for axis in sorted(a % rank for a in axes):
        x = call.add(shape.Unsqueeze(axis), x)
    return x


def expand(call: Call) -> Value:
    """Expand; sizes of 1 in the list keep the input's."""
    wanted = call.sizes(1, "the new shape")
    known = call.known(0)
    if known is not None and known.array.size == 1 and known.array.ndim <= len(wanted):
        return _filled(call, known.array.reshape(()).item(), wanted)
    x = call.value(0)
    old = call.type_of(x).shape
    rank = max(len(old), len(wanted))
    mine, other = (1,) * (rank - len(old)) + old, (1,) * (rank - len(wanted)) + wanted
    new = tuple(a if b == 1 else b for a, b in zip(mine, other, strict=True))
    return x if new == old else call.add(shape.Expand(new), x)


def _filled(call: Call, value: Any, wanted: tuple[Size, ...]) -> str:
    """A tensor of one number in sizes that are left free."""
    text = str(float(str(np.float32(value)))) if isinstance(value, float) else str(value)
    name = call.add(Formula(text, tuple((f"i{k}", s) for k, s in enumerate(wanted))))
    return call.add(Ne(0.0), name) if isinstance(value, bool) else name


def constant_of_shape(call: Call) -> str:
    """ConstantOfShape of sizes that are left free."""
    tensor = call.attributes.get("value")
    value = 0.0 if tensor is None else need("onnx.numpy_helper").to_array(tensor).reshape(-1)[0].item()
    return _filled(call, value, call.sizes(0, "the shape"))


def arange(call: Call) -> str:
    """Range up to a size that is left free."""
    start, limit, step = (call.sizes(k, "a bound")[0] for k in range(3))
    if not isinstance(start, int) or not isinstance(step, int) or step == 0:
        raise Unsupported(f"from {start} in steps of {step}; both must be numbers")
    count = -((start - limit) // step)
    text = "i" if step == 1 else f"{step} * i"
    return call.add(Formula(text if start == 0 else f"{text} + {start}", (("i", count),)))


def concat(call: Call) -> str:
    """Concat."""
    return call.add(join.Concat(int(call.attribute("axis"))), *call.values())


def split(call: Call) -> tuple[str, ...]:
    """Split into given sizes, or into as equal parts as there are outputs."""
    x, axis = call.value(0), int(call.attribute("axis", 0))
    size, count = call.type_of(x).shape[axis], len(call.node.output)
    parts: Any = call.sizes(1, "the sizes") if call.has(1) else call.attribute("split")
    if parts is None and isinstance(size, int) and size % count:
        step = -(-size // count)
        parts = [step] * (count - 1) + [size - step * (count - 1)]
    if parts is None or (len(set(parts)) == 1 and len(parts) > 1):
        return call.add_all(join.Chunk(count, axis), x)
    return call.add_all(join.Split(tuple(parts), axis), x)


def slice_(call: Call) -> str:
    """Slice; backwards is forwards, turned around."""
    x = call.value(0)
    rank = call.type_of(x).rank
    if call.has(1):
        starts, stops = call.sizes(1, "the start"), call.sizes(2, "the end")
        axes = [int(a) for a in call.numbers(3, "axes")] if call.has(3) else list(range(len(starts)))
        steps = [int(s) for s in call.numbers(4, "the steps")] if call.has(4) else [1] * len(starts)
    else:
        starts, stops = tuple(call.attribute("starts")), tuple(call.attribute("ends"))
        axes = list(call.attribute("axes") or range(len(starts)))
        steps = [1] * len(starts)
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        x = _cut(call, x, axis % rank, start, stop, step)
    return x


def _cut(call: Call, x: str, axis: int, start: Size, stop: Size, step: int) -> str:
    size = call.type_of(x).shape[axis]
    if step < 0:
        if not (isinstance(size, int) and isinstance(start, int) and isinstance(stop, int)):
            if start == -1 and isinstance(stop, int) and stop < -FAR and step == -1:
                return call.add(shape.Flip(axis), x)
            raise Unsupported(f"[{start}:{stop}:{step}] along a size that is left free")
        places = range(size)[max(start, -size - 1) : None if stop < -size else stop : step]
        if not places:
            raise Unsupported(f"[{start}:{stop}:{step}] of {size} elements is empty")
        turned = call.add(join.Slice(axis, places[-1], places[0] + 1, None if step == -1 else -step), x)
        return call.add(shape.Flip(axis), turned)
    first = None if isinstance(start, int) and start == 0 else start
    last = None if stop == size or (isinstance(stop, int) and stop > FAR) else stop
    if isinstance(last, int) and isinstance(size, int) and last >= size:
        last = None
    if first is None and last is None and step == 1:
        return x
    return call.add(join.Slice(axis, first, last, None if step == 1 else step), x)


def gather(call: Call) -> str:
    """Gather: one position is a selection, a table of weights is an embedding, a run of positions is a slice."""
    table, axis = call.known(0), int(call.attribute("axis", 0))
    index = call.known(1)
    floats = table is not None and table.array.dtype == np.float32
    if table is not None and floats and index is None and table.array.ndim == 2 and axis in (0, -2):
        count, dim = table.array.shape
        return call.layer(linear.Embedding(count, dim), call.value(1), weight=table)
    x = call.value(0)
    old = call.type_of(x).shape
    axis %= len(old)
    if index is not None and (found := _places(call, x, axis, index.array)):
        return found
    return call.add(join.IndexSelect(axis), x, call.value(1))


def _places(call: Call, x: str, axis: int, index: Any) -> str:
    """A selection or a slice, where the positions are one or a run; else nothing."""
    if index.ndim == 0:
        return call.add(join.Select(axis, int(index)), x)
    flat = index.reshape(-1)
    if index.ndim == 1 and len(flat) and flat[0] >= 0 and (np.diff(flat) == 1).all():
        return _cut(call, x, axis, int(flat[0]), int(flat[-1]) + 1, 1)
    return ""


def gather_elements(call: Call) -> str:
    """GatherElements."""
    x = call.value(0)
    return call.add(Gather(int(call.attribute("axis", 0)) % call.type_of(x).rank), x, call.value(1))


def tile(call: Call) -> str:
    """Tile."""
    return call.add(shape.Tile(call.sizes(1, "the repeats")), call.value(0))


def one_hot(call: Call) -> str:
    """OneHot along a new last dimension, with 0 and 1."""
    depth = int(call.numbers(1, "the depth")[0])
    values, x = call.numbers(2, "the values"), call.value(0)
    axis = int(call.attribute("axis", -1))
    if values != [0, 1] or axis not in (-1, call.type_of(x).rank):
        raise Unsupported(f"values={values} and axis={axis}; only [0, 1] along a new last dimension has a counterpart")
    return call.add(OneHot(depth), x)


def triangle(call: Call) -> str:
    """Trilu: elements above or below a diagonal are zero."""
    x = call.value(0)
    k = int(call.numbers(1, "the diagonal")[0]) if call.has(1) else 0
    height, width = call.type_of(x).shape[-2:]
    sign = ">=" if call.attribute("upper", 1) else "<="
    inside = call.add(Formula(f"j - i {sign} {k}", (("i", height), ("j", width))))
    return call.add(Where(0.0), call.add(Ne(0.0), inside), x)


def identity(call: Call) -> Value:
    """Identity: the value itself, unless it is what leaves the graph under a name of its own."""
    return call.add(Identity(), call.value(0)) if call.node.output[0] in call.reader.leaving else call.value(0)


ROWS: dict[str, Any] = {
    "Shape": shape_of, "Size": size_of, "Reshape": reshape, "Flatten": flatten, "Transpose": transpose,
    "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Expand": expand, "ConstantOfShape": constant_of_shape,
    "Range": arange, "Concat": concat, "Split": split, "Slice": slice_, "Gather": gather,
    "GatherElements": gather_elements, "Tile": tile, "OneHot": one_hot, "Trilu": triangle, "Identity": identity,
}  # fmt: skip
