"""A second graph beside the first: the same nodes and parameters, run again where a value was overridden.

The first graph is the recording, the second the intervention. A value that no override reaches is frozen: the second
graph reads what the first one computed. So only what changes is computed twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphwright.compiler.ir.dims import Dim, Size, symbols
from graphwright.compiler.ir.graph import Node
from graphwright.compiler.ops.shape import RepeatInterleave
from graphwright.compiler.places import NOWHERE, fail
from graphwright.compiler.transforms.instrument import Rewriter


class Counterfactual:
    """The second graph in the making. Its batch has `copies` rows for each row of the first, next to each other.

    A pass keeps each node of the first graph, lets this `follow` it, and calls `override` for the values that it
    changes; `now` is what a value is in the second graph, `frozen` what it was in the first, in as many rows.
    """

    def __init__(self, made: Rewriter, copies: int = 1, word: str = "changed") -> None:
        self.made, self.copies, self.word = made, copies, word
        self.batch = free_batch(made)
        self.sizes: Mapping[str, Size] = {str(self.batch): self.batch * copies} if copies > 1 else {}
        self.values: dict[str, str] = {}
        self.lent: dict[str, str] = {}

    def override(self, value: str, by: str) -> None:
        """From here on the second graph reads `by` where the first reads `value`."""
        self.values[value] = by

    def follow(self, node: Node) -> bool:
        """Run the node again if an override reached it."""
        if not any(value in self.values for value in node.reads):
            return False
        self.values.update(zip(node.values, self._copy(node), strict=True))
        return True

    def now(self, value: str) -> str:
        """A value of the first graph as it is in the second."""
        return self.values[value] if value in self.values else self.frozen(value)

    def frozen(self, value: str) -> str:
        """The first graph's own value, in the rows of the second."""
        shape = self.made.types[value].shape
        within = [k for k, size in enumerate(shape) if str(self.batch) in symbols(size)]
        if self.copies == 1 or not within:
            return self.made.now(value)
        if value not in self.lent:
            if within == [0] and shape[0] == self.batch:
                served = self.made.graph.by_name.get(self.made.graph.producer(value), value)
                repeated = self.made.add(served, f"{self.word}_rows", RepeatInterleave(self.copies, 0), (value,))
                self.lent[value] = repeated
            else:  # windows and the like: rows of one sample are not next to each other, so they are made again
                node = self.made.graph.by_name[self.made.graph.producer(value)]
                self.lent.update(zip(node.values, self._copy(node), strict=True))
        return self.lent[value]

    def _copy(self, node: Node) -> tuple[str, ...]:
        values = self.made.copy(node, self.word, [(p, self.now(v)) for p, v in node.inputs], self.sizes)
        for old, new in zip(node.values, values, strict=True):
            self._check_rows(node, old, new)
        return values

    def _check_rows(self, node: Node, old: str, new: str) -> None:
        """Raise `SpecError` unless the node computes each row of the batch by itself, as far as shapes tell."""
        kind, at, size = self.made.types[old], self.made.graph.sizes, 2
        more = {**at, str(self.batch): size * self.copies}
        wanted = kind.at(more)
        if self.made.types[new].at({**at, str(self.batch): size}) != wanted or not kind.shape or (
            str(self.batch) not in kind.symbols
        ):  # fmt: skip
            raise fail(node.place, f"{self.made.by}: '{node.name}' ({node.op.name}) gives {kind}, which has no row for "
                       "each sample", "choose neurons after it, or outputs before it")  # fmt: skip


def free_batch(made: Rewriter) -> Dim:
    """The free size that the first dimension of the first input has."""
    entry = made.graph.inputs[0] if made.graph.inputs else None
    batch = entry.type.shape[0] if entry is not None and entry.type.rank else None
    if not isinstance(batch, Dim) or not str(batch).isidentifier():
        raise fail(entry.place if entry else NOWHERE, f"{made.by} needs a model with a free batch size",
                   "its first input starts with a number; import or write it with N")  # fmt: skip
    return batch
