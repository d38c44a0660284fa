"""Two lanes through one graph: the network itself, and probes that pass through it with its decisions frozen.

Lane 0 is the graph as it is. A probe value is a lane-0 value whose batch dimension is P times as long, probe by probe:
`[B, ...]` becomes `[P B, ...]`. Decisions are lane-0 values; they meet probes with P as a dimension of its own,
`[P, B, ...]` with `[1, B, ...]`, so nothing is copied. A constant c of the network is a bias source: it enters as
`switch c`, so that the program is linear in the probes and the switches together, and affine in the probes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from graphwright.compiler.ir.dims import Dim, Size, evaluate, symbols
from graphwright.compiler.ir.graph import Graph, Marks, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.arithmetic import Add, Mul, Scale
from graphwright.compiler.ops.comparison import Where
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.join import Select
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.rearrange import Rearrange, Repeat
from graphwright.compiler.ops.shape import Expand, Flatten, Permute, Unflatten, Unsqueeze
from graphwright.compiler.places import NOWHERE, fail
from graphwright.compiler.transforms.instrument import Reads, Rewriter

Norm = Literal["usual", "sigma", "musigma"]
Product = Literal["left", "right", "split"]


@dataclass(frozen=True)
class Freedom:
    """Which of several exact rules are taken: what norms freeze, and which factor of a product stays linear."""

    norm: Norm = "usual"
    product: Product = "left"


class Lanes:
    """The two lanes in the making. `live` holds the lane-0 values that depend on the probe; `carried` says, per node,
    which of its inputs the signal comes through."""

    def __init__(self, made: Rewriter, batch: str, probes: str, freedom: Freedom) -> None:
        self.made, self.batch, self.freedom = made, batch, freedom
        self.probes: Size = Dim.symbol(probes)
        self.live: set[str] = set()
        self.carried: dict[str, tuple[str, ...]] = {}
        #: The plain nodes that composite ones were spelled out in, in their order.
        self.within: dict[str, Node] = {}
        self.probe: dict[str, str] = {}
        self.switches = ""
        self.sources: list[str] = []
        renamed = {s: Dim.symbol(s) for s in made.graph.sizes}
        self.sizes: Mapping[str, Size] = {**renamed, batch: self.probes * renamed[batch]}

    # -- values -------------------------------------------------------------------------------
    def type(self, value: str) -> Type:
        return self.made.types[value] if value in self.made.types else self.made.graph.types[value]

    def axis(self, value: str, symbol: str | None = None) -> int | None:
        """The dimension of a value whose size has the batch (or another symbol) in it."""
        name = symbol or self.batch
        found = [k for k, size in enumerate(self.type(value).shape) if name in symbols(size)]
        return found[0] if found else None

    def z(self, node: Node, value: str) -> str:
        """The probe value of a lane-0 value; a value that no probe reaches is a bias source."""
        if value in self.live:
            return self.probe[value]
        return self.constant(node, value, value, None if self.axis(value) is not None else node.name)

    def x(self, value: str) -> str:
        """The lane-0 value itself, as a decision."""
        return self.made.now(value)

    def parameter(self, node: Node, leaf: str) -> str | None:
        """A parameter or buffer of a node as a value, whoever owns it; `None` where it has none of that name."""
        if given := [v for p, v in node.inputs if p == leaf]:
            return self.x(given[0])
        known = {n for n, _ in (*node.parameters, *node.buffers)}
        return f"{self.owner(node)}.{leaf}" if leaf in known else None

    def owner(self, node: Node) -> str:
        while node.marks.tie:
            node = self.made.graph.by_name[node.marks.tie]
        return node.name

    # -- nodes --------------------------------------------------------------------------------
    def add(self, node: Node, word: str, op: Op, reads: Sequence[str] | Mapping[str, str]) -> str:
        return self.made.add(node, word, op, reads)

    def formula(
        self, node: Node, word: str, text: str, constants: Mapping[str, float] | None = None, **reads: str
    ) -> str:
        """An expression over lane-0 values."""
        op = Formula(text, names=tuple(reads), constants=tuple((constants or {}).items()))
        return self.add(node, word, op, reads)

    def scaled_op(self, node: Node) -> Op:
        """The node's op, with the batch of the probes where it names the batch."""
        return node.op.resolved(self.sizes)

    def again(
        self, node: Node, reads: Sequence[str], op: Op | None = None, marks: Marks | None = None
    ) -> tuple[str, ...]:  # fmt: skip
        """The node's op on probe values, in the order of its inputs."""
        ports = [p for p, _ in node.inputs]
        op = self.scaled_op(node) if op is None else op
        many = bool(op.ports) and op.ports[0].many and not op.free_ports
        return self.made.add_many(node, "probe", op, reads if many else dict(zip(ports, reads, strict=True)), marks)

    def joint(self, node: Node, word: str, op: Op, reads: Mapping[str, str] | Sequence[str]) -> str:
        """A broadcasting op on probe values and decisions together."""
        values = tuple(reads.values()) if isinstance(reads, Mapping) else tuple(reads)
        probes = [v for v in values if self.axis(v, str(self.probes)) is not None]
        if not probes or all(v in probes or self.axis(v) is None for v in values):
            return self.add(node, word, op, reads)
        parted = {v: self.apart(node, v) if v in probes else self.beside(node, v) for v in dict.fromkeys(values)}
        named = {p: parted[v] for p, v in reads.items()} if isinstance(reads, Mapping) else [parted[v] for v in reads]
        return self.together(node, self.add(node, word, op, named))

    def apart(self, node: Node, value: str) -> str:
        """A probe value with P as a dimension of its own, before the batch."""
        axis = self.axis(value, str(self.probes))
        assert axis is not None
        size = self._without_probes(self.type(value).shape[axis])
        return self.add(node, "apart", Unflatten(axis, (self.probes, size)), (value,))

    def together(self, node: Node, value: str) -> str:
        """The inverse of `apart`."""
        axis = self.axis(value, str(self.probes))
        assert axis is not None
        return self.add(node, "together", Flatten(axis, axis + 1), (value,))

    def beside(self, node: Node, value: str) -> str:
        """A decision with a dimension of one where the probes have P."""
        axis = self.axis(value)
        return value if axis is None else self.add(node, "shared", Unsqueeze(axis), (value,))

    def spread(self, node: Node, value: str) -> str:
        """A decision as every probe meets it, copied: for ops that do not broadcast."""
        axis = self.axis(value)
        if axis is None:
            return value
        shape = self.type(value).shape
        size = (*shape[:axis], self.probes, *shape[axis:])
        wide = self.add(node, "spread", Expand(size), (self.beside(node, value),))
        return self.add(node, "together", Flatten(axis, axis + 1), (wide,))

    def times(self, node: Node, z: str, gate: str) -> str:
        return self.joint(node, "gated", Mul(), (z, gate))

    def where(self, node: Node, mask: str, z: str, other: str | None = None) -> str:
        reads = {"condition": mask, "x": z, **({"y": other} if other else {})}
        return self.joint(node, "masked", Where(None if other else 0.0), reads)

    def total(self, node: Node, terms: Iterable[str]) -> str:
        found = tuple(terms)
        return found[0] if len(found) == 1 else self.joint(node, "sum", Add(), found)

    def column(self, node: Node, value: str, after: int) -> str:
        """A vector with `after` dimensions of one behind it, to be broadcast over them."""
        return self.add(node, "column", Rearrange(f"c -> c{' 1' * after}"), (value,)) if after else value

    # -- composites ---------------------------------------------------------------------------
    def maker(self, value: str) -> Node | None:
        """The node that computes a lane-0 value; `None` for an input."""
        name = value.partition(":")[0]
        return self.within.get(name) or self.made.graph.by_name.get(self.made.graph.producer(value))

    def step(self, node: Node, word: str, op: Op, reads: Reads) -> tuple[str, ...]:
        """A plain node of a composite, in lane 0."""
        values = self.made.add_many(node, word, op, reads)
        plain = self.made.nodes[-1]
        self.within[plain.name] = plain
        return values

    def nothing(self, node: Node, like: str) -> str:
        """Zeros of the shape of a lane-0 value."""
        return self.add(node, "nothing", Scale(0.0), (self.x(like),))

    # -- bias sources -------------------------------------------------------------------------
    def constant(self, node: Node, label: str, value: str | float, like: str | None = None) -> str:
        """`switch c` for a new bias source c: a lane-0 value, or a number.

        `like` is a lane-0 value of the rank and batch dimension wanted, where c itself does not tell them.
        """
        model = self.type(like if like is not None else str(value))
        shown = like if like is not None else str(value)
        axis = self.axis(shown)
        if axis is None:
            raise fail(node.place, f"'{node.name}' ({node.op.name}): the constant '{label}' has no batch dimension", "")
        switch = self._switch(node, label, model.rank, axis, model.shape[axis])
        if isinstance(value, float):
            return self.together(node, self.add(node, "source", Scale(value), (switch,)))
        product = self.add(node, "source", Mul(), (switch, self.beside(node, self.x(value))))
        return self.together(node, product)

    def _switch(self, node: Node, label: str, rank: int, axis: int, size: Size) -> str:
        """The switch of one source, [P, N], as [..., P, B, ...] for values whose batch dimension has size B."""
        self.sources.append(label)
        one = self.add(node, "switch", Select(2, len(self.sources) - 1), (self.switches,))
        copies = self.per_sample(size)
        left, right = "1 " * axis, " 1" * (rank - axis - 1)
        if copies == 1:
            return self.add(node, "switch", Rearrange(f"p n -> {left}p n{right}"), (one,))
        op = Repeat(f"p n -> {left}p (n w){right}", (("w", copies),))
        return self.add(node, "switch", op, (one,))

    def per_sample(self, size: Size) -> Size:
        """How often a sample is counted in a size with the batch in it."""
        kept = {s: Dim.symbol(s) for s in symbols(size)} | {self.batch: 1}
        return evaluate(size, kept)  # type: ignore[return-value]

    def _without_probes(self, size: Size) -> Size:
        kept: dict[str, Size] = {s: Dim.symbol(s) for s in symbols(size)}
        return evaluate(size, {**kept, str(self.probes): 1})  # type: ignore[return-value]

    # -- entry and exit -----------------------------------------------------------------------
    def enter(self, value: str, port: str) -> str:
        """Probes [P, ...] of a lane-0 value as a probe value."""
        axis = self.axis(value) or 0
        if axis:
            rank = self.type(value).rank + 1
            order = (*range(1, axis + 1), 0, *range(axis + 1, rank))
            port = self.made.add(value, "probes", Permute(order), (port,))
        return self.made.add(value, "probe", Flatten(axis, axis + 1), (port,))

    def leave(self, value: str) -> str:
        """A probe value as [P, ...]."""
        axis = self.axis(value, str(self.probes)) or 0
        size = self._without_probes(self.type(value).shape[axis])
        wide = self.made.add("", "response", Unflatten(axis, (self.probes, size)), (value,))
        if not axis:
            return wide
        rank = self.type(wide).rank
        order = (axis, *(k for k in range(rank) if k != axis))
        return self.made.add("", "response", Permute(order), (wide,))


def batch_of(graph: Graph, value: str) -> str:
    """The symbol of the batch size, from the first dimension of a value or of the first input."""
    for shape in (graph.types[value].shape, *(e.type.shape for e in graph.inputs)):
        for size in shape[:1]:
            if isinstance(size, Dim) and str(size).isidentifier():
                return str(size)
    raise fail(NOWHERE, f"{graph.name} has a fixed batch size: '{value}' is {graph.types[value]}",
               "leave the batch size free: shape [N, ...]")  # fmt: skip
