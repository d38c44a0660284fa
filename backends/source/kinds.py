"""What the attributes of an object are made of, and which scopes of a graph become objects."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from graphwright.backends.source import parts
from graphwright.backends.source.layers import layer
from graphwright.backends.source.syntax import call
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.outline.scopes import Part


@dataclass(frozen=True)
class Layer:
    """An attribute made by an expression: a module of torch, a part of ours, a parameter, a constant."""

    tree: ast.expr
    kind: str = "module"
    needs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Use:
    """An attribute that is an object of a class of the file."""

    kind: Any
    #: The program of the object itself.
    program: Any
    #: The loop that runs it, if one does.
    loop: ast.Call | None = None

    @property
    def needs(self) -> tuple[Any, ...]:
        """What the file must hold for it, besides its class."""
        return (parts.Loop,) if self.loop is not None else ()


@dataclass(frozen=True)
class Chain:
    """Numbered attributes in one container, `nn.Sequential` or `nn.ModuleList`."""

    container: str
    elements: tuple[Any, ...]


Made = Layer | Use | Chain


def frozen(tree: ast.expr, node: Node) -> ast.expr:
    """The module that an expression makes, with its parameters fixed where the node says so."""
    if not node.marks.freeze or not node.owned:
        return tree
    return ast.Call(ast.Attribute(tree, "requires_grad_"), [ast.Constant(False)], [])


# -- scopes ------------------------------------------------------------------------------------------
def kind_of(part: Part, graph: Graph) -> str:
    """`class` for an object of its own, `chain` for `nn.Sequential`, `list` for numbered parts that are wired
    otherwise, `open` where nothing is kept."""
    if part.tie:
        return "open"
    labels = [p.name for p in part.parts]
    if labels == [str(k) for k in range(len(labels))]:
        if _is_chain(part, graph):
            return "chain"
        if not part.scope or not part.scope.block:
            return "list"
    kept = any(
        n.parameters or n.buffers or n.op.is_constant or isinstance(n.op, Loop) or _module(graph, n)
        for n in part.nodes()
    )
    return "class" if kept else "open"


def _module(graph: Graph, node: Node) -> bool:
    return not node.op.bare and not isinstance(node.op, Loop) and node.op.module(*graph.input_types(node)) is not None


def _is_chain(part: Part, graph: Graph) -> bool:
    """Whether each part reads the one before alone, and the last alone is read."""
    last: str | None = None
    for child in part.parts:
        if len(child.feeds) != 1 or (last is not None and child.feeds != [last]):
            return False
        if child.node is not None and (element(graph, child.node) is None or child.tie or len(child.node.outputs) != 1):
            return False
        if child.tie or (child.node is None and kind_of(child, graph) not in ("chain", "class")):
            return False
        outs = [child.node.name] if child.node is not None else child.outs
        if len(outs) != 1:
            return False
        last = outs[0]
    return part.outs == [last]


#: Functions of torch that have a module without state, for elements of `nn.Sequential`.
MODULES = {
    "relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "gelu": "GELU", "sigmoid": "Sigmoid", "tanh": "Tanh",
    "mish": "Mish", "selu": "SELU", "hardswish": "Hardswish", "hardsigmoid": "Hardsigmoid", "identity": "Identity",
    "softsign": "Softsign",
}  # fmt: skip


def element(graph: Graph, node: Node) -> Layer | None:
    """A node as an element of `nn.Sequential`: a module, or a function that has one."""
    if (
        node.op.bare
        or node.marks.tie
        or isinstance(node.op, Loop)
        or any(p not in {q.name for q in node.op.ports} for p, _ in node.inputs)
    ):
        return None
    module = node.op.module(*graph.input_types(node))
    if module is not None:
        tree, needs = layer(node, module)
        return Layer(frozen(tree, node), "module", needs)
    if node.op.name in MODULES and len(node.inputs) == 1:
        options = {"approximate": way} if (way := getattr(node.op, "approximate", "none")) != "none" else {}
        return Layer(call(f"nn.{MODULES[node.op.name]}", **options))
    return None
