"""An exported program as a list of pure calls: what torch wrote in place is told apart, and nothing dead is kept.

torch exports in-place operations as they were written. Here each result has its own name: `x.relu_()` is a new value
that later readers of `x`, and of views of `x`, see. A write into a slice of `x` becomes a new `x` with that slice.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import fx

#: Calls whose result shares memory with their first argument; a write to one is seen through the other.
VIEWS = frozenset(
    ("view", "reshape", "flatten", "unflatten", "transpose", "permute", "t", "mT", "numpy_T", "squeeze", "unsqueeze",
     "expand", "expand_as", "slice", "select", "split", "split_with_sizes", "chunk", "unbind", "detach", "alias",
     "view_as", "movedim", "swapaxes", "swapdims", "narrow", "contiguous", "_unsafe_view", "unfold", "diagonal", "to")
)  # fmt: skip
#: Views that have all elements of what they view, in the same order.
RESHAPES = frozenset(
    ("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "detach", "alias", "contiguous",
     "_unsafe_view", "view_as", "to")
)  # fmt: skip
#: Checks and bookkeeping of the exporter, which compute nothing.
SILENT = ("_assert", "sym_constrain", "_guards_fn", "sym_size", "sym_numel", "sym_stride", "sym_storage")


@dataclass(frozen=True)
class Ref:
    """A tensor that another call computes, an input, or a tensor of the model's state."""

    name: str


@dataclass(frozen=True)
class Call:
    """One operation: its overload, its arguments by the names of its schema, and where in the model it stands.

    `stack` has the modules it was called in, outermost first, each with which of its calls this is (0, 1, ...).
    """

    name: str
    target: str
    arguments: Mapping[str, Any]
    stack: tuple[tuple[str, int], ...] = ()
    value: Any = field(default=None, compare=False)

    @property
    def path(self) -> str:
        """The module that made the call."""
        return self.stack[-1][0] if self.stack else ""

    @property
    def reads(self) -> list[str]:
        """The names of the values among the arguments."""
        return [r.name for r in _leaves(self.arguments.values())]


def _leaves(values: Iterable[Any]) -> Iterable[Ref]:
    for value in values:
        if isinstance(value, Ref):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _leaves(value)


def inlined(module: fx.GraphModule) -> fx.Graph:
    """The graph with regions that only switch a mode (autocast off, gradients off) put in place of their calls."""
    graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    graph.output(graph.graph_copy(module.graph, copies))
    for old, new in copies.items():
        if old.op == "placeholder":
            new.name = old.name  # the signature speaks of it; a copy gives way to Python's own names, such as `input`
    for node in list(graph.nodes):
        if node.op != "call_function" or "wrap_with" not in str(node.target):
            continue
        place = next(k for k, a in enumerate(node.args) if isinstance(a, fx.Node) and a.op == "get_attr")
        inner = getattr(module, node.args[place].target)
        entries = [n for n in inner.graph.nodes if n.op == "placeholder"]
        stopped = "set_grad_enabled" in str(node.target) and not node.args[0]
        with graph.inserting_before(node):
            results: Any = graph.graph_copy(inner.graph, dict(zip(entries, node.args[place + 1 :], strict=True)))
            results = [_detached(graph, r) if stopped else r for r in results]
        for user in list(node.users):
            user.replace_all_uses_with(results[user.args[1]])
            graph.erase_node(user)
        graph.erase_node(node)
    return graph


def _detached(graph: fx.Graph, result: fx.Node) -> fx.Node:
    """A value computed with gradients off, as one that no gradient flows back through."""
    value = result.meta.get("val")
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return result
    node = graph.call_function(torch.ops.aten.detach.default, (result,))
    node.meta = dict(result.meta)
    return node


