"""Composite ops in terms of plain ones, for analyses that have rules of those: loops, attention in heads, LSTMs.

`spell` adds the plain nodes one by one through `Steps`, which an analysis implements, and returns the values that they
end in. They compute what the op computes, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.activation import Identity, Relu, Sigmoid, Tanh
from graphwright.compiler.ops.arithmetic import Add, Lerp, Mul, Sub
from graphwright.compiler.ops.attention import Attention, MultiHeadAttention
from graphwright.compiler.ops.convolution import Conv1d, Conv2d
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.join import Chunk, Concat, Slice, Stack, Unbind
from graphwright.compiler.ops.linear import Linear
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Op, spread
from graphwright.compiler.ops.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
)
from graphwright.compiler.ops.recurrent import Gru, Lstm, Rnn
from graphwright.compiler.ops.shape import Flatten, Squeeze, Transpose, Unflatten, Unsqueeze
from graphwright.compiler.transforms.instrument import Reads

Values = tuple[str, ...]


class Steps(Protocol):
    """Where plain nodes go."""

    def step(self, node: Node, word: str, op: Op, reads: Reads) -> Values:
        """A plain node of the composite `node`."""
        ...

    def parameter(self, node: Node, leaf: str) -> str | None:
        """A parameter of the composite as a value; `None` where it has none of that name."""
        ...

    def nothing(self, node: Node, like: str) -> str:
        """Zeros in the shape of a value."""
        ...

    def type(self, value: str) -> Type: ...


def spellable(node: Node, kinds: Mapping[str, Type]) -> str | None:
    """What keeps a composite from being spelled out at values of these types, or `None`."""
    op: Any = node.op
    if isinstance(op, Loop):
        return _unspeakable(op, [kinds[v] for v in node.reads])
    if isinstance(op, Lstm | Gru | Rnn) and not isinstance(kinds[node.reads[0]].shape[1], int):
        return "the number of its steps is free: give the input a fixed length"
    return None


def spell(node: Node, steps: Steps) -> Values:
    """The plain nodes of a composite; the values that stand for its own."""
    return SPELLED[type(node.op)](node, steps)


# -- loops --------------------------------------------------------------------------------------
def _unspeakable(op: Loop, kinds: Sequence[Type]) -> str | None:
    if not isinstance(op._trips(tuple(kinds)), int):
        return "the number of its trips is free: give the input a fixed size"
    if op.until:
        return f"it ends when '{op.until}' holds, and not after a fixed number of trips"
    rows = [Type((*k.shape[: op.dim], *k.shape[op.dim + 1 :]), k.dtype) for k, n in zip(kinds, op.names, strict=True)
            if n == op.over]  # fmt: skip
    for entry in op.body.inputs:
        if entry.name not in op.names and entry.type.shape not in [k.shape for k in (*rows, *kinds)]:
            return f"its state '{entry.name}' has the shape of none of its inputs"
    for part in op.body.nodes:
        if part.buffers or {n for n, _ in part.parameters} - set(part.op.tensors):
            return f"'{part.name}' ({part.op.name}) in its body has state of its own"
    return None


def _loop(node: Node, steps: Steps) -> Values:
    """The body once a trip, all with the loop's own parameters."""
    op: Any = node.op
    given = dict(zip(op.names, node.reads, strict=True))
    trips = op._trips(tuple(steps.type(v) for v in node.reads))
    rows = steps.step(node, "rows", Unbind(op.dim), (given[op.over],)) if op.over else ("",) * trips
    state: dict[str, str] = {}
    for entry in op.body.inputs:
        if entry.name not in given:
            alike = (v for v in (*rows[:1], *node.reads) if v and steps.type(v).shape == entry.type.shape)
            state[entry.name] = steps.nothing(node, next(alike))
    found: list[dict[str, str]] = []
    for k in reversed(range(trips)) if op.reverse else range(trips):
        made = _trip(node, steps, k, {**given, **state, **({op.over: rows[k]} if op.over else {})})
        state |= {e.name: made[e.name] for e in op.body.inputs if e.name in made and e.name != op.over}
        found.append(made)
    if not op.over:
        return tuple(found[-1][name] for name in op.results_)
    found = found[::-1] if op.reverse else found
    return tuple(steps.step(node, name, Stack(op.dim), [made[name] for made in found])[0] for name in op.results_)


