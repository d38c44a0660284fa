"""The tensors that a program keeps: under which names, whose they are, and which of them the graph's nodes own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from graphwright.compiler.importing.torch.flat import Call
from graphwright.compiler.importing.torch.values import Constant, State
from graphwright.compiler.ir.graph import Graph


def state_of(program: ExportedProgram) -> dict[str, Any]:
    """Parameters, buffers and constants of the program, by placeholder."""
    found: dict[str, Any] = {}
    for spec in program.graph_signature.input_specs:
        target = spec.target
        if target is None:
            continue
        if spec.kind == InputKind.PARAMETER:
            tensor = program.state_dict[target]
            found[spec.arg.name] = State(target, tensor)
        elif spec.kind == InputKind.BUFFER and spec.persistent:
            found[spec.arg.name] = State(target, program.state_dict[target], trainable=False)
        elif spec.kind in (InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
            kept = spec.kind == InputKind.BUFFER
            found[spec.arg.name] = Constant(program.constants[target], target if kept else "")
    return found


def under_first_use(values: Mapping[str, Any], calls: Sequence[Call], module: nn.Module) -> dict[str, State]:
    """Tensors with several names in the module, by placeholder, under the name in the module that reads them first.

    torch.export knows each by one of its names alone, the last.
    """
    every = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    aliases: dict[int, list[str]] = {}
    for name, tensor in every:
        aliases.setdefault(id(tensor), []).append(name)
    by_name = {name: aliases[id(tensor)] for name, tensor in every if len(aliases[id(tensor)]) > 1}
    found: dict[str, State] = {}
    for call in calls if by_name else ():
        for read in call.reads:
            state = values.get(read)
            if isinstance(state, State) and read not in found:
                here = f"{call.path}.{state.leaf}"
                name = here if here in by_name.get(state.name, ()) else state.name
                found[read] = State(name, state.tensor, state.trainable, state.persistent)
    return found


def owned(values: Mapping[str, Any], calls: Sequence[Any]) -> dict[str, set[str]]:
    """For every module, the names of the tensors in it (or below) that a call reads."""
    found: dict[str, set[str]] = {}
    for call in calls:
        for name in call.reads:
            state = values.get(name)
            tensor = state.name if isinstance(state, (State, Constant)) else ""
            owner = tensor.rpartition(".")[0]
            while owner:
                found.setdefault(owner, set()).add(tensor)
                owner = owner.rpartition(".")[0]
    return found


def owned_by(graph: Graph, values: Mapping[str, Any], added: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors that the graph's nodes own, under the graph's names; those it adds to the model's are in `added`."""
    kept = {v.name: v.tensor for v in values.values() if isinstance(v, State)}
    weights: dict[str, torch.Tensor] = {}
    for node in graph.nodes:
        if node.marks.tie:
            continue
        leaves = [""] if node.op.bare else [f".{leaf}" for leaf, _ in (*node.owned, *node.buffers)]
        for key in (node.name + leaf for leaf in leaves):
            tensor = added.get(key, kept.get(key))
            if tensor is not None:
                weights[key] = tensor.detach()
    return weights