class Flattening:
    """Walks the nodes of an exported program once.

    Tensors that share memory form a tree of views. A write makes new values of the written tensor and of all that it is
    a view of; other views are taken anew when they are next read.
    """

    def __init__(self, graph: fx.Graph, buffers: Mapping[str, str]) -> None:
        self.calls: dict[str, Call] = {}
        self.buffers = buffers
        self.nodes = {node.name: node for node in graph.nodes}
        self.current: dict[str, str] = {}  # node -> the name of its value as last known
        self.parent: dict[str, str] = {}  # view -> what it is a view of
        self.same: dict[str, str] = {}  # result of a write -> the tensor that was written
        self.writes: dict[str, int] = defaultdict(int)  # memory -> how often it was written
        self.known: dict[str, int] = defaultdict(int)  # node -> the writes that its value takes account of
        self.versions = 0
        self.problems: list[tuple[str, str]] = []
        for node in graph.nodes:
            if node.op == "placeholder":
                self.current[node.name] = node.name
            elif node.op == "call_function":
                self._call(node)

    def _call(self, node: fx.Node) -> None:
        target = str(node.target)
        if isinstance(node.meta.get("val"), (torch.SymInt, torch.SymBool, torch.SymFloat, int, float, bool)):
            return  # a size: read from its value where it is used
        if any(word in target for word in SILENT):
            return
        if node.target is operator.getitem:
            target, arguments = "getitem", {"source": self._argument(node.args[0]), "index": node.args[1]}
        else:
            arguments = self._arguments(node)
        call = Call(node.name, target, arguments, _where(node), node.meta.get("val"))
        first = node.args[0] if node.args else None
        written = _written(node)
        if written is not None:
            call = _functional(call)
            if _short(call.target) not in VIEWS:
                self._write(written, call, target)
                return
        self.calls[node.name] = call
        self.current[node.name] = node.name
        if isinstance(first, fx.Node) and _is_view(node, first, call.target):
            self.parent[node.name] = self.root(first)
            self.known[node.name] = self.writes[self._memory(node.name)]

    def root(self, node: fx.Node) -> str:
        """The tensor that a node's value is, where the node wrote into one."""
        return self.same.get(node.name, node.name)

    def read(self, node: fx.Node) -> str:
        """The name of a node's value as it is now."""
        return self._read(self.root(node))

    def _read(self, name: str) -> str:
        memory = self._memory(name)
        if self.known[name] != self.writes[memory] and name in self.parent:
            made, again = self.calls[name], self._version(name)
            whole = Ref(self._read(self.parent[name]))
            self.calls[again] = replace(
                made, name=again, arguments={**made.arguments, next(iter(made.arguments)): whole}
            )
            self.current[name], self.known[name] = again, self.writes[memory]
        return self.current[name]

    def _memory(self, name: str) -> str:
        """The tensor that a view is, in the end, a view of."""
        while name in self.parent:
            name = self.parent[name]
        return name

    def _arguments(self, node: fx.Node) -> dict[str, Any]:
        schema = getattr(node.target, "_schema", None)
        if schema is None:
            return {str(k): self._argument(v) for k, v in enumerate(node.args)}
        found: dict[str, Any] = {}
        for position, declared in enumerate(schema.arguments):
            if position < len(node.args):
                value = node.args[position]
            elif declared.name in node.kwargs:
                value = node.kwargs[declared.name]
            else:
                value = declared.default_value if declared.has_default_value() else None
            found[declared.name] = self._argument(value)
        return found

    def _argument(self, value: Any) -> Any:
        if isinstance(value, fx.Node):
            known = value.meta.get("val")
            if isinstance(known, (torch.SymInt, torch.SymFloat, torch.SymBool, int, float, bool)):
                return known
            return Ref(self.read(value))
        if isinstance(value, (list, tuple)):
            return tuple(self._argument(v) for v in value)
        return value

    # -- writes -------------------------------------------------------------------------------
    def _write(self, target: fx.Node, call: Call, writer: str) -> None:
        """A call that changes its first argument: that tensor, and what it is a view of, have new values."""
        written = self.root(target)
        chain = [written]
        while chain[-1] in self.parent:
            chain.append(self.parent[chain[-1]])
        before = {name: self._read(name) for name in chain}
        if (buffer := self.buffers.get(chain[-1], "num_batches_tracked")).rpartition(".")[2] != "num_batches_tracked":
            self.problems.append((f"{writer} into the buffer '{buffer}', which a graph keeps as it is", call.path))
        self.calls[call.name] = call
        self.same[call.name] = written
        self.writes[chain[-1]] += 1
        value = call.name
        for view, whole in zip(chain, [*chain[1:], ""], strict=True):
            self.current[view], self.known[view] = value, self.writes[chain[-1]]
            if whole:
                name = self._version(whole)
                change = self._put_back(view, Ref(before[whole]), Ref(value), writer)
                self.calls[name] = replace(change, name=name, stack=call.stack, value=self.nodes[whole].meta.get("val"))
                value = name

    def _put_back(self, view: str, whole: Ref, value: Ref, writer: str) -> Call:
        """The call that gives `whole` with `value` where `view` looks at it."""
        made, given = self.calls[view], self.calls[view].arguments
        match _short(made.target):
            case "slice":
                arguments = {**given, "self": whole, "src": value}
                return replace(made, target="aten.slice_scatter.default", arguments=arguments)
            case "narrow" if isinstance(given["start"], int) and given["start"] >= 0:
                place = {"dim": given["dim"], "start": given["start"], "end": given["start"] + given["length"]}
                arguments = {"self": whole, "src": value, **place, "step": 1}
                return Call("", "aten.slice_scatter.default", arguments)
            case "select":
                arguments = {**given, "self": whole, "src": value}
                return replace(made, target="aten.select_scatter.default", arguments=arguments)
            case "transpose" | "t" | "mT" | "swapaxes" | "swapdims":
                return replace(made, arguments={**given, next(iter(given)): value})
            case "permute":
                order = [d % len(given["dims"]) for d in given["dims"]]
                back = tuple(order.index(k) for k in range(len(order)))
                return replace(made, arguments={"self": value, "dims": back})
            case short if short in RESHAPES:
                shape = tuple(self.nodes[self.parent[view]].meta["val"].shape)
                return Call("", "aten.reshape.default", {"self": value, "shape": shape})
        return Call("", f"a write into a view ({writer} into {made.target})", {})

    def _version(self, name: str) -> str:
        self.versions += 1
        return f"{name}_version_{self.versions}"


