"""Rules for layers with weights: convolutions and linear maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphwright.compiler.importing.onnx.call import Call, Unsupported, Value
from graphwright.compiler.importing.onnx.folding import Known
from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ops.activation import Prelu
from graphwright.compiler.ops.arithmetic import Add, Scale
from graphwright.compiler.ops.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from graphwright.compiler.ops.linear import Linear, Matmul
from graphwright.compiler.ops.shape import Pad, Transpose

CONVOLUTIONS: dict[int, Any] = {1: Conv1d, 2: Conv2d, 3: Conv3d}
TRANSPOSED: dict[int, Any] = {1: ConvTranspose1d, 2: ConvTranspose2d, 3: ConvTranspose3d}


def short(values: tuple[int, ...]) -> Any:
    """One number where all are alike, as specs write it."""
    return values[0] if len(set(values)) == 1 else values


def per_axis(call: Call, name: str, rank: int) -> tuple[int, ...]:
    """An attribute with a number per spatial dimension, 1 by default."""
    return tuple(int(v) for v in call.attribute(name) or (1,) * rank)


def reversed_pads(before: tuple[int, ...], after: tuple[int, ...]) -> tuple[int, ...]:
    """Padding in torch's order: from the last dimension backwards, both ends of each."""
    return tuple(v for pair in reversed(list(zip(before, after, strict=True))) for v in pair)


