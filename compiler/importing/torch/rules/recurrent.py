"""Recurrent layers, which keep torch's parameter names. They start from zero, as torch's do if no state is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphwright.compiler.importing.torch.site import Rule, Site
from graphwright.compiler.importing.torch.values import Constant, NoRule, State, Value
from graphwright.compiler.ops.arithmetic import Cast
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.recurrent import Gru, Lstm, Rnn
from graphwright.compiler.ops.shape import Transpose


def _recurrent(make: Callable[..., Any]) -> Rule:
    def rule(site: Site) -> Value:
        states = site["hx"] if isinstance(site["hx"], tuple) else (site["hx"],)
        if not all(_is_zero(site, state) for state in states):
            raise NoRule("a first state that is not zero")
        weights = site["params"]
        if not all(isinstance(w, State) for w in weights):
            raise NoRule("weights that are computed")
        hidden = weights[1].tensor.shape[1]
        op = make(hidden=hidden, layers=site["num_layers"], bidirectional=site["bidirectional"],
                  bias=site["has_biases"], dropout=float(site["dropout"]))  # fmt: skip
        x = site["input"] if site["batch_first"] else site.emit(Transpose((0, 1)), site["input"])
        first = site.layer(op, x, {w.leaf: w for w in weights})
        out = first if site["batch_first"] else site.emit(Transpose((0, 1)), first)
        return (out, *(f"{first}:{k}" for k in range(1, len(op.results))))

    return rule


def _is_zero(site: Site, value: Value) -> bool:
    if isinstance(value, Constant):
        return not value.tensor.any()
    nodes = {n.name: n for n in site.convert.builder.nodes}
    node = nodes.get(value)
    while node is not None and isinstance(node.op, Cast):
        node = nodes.get(node.reads[0])
    return node is not None and isinstance(node.op, Formula) and node.op.value in ("0", "0.0")


RULES: dict[str, Rule] = {
    "lstm.input": _recurrent(Lstm), "gru.input": _recurrent(Gru), "rnn_tanh.input": _recurrent(Rnn),
    "rnn_relu.input": _recurrent(lambda **fields: Rnn(**fields, activation="relu")),
}  # fmt: skip
