"""Rules for reductions along dimensions, and for layers over sequences: recurrences, attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphwright.compiler.importing.onnx.call import Call, Unsupported, Value
from graphwright.compiler.importing.onnx.folding import Known
from graphwright.compiler.importing.onnx.shapes import axes_of
from graphwright.compiler.ops import reduce
from graphwright.compiler.ops.arithmetic import Abs, Cumsum, Exp, Log, Square, Sub
from graphwright.compiler.ops.attention import Attention
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.linear import Einsum
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.rearrange import Rearrange
from graphwright.compiler.ops.recurrent import Gru, Lstm, Rnn
from graphwright.compiler.ops.shape import Flip, Permute, RepeatInterleave


# -- reductions -----------------------------------------------------------------------------------
def reduction(op: Callable[..., Op], before: Any = None, after: Any = None, **fixed: Any) -> Callable[[Call], str]:
    """A reduction, with what is done to each element before and to the result after it."""

    def rule(call: Call) -> str:
        x, axes = call.value(0), axes_of(call)
        rank, keep = call.type_of(x).rank, bool(call.attribute("keepdims", 1))
        if not axes and call.attribute("noop_with_empty_axes", 0):
            raise Unsupported("noop_with_empty_axes=1 without axes")
        dims: Any = tuple(sorted(a % rank for a in axes)) if axes else tuple(range(rank))
        if not keep and len(dims) == rank:
            dims = None
        elif len(dims) == 1:
            dims = dims[0]
        x = x if before is None else call.add(before(), x)
        result = call.add(op(dims=dims, keep=keep, **fixed), x)
        return result if after is None else call.add(after(), result)

    return rule


def position(op: Callable[..., Op]) -> Callable[[Call], str]:
    """ArgMax and ArgMin, the first of equal ones."""

    def rule(call: Call) -> str:
        call.refuse(select_last_index=0)
        return call.add(op(int(call.attribute("axis", 0)), bool(call.attribute("keepdims", 1))), call.value(0))

    return rule


def top_k(call: Call) -> tuple[str, ...]:
    """TopK."""
    k = int(call.numbers(1, "k")[0]) if call.has(1) else int(call.attribute("k"))
    return call.add_all(
        reduce.TopK(k, int(call.attribute("axis", -1)), bool(call.attribute("largest", 1))), call.value(0)
    )


def cumsum(call: Call) -> str:
    """CumSum, also from the end, and without the element itself."""
    x, axis = call.value(0), int(call.numbers(1, "the axis")[0])
    turned = call.add(Flip(axis), x) if call.attribute("reverse", 0) else x
    total = call.add(Cumsum(axis), turned)
    total = call.add(Sub(), total, turned) if call.attribute("exclusive", 0) else total
    return call.add(Flip(axis), total) if call.attribute("reverse", 0) else total


def einsum(call: Call) -> str:
    """Einsum with a result that is written out."""
    return call.add(Einsum(call.attribute("equation").replace(" ", "")), *call.values())


# -- recurrences ----------------------------------------------------------------------------------
#: Op, activations that it has, and where ONNX's gates stand in torch's order.
_CELLS: dict[str, tuple[Any, tuple[str, ...], tuple[int, ...]]] = {
    "LSTM": (Lstm, ("Sigmoid", "Tanh", "Tanh"), (0, 2, 3, 1)),  # i o f c -> i f c o
    "GRU": (Gru, ("Sigmoid", "Tanh"), (1, 0, 2)),  # z r h -> r z h
    "RNN": (Rnn, ("Tanh",), (0,)),
}


def _rows(array: Any, order: tuple[int, ...]) -> Any:
    """Blocks of rows, one per gate, in torch's order."""
    blocks = np.split(array, len(order))
    return np.ascontiguousarray(np.concatenate([blocks[k] for k in order]))


