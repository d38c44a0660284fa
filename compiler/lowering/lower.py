"""A graph to an ordinary `torch.fx.GraphModule` of ordinary torch modules under the spec's names.

An op with a module becomes `call_module` under the node's name, so `state_dict` keys are the spec's
names; a plain op is traced through its own `forward`. Every fx node carries the spec node's name and
place in `meta`, and in the stack trace that torch shows with its errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from torch import fx, nn
from torch.fx.proxy import GraphAppendingTracer

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.types import DTYPES
from graphwright.compiler.lowering.checkpoint.fold import fold_checkpoints
from graphwright.compiler.lowering.given import Given
from graphwright.compiler.lowering.gradient import Pullback, between, differentiates
from graphwright.compiler.lowering.initial import apply_init, materialise
from graphwright.compiler.lowering.names import check_names
from graphwright.compiler.lowering.reuse import reuse_buffers
from graphwright.compiler.lowering.reversible.fold import fold_regions
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import NOWHERE, fail

Cone = Literal["deploy", "train"]


def lower(
    graph: Graph, *, cone: Cone = "deploy", seed: int = 0, device: str | torch.device = "cpu", prefix: str = ""
) -> fx.GraphModule:
    """The graph as a `GraphModule`.

    `cone="deploy"`: `forward(*inputs)` gives the output tensor, or `{port: tensor}` where there are several.
    `cone="train"`: `forward(*inputs, *targets)` gives `{"outputs": {port: tensor}, "losses": {term: tensor}}`.
    Initial values depend on `seed` and each parameter's name (after `prefix`); `device="meta"` allocates nothing.
    """
    if cone not in ("deploy", "train"):
        raise fail(NOWHERE, f"no cone '{cone}'", "deploy or train")
    chosen = graph.deployed() if cone == "deploy" else graph.training()
    check_names(chosen)
    with torch.random.fork_rng(devices=[]):
        return _Lowering(chosen, seed, torch.device(device), prefix).run(cone)


class _Tracer(GraphAppendingTracer):
    """Gives every fx node the name and place of the spec node being lowered."""

    def __init__(self, graph: fx.Graph) -> None:
        super().__init__(graph)
        self.current: Node | None = None

    def create_node(self, kind: str, target: Any, args: Any, kwargs: Any, name: str | None = None,
                    type_expr: Any = None) -> fx.Node:  # fmt: skip
        current = self.current
        hint = _identifier(current.name) if current is not None else None
        made = super().create_node(kind, target, args, kwargs, name or hint, type_expr)
        if current is not None:
            made.meta["spec_node"], made.meta["place"] = current.name, current.place
            place = current.place
            made.meta["stack_trace"] = (
                f'  File "{place.file}", line {place.line}, in {current.name}\n    {current.op}\n'
            )
        return made


def _identifier(name: str) -> str:
    text = re.sub(r"\W", "_", name)
    return text if not text[:1].isdigit() else f"_{text}"


class _Sizes(Mapping[str, Any]):
    """Free sizes while lowering: read from the inputs' shapes the first time they are needed."""

    def __init__(self, graph: Graph, entries: Mapping[str, fx.Proxy]) -> None:
        self.found: dict[str, Any] = {}
        self.where = {
            str(size): (entries[entry.name], axis)
            for entry in reversed((*graph.inputs, *graph.targets)) if entry.name in entries
            for axis, size in reversed(list(enumerate(entry.type.shape)))
            if isinstance(size, Dim) and str(size).isidentifier()
        }  # fmt: skip

    def __getitem__(self, symbol: str) -> Any:
        if symbol not in self.found:
            entry, axis = self.where[symbol]
            self.found[symbol] = entry.size(axis)
        return self.found[symbol]

    def __iter__(self) -> Iterator[str]:
        return iter(self.where)

    def __len__(self) -> int:
        return len(self.where)