def window_padding(
    call: Call, spatial: tuple[Size, ...], reach: tuple[int, ...], stride: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]] | str:
    """Padding before and after each spatial dimension, or "same" where it depends on a size."""
    rank = len(reach)
    mode = call.attribute("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = tuple(int(v) for v in call.attribute("pads") or (0,) * (2 * rank))
        return pads[:rank], pads[rank:]
    if mode == "VALID":
        return (0,) * rank, (0,) * rank
    if any(s != 1 for s in stride) and not all(isinstance(size, int) for size in spatial):
        if mode == "SAME_UPPER":
            return "same"
        raise Unsupported("auto_pad=SAME_LOWER with a stride needs fixed sizes")
    totals = [
        r - 1 if s == 1 else max((-(-int(size) // s) - 1) * s + r - int(size), 0)
        for size, r, s in zip(spatial, reach, stride, strict=True)
    ]
    less, more = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
    return (less, more) if mode == "SAME_UPPER" else (more, less)


def _weight(call: Call) -> tuple[Value, tuple[Size, ...]]:
    """The second input as a weight, with its shape."""
    known = call.known(1)
    return (call.value(1) if known is None else known), call.type(1).shape


def _bias(call: Call, index: int, count: int) -> Value | None:
    """A bias, unless it is missing or a computed zero."""
    if not call.has(index):
        return None
    known = call.known(index)
    if known is None:
        return call.value(index)
    if not known.source and not known.array.any():
        return None
    return Known(known.array.reshape(count), known.source) if known.array.size == count else known


def conv(call: Call) -> str:
    """Conv."""
    x, (weight, shape) = call.value(0), _weight(call)
    rank = len(shape) - 2
    if rank not in CONVOLUTIONS:
        raise Unsupported(f"a weight of {rank + 2} dimensions; convolutions run over 1 to 3 spatial ones")
    kernel = tuple(int(s) for s in shape[2:])
    stride, dilation = per_axis(call, "strides", rank), per_axis(call, "dilations", rank)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    padding = window_padding(call, call.type_of(x).shape[2:], reach, stride)
    if not isinstance(padding, str) and padding[0] != padding[1]:
        x = call.add(Pad(reversed_pads(*padding)), x)
        padding = (0,) * rank, (0,) * rank
    bias = _bias(call, 2, int(shape[0]))
    op = CONVOLUTIONS[rank](
        int(shape[0]), short(kernel), short(stride), padding if isinstance(padding, str) else short(padding[0]),
        short(dilation), int(call.attribute("group", 1)), bias is not None,
    )  # fmt: skip
    return call.layer(op, x, weight=weight, bias=bias)


def conv_transpose(call: Call) -> str:
    """ConvTranspose; padding that differs between the ends is cut off afterwards."""
    x, (weight, shape) = call.value(0), _weight(call)
    rank, groups = len(shape) - 2, int(call.attribute("group", 1))
    if rank not in TRANSPOSED:
        raise Unsupported(f"a weight of {rank + 2} dimensions; convolutions run over 1 to 3 spatial ones")
    kernel, stride = tuple(int(s) for s in shape[2:]), per_axis(call, "strides", rank)
    dilation = per_axis(call, "dilations", rank)
    extra = tuple(int(v) for v in call.attribute("output_padding") or (0,) * rank)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    before, after = _cut(call, call.type_of(x).shape[2:], reach, stride, extra)
    bias = _bias(call, 2, int(shape[1]) * groups)
    even = before == after
    op = TRANSPOSED[rank](
        int(shape[1]) * groups, short(kernel), short(stride), short(before) if even else 0, short(extra), groups,
        bias is not None, short(dilation),
    )  # fmt: skip
    y = call.layer(op, x, weight=weight, bias=bias)
    ends = reversed_pads(tuple(-b for b in before), tuple(-a for a in after))
    return y if even else call.add(Pad(ends), y)


def _cut(
    call: Call, spatial: tuple[Size, ...], reach: tuple[int, ...], stride: tuple[int, ...], extra: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a transposed convolution cuts off before and after each dimension of its full result."""
    rank, mode = len(reach), call.attribute("auto_pad", "NOTSET")
    wanted = call.attribute("output_shape")
    if wanted is None and mode in ("NOTSET", "VALID"):
        pads = tuple(int(v) for v in call.attribute("pads") or (0,) * (2 * rank))
        return (pads[:rank], pads[rank:]) if mode == "NOTSET" else ((0,) * rank, (0,) * rank)
    totals = []
    for axis in range(rank):
        size, s = spatial[axis], stride[axis]
        full = (size - 1) * s + extra[axis] + reach[axis]
        total = full - (size * s if wanted is None else int(wanted[axis]))
        if not isinstance(total, int):
            raise Unsupported("output_shape needs fixed sizes of the input")
        totals.append(total if wanted is not None else max(total, 0))  # as onnxruntime where steps exceed the kernel
    less, more = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
    return (less, more) if mode == "SAME_UPPER" else (more, less)


# -- linear maps, slopes ---------------------------------------------------------------------------
def prelu(call: Call) -> str:
    """PRelu with one slope, or one per channel; other slopes are written out."""
    x = call.value(0)
    kind, slope = call.type_of(x), call.known(1)
    if slope is not None:
        lead = slope.array.shape[0] if slope.array.ndim == kind.rank - 1 and kind.rank > 1 else 1
        if slope.array.size in (1, lead) and (slope.array.size == 1 or lead == kind.shape[1]):
            return call.layer(Prelu(slope.array.size), x, weight=Known(slope.array.reshape(-1), slope.source))
    return call.formula("max(x, 0) + slope * min(x, 0)", x=x, slope=call.value(1))


def transposed(known: Known) -> Known:
    """A matrix with rows and columns exchanged; twice is once again the same."""
    return Known(known.array.T, known.source)


def matmul(call: Call) -> str:
    """MatMul; with a known matrix on the right it is a linear layer, together with an addition of a bias after it."""
    weight = call.known(1)
    if weight is None or weight.array.ndim != 2 or weight.array.dtype != np.float32:
        return call.add(Matmul(), call.value(0), call.value(1))
    out, after = weight.array.shape[1], call.only_reader()
    bias = _following_bias(call, after, out)
    value = call.layer(Linear(out, bias is not None), call.value(0), weight=transposed(weight), bias=bias)
    if bias is not None:
        call.reader.absorbed[id(after)] = value
    return value


def _following_bias(call: Call, after: Any, out: int) -> Known | None:
    """The known vector that the next node adds to the result, if it does nothing else."""
    if after is None or after.op_type != "Add" or after.domain not in ("", "ai.onnx"):
        return None
    others = [name for name in after.input if name != call.node.output[0]]
    found = call.reader.env.get(others[0]) if len(others) == 1 else None
    if not isinstance(found, Known) or found.symbolic or found.array.shape != (out,) or found.array.dtype != np.float32:
        return None
    return found


def gemm(call: Call) -> str:
    """Gemm, `alpha a b + beta c`: a linear layer where b and c are known."""
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    x = call.value(0)
    if call.attribute("transA", 0):
        x = call.add(Transpose((0, 1)), x)
    weight, bias = call.known(1), call.known(2)
    if weight is not None and (bias is not None or not call.has(2)):
        kernel = weight if call.attribute("transB", 0) else transposed(weight)
        kernel = kernel if alpha == 1 else Known(kernel.array * np.float32(alpha), kernel.source)
        out = kernel.array.shape[0]
        if bias is None or (bias.array.size == 1 and bias.array.ndim < 2) or bias.array.shape[-1:] == (out,):
            shift = None if bias is None else _row(bias, out, beta)
            if bias is None or shift is not None:
                return call.layer(Linear(out, shift is not None), x, weight=kernel, bias=shift)
    y = call.value(1)
    if call.attribute("transB", 0):
        y = call.add(Transpose((0, 1)), y)
    product = call.add(Matmul(), x, y)
    product = product if alpha == 1 else call.add(Scale(alpha), product)
    if not call.has(2):
        return product
    addend = call.value(2) if beta == 1 else call.add(Scale(beta), call.value(2))
    return call.add(Add(), product, addend)


def _row(bias: Known, out: int, beta: float) -> Known | None:
    """A bias as one vector, if it is the same for all rows."""
    if bias.array.ndim > 1 and bias.array.shape[0] != 1:
        return None
    array = np.broadcast_to(bias.array.reshape(-1), (out,))
    return Known(array if beta == 1 else array * np.float32(beta), bias.source)
