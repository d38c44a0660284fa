"""An exported program as a `Graph` under the module's own names, with its weights.

Exported in training mode, batch norm, dropout and drop path are the operations they are, not their constants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument

from graphwright.compiler.importing.building import Builder, levels
from graphwright.compiler.importing.torch.convert import Converter
from graphwright.compiler.importing.torch.export import Example, exports
from graphwright.compiler.importing.torch.flat import Call, flatten
from graphwright.compiler.importing.torch.naming import named
from graphwright.compiler.importing.torch.rules import RULES
from graphwright.compiler.importing.torch.sizes import symbol_names, type_of
from graphwright.compiler.importing.torch.state import owned, owned_by, state_of, under_first_use
from graphwright.compiler.importing.torch.tidy import tidied
from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.lowering.names import check_names
from graphwright.compiler.ops.activation import Identity
from graphwright.compiler.places import SpecError

#: Where a missing rule belongs.
RULE_FILES = "compiler/importing/torch/rules/"
Weights = dict[str, torch.Tensor]


class FreeSizesMatter(SpecError):
    """The model cannot be read with these sizes left free; with numbers in their place it might be."""


def read_module(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, name: str = "", free: Any = None,
    train: bool = True,
) -> tuple[Graph, Weights]:  # fmt: skip
    """The graph and the weights of a module in one of its modes; in eval mode dropout stays, drop path does not."""
    before = [(m, m.training) for m in module.modules()]
    module.train(train)
    try:
        programs = exports(module, Example(args, kwargs, free))
        return _first_readable(programs, name or _snake(type(module).__name__), module)
    finally:
        for part, mode in before:
            part.training = mode


def _first_readable(programs: Iterator[ExportedProgram], name: str, module: nn.Module) -> tuple[Graph, Weights]:
    """The first of the programs that can be read, where the others differ in free sizes alone."""
    first: SpecError | None = None
    for program in programs:
        try:
            return read_program(program, name, module)
        except FreeSizesMatter as problem:
            first = first or problem
    assert first is not None
    raise SpecError(first.problems)


def arguments(example: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Example inputs as positional and keyword arguments."""
    if isinstance(example, Mapping):
        return (), dict(example)
    if isinstance(example, (tuple, list)):
        return tuple(example), {}
    return (example,), {}


def _snake(name: str) -> str:
    text = "".join(f"_{c.lower()}" if c.isupper() and k and not name[k - 1].isupper() else c.lower()
                   for k, c in enumerate(name))  # fmt: skip
    return text.replace("__", "_")


def read_program(program: ExportedProgram, name: str, module: nn.Module | None = None) -> tuple[Graph, Weights]:
    """The graph and the weights of an exported program; `module` is what it was exported from, where known."""
    placeholders = {n.name: n.meta.get("val") for n in program.graph.nodes if n.op == "placeholder"}
    inputs = {
        spec.arg.name: placeholders[spec.arg.name]
        for spec in program.graph_signature.input_specs if spec.kind == InputKind.USER_INPUT
    }  # fmt: skip
    symbols, defaults = symbol_names(inputs)
    builder = Builder(name, RULE_FILES)
    convert = Converter(builder, symbols, RULES)
    convert.modules = dict(module.named_modules()) if module is not None else {}
    for entry, value in inputs.items():
        if isinstance(value, torch.Tensor):
            kind = type_of(value, symbols)
            shown = {s: defaults[s] for s in sorted(kind.symbols) if s in defaults and s != "N"}
            convert.values[entry] = builder.enter(Entry(entry, kind, shown))
        else:
            convert.values[entry] = value
    convert.values |= state_of(program)
    outputs = _outputs(program)
    calls, known, problems = flatten(program.graph_module, [place for _, place in outputs], _buffers(program))
    builder.missing += problems
    if module is not None:
        convert.values |= under_first_use(convert.values, calls, module)
    convert.owned = owned(convert.values, calls)
    convert.run(calls)
    last = calls[-1] if calls else Call("out", "", {})
    values = [(port, convert.as_node(last, convert.values[v])) for (port, _), v in zip(outputs, known, strict=True)]
    if not builder.nodes:  # a spec has nodes, even where nothing is computed
        values = [(port, convert.add(last, Identity(), (value,))[0]) for port, value in values]
    try:
        made = builder.graph(values)
    except SpecError as error:
        sizes = convert.sizes_matter or builder.problems
        raise FreeSizesMatter(error.problems) if sizes and symbols else error from None
    classes = {n: m for n, m in convert.modules.items() if not isinstance(m, PLAIN) and type(m) is not nn.Module}
    kinds = {n: type(m).__name__ for n, m in classes.items()}
    graph, names = named(made, convert.hints, kinds)
    graph = tidied(graph)
    check_names(graph)
    weights = owned_by(graph, convert.values, {names[k]: v for k, v in convert.added.items() if k in names})
    return graph.with_(scopes=levels(graph.nodes, kinds)), weights


def _buffers(program: ExportedProgram) -> dict[str, str]:
    """The names of the model's buffers by placeholder."""
    specs = program.graph_signature.input_specs
    return {spec.arg.name: str(spec.target) for spec in specs if spec.kind == InputKind.BUFFER}


def _outputs(program: ExportedProgram) -> list[tuple[str, int]]:
    """What the model returns: names (`out` for one tensor, keys of a mapping, numbers of a tuple) and positions."""
    places = [
        k if isinstance(spec.arg, TensorArgument) else -1
        for k, spec in enumerate(program.graph_signature.output_specs) if spec.kind == OutputKind.USER_OUTPUT
    ]  # fmt: skip
    tree = program.call_spec.out_spec
    found = [(f"out{k}" if len(places) > 1 else "out", place) for k, place in enumerate(places)]
    if tree is not None and tree.num_leaves == len(places):
        marks = torch.utils._pytree.tree_unflatten(places, tree)
        spoken = [(_port(path), place) for path, place in torch.utils._pytree.tree_flatten_with_path(marks)[0]]
        found = spoken if len({port for port, _ in spoken}) == len(spoken) else found
    return [(port, place) for port, place in found if place >= 0]


def _port(path: Sequence[Any]) -> str:
    parts = [str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", "")))) for key in path]
    text = "_".join(parts)
    text = re.sub(r"\W", "_", text)
    return text if text.isidentifier() else f"out{text}"


#: Containers, whose class says nothing about what they hold.
PLAIN = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
