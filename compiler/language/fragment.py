"""A piece of a spec outside a file: the node that an edit puts into a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphwright.compiler.ir.graph import Graph, Marks, Node, Scope
from graphwright.compiler.language.expand import Expander
from graphwright.compiler.language.library import Library
from graphwright.compiler.language.nodes import read_node
from graphwright.compiler.language.primitives import Primitives, read_field
from graphwright.compiler.language.reading import Map, Scalar, Seq, Tree
from graphwright.compiler.language.scopes import Level, Member, first_value
from graphwright.compiler.language.values import Argument, Filled
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import Place, SpecError, fail, suggest


@dataclass(frozen=True)
class Fragment:
    """Nodes to put into a graph, and the values that stand for its outputs."""

    nodes: tuple[Node, ...]
    scopes: tuple[Scope, ...]
    values: tuple[str, ...]


def expand_fragment(
    graph: Graph, written: Any, path: str, inputs: tuple[tuple[str, str], ...], file: str, place: Place
) -> Fragment:
    """`written`, an op or block with its arguments, expanded under the name `path` to read `inputs`."""
    library = Library()
    if file:
        library.spec(library.find(file))
    tree, names = (written.tree, written.names) if isinstance(written, Filled) else (tree_of(written, place), {})
    expander = Expander(library, Primitives(types=dict(graph.types), sizes=_defaults(graph)))
    level = Level(path.rpartition(".")[0], names, file)
    ports: dict[str, Any] = {}
    for port, value in inputs:
        ports[port] = (
            [*([ports[port]] if isinstance(ports.get(port), str) else ports.get(port, [])), value]
            if port in ports
            else value
        )
    above = Member("inputs", place, ports=ports, kind="entry")
    node = read_node(Scalar(path.rpartition(".")[2], place), tree, in_losses=False)
    member = expander.copy(level, path, replace(node, place=place), names, above, None, Marks())
    if problems := [*expander.problems, *expander.primitives.problems]:
        raise SpecError(problems)
    values = [v for feed in member.ports.values() for v in (feed if isinstance(feed, list) else [feed])]
    return Fragment(tuple(expander.primitives.nodes), tuple(expander.scopes), tuple(values or [first_value(member)]))


def _defaults(graph: Graph) -> dict[str, int]:
    return {k: v for e in (*graph.inputs, *graph.targets) for k, v in e.defaults.items()}


def tree_of(value: Any, place: Place) -> Tree:
    """Plain Python data as the tree the same YAML would give."""
    if isinstance(value, Scalar):
        return value
    if isinstance(value, Mapping):
        return Map(tuple((Scalar(str(k), place), tree_of(v, place)) for k, v in value.items()), place)
    if isinstance(value, (list, tuple)):
        return Seq(tuple(tree_of(v, place) for v in value), place)
    text = (
        {True: "true", False: "false", None: "none"}.get(value, value)
        if not isinstance(value, (int, float, str)) or isinstance(value, bool)
        else value
    )
    return Scalar(str(text), place, not isinstance(value, str) or "$" in str(value))


def read_set(op: Op, arguments: Any, place: Place) -> Op:
    """The op with some arguments changed."""
    fields = {f.name: f for f in op.fields() if f.name not in op.filled}
    values = {}
    if not isinstance(arguments, Mapping):
        raise fail(place, "'arguments' is a mapping", "arguments: {eps: 1e-3}")
    for name, value in arguments.items():
        key = arguments.tree.key(name) if isinstance(arguments, Filled) else None
        at = key.place if key else place
        if name not in fields:
            raise fail(at, f"{op.name} has no argument '{name}'", suggest(name, fields))
        tree = value if isinstance(arguments, Filled) else tree_of(value, place)
        values[name] = read_field(type(op), fields[name], Argument(tree, at))
    return replace(op, **values)
