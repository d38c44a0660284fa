"""One node of a graph as Python: the layer to construct, if it has one, and the expression that computes its value.

An op without a layer is traced through its own `forward`. `CALLS` holds the ops that a call says better.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from graphwright.backends.source import parts
from graphwright.backends.source.calls import plain
from graphwright.backends.source.layers import UNPACK, layer
from graphwright.backends.source.syntax import call, item
from graphwright.backends.source.tracing import Rendered, Trace
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ops import pooling, similarity
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Op, spread


def _max_pool_same(op: Any, x: ast.expr) -> tuple[ast.expr, tuple[Any, ...]] | None:
    dilation = spread(op.dilation, op.rank)
    if op.padding != "same" or (op.even() is not None and all(d == 1 for d in dilation)):
        return None
    padded = call("pad_same", x, op.window, op.step, dilation, float("-inf"))
    options = {"stride": op.step, "dilation": dilation if any(d != 1 for d in dilation) else 1, "ceil_mode": op.ceil}
    changed = {k: plain(k, v) for k, v in options.items() if v not in (1, False)}
    return call(f"F.max_pool{op.rank}d", padded, plain("kernel", op.window), **changed), (parts.pad_same,)


def _average_pool_same(op: Any, x: ast.expr) -> tuple[ast.expr, tuple[Any, ...]] | None:
    if op.even() is not None:
        return None
    ones = (1,) * op.rank
    pool = f"F.avg_pool{op.rank}d"

    if not op.count_include_pad:
        return call("avg_pool_same", x, op.window, op.step), (parts.avg_pool_same,)
    padded = call("pad_same", x, op.window, op.step, ones)
    return call(pool, padded, plain("kernel", op.window), stride=plain("stride", op.step)), (parts.pad_same,)


def _gradient(op: Any, of: ast.expr, at: ast.expr) -> tuple[ast.expr, tuple[Any, ...]]:
    """By autograd's tape, which `forward` keeps on; gradients of gradients need theirs kept too."""
    return item(call("torch.autograd.grad", call(ast.Attribute(of, "sum")), at, create_graph=True), 0), ()


def _gram(op: Any, x: ast.expr) -> tuple[ast.expr, tuple[Any, ...]]:
    """Of the process's own samples: a written model knows no others."""
    return call("gram", x, op.centred), (inspect.unwrap(similarity.gram),)


#: Ops whose trace would spell out what a function says better; `None` is "trace it".
CALLS: dict[type[Op], Callable[..., tuple[ast.expr, tuple[Any, ...]] | None]] = {
    pooling._MaxPool: _max_pool_same,
    pooling._AveragePool: _average_pool_same,
    Gradient: _gradient,
    similarity.Gram: _gram,
}


def render(
    graph: Graph, node: Node, inputs: Sequence[Any], size: Callable[[Dim], ast.expr], device: ast.expr | None
) -> Rendered:
    """A node as Python. `inputs` are expressions in the order of the op's ports; `size` reads a free size."""
    op = node.op
    if isinstance(op, Loop):
        raise AssertionError("loops are rendered as classes")
    types = graph.input_types(node)
    module = None if op.bare else op.module(*types)
    if module is not None:
        made, needs = layer(node, module)
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        return Rendered(call("< layer>", *inputs), made, (), UNPACK.get(op.name), needs)
    for cls, row in CALLS.items():
        if isinstance(op, cls) and (found := row(op, *inputs)) is not None:
            return Rendered(found[0], needs=found[1])
    return Trace(node, size, device).run(inputs)
