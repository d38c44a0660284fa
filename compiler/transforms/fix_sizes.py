"""Free sizes as numbers, for deployment at one size and for tools that read no symbols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from graphwright.compiler.ir.dims import Dim, Size
from graphwright.compiler.ir.graph import Entry, Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.ops.loop import Loop
from graphwright.compiler.ops.op import Op
from graphwright.compiler.places import NOWHERE, Place, fail, suggest


@dataclass(frozen=True)
class FixSizes:
    """Numbers for free sizes, `{H: 224, W: 224}`; without any, those that the spec gives as defaults.

    rewrite:
        `x: [N, 3, H=224, W=224]`  -->  `x: [N, 3, 224, 224]`
    """

    name: ClassVar[str] = "fix_sizes"
    sizes: Any = None
    place: Place = NOWHERE

    def __call__(self, graph: Graph) -> Graph:
        fixed = self._fixed(graph)
        values: dict[str, Size] = {**{s: Dim.symbol(s) for s in graph.sizes}, **fixed}
        changed = {
            kind: tuple(_entry(e, fixed, values) for e in getattr(graph, kind)) for kind in ("inputs", "targets")
        }
        nodes = tuple(replace(n, op=_resolved(n.op, values)) for n in graph.nodes)
        return retype(graph.with_(nodes=nodes, **changed))

    def _fixed(self, graph: Graph) -> dict[str, int]:
        known = {k: v for e in (*graph.inputs, *graph.targets) for k, v in e.defaults.items()}
        wanted = known if self.sizes is None else self.sizes
        if not isinstance(wanted, Mapping):
            raise fail(self.place, f"fix_sizes: sizes are numbers by symbol, not {wanted!r}", "{H: 224, W: 224}")
        for symbol, number in wanted.items():
            if symbol not in graph.sizes:
                raise fail(self.place, f"fix_sizes: {graph.name} has no free size '{symbol}'",
                           suggest(str(symbol), graph.sizes))  # fmt: skip
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                shown = getattr(number, "text", number)
                raise fail(self.place, f"fix_sizes: {symbol} is {shown!r}, not a size", "a whole number from 1")
        return dict(wanted)


def _resolved(op: Op, values: Mapping[str, Any]) -> Op:
    """An op with its sizes fixed, those in the body of a loop too."""
    if not isinstance(op, Loop):
        return op.resolved(values)
    body: Graph = op.body
    inputs = tuple(replace(e, type=e.type.at(values)) for e in body.inputs)
    nodes = tuple(replace(n, op=_resolved(n.op, values)) for n in body.nodes)
    return replace(op, body=retype(body.with_(inputs=inputs, nodes=nodes)))


def _entry(entry: Entry, fixed: Mapping[str, int], values: Mapping[str, Any]) -> Entry:
    shape: Type = entry.type.at(values)
    return replace(entry, type=shape, defaults={k: v for k, v in entry.defaults.items() if k not in fixed})
