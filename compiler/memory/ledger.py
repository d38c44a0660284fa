"""What each node of a training graph makes, reads and keeps for the backward pass, in storages and their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_leaves

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.cost import count
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.memory.tracking import arithmetic, pretended
from graphwright.compiler.ops.gradient import Gradient

#: FLOPs in whose time a byte is moved: work of a node that computes little is to read and write.
MOVED = 8


@dataclass
class Storage:
    """Bytes that some values share. Places are those of items; `maker` is -1 for what comes in."""

    bytes: int
    maker: int
    readers: set[int] = field(default_factory=set)
    savers: set[int] = field(default_factory=set)


@dataclass
class Item:
    """A node of the graph. `name` is None where it cannot run again; `cost` is in FLOPs, moving included."""

    name: str | None
    flops: int
    cost: int = 0
    gradients: int = 0


@dataclass(frozen=True)
class Ledger:
    """Items in the order they run, and the storages of activations. What leaves the graph is read at `len(items)`."""

    items: tuple[Item, ...]
    storages: tuple[Storage, ...]

    @cached_property
    def made(self) -> dict[int, list[Storage]]:
        """The storages that each item makes."""
        found: dict[int, list[Storage]] = {place: [] for place in range(-1, len(self.items))}
        for storage in self.storages:
            found[storage.maker].append(storage)
        return found


def ledger(graph: Graph, sizes: Mapping[str, int], precision: str = "fp32") -> Ledger:
    """The ledger of a graph's training step, as if no mark said to recompute."""
    graph = unmarked(graph)
    module = lower(graph, cone="train", device="meta").train()
    for node in module.graph.nodes:
        if node.kwargs.get("inplace"):
            node.kwargs = {**node.kwargs, "inplace": False}  # a storage is then one value
    with pretended(graph, sizes) as prepare:
        inputs = prepare(module)
        writer = _Writer(graph, module, sizes)
        with torch.autograd.graph.saved_tensors_hooks(writer.save, lambda t: t), arithmetic(precision):
            writer.run(*inputs)
    for item, made in zip(writer.items, writer.moved, strict=True):
        item.cost = item.flops + MOVED * made
    return Ledger(tuple(writer.items), tuple(writer.storages.values()))


def unmarked(graph: Graph) -> Graph:
    """The graph without marks to recompute."""
    return graph.with_(
        scopes=tuple(replace(s, marks=replace(s.marks, checkpoint=False)) for s in graph.scopes),
        nodes=tuple(replace(n, marks=replace(n.marks, checkpoint=False)) for n in graph.nodes),
    )


class _Writer(fx.Interpreter):
    """Runs a module node by node, and writes down what it sees. All tensors are held, so that identities stay."""

    def __init__(self, graph: Graph, module: fx.GraphModule, sizes: Mapping[str, int]) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.spec = graph.by_name
        defaults = {e.name: {**e.defaults, **{s: sizes[s] for s in e.type.symbols}} for e in graph.inputs}
        at = graph.with_(inputs=tuple(replace(e, defaults=defaults[e.name]) for e in graph.inputs))
        self.counts = count(at).nodes
        self.own = {id(t.untyped_storage()) for t in (*module.parameters(), *module.buffers())}
        self.items: list[Item] = []
        self.moved: list[int] = []
        self.storages: dict[int, Storage] = {}
        self.held: list[Tensor] = []
        self.current: Any = None

    def save(self, tensor: Tensor) -> Tensor:
        for storage in self._storages(tensor):
            storage.savers.add(len(self.items) - 1)
        return tensor

    def run_node(self, n: fx.Node) -> Any:
        if n.op not in ("placeholder", "get_attr"):
            self._open(n)
        place = len(self.items) - 1
        for source in n.all_input_nodes:
            for storage in self._storages(self.env[source]):
                storage.readers.add(place if n.op != "output" else len(self.items))
        before = len(self.storages)
        result = super().run_node(n)
        made = sum(s.bytes for s in self._storages(result))
        if n.op not in ("placeholder", "get_attr", "output") and len(self.storages) > before:
            self.moved[place] += made
        return result

    def _open(self, n: fx.Node) -> None:
        """The item of a node: a new one, unless it is of the same node of the graph as the one before."""
        name: Any = n.meta.get("spec_node")
        if n.op == "output" or (self.items and name == self.current and name is not None):
            return
        self.current = name
        cost = self.counts.get(name)
        node = self.spec.get(name)
        fixed = node is None or isinstance(node.op, Gradient)
        gradients = 0 if node is None else sum(t.at({}).nbytes() for _, t in node.owned)
        self.items.append(Item(None if fixed else name, (cost.flops or 0) if cost else 0, gradients=int(gradients)))
        self.moved.append(0)

    def _storages(self, value: Any) -> Iterator[Storage]:
        for leaf in tree_leaves(value):
            if isinstance(leaf, Tensor) and id(key := leaf.untyped_storage()) not in self.own:
                if id(key) not in self.storages:
                    self.held.append(leaf)
                    self.storages[id(key)] = Storage(key.nbytes(), len(self.items) - 1)
                yield self.storages[id(key)]
