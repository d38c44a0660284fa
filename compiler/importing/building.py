"""A graph in the making: what every importer adds its nodes to.

Nodes are typed as they come, so that a rule can ask for the sizes of what it reads. An operation without a rule is
noted and its readers go on with the type that the foreign format states: all of them are reported at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphwright.compiler.ir.graph import Entry, Graph, Marks, Node, Scope
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ir.verify import verify
from graphwright.compiler.lowering.inference import InferenceError, infer
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import NOWHERE, Problem, SpecError


@dataclass
class Builder:
    """Collects typed nodes. `add` returns the names of the values that a node computes.

    `file` is what the missing rules would be added to, for the message about them.
    """

    name: str
    file: str
    inputs: list[Entry] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    types: dict[str, Type] = field(default_factory=dict)
    #: Operations without a rule, with where they occur.
    missing: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def enter(self, entry: Entry) -> str:
        """Add an input of the graph."""
        self.inputs.append(entry)
        self.types[entry.name] = entry.type
        return entry.name

    def unique(self, name: str) -> str:
        """`name`, or the first of `name_2`, `name_3`, ... that no node or input has yet."""
        taken, count = {n.name for n in self.nodes} | {e.name for e in self.inputs}, 1
        while (candidate := name if count == 1 else f"{name}_{count}") in taken:
            count += 1
        return candidate

    def add(
        self, name: str, op: Op, inputs: Sequence[tuple[str, str]] | Sequence[str] = (), marks: Marks | None = None
    ) -> tuple[str, ...]:
        """Add a node; `inputs` are (port, value) pairs, or values in the order of the op's ports.

        A node whose inputs the op refuses is a problem that is reported with the others; its values have no type.
        """
        node = Node(name, op, _paired(op, inputs), marks=marks or Marks())
        if any(value not in self.types for value in node.reads):
            return (name,)  # what it reads is broken, and was reported
        sizes = {k: v for e in self.inputs for k, v in e.defaults.items()}
        try:
            found = infer(op, node.arrange(self.types), sizes)
        except InferenceError as error:
            self.problems.append(Problem(NOWHERE, f"'{name}' ({op}) does not fit what it reads: {error}", ""))
            return (name,)
        node = replace(node, outputs=found.outputs, parameters=found.parameters, buffers=found.buffers)
        self.nodes.append(node)
        self.types.update(zip(node.values, node.outputs, strict=True))
        self.types.update({f"{name}.{n}": t for n, t in (*node.parameters, *node.buffers)})
        return node.values

    def graph(
        self, outputs: Iterable[tuple[str, str]], scopes: Mapping[str, str] | None = None, doc: str = "",
        source: str = "",
    ) -> Graph:  # fmt: skip
        """The verified graph; `scopes` gives the kind of module that a scope came from.

        Raises `SpecError` with every operation without a rule, and every node that does not fit.
        """
        if self.missing or self.problems:
            raise SpecError([*_listed(self.missing, self.file), *self.problems])
        named = tuple(outputs)
        graph = Graph(self.name, tuple(self.inputs), tuple(self.nodes), named, doc=doc, source=source)
        graph = graph.with_(nodes=graph.deployed().nodes)
        return verify(graph.with_(scopes=levels(graph.nodes, scopes or {})), by="import")


def _paired(op: Op, inputs: Sequence[tuple[str, str]] | Sequence[str]) -> tuple[tuple[str, str], ...]:
    if all(isinstance(i, tuple) for i in inputs):
        return tuple(inputs)  # type: ignore[arg-type]
    ports = list(op.ports)
    names = [ports[0].name] * len(inputs) if ports and ports[0].many else [p.name for p in ports]
    return tuple(zip(names, inputs, strict=False))  # type: ignore[arg-type]


def levels(nodes: Iterable[Node], kinds: Mapping[str, str]) -> tuple[Scope, ...]:
    """All levels of the nodes' names, outer ones first."""
    found: dict[str, Scope] = {}
    for node in nodes:
        parts = node.name.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            found.setdefault(name, Scope(name, kinds.get(name, "")))
    return tuple(found.values())


def _listed(missing: Sequence[tuple[str, str]], file: str) -> list[Problem]:
    """One problem per operation: how often, where, and the file that holds such rules."""
    counts = Counter(operation for operation, _ in missing)
    problems = []
    for operation, count in counts.most_common():
        places = list(dict.fromkeys(where or "the model itself" for name, where in missing if name == operation))
        shown = ", ".join(places[:4]) + (f" and {len(places) - 4} more" if len(places) > 4 else "")
        times = "once" if count == 1 else f"{count} times"
        problems.append(Problem(NOWHERE, f"no rule for {operation}, used {times}: {shown}", f"a row in {file} adds it"))
    return problems
