"""Exact static counts: parameters, buffers, multiply-accumulates, FLOPs and activation bytes, per node and in total.

Conventions: a multiply-accumulate belongs to a contraction (convolution, linear, matmul, attention) and is
two FLOPs; cheap elementwise work counts FLOPs per element; moving data counts none. A node whose
cost is not known is listed in `uncounted`, never taken as free. Free sizes take their defaults, else 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.types import Type


@dataclass(frozen=True)
class Cost:
    """The counts of one node. `None` is "not counted"."""

    parameters: int = 0
    frozen: int = 0
    buffers: int = 0
    macs: int = 0
    flops: int | None = 0
    bytes: int = 0


@dataclass(frozen=True)
class Report:
    """The counts of a graph."""

    nodes: dict[str, Cost] = field(default_factory=dict)
    uncounted: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """All parameters, frozen ones included, each counted once."""
        return sum(c.parameters for c in self.nodes.values())

    @property
    def frozen(self) -> int:
        return sum(c.frozen for c in self.nodes.values())

    @property
    def buffers(self) -> int:
        return sum(c.buffers for c in self.nodes.values())

    @property
    def macs(self) -> int:
        return sum(c.macs for c in self.nodes.values())

    @property
    def flops(self) -> int:
        """FLOPs of all counted nodes."""
        return sum(c.flops or 0 for c in self.nodes.values())

    @property
    def bytes(self) -> int:
        """Bytes of all activations, each node's outputs once."""
        return sum(c.bytes for c in self.nodes.values())


def count(graph: Graph) -> Report:
    """The counts of every node of `graph`, at the default sizes."""
    sizes = graph.sizes
    nodes = {n.name: _cost(graph, n, sizes) for n in graph.nodes}
    return Report(nodes, tuple(n for n, c in nodes.items() if c.flops is None))


def _cost(graph: Graph, node: Node, sizes: dict[str, int]) -> Cost:
    op = node.op.resolved(sizes)
    inputs = tuple(t.at(sizes) for t in _flat(graph.input_types(node)))
    outputs = tuple(t.at(sizes) for t in node.outputs)
    owned = _elements(t for _, t in node.owned)
    tied = bool(node.marks.tie)
    frozen = 0 if getattr(op, "trainable", True) and not node.marks.freeze else owned
    macs = op.macs(inputs, outputs)
    return Cost(
        parameters=owned, frozen=frozen, buffers=0 if tied else _elements(t for _, t in node.buffers),
        macs=_number(macs or 0), flops=None if (flops := op.cost(inputs, outputs)) is None else _number(flops),
        bytes=sum(_number(t.nbytes()) for t in outputs),
    )  # fmt: skip


def _number(value: Any) -> int:
    return int(value)


def _flat(kinds: tuple[Any, ...]) -> Iterator[Type]:
    """The types of all values that are given, those of a port `x*` one by one."""
    for kind in kinds:
        yield from kind if isinstance(kind, tuple) else () if kind is None else (kind,)


def _elements(kinds: Iterable[Type]) -> int:
    return sum(_number(t.at({}).numel()) for t in kinds)
