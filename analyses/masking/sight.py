"""Values and what is visible of them, side by side: the graph in the making that the rules of layer masking write to.

A mask has the rank of the value it belongs to and broadcasts to it: its size is 1 where all elements of a cell are
visible or none is (channels, heads), and the value's own where it tells places apart. So most ops apply to masks as
they apply to values. What a value holds at masked places is finite and independent of the masked pixels, but no more
than that: the ops that mix places see to it that it is never read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.graph import Graph, Node
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.arithmetic import Cast
from graphwright.compiler.ops.comparison import Gt, LogicalAnd, LogicalNot, LogicalOr, Where
from graphwright.compiler.ops.constant import Parameter
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.masking import MaskLike
from graphwright.compiler.ops.op import Op
from graphwright.compiler.ops.reduce import Amax
from graphwright.compiler.ops.shape import Expand, Reshape
from graphwright.compiler.places import SpecError, fail
from graphwright.compiler.transforms.instrument import Reads, Rewriter, paired

#: Nodes that hold masks are called this and the name of the node whose value they belong to.
VISIBLE = "visible"


@dataclass(frozen=True)
class Sight:
    """What is visible of a value.

    Where `inside` is given, it is false on a border that the model itself put around the map, at most `border` cells
    wide: known, as zeros are known, yet no part of the picture.
    """

    visible: str
    inside: str | None = None
    border: int = 0

    def through(self, op: Callable[[str], str]) -> Sight:
        """The same of a value of which each mask is made so."""
        return replace(self, visible=op(self.visible), inside=None if self.inside is None else op(self.inside))


class Masker(Rewriter):
    """A graph rebuilt with a mask beside each value that depends on the picture. `sights` goes by old names."""

    def __init__(self, graph: Graph, by: str, padding: str, official: bool) -> None:
        super().__init__(graph, by)
        self.padding, self.official = padding, official
        self.sights: dict[str, Sight] = {}
        #: The visible parts that a concatenation was made of, which the published code lets vote.
        self.votes: dict[str, tuple[Sight | None, ...]] = {}
        #: The masks of values (by old name) at which they ended, as no place was left.
        self.ended: dict[str, str] = {}
        self._made: dict[tuple[Op, tuple[object, ...]], tuple[str, ...]] = {}

    # -- masks ----------------------------------------------------------------------------------
    def mask(self, node: Node, op: Op, *reads: str, word: str = VISIBLE) -> str:
        """The op on masks; one node for equal ops on equal masks."""
        return self.masks(node, op, reads, word)[0]

    def masks(self, node: Node, op: Op, reads: Reads, word: str = VISIBLE) -> tuple[str, ...]:
        """As `mask`, for inputs by port and for several outputs."""
        key = (op, tuple(reads.items()) if isinstance(reads, Mapping) else tuple(reads))
        if key not in self._made:
            self._made[key] = self.add_many(node, word, op, reads)
        return self._made[key]

    def shape(self, value: str) -> tuple[Size, ...]:
        """The sizes of a value of the new graph."""
        return self.types[value].shape

    def full(self, mask: str) -> tuple[int, ...]:
        """The dimensions along which the mask tells places apart."""
        return tuple(d for d, size in enumerate(self.shape(mask)) if size != 1)

    def known(self, node: Node, sight: Sight) -> str:
        """The mask of what is visible or border."""
        if sight.inside is None:
            return sight.visible
        outside = self.mask(node, LogicalNot(), sight.inside, word="border")
        return self.mask(node, LogicalOr(), sight.visible, outside, word="known")

    def number(self, node: Node, mask: str, like: str = "") -> str:
        """The mask as 0.0 and 1.0, in the dtype of another value."""
        if not like:
            return self.mask(node, Cast("float32"), mask, word="seen")
        return self.mask(node, MaskLike(), mask, like, word="seen")

    def any(self, node: Node, mask: str, dims: Sequence[int]) -> str:
        """Where anything is visible along some dimensions, which keep the size 1."""
        dims = tuple(d for d in dims if self.shape(mask)[d] != 1)
        return mask if not dims else self.seen(node, Amax(dims, True), mask)

    def seen(self, node: Node, op: Op, mask: str) -> str:
        """The op on the mask as numbers, and what it gives as a mask again."""
        return self.mask(node, Gt(0.0), self.mask(node, op, self.number(node, mask), word="seen"))

    def all_true(self, node: Node, mask: str) -> str:
        """A mask of the same shape, of which everything is visible."""
        return self.mask(node, LogicalOr(), mask, self.mask(node, LogicalNot(), mask, word="hidden"), word="whole")

    def whole(self, node: Node, size: Size, dim: int, like: tuple[Size, ...]) -> str:
        """A mask with `size` visible places along one dimension, and the other sizes of `like`."""
        ones = self.mask(node, Formula("1 + 0 * i", (("i", size),)), word="ones")
        shape = tuple(size if d == dim else 1 for d in range(len(like)))
        row = self.mask(node, Reshape(shape), self.mask(node, Gt(0.0), ones, word="whole"), word="whole")
        return self.mask(node, Expand(tuple(size if d == dim else s for d, s in enumerate(like))), row, word="whole")

    def both(self, node: Node, masks: Sequence[str]) -> str:
        """Where all the masks are true."""
        first, *others = dict.fromkeys(masks)
        for other in others:
            first = self.mask(node, LogicalAnd(), first, other)
        return first

    # -- composites -----------------------------------------------------------------------------
    def planned(self, node: Node, word: str, op: Op, reads: Reads) -> Node:
        """A plain node of a composite, that reads old values and is not there yet."""
        scope, _, leaf = node.name.rpartition(".")
        name = self._unused(".".join(filter(None, (scope, f"{word}_{leaf}"))))
        plain = Node(name, op, paired(op, reads), place=node.place)
        typed = self._typed(replace(plain, inputs=tuple((p, self.now(v)) for p, v in plain.inputs)), node)
        return replace(typed, inputs=plain.inputs)

    # -- parameters -----------------------------------------------------------------------------
    def parameter(self, node: Node, leaf: str) -> str | None:
        """A parameter as a value, of a node that may itself not be kept; `None` where it has none of that name."""
        if given := [v for p, v in node.inputs if p == leaf]:
            return given[0]
        kinds = dict(node.parameters)
        if leaf not in kinds:
            return None
        while node.marks.tie:
            node = self.graph.by_name[node.marks.tie]
        name = f"{node.name}.{leaf}"
        if name not in self.types:
            held = Node(name, Parameter(kinds[leaf].shape, kinds[leaf].dtype), (), place=node.place)  # type: ignore[arg-type]
            self.nodes.append(self._typed(held, node))
        return name

    # -- values ---------------------------------------------------------------------------------
    def fill(self, node: Node, value: str, mask: str, number: float, word: str = "filled") -> str:
        """The value, with a number at the places that the mask leaves out."""
        return self.add(node, word, Where(number), {"condition": mask, "x": value})

    def seeing(self, node: Node) -> tuple[Sight | None, ...]:
        """What is visible of the values that the node reads."""
        return tuple(self.sights.get(v) for v in node.reads)

    def only(self, node: Node) -> Sight:
        """What is visible of the one value that the node reads of which not all is."""
        found = [s for s in self.seeing(node) if s is not None]
        if len(found) != 1 or self.seeing(node)[0] is None:
            raise refuse(node, "reads more than one masked value" if len(found) > 1 else "reads a masked argument")
        return found[0]

    def reading(self, node: Node, *values: str) -> tuple[tuple[str, str], ...]:
        """The node's inputs as they are now, of which the first are these."""
        inputs = [(p, self.now(v)) for p, v in node.inputs]
        return tuple((p, values[k] if k < len(values) else v) for k, (p, v) in enumerate(inputs))

    @property
    def trail(self) -> dict[str, str]:
        """The mask of every value that has one, or had one until it ended, by old name."""
        return {**{value: sight.visible for value, sight in self.sights.items()}, **self.ended}

    def end(self, node: Node, old: str, batch: Size) -> None:
        """Where no place is left in the mask of a value, it ends: zero stands for what nothing was seen of."""
        sight = self.sights.get(old)
        count = None if sight is None else Type(self.shape(sight.visible)).numel()
        if sight is not None and count == batch:
            self.ended[old] = self.known(node, sight)
            self.values[old] = self.fill(node, self.now(old), self.ended[old], 0.0)
            del self.sights[old]


def refuse(node: Node, why: str, hint: str = "") -> SpecError:
    """The error where layer masking does not know what to do at a node."""
    where = hint or "its rule is in analyses/masking"
    return fail(node.place, f"layer masking at '{node.name}' ({node.op.name}): {why}", where)