def recurrent(call: Call) -> list[Value]:
    """LSTM, GRU and RNN from a zero state, over [T, N, C] or, with layout 1, [N, T, C]."""
    cell, activations, order = _CELLS[call.node.op_type]
    call.refuse(clip=None, input_forget=0)
    direction, hidden = call.attribute("direction", "forward"), int(call.attribute("hidden_size"))
    ways = 2 if direction == "bidirectional" else 1
    given = [a.decode().title() if isinstance(a, bytes) else a for a in call.attribute("activations", activations)]
    relu = call.node.op_type == "RNN" and set(given) == {"Relu"}
    if tuple(given) != activations * (len(given) // len(activations)) and not relu:
        raise Unsupported(f"activations={given}; only {list(activations)} have a counterpart")
    if call.node.op_type == "GRU":
        call.refuse(linear_before_reset=1) if call.attribute("linear_before_reset", 0) != 1 else None
        if not call.attribute("linear_before_reset", 0):
            raise Unsupported("linear_before_reset=0 has no counterpart; only 1 has")
    _zero_state(call)
    parameters = _gates(call, order, hidden, ways)
    layout = int(call.attribute("layout", 0))
    x = call.value(0) if layout else call.add(Permute((1, 0, 2)), call.value(0))
    x = call.add(Flip(1), x) if direction == "reverse" else x
    arguments = {"activation": "relu"} if relu else {}
    op = cell(hidden, bidirectional=ways == 2, bias=call.has(3), **arguments)
    out, *states = call.layer_all(op, x, **parameters)
    out = call.add(Flip(1), out) if direction == "reverse" else out
    pattern = "n t (d h) -> n t d h" if layout else "n t (d h) -> t d n h"
    sequence = call.add(Rearrange(pattern, (("d", ways),)), out)
    return [sequence, *(call.add(Permute((1, 0, 2)), s) if layout else s for s in states)]


def _zero_state(call: Call) -> None:
    """Refuses lengths, peepholes and a first state other than zero."""
    if call.has(4) and not _whole_length(call):
        raise Unsupported("sequence_lens that differ from the length of the input")
    for index, what in ((5, "initial_h"), (6, "initial_c"), (7, "peepholes")):
        if not call.has(index):
            continue
        known, raw = call.known(index), call.raw(index)
        nodes = {n.name: n for n in call.reader.builder.nodes}
        made = nodes.get(raw) if isinstance(raw, str) else None
        zero = (known is not None and not known.array.any()) or (
            made is not None and isinstance(made.op, Formula) and made.op.value in ("0", "0.0")
        )
        if not zero:
            raise Unsupported(f"{what} that is not zero has no counterpart")


def _whole_length(call: Call) -> bool:
    known, length = call.known(4), call.type(0).shape[int(call.attribute("layout", 0))]
    return known is not None and isinstance(length, int) and bool((known.array == length).all())


def _gates(call: Call, order: tuple[int, ...], hidden: int, ways: int) -> dict[str, Value | None]:
    """The weights of each direction under torch's names."""
    w, r = call.needed(1, "the weight").array, call.needed(2, "the recurrent weight").array
    b = call.needed(3, "the bias").array if call.has(3) else None
    found: dict[str, Value | None] = {}
    for k, end in zip(range(ways), ("", "_reverse"), strict=False):
        found[f"weight_ih_l0{end}"], found[f"weight_hh_l0{end}"] = Known(_rows(w[k], order)), Known(_rows(r[k], order))
        if b is not None:
            half = len(order) * hidden
            found[f"bias_ih_l0{end}"] = Known(_rows(b[k][:half], order))
            found[f"bias_hh_l0{end}"] = Known(_rows(b[k][half:], order))
    return found


# -- attention ------------------------------------------------------------------------------------
def attention(call: Call) -> str:
    """Attention over [N, heads, L, E], or over [N, L, heads E] with the number of heads given."""
    call.refuse(softcap=0.0, qk_matmul_output_mode=0)
    if call.has(4) or call.has(5):
        raise Unsupported("past keys and values")
    q, k, v = (call.value(i) for i in range(3))
    heads, shared = call.attribute("q_num_heads"), call.attribute("kv_num_heads")
    flat = call.type_of(q).rank == 3
    if flat:
        q, k, v = (
            call.add(Rearrange("n l (h e) -> n h l e", (("h", int(count)),)), x)
            for x, count in ((q, heads), (k, shared), (v, shared))
        )
    groups = int(call.type_of(q).shape[1]) // int(call.type_of(k).shape[1])
    if groups > 1:
        k, v = (call.add(RepeatInterleave(groups, 1), x) for x in (k, v))
    causal, scale = bool(call.attribute("is_causal", 0)), call.attribute("scale")
    bias = [call.value(3)] if call.has(3) else []
    out = call.add(Attention(scale, causal), q, k, v, *bias)
    return call.add(Rearrange("n h l e -> n l (h e)"), out) if flat else out


ROWS: dict[str, Any] = {
    "ReduceMean": reduction(reduce.Mean), "ReduceSum": reduction(reduce.Sum), "ReduceMax": reduction(reduce.Amax),
    "ReduceMin": reduction(reduce.Amin), "ReduceProd": reduction(reduce.Prod), "ReduceL2": reduction(reduce.Norm),
    "ReduceL1": reduction(reduce.Sum, before=Abs), "ReduceSumSquare": reduction(reduce.Sum, before=Square),
    "ReduceLogSum": reduction(reduce.Sum, after=Log), "ReduceLogSumExp": reduction(reduce.Sum, before=Exp, after=Log),
    "ArgMax": position(reduce.Argmax), "ArgMin": position(reduce.Argmin), "TopK": top_k, "CumSum": cumsum,
    "Einsum": einsum, "LSTM": recurrent, "GRU": recurrent, "RNN": recurrent, "Attention": attention,
}  # fmt: skip
