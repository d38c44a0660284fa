"""What analyses are made of: a graph rebuilt node by node, with nodes added beside those they serve.

`tap` makes a value an output, `shadow` puts another model beside a graph. `Rewriter` walks a graph, keeps or changes
each node, and types what it adds as it goes. What is added lies in the scope of the node that it serves, so that scopes
stay in one piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.graph import Entry, Graph, Marks, Node, Scope
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.lowering.inference import InferenceError, infer
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import fail

Reads = Sequence[str] | Mapping[str, str]


class Rewriter:
    """A graph in the making, from another graph: `values` maps the old graph's values to the new ones."""

    def __init__(self, graph: Graph, by: str) -> None:
        self.graph, self.by = graph, by
        self.inputs: list[Entry] = list(graph.inputs)
        self.nodes: list[Node] = []
        self.types: dict[str, Type] = {e.name: e.type for e in (*graph.inputs, *graph.targets)}
        self.values: dict[str, str] = {}
        self.names = {n.name for n in graph.nodes} | set(self.types)
        self.sizes = {k: v for e in (*graph.inputs, *graph.targets) for k, v in e.defaults.items()}

    def enter(self, name: str, type_: Type, doc: str = "") -> str:
        """A further input of the graph."""
        name = self._unused(name)
        self.inputs.append(Entry(name, type_, doc=doc))
        self.types[name] = type_
        return name

    def now(self, value: str) -> str:
        """What a value of the old graph is called in the new one."""
        return self.values.get(value, value)

    def keep(
        self, node: Node, inputs: Sequence[tuple[str, str]] | None = None, sizes: Mapping[str, Size] | None = None
    ) -> tuple[str, ...]:
        """The node as it is, reading what its inputs are now, or other values; `sizes` are new ones for free sizes."""
        reads = tuple((p, self.now(v)) for p, v in node.inputs) if inputs is None else tuple(inputs)
        op = node.op.resolved({**{s: Dim.symbol(s) for s in self.graph.sizes}, **sizes}) if sizes else node.op
        made = self._typed(replace(node, op=op, inputs=reads), node)
        self.nodes.append(made)
        return made.values

    def copy(
        self, node: Node, word: str, inputs: Sequence[tuple[str, str]], sizes: Mapping[str, Size] | None = None
    ) -> tuple[str, ...]:  # fmt: skip
        """The node once more beside itself, with the same parameters, reading other values; `sizes` as for `keep`."""
        scope, _, leaf = node.name.rpartition(".")
        op = node.op.resolved({**{s: Dim.symbol(s) for s in self.graph.sizes}, **sizes}) if sizes else node.op
        stateful = node.parameters or node.buffers
        marks = replace(node.marks, tie=node.marks.tie or node.name) if stateful else replace(node.marks, tie=None)
        name = self._unused(".".join(filter(None, (scope, f"{word}_{leaf}"))))
        made = self._typed(Node(name, op, tuple(inputs), marks=marks, place=node.place), node)
        self.nodes.append(made)
        return made.values

    def add(self, beside: Node | str, word: str, op: Op, reads: Reads = (), marks: Marks | None = None) -> str:
        """A new node in the scope of `beside`, called `word` and the served node's own name; its first value.

        `reads` are values in the order of the op's ports, or by port.
        """
        return self.add_many(beside, word, op, reads, marks)[0]

    def add_many(
        self, beside: Node | str, word: str, op: Op, reads: Reads = (), marks: Marks | None = None
    ) -> tuple[str, ...]:  # fmt: skip
        """As `add`, for an op with several outputs."""
        served = beside.name if isinstance(beside, Node) else beside.partition(":")[0]  # of several values
        scope, _, leaf = served.rpartition(".")
        name = self._unused(".".join(filter(None, (scope, f"{word}_{leaf}" if leaf else word))))
        node = Node(name, op, paired(op, reads), marks=marks or Marks())
        place = beside.place if isinstance(beside, Node) else node.place
        made = self._typed(replace(node, place=place), beside if isinstance(beside, Node) else node)
        self.nodes.append(made)
        return made.values

    def finish(self, outputs: Iterable[tuple[str, str]], **changes: object) -> Graph:
        """The new graph with these outputs, without what none of them needs; verified."""
        made = self.graph.with_(inputs=tuple(self.inputs), nodes=tuple(self.nodes), outputs=tuple(outputs),
                                targets=(), losses=(), train={}, expect={}, **changes)  # fmt: skip
        return verify(made.with_(nodes=made.deployed().nodes), by=self.by)

    def _typed(self, node: Node, served: Node) -> Node:
        if isinstance(node.op, Loop):
            node = replace(node, op=node.op.fitted(*node.arrange(self.types)))
        try:
            found = infer(node.op, node.arrange(self.types), self.sizes)
        except InferenceError as error:
            raise fail(served.place, f"{self.by} at '{served.name}' ({served.op.name}): {error}", "") from None
        made = replace(node, outputs=found.outputs, parameters=found.parameters, buffers=found.buffers)
        self.types.update(zip(made.values, made.outputs, strict=True))
        self.types.update({f"{node.name}.{n}": t for n, t in (*made.parameters, *made.buffers)})
        return made

    def _unused(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self.names:
            count += 1
            candidate = f"{name}_{count}"
        self.names.add(candidate)
        return candidate


def paired(op: Op, reads: Reads) -> tuple[tuple[str, str], ...]:
    """Values with the ports they are read through, from values in the order of the ports, or by port."""
    if isinstance(reads, Mapping):
        return tuple(reads.items())
    many = [op.ports[0].name] * len(reads) if op.ports and op.ports[0].many else [p.name for p in op.ports]
    return tuple(zip(many, reads, strict=False))


def tap(graph: Graph, taps: Mapping[str, str]) -> Graph:
    """The graph with more outputs: values by the port they leave through."""
    return verify(graph.with_(outputs=(*graph.outputs, *taps.items())), by="tap")


def shadow(
    graph: Graph, other: Graph, scope: str, feeds: Mapping[str, str], sizes: Mapping[str, Size],
    first: Sequence[Node] = (),
) -> Graph:  # fmt: skip
    """Another model beside a graph, inside `scope` and before its nodes; its parameters are frozen.

    `feeds` says which values its inputs are, `sizes` what its free sizes are here. `first` are nodes for the values of
    `feeds` that the graph has not. The types of the other model's nodes are inferred anew.
    """

    def turned(value: str) -> str:
        return feeds.get(value) or f"{scope}.{value}"

    nodes = [
        replace(
            node, name=turned(node.name), op=node.op.resolved({**{s: Dim.symbol(s) for s in other.sizes}, **sizes}),
            inputs=tuple((p, turned(v)) for p, v in node.inputs),
            marks=replace(node.marks, freeze=True, tie=node.marks.tie and turned(node.marks.tie)),
        )
        for node in other.nodes
    ]  # fmt: skip
    scopes = (Scope(scope, other.name), *(replace(s, name=turned(s.name)) for s in other.scopes))
    made = retype(graph.with_(nodes=(*first, *nodes), outputs=(), losses=(), scopes=scopes))
    return verify(
        graph.with_(nodes=(*made.nodes, *graph.nodes), scopes=(*scopes, *graph.scopes)), by=f"shadow {other.name}"
    )