def _trip(node: Node, steps: Steps, k: int, values: dict[str, str]) -> dict[str, str]:
    """What the body puts out, by port."""
    op: Any = node.op
    body: Graph = op.body
    for part in body.nodes:
        reads = [(p, values.get(v) or str(steps.parameter(node, v))) for p, v in part.inputs]  # or another's parameter
        owner = part
        while owner.marks.tie:
            owner = body.by_name[owner.marks.tie]
        for leaf, _ in part.parameters:
            if all(p != leaf for p, _ in part.inputs) and (value := steps.parameter(node, f"{owner.name}.{leaf}")):
                reads.append((leaf, value))
        many = bool(part.op.ports) and part.op.ports[0].many and not part.op.free_ports
        word = f"{part.name.replace('.', '_')}{k}"
        made = steps.step(node, word, part.op, [v for _, v in reads] if many else dict(reads))
        values |= zip(part.values, made, strict=True)
    return {port: values[value] for port, value in body.outputs}


# -- attention ----------------------------------------------------------------------------------
def _heads(node: Node, steps: Steps) -> Values:
    """Three projections, attention in each head, and a fourth."""
    op: Any = node.op
    named = dict(node.inputs)
    q = named["q"]
    k = named.get("k", q)
    reads = {"q": q, "k": k, "v": named.get("v", k)}
    width: Any = steps.type(q).shape[2]
    joint, biases = (steps.parameter(node, f"in_proj_{leaf}") for leaf in ("weight", "bias"))
    heads = {}
    for place, (name, value) in enumerate(reads.items()):
        part = Slice(0, place * width, (place + 1) * width)
        weight = steps.step(node, name, part, (joint,))[0] if joint else steps.parameter(node, f"{name}_proj_weight")
        given = {"x": value, "weight": str(weight)}
        if biases:
            given["bias"] = steps.step(node, name, part, (biases,))[0]
        (y,) = steps.step(node, name, Linear(width, bool(biases)), given)
        (y,) = steps.step(node, name, Unflatten(2, (op.heads, width // op.heads)), (y,))
        heads[name] = steps.step(node, name, Transpose((1, 2)), (y,))[0]
    (y,) = steps.step(node, "mixed", Attention(), heads)
    (y,) = steps.step(node, "joined", Flatten(2), steps.step(node, "mixed", Transpose((1, 2)), (y,)))
    return steps.step(node, "out", Linear(width, op.bias), _given(node, steps, y, "out_proj.weight", "out_proj.bias"))


def _given(node: Node, steps: Steps, x: str, *leaves: str) -> dict[str, str]:
    """A layer's input, with its parameters as inputs too."""
    found = {leaf.rpartition(".")[2].split("_")[0]: steps.parameter(node, leaf) for leaf in leaves}
    return {"x": x, **{port: value for port, value in found.items() if value is not None}}


# -- recurrent layers ---------------------------------------------------------------------------
def _recurrent(node: Node, steps: Steps) -> Values:
    """Layer by layer, in each direction, step by step from nothing."""
    op: Any = node.op
    x, last = node.reads[0], list[list[str]]()
    for layer in range(op.layers):
        ways = []
        for end in ("", "_reverse") if op.bidirectional else ("",):
            found = list(_steps(node, steps, x, f"l{layer}{end}"))
            last.append(list(found[-1]))
            hidden = [h for h, *_ in (found[::-1] if end else found)]
            ways.append(steps.step(node, "sequence", Stack(1), hidden)[0])
        x = steps.step(node, "both", Concat(2), ways)[0] if len(ways) > 1 else ways[0]
    states = (steps.step(node, "state", Stack(0), list(parts))[0] for parts in zip(*last, strict=True))
    return (x, *states)


def _steps(node: Node, steps: Steps, x: str, leaf: str) -> Iterator[Values]:
    """The states after each step, of one layer in one direction: hidden, and an LSTM's cell."""
    op: Any = node.op
    rows: Any = dict(node.parameters)[f"weight_ih_{leaf}"].shape[0]
    of = _given(node, steps, x, f"weight_ih_{leaf}", f"bias_ih_{leaf}")
    (wide,) = steps.step(node, "inward", Linear(rows, op.bias), of)
    inward = steps.step(node, "inward", Unbind(1), (wide,))
    cell = {"lstm": _lstm, "gru": _gru}.get(op.name, _rnn)
    bias = steps.parameter(node, f"bias_hh_{leaf}")
    state: Values = ()
    for part in reversed(inward) if leaf.endswith("_reverse") else inward:
        onward = bias
        if state:
            given = _given(node, steps, state[0], f"weight_hh_{leaf}", f"bias_hh_{leaf}")
            (onward,) = steps.step(node, "onward", Linear(rows, op.bias), given)
        state = cell(node, steps, part, onward, state)
        yield state


def _plus(node: Node, steps: Steps, *terms: str | None) -> str:
    given = [t for t in terms if t is not None]
    return steps.step(node, "sum", Add(), given)[0] if len(given) > 1 else given[0]


def _product(node: Node, steps: Steps, a: str, b: str) -> str:
    return steps.step(node, "product", Mul(), (a, b))[0]


def _rnn(node: Node, steps: Steps, inward: str, onward: str | None, state: Values) -> Values:
    op: Any = node.op
    function = Relu() if op.activation == "relu" else Tanh()
    return steps.step(node, "hidden", function, (_plus(node, steps, inward, onward),))


def _lstm(node: Node, steps: Steps, inward: str, onward: str | None, state: Values) -> Values:
    i, f, g, o = steps.step(node, "gate", Chunk(4, 1), (_plus(node, steps, inward, onward),))
    i, f, o = (steps.step(node, "gate", Sigmoid(), (v,))[0] for v in (i, f, o))
    kept = _product(node, steps, f, state[1]) if state else None
    cell = _plus(node, steps, _product(node, steps, i, steps.step(node, "new", Tanh(), (g,))[0]), kept)
    return _product(node, steps, o, steps.step(node, "shown", Tanh(), (cell,))[0]), cell


def _gru(node: Node, steps: Steps, inward: str, onward: str | None, state: Values) -> Values:
    """`h' = n + z (h - n)` with `n = tanh(x_n + r h_n)`."""
    r, z, n = steps.step(node, "gate", Chunk(3, 1), (inward,))
    if onward is not None:
        dim = steps.type(onward).rank - 1
        r_, z_, n_ = steps.step(node, "gate", Chunk(3, dim), (onward,))
        r, z = _plus(node, steps, r, r_), _plus(node, steps, z, z_)
        (reset,) = steps.step(node, "reset", Sigmoid(), (r,))
        n = _plus(node, steps, n, _product(node, steps, reset, n_))
    (z,) = steps.step(node, "update", Sigmoid(), (z,))
    (n,) = steps.step(node, "new", Tanh(), (n,))
    if state:
        (away,) = steps.step(node, "away", Sub(), {"x": state[0], "y": n})
        return (_plus(node, steps, n, _product(node, steps, z, away)),)
    (away,) = steps.step(node, "away", Sub(), {"x": n, "y": _product(node, steps, z, n)})
    return (away,)


# -- layers of one dimension --------------------------------------------------------------------
def _row_layer(node: Node, steps: Steps) -> Values:
    """A 1-D convolution as one of maps that are one row high."""
    op: Any = node.op
    (weight,) = steps.step(node, "row", Unsqueeze(2), (str(steps.parameter(node, "weight")),))
    layer = Conv2d(op.out, (1, *spread(op.kernel, 1)), (1, *spread(op.stride, 1)), _flat(op.padding),
                   (1, *spread(op.dilation, 1)), op.groups, op.bias, op.padding_mode)  # fmt: skip
    bias = steps.parameter(node, "bias")
    return _on_a_row(node, steps, layer, {"weight": weight, **({"bias": bias} if bias else {})})


def _row_pool(node: Node, steps: Steps) -> Values:
    """A 1-D pooling as one of maps that are one row high."""
    op: Any = node.op
    if isinstance(op, AdaptiveAvgPool1d):
        return _on_a_row(node, steps, AdaptiveAvgPool2d((1, *spread(op.size, 1))))
    window = ((1, *op.window), (1, *op.step), _flat(op.padding), op.ceil)
    if isinstance(op, AvgPool1d):
        return _on_a_row(node, steps, AvgPool2d(*window, op.count_include_pad))
    return _on_a_row(node, steps, MaxPool2d(*window, (1, *spread(op.dilation, 1))))


def _flat(padding: Any) -> Any:
    return padding if isinstance(padding, str) else (0, *spread(padding, 1))


def _on_a_row(node: Node, steps: Steps, op: Op, more: Mapping[str, str] | None = None) -> Values:
    (x,) = steps.step(node, "row", Unsqueeze(2), (node.reads[0],))
    return steps.step(node, "row", Squeeze(2), steps.step(node, "row", op, {"x": x, **(more or {})}))


# -- blends -------------------------------------------------------------------------------------
def _blend(node: Node, steps: Steps) -> Values:
    """`(1 - weight) start + weight x`; where there is no start, x."""
    if len(node.inputs) == 1:
        return steps.step(node, "blend", Identity(), node.reads)
    names = tuple(port for port, _ in node.inputs)
    return steps.step(node, "blend", Formula("(1 - weight) * start + weight * x", names=names), dict(node.inputs))


#: Per composite, how it is spelled out.
SPELLED: dict[type[Op], Callable[[Node, Steps], Values]] = {
    Loop: _loop, MultiHeadAttention: _heads, Lstm: _recurrent, Gru: _recurrent, Rnn: _recurrent,
    Conv1d: _row_layer, AvgPool1d: _row_pool, MaxPool1d: _row_pool, AdaptiveAvgPool1d: _row_pool,
    Lerp: _blend,
}  # fmt: skip
