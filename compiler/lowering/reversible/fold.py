"""Reversible regions of a lowered graph, each folded into one call that undoes its steps in the backward pass."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import fx, nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.reversible.chain import Coupling, Reversible, Stage
from graphwright.compiler.lowering.reversible.plan import Region, Step, regions
from graphwright.compiler.lowering.reversible.slices import cut, traced
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import Problem, SpecError


def fold_regions(
    graph: Graph, lowered: fx.Graph, root: nn.Module, values: Mapping[str, fx.Proxy], numbers: set[fx.Node]
) -> None:
    """Fold the reversible regions of `graph`. `values` are its own in `lowered`; `numbers` are sizes read there."""
    found = regions(graph)
    if problems := [problem for region in found for problem in _unfit(graph, region)]:
        raise SpecError(problems)
    for region in found:
        _Fold(graph, region, lowered, root, {name: value.node for name, value in values.items()}, numbers).run()


def _unfit(graph: Graph, region: Region) -> Iterator[Problem]:
    """What cannot be run again as it ran."""
    for node in graph.nodes:
        if node.name in region.nodes and (reason := _once(node.op)):
            yield Problem(node.place, f"'{node.name}' cannot be in a reversible scope: {reason}", "put it outside")


def _once(op: Op) -> str:
    if isinstance(op, Gradient):
        return "a gradient runs other nodes by itself"
    inside = op.body.nodes if isinstance(op, Loop) else ()
    draws = op.name == "alpha_dropout" or getattr(op, "dropout", None) or any(n.op.family == "random" for n in inside)
    if draws or any(_once(n.op) for n in inside):
        return f"what {op.name} draws at random cannot be drawn again"
    return ""


class _Fold:
    def __init__(self, graph: Graph, region: Region, lowered: fx.Graph, root: nn.Module,
                 nodes: Mapping[str, fx.Node], numbers: set[fx.Node]) -> None:  # fmt: skip
        self.graph, self.region, self.lowered, self.root = graph, region, lowered, root
        self.nodes, self.numbers = nodes, numbers
        self.inner = [n for n in lowered.nodes if n.meta.get("spec_node") in region.nodes
                      and n.op != "get_attr" and n not in numbers]  # fmt: skip
        self.inside = set(self.inner)
        self.news = {nodes[step.new]: None for step in region.steps}

    def run(self) -> None:
        """Replace the region's nodes by one call, and put what depends on it behind the call."""
        pairs = [self._stage(step) for step in self.region.steps]
        outer = {node: None for _, reads in pairs for node in reads if node not in self.inside}
        tensors = [n for n in outer if n not in self.numbers]
        numbers = [n for n in outer if n in self.numbers]
        outputs = [n for n in self.news if n in self.inside and any(u not in self.inside for u in n.users)]
        kept = dict.fromkeys([*(self.nodes[v] for v in self.region.kept), *(n for n in tensors if n.op == "get_attr")])
        stages = _releasing([stage for stage, _ in pairs], {n.name for n in (*kept, *outputs)})
        call = self._call(Reversible(stages, *(_names(n) for n in (tensors, numbers, kept, outputs))), tensors, numbers)
        self._move_behind(call)
        self._read_from(call, outputs)
        for node in reversed(self.inner):
            self.lowered.erase_node(node)

    def _stage(self, step: Step) -> tuple[Stage, list[fx.Node]]:
        """A step, and what it reads."""
        new, node = self.nodes[step.new], self.graph.by_name[self.graph.producer(step.new)]
        others = [v for v in node.reads if step.back and v != step.back.old]
        wanted = [self.nodes[v] for v in others] if step.back else [new]
        own = None if step.back else new
        reads, first, again, masks = cut(
            self.root, self.inner, wanted, lambda n: n not in self.inside or (n in self.news and n is not own)
        )
        parameters = tuple(name for name, _ in again.named_parameters(remove_duplicate=False))
        buffers = tuple(name for name, _ in again.named_buffers(remove_duplicate=False))
        stage = Stage(new.name, _names(reads), first, again, masks, parameters, buffers)
        if step.back is None:
            return stage, reads
        formula, names = step.back.formula, (step.back.old, *others)
        join = traced(lambda *xs: node.op.forward(*node.arrange(dict(zip(names, xs, strict=True)))), names)
        undo = traced(lambda *xs: formula.forward(xs), formula.names)
        old = self.nodes[step.back.old]
        return replace(stage, coupling=Coupling(old.name, join, undo)), [*reads, old]

    def _call(self, module: Reversible, tensors: list[fx.Node], numbers: list[fx.Node]) -> fx.Node:
        """The call, behind the last of the region's nodes. It names the scopes so that they stay in the module tree."""
        name = next(n for k in range(len(self.nodes) + 1) if not hasattr(self.root, n := f"reversible_{k}"))
        self.root.add_module(name, module)
        scopes = [s for s in self.region.scopes if s in dict(self.root.named_modules())]
        with self.lowered.inserting_after(self.inner[-1]):
            call = self.lowered.call_module(name)
        with self.lowered.inserting_before(call):
            held = tuple(self.lowered.get_attr(scope) for scope in scopes)
            parameters = tuple(self.lowered.get_attr(name) for stage in module.stages for name in stage.parameters)
        call.args = (held, parameters, tuple(tensors), tuple(numbers))
        return call

    def _move_behind(self, call: fx.Node) -> None:
        """Nodes that stand among the region's and depend on them, behind the call, in their order."""
        late, anchor = set(self.news), call
        for node in list(self.lowered.nodes):
            if node is call:
                return
            if node not in self.inside and any(source in late for source in node.all_input_nodes):
                late.add(node)
                anchor.append(node)
                anchor = node

    def _read_from(self, call: fx.Node, outputs: Sequence[fx.Node]) -> None:
        """Let those outside read the call's outputs in place of the region's nodes."""
        with self.lowered.inserting_after(call):
            items = [self.lowered.call_function(operator.getitem, (call, k)) for k in reversed(range(len(outputs)))]
        for node, item in zip(outputs, reversed(items), strict=True):
            item.meta["place"] = node.meta.get("place")
            node.replace_all_uses_with(item, delete_user_cb=lambda user: user not in self.inside)


def _names(nodes: Iterable[Any]) -> tuple[str, ...]:
    return tuple(node.name for node in nodes)


def _releasing(stages: Sequence[Stage], needed: set[str]) -> list[Stage]:
    """The stages, each of which drops what none after it reads."""
    last: dict[str, int] = {}
    for k, stage in enumerate(stages):
        old = (stage.coupling.old,) if stage.coupling else ()
        last |= dict.fromkeys((*stage.reads, *old, stage.new), k)
    return [
        replace(stage, drops=tuple(name for name, at in last.items() if at == k and name not in needed))
        for k, stage in enumerate(stages)
    ]
