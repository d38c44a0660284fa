"""When two pieces may share one compiled function: equal code, equal types of what they read, equal modules.

A digest that tells too much apart costs a compilation; one that tells too little is found out by the guards of
torch's compiler, and costs the same. It never decides what is computed: that is the code, which is compared as text.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import torch
from torch import fx, nn

from graphwright.compiler.lowering.regional.pieces import Piece, fetch


def digest(piece: Piece, root: nn.Module, learning: Mapping[fx.Node, bool]) -> Hashable:
    """What a piece has in common with those that can share its compiled function.

    `learning` says which values of the lowered graph depend on parameters that want a gradient.
    """
    names = [n.target for n in piece.graph.nodes if n.op == "call_module"]
    owner = root.get_submodule(piece.owner)
    modules = [owner.get_submodule(str(name)) for name in names]
    tensors = [t for module in modules for t in (*module.parameters(), *module.buffers())]
    constants = [fetch(owner, str(n.target)) for n in piece.graph.nodes if n.op == "get_attr"]
    first: dict[int, int] = {}
    shared = tuple(first.setdefault(id(t), index) for index, t in enumerate((*tensors, *constants)))
    return (
        piece.text,
        tuple(_type(node, root, learning[node]) for node in piece.reads),
        tuple(_describe(module) for module in modules),
        tuple(_tensor(t) for t in constants),
        shared,
        tuple(sorted((k, _global(v)) for k, v in piece.graph.python_code("self").globals.items())),
    )


def needs_gradient(graph: fx.Graph, root: nn.Module) -> dict[fx.Node, bool]:
    """Which values of a lowered graph depend on parameters that want a gradient."""
    found: dict[fx.Node, bool] = {}
    for node in graph.nodes:
        own = False
        if node.op == "call_module":
            own = any(p.requires_grad for p in root.get_submodule(str(node.target)).parameters())
        elif node.op == "get_attr":
            constant = fetch(root, str(node.target))
            own = isinstance(constant, torch.Tensor) and constant.requires_grad
        found[node] = own or any(found[source] for source in node.all_input_nodes)
    return found


def _type(node: fx.Node, root: nn.Module, learning: bool) -> Hashable:
    """The type of a value that is read; one that has none is like no other."""
    if node.op == "get_attr":
        return _tensor(fetch(root, str(node.target)))
    return str(node.meta.get("type", node.name)), learning


def _tensor(tensor: Any) -> Hashable:
    if not isinstance(tensor, torch.Tensor):  # a function's own module
        return id(tensor)
    return type(tensor).__name__, tuple(tensor.shape), str(tensor.dtype), tensor.requires_grad, str(tensor.device)


def _describe(module: nn.Module) -> Hashable:
    """The module's settings and the forms of its tensors. Its private attributes are taken to follow from these."""
    return tuple(
        (name, type(part), _settings(part), _forms(part._parameters.items()), _forms(part._buffers.items()))
        for name, part in module.named_modules()
    )


def _settings(module: nn.Module) -> Hashable:
    return tuple(sorted((k, repr(v)) for k, v in vars(module).items() if not k.startswith("_")))


def _forms(tensors: Iterable[tuple[str, torch.Tensor | None]]) -> Hashable:
    return tuple((name, tensor is not None and _tensor(tensor)) for name, tensor in tensors)


def _global(value: object) -> str:
    """A name in the code: by what it is called, and by its identity where it is not a thing of a module."""
    name = getattr(value, "__qualname__", None)
    return f"{getattr(value, '__module__', '')}.{name}" if name and "<" not in name else f"{type(value)}{value!r}"
