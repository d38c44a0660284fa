"""Pieces of a lowered graph: a run of its nodes as one function of a module and the tensors it reads.

The function speaks of modules and parameters by their names below the piece's scope, so that equal blocks have equal
code and one function, called with the modules of one block or another, serves them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import fx, nn

#: A piece's function: `code(module, *reads)` gives the tuple of its writes.
Code = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True)
class Piece:
    """Nodes that stand together. `owner` is the scope below which all modules and parameters that they name are."""

    scope: str
    owner: str
    nodes: tuple[fx.Node, ...]
    reads: tuple[fx.Node, ...]
    writes: tuple[fx.Node, ...]
    graph: fx.Graph

    @cached_property
    def text(self) -> str:
        """Its Python code: equal for pieces that compute the same thing, but for what their modules hold."""
        return self.graph.python_code("self").src

    def code(self, root: nn.Module) -> Code:
        """Its function, which keeps nothing of the module it was made with."""
        function: Code = type(fx.GraphModule(root.get_submodule(self.owner), self.graph, class_name="Piece")).forward
        return function


def floats(node: fx.Node) -> bool:
    """Whether a node is a name or a size of an input: not computed, it is written again in each piece that reads it."""
    return node.op == "get_attr" or (node.op == "call_method" and node.target == "size" and _entry(node))


def _entry(node: fx.Node) -> bool:
    source = node.args[0]
    return isinstance(source, fx.Node) and source.op == "placeholder"


def names_within(nodes: Sequence[fx.Node], scope: str) -> bool:
    """Whether all modules that the nodes call are below the scope."""
    return all(str(n.target).startswith(f"{scope}.") for n in nodes if n.op == "call_module")


def piece_of(nodes: Sequence[fx.Node], scope: str = "") -> Piece:
    """The nodes as a piece; `scope` is what their names begin with, empty for those between the scopes."""
    prefix = f"{scope}." if scope else ""
    own = {n for n in nodes if n.op == "call_module"} | {n for n in _floating(nodes) if _local(n, prefix)}
    inside = set(nodes)
    reads = tuple(dict.fromkeys(_reads(nodes, inside, prefix)))
    graph = fx.Graph()
    copies = {read: graph.placeholder(f"x{index}") for index, read in enumerate(reads)}
    for node in nodes:
        for source in node.all_input_nodes:
            if source not in copies:  # a size, or a parameter of the piece's own
                copies[source] = _copy(graph, source, copies, prefix)
        copies[node] = _copy(graph, node, copies, prefix)
        _spare(copies[node])
    writes = tuple(n for n in nodes if any(user not in inside for user in n.users))
    graph.output(tuple(copies[n] for n in writes))
    owner = scope if any(n.op in ("call_module", "get_attr") for n in own) else ""
    return Piece(scope, owner, tuple(nodes), reads, writes, graph)


def _floating(nodes: Sequence[fx.Node]) -> Iterator[fx.Node]:
    """What floats and is read by the nodes."""
    for node in nodes:
        yield from (source for source in node.all_input_nodes if floats(source))


def _reads(nodes: Sequence[fx.Node], inside: set[fx.Node], prefix: str) -> Iterator[fx.Node]:
    """The values from outside, in order: of a size the input it is of."""
    for node in nodes:
        for source in node.all_input_nodes:
            if source in inside or _local(source, prefix):
                continue
            yield source.all_input_nodes[0] if floats(source) and source.op != "get_attr" else source


def _local(node: fx.Node, prefix: str) -> bool:
    """Whether a node is a parameter or buffer below the scope."""
    return node.op == "get_attr" and str(node.target).startswith(prefix)


def _copy(graph: fx.Graph, node: fx.Node, copies: dict[fx.Node, fx.Node], prefix: str) -> fx.Node:
    """A node under its name and target below the scope."""
    target = node.target
    if node.op in ("call_module", "get_attr"):
        target = str(target).removeprefix(prefix)
    arguments = fx.node.map_arg((node.args, node.kwargs), lambda n: copies[n])
    first = node.meta.get("spec_node", "").removeprefix(prefix).replace(".", "_") or None
    name = "size" if node.target == "size" and floats(node) else first  # named after the first reader of all
    made = graph.create_node(node.op, target, *arguments, name)
    made.meta = dict(node.meta)
    return made


def _spare(node: fx.Node) -> None:
    """What overwrites its input must not do so across the border of a piece, where it would be copied back."""
    source = node.args[0] if node.args else None
    if node.kwargs.get("inplace") is True and isinstance(source, fx.Node) and source.op == "placeholder":
        node.kwargs = {**node.kwargs, "inplace": False}


def fetch(root: nn.Module, name: str) -> Any:
    """What stands under that name: a parameter or a buffer, seldom a module."""
    owner, _, leaf = name.rpartition(".")
    return getattr(root.get_submodule(owner), leaf)
