"""An exported program as a list of pure calls: what torch wrote in place is told apart, and nothing dead is kept.

torch exports in-place operations as they were written. Here each result has its own name: `x.relu_()` is a new value
that later readers of `x`, and of views of `x`, see. A write into a slice of `x` becomes a new `x` with that slice.
"""

from __future__ import annotations

import operator
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
#: Views through which a part of a tensor can be written.
PARTS = ("aten.slice.Tensor", "aten.select.int")
#: Views that have all elements of what they view, in the same order.
RESHAPES = frozenset(
    ("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "detach", "alias", "contiguous",
     "_unsafe_view", "view_as")
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
        with graph.inserting_before(node):
            results = graph.graph_copy(inner.graph, dict(zip(entries, node.args[place + 1 :], strict=True)))
        for user in list(node.users):
            user.replace_all_uses_with(results[user.args[1]])
            graph.erase_node(user)
        graph.erase_node(node)
    return graph


class Flattening:
    """Walks the nodes of an exported program once; `current` is the name under which a node's value is known now."""

    def __init__(self, graph: fx.Graph) -> None:
        self.calls: dict[str, Call] = {}
        self.current: dict[str, str] = {}
        self.base: dict[str, str] = {}  # view -> what it is a view of (names of fx nodes)
        self.same: dict[str, str] = {}  # result of a write -> the tensor that was written
        self.position = {node.name: k for k, node in enumerate(graph.nodes)}
        self.last_use = {n.name: max((self.position[u.name] for u in n.users), default=-1) for n in graph.nodes}
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
            source = node.args[0]
            assert isinstance(source, fx.Node)
            arguments: dict[str, Any] = {"source": self._argument(source), "index": node.args[1]}
        else:
            arguments = self._arguments(node)
        target = "getitem" if node.target is operator.getitem else target
        call = Call(node.name, target, arguments, _where(node), node.meta.get("val"))
        written = _written(node)
        if written is not None:
            self._write(node, written, call)
            return
        self.calls[node.name] = call
        self.current[node.name] = node.name
        first = node.args[0] if node.args else None
        if isinstance(first, fx.Node) and (_short(target) in VIEWS or node.target is operator.getitem):
            self.base[node.name] = self.root(first)

    def root(self, node: fx.Node) -> str:
        """The tensor that a node's value is, where the node wrote into one."""
        return self.same.get(node.name, node.name)

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
            return Ref(self.current[self.root(value)])
        if isinstance(value, (list, tuple)):
            return tuple(self._argument(v) for v in value)
        return value

    # -- writes -------------------------------------------------------------------------------
    def _write(self, node: fx.Node, target: fx.Node, call: Call) -> None:
        """A call that changes its first argument: the argument's name now means the call's result."""
        self.calls[node.name] = replace(call, target=call.target.replace("_.", ".", 1))
        root = self.root(target)
        self.same[node.name] = root
        self.last_use[root] = max(self.last_use[root], self.last_use[node.name])
        self._changed(node, root, node.name)

    def _changed(self, node: fx.Node, changed: str, value: str) -> None:
        """`changed` now has the value `value`: so have its views, and what it is a view of."""
        now = self.position[node.name]
        self.current[changed] = value
        for view, base in list(self.base.items()):
            if base == changed and self.last_use.get(view, -1) > now:
                self._again(view)
        base = self.base.get(changed, "")
        if not base or not self._read_again(changed, now):
            return
        made, owner = self.calls[changed], next(n for n in node.graph.nodes if n.name == base)
        whole = Ref(self.current[base])
        if made.target in PARTS:
            target = "aten.slice_scatter.default" if made.target == PARTS[0] else "aten.select_scatter.default"
            arguments = {**made.arguments, "self": whole, "src": Ref(value)}
        elif _short(made.target) in RESHAPES:
            target, arguments = "aten.reshape.default", {"self": Ref(value), "shape": tuple(owner.meta["val"].shape)}
        else:
            self.problems.append((f"a write into a view ({node.target} into {made.target})", call_path(node)))
            return
        name = self._version(base)
        self.calls[name] = Call(name, target, arguments, _where(node), owner.meta.get("val"))
        self._changed(node, base, name)

    def _read_again(self, changed: str, now: int) -> bool:
        """Whether anything beside `changed` that shares its memory is read later."""
        memory = self._memory(changed)
        others = {n for n in (memory, *self.base) if n != changed and self._memory(n) == memory}
        return any(self.last_use.get(name, -1) > now for name in others)

    def _memory(self, name: str) -> str:
        """The tensor that a view is, in the end, a view of."""
        while name in self.base:
            name = self.base[name]
        return name

    def _version(self, name: str) -> str:
        self.versions += 1
        return f"{name}_version_{self.versions}"

    def _again(self, view: str) -> None:
        """A view that is read again after its base was changed: taken anew."""
        made, name = self.calls[view], self._version(view)
        base = Ref(self.current[self.base[view]])
        self.calls[name] = replace(made, name=name, arguments={**made.arguments, next(iter(made.arguments)): base})
        self.current[view] = name


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


def flatten(module: fx.GraphModule, outputs: Sequence[int]) -> tuple[list[Call], list[str], list[tuple[str, str]]]:
    """The calls that the outputs at these positions need, in order; the names of their values; what cannot be told."""
    graph = inlined(module)
    found = Flattening(graph)
    leaves = graph.output_node().args[0]
    assert isinstance(leaves, (list, tuple))
    wanted = [found.current[found.root(leaves[k])] for k in outputs]  # type: ignore[arg-type]
    needed, pending = set[str](), list(wanted)
    while pending:
        name = pending.pop()
        if name not in needed and name in found.calls:
            needed.add(name)
            pending += found.calls[name].reads
    return [call for call in found.calls.values() if call.name in needed], wanted, found.problems
