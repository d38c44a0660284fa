"""Checkpointed regions of a lowered graph, each folded into one call that runs again in the backward pass.

A scope marked `checkpoint: true` is a region, with all that is in it; nodes and scopes marked by the same word are one
together. A region that reads what others made of its own values cannot be called in one: it is folded in parts, each
of which keeps what it reads.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence

from torch import fx, nn

from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.lowering.checkpoint.region import Checkpoint
from graphwright.compiler.lowering.reuse import reuse_buffers
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import Problem, SpecError


def checkpoint_regions(graph: Graph) -> tuple[frozenset[str], ...]:
    """The names of the nodes of each region; a scope within a marked one is part of it."""
    marked = {s.name: s.marks.checkpoint for s in graph.scopes if s.marks.checkpoint}
    marked |= {n.name: n.marks.checkpoint for n in graph.nodes if n.marks.checkpoint}
    found: dict[str, list[str]] = {}
    for node in graph.nodes:
        parts = node.name.split(".")
        names = (".".join(parts[: k + 1]) for k in range(len(parts)))
        if outer := next((name for name in names if name in marked), None):
            word = marked[outer]
            found.setdefault(word if isinstance(word, str) else f"{outer}:", []).append(node.name)
    return tuple(frozenset(names) for names in found.values())


def fold_checkpoints(graph: Graph, lowered: fx.Graph, root: nn.Module, numbers: set[fx.Node]) -> None:
    """Fold the checkpointed regions of `graph`, which `lowered` computes; `numbers` are sizes read there."""
    found = checkpoint_regions(graph)
    problems = [
        Problem(n.place, f"'{n.name}' cannot be checkpointed: a gradient runs other nodes by itself", "put it outside")
        for names in found for n in graph.nodes if n.name in names and isinstance(n.op, Gradient)
    ]  # fmt: skip
    if problems:
        raise SpecError(problems)
    drawing = {n.name for n in graph.nodes if _draws(n.op)}
    for names in found:
        inside = {n for n in lowered.nodes if n.meta.get("spec_node") in names
                  and n.op != "get_attr" and n not in numbers}  # fmt: skip
        for part in _parts(lowered, inside, drawing):
            _fold(graph, lowered, root, part, any(n.meta["spec_node"] in drawing for n in part))


def _draws(op: Op) -> bool:
    """Whether an op draws random numbers in training."""
    inside = op.body.nodes if isinstance(op, Loop) else ()
    return op.family == "random" or bool(getattr(op, "dropout", 0)) or any(_draws(n.op) for n in inside)


def _parts(lowered: fx.Graph, inside: set[fx.Node], drawing: set[str]) -> list[list[fx.Node]]:
    """The nodes inside, in parts that no path leaves and comes back to; what draws at random keeps its order."""
    depth: dict[fx.Node, int] = {}
    drawn: list[fx.Node] = []
    for node in lowered.nodes:
        draws = node.meta.get("spec_node") in drawing and node.op == "call_module"
        sources = [*node.all_input_nodes, *(drawn if draws else ())]
        here = node in inside
        depth[node] = max((depth[s] + (s in inside and not here) for s in sources), default=0)
        drawn = [node] if draws else drawn
    parts: dict[int, list[fx.Node]] = {}
    for node in lowered.nodes:
        if node in inside:
            parts.setdefault(depth[node], []).append(node)
    return list(parts.values())


def _fold(graph: Graph, lowered: fx.Graph, root: nn.Module, inner: Sequence[fx.Node], draws: bool) -> None:
    """Replace the nodes by one call, and put what depends on them behind it."""
    inside = set(inner)
    reads = list(dict.fromkeys(s for n in inner for s in n.all_input_nodes if s not in inside))
    outputs = [n for n in inner if any(user not in inside for user in n.users)]
    module = Checkpoint(_body(graph, root, inner, reads, outputs), _buffers(root, reads), draws)
    name = next(n for k in range(len(lowered.nodes) + 1) if not hasattr(root, n := f"checkpoint_{k}"))
    root.add_module(name, module)
    with lowered.inserting_after(inner[-1]):
        call = lowered.call_module(name)
    with lowered.inserting_before(call):
        targets = dict.fromkeys(str(n.target) for n in inner if n.op == "call_module")
        call.args = (tuple(lowered.get_attr(target) for target in targets), *reads)
    _move_behind(lowered, call, outputs, inside)
    with lowered.inserting_after(call):
        items = [lowered.call_function(operator.getitem, (call, k)) for k in reversed(range(len(outputs)))]
    for node, item in zip(outputs, reversed(items), strict=True):
        item.meta["place"] = node.meta.get("place")
        node.replace_all_uses_with(item, delete_user_cb=lambda user: user not in inside)
    for node in reversed(inner):
        lowered.erase_node(node)


def _body(
    graph: Graph, root: nn.Module, inner: Iterable[fx.Node], reads: Iterable[fx.Node], outputs: Iterable[fx.Node]
) -> fx.GraphModule:
    body = fx.Graph()
    copies = {node: body.placeholder(node.name) for node in reads}
    for node in inner:
        copies[node] = body.node_copy(node, copies.__getitem__)
    body.output(tuple(copies[node] for node in outputs))
    reuse_buffers(graph, body)
    return fx.GraphModule(root, body, class_name="Region")


def _buffers(root: nn.Module, reads: Sequence[fx.Node]) -> list[int]:
    """Which of what is read are buffers of the model."""
    names = {name for name, _ in root.named_buffers(remove_duplicate=False)}
    return [k for k, node in enumerate(reads) if node.op == "get_attr" and str(node.target) in names]


def _move_behind(lowered: fx.Graph, call: fx.Node, outputs: Iterable[fx.Node], inside: set[fx.Node]) -> None:
    """Nodes that stand among those inside and depend on them, behind the call, in their order."""
    late, anchor = set(outputs), call
    for node in list(lowered.nodes):
        if node is call:
            return
        if node not in inside and any(source in late for source in node.all_input_nodes):
            late.add(node)
            anchor.append(node)
            anchor = node
