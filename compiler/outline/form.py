"""The outline of a graph: its flat list of nodes folded back into blocks, copies and arguments, as people write.

The YAML writer and the readable PyTorch export both print an outline; neither looks at the flat graph again.
An outline says exactly what the graph says: expanding it gives the same nodes, names, inputs and arguments.

Values are wired explicitly: every body (of the graph, of a block, of an inline scope) reads its own items and its own
inputs, nothing else. Words are lexical: an inline scope also sees the params and bound names of what it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphwright.compiler.ir.graph import Graph, Marks
from graphwright.compiler.ops.op import Op


@dataclass(frozen=True)
class Steps:
    """How far a graph is folded. With a step left out, the outline says the same at greater length."""

    #: Scopes that differ by what some of them leave out are one structure.
    optional: bool = True
    #: Equal scopes are blocks, and copies in series are `repeat`.
    blocks: bool = True
    #: Scopes are entries of their own; else there are only nodes, with dotted names.
    scopes: bool = True


@dataclass(frozen=True)
class Expression:
    """An argument that differs from use to use: text of the language over params, bound names and sizes, no `$`."""

    text: str


#: A plain value (number, text, none, Dim), an `Expression`, or a tuple or mapping of these.
Argument = Any


@dataclass(frozen=True)
class Reference:
    """A value read: `name` is an item of the same body, or one of the body's inputs.

    `path` is empty for the first output of an item; else it holds one word, an output's name or a parameter's.
    Copies are read by the item's name, template and all: it means the last of them.
    """

    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.path))


@dataclass(frozen=True)
class Copies:
    """`repeat`: copies in series, at least none.

    `names` are bound in step: `index`, if it is used, to 0, 1, ..., and the others to one value a copy, a tuple or an
    expression that is a list. `carried` are (input, output) pairs of the body: what the next copy reads there is what
    the copy before put out; every other input is the same for all copies.
    The copies are called `prefix` and a number from `start` on; without one they are numbered below the item's name.
    """

    count: Argument
    prefix: str | None = None
    start: int = 0
    index: str = ""
    names: Mapping[str, Argument] = field(default_factory=dict)
    carried: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Item:
    """One entry of a body's `nodes`: a primitive (`op`), a use of a block (`block`), or an inline scope (`body`).

    `name` may be dotted (`head.fc`), and a template (`layer$(s + 1)`) where it has copies; copies of a plain name are
    numbered below it. A loop is an item with `loop` and a `body`, run by one node.
    """

    name: str
    op: type[Op] | None = None
    block: str = ""
    body: Block | None = None
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    #: Port and what it reads, in the order of the graph; a port `x*` occurs once per value.
    inputs: tuple[tuple[str, Reference], ...] = ()
    copies: Copies | None = None
    #: Names of the outputs of an op, in order.
    results: tuple[str, ...] = ()
    #: Left out unless it holds; readers get `otherwise` then (None: nobody asks).
    condition: Expression | None = None
    otherwise: Reference | None = None
    marks: Marks = field(default_factory=Marks)
    #: The options of a loop: over, dim, reverse, times, until.
    loop: Mapping[str, Any] | None = None
    #: The nodes of the graph that it stands for, all copies and uses of the block included.
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """A body used by name: its params (a default, or `...` and the type word), inputs, items and outputs.

    An input's tuple names the sizes that expressions may use, `("N", "C", "_", "_")`; None is any type. An input in
    `lists` takes any number of values: a use has it once per value, and inside, reading it reads all of them.
    The body of an inline scope is a block without a name and params.
    """

    name: str
    inputs: tuple[tuple[str, tuple[str, ...] | None], ...]
    items: tuple[Item, ...]
    outputs: tuple[tuple[str, Reference], ...]
    params: Mapping[str, Param] = field(default_factory=dict)
    doc: str = ""
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Param:
    """A param of a block: its type word (int, float, bool, str, list, any) and its default, `...` for none."""

    type: str
    default: Argument = ...


@dataclass(frozen=True)
class Outline:
    """A whole graph: its blocks (those used by others first), its own body, and the body of its losses."""

    graph: Graph
    blocks: tuple[Block, ...]
    body: Block
    losses: Block | None = None

    def block(self, name: str) -> Block:
        """The block of that name."""
        return next(b for b in self.blocks if b.name == name)