class _Lowering:
    def __init__(self, graph: Graph, seed: int, device: torch.device, prefix: str) -> None:
        self.graph, self.seed, self.device, self.prefix = graph, seed, device, prefix
        self.root = nn.Module()
        self.fx = fx.Graph()
        self.tracer = _Tracer(self.fx)
        self.values: dict[str, Any] = {}
        self.modules: dict[str, nn.Module] = {}
        self.transient: list[str] = []

    def run(self, cone: Cone) -> fx.GraphModule:
        entries = self.graph.inputs if cone == "deploy" else (*self.graph.inputs, *self.graph.targets)
        for entry in entries:
            placeholder = self.fx.placeholder(entry.name)
            placeholder.meta.update(place=entry.place, type=entry.type)
            self.values[entry.name] = fx.Proxy(placeholder, self.tracer)
        self.sizes = _Sizes(self.graph, {e.name: self.values[e.name] for e in entries})
        for node in self.graph.nodes:
            self.tracer.current = node
            self._node(node)
        self.tracer.current = None
        self.fx.output(self._result(cone))
        if cone == "train":
            numbers = {size.node for size in self.sizes.found.values()}
            fold_regions(self.graph, self.fx, self.root, self.values, numbers)
            fold_checkpoints(self.graph, self.fx, self.root, numbers)
        reuse_buffers(self.graph, self.fx)
        module = fx.GraphModule(self.root, self.fx, class_name=_identifier(self.graph.name) or "Model")
        if cone == "deploy" and differentiates(self.graph):
            module.graph.eliminate_dead_code()  # a gradient runs what it differentiates by itself
            module.recompile()
        for name in self.transient:
            owner, _, leaf = name.rpartition(".")
            module.get_submodule(owner)._non_persistent_buffers_set.add(leaf)
        return module

    def _result(self, cone: Cone) -> Any:
        outputs = {port: self._value(value).node for port, value in self.graph.outputs}
        if cone == "train":
            losses = {term.name: self._value(term.value).node for term in self.graph.losses}
            return {"outputs": outputs, "losses": losses}
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    # -- one node -----------------------------------------------------------------------------
    def _node(self, node: Node) -> None:
        op = node.op.resolved(self.sizes)
        types = self.graph.input_types(node)
        given = {p: v for p, v in node.inputs if p in op.tensors and not op.free_ports
                 and p not in {q.name for q in op.ports}}  # fmt: skip
        arguments = self._arguments(node, given)
        if op.bare:
            result: Any = self._bare(node, op)
        elif op.is_constant and not arguments_of(arguments):
            result = self._constant(node, op)
        elif isinstance(node.op, Gradient):
            result = self._gradient(node)
        elif isinstance(node.op, Loop):
            self._install(node.name, node.op.ready(types[0], self.prefix + node.name, self.seed, self.device))
            result = self._emit_call(node.name, arguments)
        elif (module := node.op.module(*types)) is not None:
            result = self._call(node, module, arguments, given)
        else:
            result = op.forward(*arguments, **self._context(op))
        single = len(node.outputs) == 1 and not isinstance(result, tuple) and not op.listed
        for index, (value, kind) in enumerate(zip(node.values, node.outputs, strict=True)):
            made = self.values[value] = result if single else result[index]
            if isinstance(made, fx.Proxy):
                made.node.meta.setdefault("type", kind)

    def _gradient(self, node: Node) -> Any:
        of, at = (self._value(value).node for value in node.reads)
        found = between(self.root, at, of)
        if found is None:
            raise fail(node.place, f"'{node.name}': '{node.reads[0]}' does not depend on '{node.reads[1]}'",
                       "the gradient would be zero everywhere")  # fmt: skip
        tail, others = found
        self._install(node.name, Pullback(tail))
        return self._emit_call(node.name, [fx.Proxy(at, self.tracer), *(fx.Proxy(o, self.tracer) for o in others)])

    def _context(self, op: Op) -> dict[str, Any]:
        if not isinstance(op, Formula) or not self.graph.inputs:
            return {}
        return {"device": self.values[self.graph.inputs[0].name].device}

    def _arguments(self, node: Node, given: Mapping[str, str]) -> list[Any]:
        """The inputs in the order of the ports: a tuple for `x*`, None where not given."""
        if node.op.free_ports:
            return [tuple(self._value(v) for _, v in node.inputs)]
        arguments: list[Any] = []
        for port in node.op.ports:
            values = [self._value(v) for p, v in node.inputs if p == port.name and p not in given]
            arguments.append(tuple(values) if port.many else values[0] if values else None)
        while arguments and arguments[-1] is None:
            arguments.pop()
        return arguments

    def _value(self, value: str) -> Any:
        if value not in self.values:  # a parameter of a node, read as a value
            self.values[value] = fx.Proxy(self.tracer.create_node("get_attr", value, (), {}), self.tracer)
        return self.values[value]

    def _call(self, node: Node, module: nn.Module, arguments: list[Any], given: Mapping[str, str]) -> Any:
        target = node.marks.tie
        if target is not None and self.graph.by_name[target].op == node.op and not given:
            return self._emit_call(target, arguments)
        self._prepare(node, module)
        if target is not None:
            _share(module, self.modules[target])
        computed = {p: v for p, v in given.items() if not self._is_parameter(v)}
        for port, value in given.items():
            if port not in computed:
                owner, _, leaf = value.rpartition(".")
                setattr(module, port, self._parameter(owner, leaf))
        if computed:
            module = Given(module, tuple(computed))
        self._install(node.name, module)
        return self._emit_call(node.name, [*arguments, *(self._value(v) for v in computed.values())])

    def _emit_call(self, target: str, arguments: list[Any]) -> Any:
        nodes = fx.node.map_aggregate(tuple(arguments), lambda a: a.node if isinstance(a, fx.Proxy) else a)
        return fx.Proxy(self.tracer.create_node("call_module", target, nodes, {}), self.tracer)

    def _is_parameter(self, value: str) -> bool:
        """Whether a value is another node's own parameter, which is shared; all else is passed when called."""
        node = self.graph.by_name.get(self.graph.producer(value))
        return node is not None and value not in node.values

    def _parameter(self, owner: str, leaf: str) -> Any:
        if owner in self.modules:
            return self.modules[owner].get_parameter(leaf)
        return getattr(self.root.get_submodule(owner), leaf)

    def _bare(self, node: Node, op: Op) -> Any:
        """A `parameter` or `buffer` node: its tensor stands under the node's own name."""
        if node.marks.tie:
            return self._value(node.marks.tie)
        module = op.module()
        assert module is not None
        self._prepare(node, module)
        tensor = next(iter((*module.parameters(), *module.buffers())))
        self._install(node.name, tensor)
        if module._non_persistent_buffers_set:
            self.transient.append(node.name)
        return fx.Proxy(self.tracer.create_node("get_attr", node.name, (), {}), self.tracer)

    def _constant(self, node: Node, op: Op) -> Any:
        if self.device.type == "meta":
            kind = node.outputs[0]
            self._install(node.name, torch.empty(kind.shape, dtype=DTYPES[kind.dtype], device="meta"))  # type: ignore[arg-type]
        else:
            self._install(node.name, op.forward(()).to(self.device))
        self.transient.append(node.name)
        return fx.Proxy(self.tracer.create_node("get_attr", node.name, (), {}), self.tracer)

    def _prepare(self, node: Node, module: nn.Module) -> None:
        """Allocate and initialise a module, and freeze it where the spec says so."""
        if self.device.type != "meta":
            name = self.prefix + node.name
            materialise(module, name, self.seed, self.device)
            if node.marks.init is not None:
                apply_init(module, node.marks.init, name, self.seed, node.place)
        if node.marks.freeze:
            module.requires_grad_(False)

    def _install(self, name: str, what: nn.Module | torch.Tensor) -> None:
        *path, leaf = name.split(".")
        owner = self.root
        for part in path:
            if part not in owner._modules:
                owner.add_module(part, nn.Module())
            owner = owner._modules[part]  # type: ignore[assignment]
        if isinstance(what, nn.Module):
            owner.add_module(leaf, what)
            self.modules[name] = what
        elif isinstance(what, nn.Parameter):
            owner.register_parameter(leaf, what)
        else:
            owner.register_buffer(leaf, what)


def arguments_of(arguments: list[Any]) -> bool:
    """Whether any input is given."""
    return any(a is not None and a != () for a in arguments)


def _share(module: nn.Module, other: nn.Module) -> None:
    """Tie a module that differs in its arguments: the same parameter objects in both."""
    for name, parameter in other.named_parameters():
        owner, _, leaf = name.rpartition(".")
        setattr(module.get_submodule(owner), leaf, parameter)