def _is_view(node: fx.Node, first: fx.Node, target: str) -> bool:
    """Whether a call's result shares memory with its first argument; some copy where a view is not possible."""
    short, old, new = _short(target), first.meta.get("val"), node.meta.get("val")
    if target == "getitem":
        return True
    if short not in VIEWS or not isinstance(old, torch.Tensor) or not isinstance(new, torch.Tensor):
        return short in VIEWS
    if short == "to":
        return old.dtype == new.dtype
    if short == "contiguous":
        return old.is_contiguous()
    if short in ("reshape", "flatten"):
        sizes, strides, wanted = ([_number(n) for n in row] for row in (old.shape, old.stride(), new.shape))
        try:
            torch.empty_strided(sizes, strides, device="meta").view(wanted)
        except RuntimeError:
            return False
    return True


def _number(size: Any) -> int:
    return int(size.node.hint) if isinstance(size, torch.SymInt) else size


def _functional(call: Call) -> Call:
    """A call in place as the call that gives the same result anew, whose first argument may have another name."""
    target = call.target.replace("_.", ".", 1)
    name, _, overload = target.removeprefix("aten.").partition(".")
    schema = getattr(getattr(getattr(torch.ops.aten, name, None), overload, None), "_schema", None)
    first, *rest = call.arguments.items()
    named = schema.arguments[0].name if schema is not None else first[0]
    return replace(call, target=target, arguments={named: first[1], **dict(rest)})


def _short(target: str) -> str:
    return target.removeprefix("aten.").partition(".")[0]


def _written(node: fx.Node) -> fx.Node | None:
    """The argument that a call changes, if it changes one."""
    schema = getattr(node.target, "_schema", None)
    if schema is None or not schema.arguments or not node.args:
        return None
    first = schema.arguments[0]
    changes = first.alias_info is not None and first.alias_info.is_write
    return node.args[0] if changes and isinstance(node.args[0], fx.Node) else None


def _where(node: fx.Node) -> tuple[tuple[str, int], ...]:
    """The modules that a call was made in, outermost first, with the number of the call of each."""
    found = []
    for key, (path, _) in (node.meta.get("nn_module_stack") or {}).items():
        visit = key.rpartition("@")[2]
        found.append((str(path), int(visit) if "@" in key and visit.isdecimal() else 0))
    return tuple(found)


def call_path(node: fx.Node) -> str:
    """The module that made a call."""
    stack = _where(node)
    return stack[-1][0] if stack else ""


def flatten(
    module: fx.GraphModule, outputs: Sequence[int], buffers: Mapping[str, str]
) -> tuple[list[Call], list[str], list[tuple[str, str]]]:
    """The calls that the outputs at these positions need, in order; the names of their values; what cannot be told.

    `buffers` are the model's buffers by their placeholders.
    """
    graph = inlined(module)
    found = Flattening(graph, buffers)
    leaves = graph.output_node().args[0]
    assert isinstance(leaves, (list, tuple))
    wanted = [found.read(leaves[k]) for k in outputs]  # type: ignore[arg-type]
    needed, pending = set[str](), list(wanted)
    while pending:
        name = pending.pop()
        if name not in needed and name in found.calls:
            needed.add(name)
            pending += found.calls[name].reads
    return [call for call in found.calls.values() if call.name in needed], wanted, found.problems
