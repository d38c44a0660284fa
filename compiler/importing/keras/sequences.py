"""Rules for Keras' recurrent layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphwright.compiler.importing.keras.layers import Pairs
from graphwright.compiler.importing.keras.reading import Layer, Unsupported, Value
from graphwright.compiler.ops.rearrange import Rearrange
from graphwright.compiler.ops.recurrent import Gru, Lstm, Rnn
from graphwright.compiler.ops.shape import Flip

#: Op, recurrent activation, and where Keras' gates stand in torch's order.
_CELLS: dict[str, tuple[Any, str | None, tuple[int, ...]]] = {
    "LSTM": (Lstm, "sigmoid", (0, 1, 2, 3)), "GRU": (Gru, "sigmoid", (1, 0, 2)), "SimpleRNN": (Rnn, None, (0,)),
}  # fmt: skip


def _rows(array: Any, order: tuple[int, ...]) -> Any:
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[k] for k in order])


def _gates(arrays: list[Any], order: tuple[int, ...], bias: bool, end: str) -> Pairs:
    """One direction's weights: kernels transposed, one bias for both terms where Keras has one."""
    found = [(f"weight_ih_l0{end}", _rows(arrays[0].T, order)), (f"weight_hh_l0{end}", _rows(arrays[1].T, order))]
    if bias:
        first, second = arrays[2] if arrays[2].ndim == 2 else (arrays[2], np.zeros_like(arrays[2]))
        found += [(f"bias_ih_l0{end}", _rows(first, order)), (f"bias_hh_l0{end}", _rows(second, order))]
    return found


def recurrent(layer: Layer, both: bool = False) -> Value:
    """LSTM, GRU and SimpleRNN with their usual activations, and the bidirectional wrapper around them."""
    if both:
        layer.refuse(merge_mode="concat")
        layer.config = {**layer.config["layer"]["config"], "kind": layer.config["layer"]["class_name"]}
    kind = layer.config.get("kind", layer.kind)
    if kind not in _CELLS:
        raise Unsupported(f"around a layer of class {kind}")
    cell, gate, order = _CELLS[kind]
    layer.refuse(activation="tanh", return_state=False, stateful=False, reset_after=True)
    layer.refuse(**({"recurrent_activation": gate} if gate else {}))
    bias, ways = bool(layer.config.get("use_bias", True)), 2 if both else 1
    backwards = bool(layer.config.get("go_backwards", False))
    if both and backwards:
        raise Unsupported("go_backwards=True inside")
    arrays = layer.numbers(ways * (2 + bias))
    weights: Pairs = []
    for k, end in zip(range(ways), ("", "_reverse"), strict=False):
        part = None if arrays is None else arrays[k * (2 + bias) : (k + 1) * (2 + bias)]
        weights += [] if part is None else _gates(part, order, bias, end)
    x = layer.channels_last()
    x = layer.add(Flip(1), x, suffix="backwards") if backwards else x
    op = cell(int(layer.config["units"]), bidirectional=both, bias=bias)
    out, state, *_ = layer.add_all(op, x, weights=weights)
    if layer.config.get("return_sequences", False):
        return Value(out)
    return Value(layer.add(Rearrange("d n h -> n (d h)"), state, suffix="last"))
