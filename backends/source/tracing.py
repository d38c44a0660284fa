"""An op traced through its own `forward`, the same that lowering traces, and the trace as an expression: so the printed
calls are the calls that the compiled model makes.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx
from torch.fx.proxy import GraphAppendingTracer

from graphwright.backends.source.calls import called, method
from graphwright.backends.source.syntax import call, data, name
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.rearrange import Rearrange, Repeat
from graphwright.compiler.places import fail

#: What letters of patterns stand for, by custom.
AXES = {"h": "heads", "d": "head_dim", "c": "channels", "g": "groups"}


@dataclass(frozen=True)
class Rendered:
    """A node: `layer` constructs its module; `value` computes it; `temporaries` are computed before.

    `unpack` says how several outputs are named at once: `(out, (hidden, cell))` for `("0", ("1", "2"))`.
    `needs` are functions and classes that the file must hold.
    """

    value: ast.expr
    layer: ast.expr | None = None
    temporaries: tuple[tuple[str, ast.expr], ...] = ()
    unpack: Any = None
    needs: tuple[Any, ...] = ()


@dataclass
class Trace:
    """Records an op's own `forward` and writes the record down."""

    node: Node
    size: Callable[[Dim], ast.expr]
    device: ast.expr | None
    known: dict[fx.Node, ast.expr] = field(default_factory=dict)
    needs: list[Any] = field(default_factory=list)
    temporaries: list[tuple[str, ast.expr]] = field(default_factory=list)

    def run(self, inputs: Sequence[Any]) -> Rendered:
        self.graph = fx.Graph()
        self.tracer = GraphAppendingTracer(self.graph)
        arguments = fx.node.map_aggregate(tuple(inputs), self._entered)
        op, context = self._resolved(self.node.op), {}
        if isinstance(op, Formula) and not op.names:
            context = {"device": self._proxy(self.device or name("< device>"))}
        result = op.forward(*arguments, **context)
        single = not isinstance(result, tuple)
        outputs = self.graph.output(result.node if single else tuple(r.node for r in result))
        self.graph.eliminate_dead_code()
        for record in self.graph.nodes:
            if record.op in ("call_function", "call_method"):
                self._record(record, outputs)
        value = data(fx.node.map_aggregate(outputs.args[0], self._read))
        base = self._unpacked(outputs.args[0])
        several = len(self.node.outputs) > 1 or base is not None or op.listed
        unpack = tuple(map(str, range(len(self.node.outputs)))) if several else None
        if base is not None:
            value = self.known[base]
        self._name_numbers(value, *(t for _, t in self.temporaries))
        return Rendered(value, None, tuple(self.temporaries), unpack, tuple(self.needs))

    def _name_numbers(self, *trees: ast.expr) -> None:
        """Marks literals with the spec's name for them, where one name alone has that value."""
        op = self.node.op
        named = [
            *getattr(op, "constants", ()),
            *(getattr(op, "sizes", ()) if isinstance(op, Rearrange | Repeat) else ()),
        ]
        terms: dict[Any, set[str]] = {}
        for label, value in named:
            terms.setdefault(value, set()).add(AXES.get(label, label))
        for leaf in (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Constant)):
            labels = terms.get(leaf.value, set()) if type(leaf.value) is int else set()
            if len(labels) == 1 and len(label := next(iter(labels))) > 1:
                leaf.term = label  # type: ignore[attr-defined]

    def _unpacked(self, results: Any) -> fx.Node | None:
        """The call whose items, all of them and in order, are the results."""
        if not isinstance(results, tuple) or not results or any(len(r.args) != 2 for r in results):
            return None
        bases = {r.args[0] for r in results}
        whole = [r.args[1] for r in results] == list(range(len(results))) == list(range(len(self.node.outputs)))
        return bases.pop() if whole and len(bases) == 1 and all("getitem" in str(r.target) for r in results) else None

    def _entered(self, tree: Any) -> Any:
        return None if tree is None else self._proxy(tree)

    def _read(self, record: Any) -> Any:
        return self.known[record]

    def _proxy(self, tree: ast.expr) -> fx.Proxy:
        made = self.graph.placeholder(f"value{len(self.known)}")
        self.known[made] = tree
        return fx.Proxy(made, self.tracer)

    def _resolved(self, op: Op) -> Op:
        """The op with proxies for its free sizes."""
        changed = {}
        for f in op.fields():
            value = getattr(op, f.name)
            if f.symbolic and (new := self._sized(value)) is not value:
                changed[f.name] = new
        return dataclasses.replace(op, **changed) if changed else op

    def _sized(self, value: Any) -> Any:
        if isinstance(value, Dim):
            return self._proxy(self.size(value))
        if isinstance(value, tuple):
            new = tuple(map(self._sized, value))
            return value if all(a is b for a, b in zip(new, value, strict=True)) else new
        return value

    def _record(self, record: fx.Node, outputs: fx.Node) -> None:
        args = fx.node.map_arg(record.args, self._read)
        kwargs = fx.node.map_arg(record.kwargs, self._read)
        args, kwargs = _spelt(args), {k: _spelt(v) for k, v in kwargs.items() if not _is_device(v)}
        if record.target == "new_tensor" and self.node.op.is_constant:
            self.known[record] = call("torch.tensor", *args[1:], **kwargs)
            return
        if record.op == "call_method":
            tree = method(str(record.target), args, kwargs)
        else:
            tree = called(record.target, args, kwargs, self._own)
        users = [u for u in record.users if u is not outputs]
        if (
            len(users) > 1
            and not isinstance(tree, (ast.Attribute, ast.Name, ast.Subscript))
            and not self._only_items(users)
        ):
            label = f"< temporary {len(self.temporaries)}>"
            self.temporaries.append((label, tree))
            tree = name(label)
        self.known[record] = tree

    def _only_items(self, users: list[fx.Node]) -> bool:
        return all("getitem" in str(u.target) for u in users) and len(self.node.outputs) == len(users)

    def _own(self, function: Any) -> str:
        """The name of a function of ours, which is copied into the file."""
        if not (inspect.isfunction(function) and function.__module__.startswith("graphwright.")):
            hint = "add a row for it to CALLS in graphwright/backends/source/ops.py"
            raise fail(self.node.place, f"the op '{self.node.op.name}' calls {function}, which has no name", hint)
        self.needs.append(inspect.unwrap(function))
        return function.__name__


def _is_device(value: Any) -> bool:
    return isinstance(value, ast.Name) and value.id == "< device>"


def _spelt(value: Any) -> Any:
    """Dtypes as `torch.int64`, in nested arguments."""
    if isinstance(value, torch.dtype):
        return ast.Attribute(name("torch"), str(value).rpartition(".")[2])
    if isinstance(value, slice):
        return slice(_spelt(value.start), _spelt(value.stop), _spelt(value.step))
    if isinstance(value, (tuple, list)):
        return type(value)(map(_spelt, value))
    return value
