"""The four edits: `replace`, `insert`, `remove`, `set`. A selector chooses nodes; `count`, if given, must match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from graphwright.compiler.ir.graph import Graph, Marks, Node
from graphwright.compiler.ir.select import BadSelector, select
from graphwright.compiler.language.fragment import expand_fragment, read_set
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.places import NOWHERE, Place, fail


def chosen(graph: Graph, where: str, count: int | None, place: Place) -> tuple[Node, ...]:
    """The nodes a selector means; none at all, or another number than `count`, is an error."""
    try:
        nodes = select(graph, where)
    except BadSelector as error:
        raise fail(place, str(error)) from None
    if not nodes:
        raise fail(place, f"no node matches '{where}'", "`graphwright show` lists the names")
    if count is not None and len(nodes) != count:
        names = ", ".join(n.name for n in nodes[:4])
        raise fail(
            place,
            f"'{where}' matches {len(nodes)} node{'s' * (len(nodes) != 1)}, not {count}: {names}"
            + (" ..." if len(nodes) > 4 else ""),
        )
    return nodes


def renamed(graph: Graph, names: Mapping[str, str]) -> Graph:
    """The graph with every read of a value in `names` turned to another value."""

    def turn(value: str) -> str:
        return names.get(value, value)

    return graph.with_(
        nodes=tuple(
            replace(n, inputs=tuple((p, turn(v)) for p, v in n.inputs)) if any(v in names for _, v in n.inputs) else n
            for n in graph.nodes
        ),
        outputs=tuple((port, turn(v)) for port, v in graph.outputs),
        losses=tuple(replace(t, value=turn(t.value)) for t in graph.losses),
    )


@dataclass(frozen=True)
class Replace:
    """Put another op or block in the place of nodes; it reads what they read, and readers read its first output.

    rewrite:
        `bn1 = batch_norm(x)`  -->  `bn1 = instance_norm(x)`
    """

    name: ClassVar[str] = "replace"
    where: str
    with_: Any
    count: int | None = None
    place: Place = NOWHERE
    file: str = ""

    def __call__(self, graph: Graph) -> Graph:
        for node in chosen(graph, self.where, self.count, self.place):
            graph = self._one(graph, graph.by_name[node.name])
        return retype(graph)

    def _one(self, graph: Graph, node: Node) -> Graph:
        at = graph.nodes.index(node)
        made = expand_fragment(graph, self.with_, node.name, node.inputs, self.file, self.place)
        new = tuple(replace(n, marks=_kept(node.marks, n.marks)) for n in made.nodes)
        graph = graph.with_(
            nodes=(*graph.nodes[:at], *new, *graph.nodes[at + 1 :]), scopes=(*graph.scopes, *made.scopes)
        )
        values = dict(zip(node.values, made.values, strict=False))
        if len(node.values) > len(made.values):
            lost = [v for v in node.values[len(made.values) :] if any(v in n.reads for n in graph.nodes)]
            if lost:
                raise fail(self.place, f"'{lost[0]}' is read, and the replacement has {len(made.values)} outputs")
        return graph.with_(nodes=graph.nodes[: at + len(new)] + renamed(graph, values).nodes[at + len(new) :]).with_(
            outputs=renamed(graph, values).outputs, losses=renamed(graph, values).losses
        )


def _kept(old: Marks, new: Marks) -> Marks:
    return replace(new, train_only=old.train_only or new.train_only, freeze=old.freeze or new.freeze)


@dataclass(frozen=True)
class Insert:
    """Put an op or block after nodes: their readers read it instead. `name` is what it is called, inside their scope.

    rewrite:
        `fc = linear(x)`  -->  `drop = dropout(x); fc = linear(drop)`
    """

    name: ClassVar[str] = "insert"
    after: str
    as_: str
    with_: Any
    count: int | None = None
    place: Place = NOWHERE
    file: str = ""

    def __call__(self, graph: Graph) -> Graph:
        for node in chosen(graph, self.after, self.count, self.place):
            at = graph.nodes.index(graph.by_name[node.name]) + 1
            scope = node.name.rpartition(".")[0]
            path = ".".join(p for p in (scope, f"{self.as_}_{node.name.rpartition('.')[2]}") if p)
            if path in graph.by_name:
                raise fail(self.place, f"the name '{path}' is taken", "choose another name with `as`")
            made = expand_fragment(graph, self.with_, path, (("x", node.name),), self.file, self.place)
            turned = renamed(graph, {node.name: made.values[0]})
            graph = graph.with_(
                nodes=(*graph.nodes[:at], *made.nodes, *turned.nodes[at:]), scopes=(*graph.scopes, *made.scopes),
                outputs=turned.outputs, losses=turned.losses,
            )  # fmt: skip
        return retype(graph)


@dataclass(frozen=True)
class Remove:
    """Take nodes out; their readers read the first value that they read.

    rewrite:
        `drop = dropout(x); fc = linear(drop)`  -->  `fc = linear(x)`
    """

    name: ClassVar[str] = "remove"
    where: str
    count: int | None = None
    place: Place = NOWHERE
    file: str = ""

    def __call__(self, graph: Graph) -> Graph:
        for node in chosen(graph, self.where, self.count, self.place):
            node = graph.by_name[node.name]
            if not node.inputs:
                raise fail(self.place, f"'{node.name}' reads nothing, so nothing can stand for it")
            without = graph.with_(nodes=tuple(n for n in graph.nodes if n.name != node.name))
            graph = renamed(without, dict.fromkeys(node.values, node.reads[0]))
        return retype(graph)


@dataclass(frozen=True)
class Set:
    """Change arguments of nodes.

    rewrite:
        `bn1 = batch_norm(x)`  -->  `bn1 = batch_norm(x) eps=0.001`
    """

    name: ClassVar[str] = "set"
    where: str
    arguments: Any
    count: int | None = None
    place: Place = NOWHERE
    file: str = ""

    def __call__(self, graph: Graph) -> Graph:
        nodes = {n.name for n in chosen(graph, self.where, self.count, self.place)}
        made = tuple(
            replace(n, op=read_set(n.op, self.arguments, self.place)) if n.name in nodes else n for n in graph.nodes
        )
        return retype(graph.with_(nodes=made))
