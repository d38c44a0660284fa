"""Convolutions side by side whose outputs are summed, in one for deployment: structural re-parameterisation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from graphwright.compiler.ir.graph import Graph, Node, Rewrite
from graphwright.compiler.ir.select import select
from graphwright.compiler.lowering.retype import retype
from graphwright.compiler.ops.op import spread
from graphwright.compiler.transforms.edits import renamed

RANKS = {"conv1d": 1, "conv2d": 2, "conv3d": 3}


@dataclass(frozen=True)
class FuseBranches:
    """Fuse every sum of convolutions of one value, with or without a batch norm of it and the value itself.

    Convolution is linear in its kernel, and a smaller kernel is a larger one with zeros around it:
    `sum_i W_i * x + b_i = (sum_i pad(W_i)) * x + sum_i b_i`; a batch norm of x and x itself are 1x1 kernels. The
    branches need the same stride and groups, and kernels around the same centre. Fold batch norms after convolutions
    first. RepVGG's blocks (arXiv:2101.03697) and YOLOv9's RepConv are such sums. Equal in eval mode.

    rewrite:
        `a = conv2d(x) kernel=3; b = conv2d(x) kernel=1; sum = add(a, b)`  -->  `a = conv2d(x) kernel=3`
    """

    name: ClassVar[str] = "fuse_branches"
    where: str = "op:add"

    def __call__(self, graph: Graph) -> Graph:
        before = graph
        for total in select(graph, self.where):
            graph = _fused(graph, graph.by_name[total.name])  # a sum of sums: the inner one was fused before
        return graph if graph is before else retype(graph, before)


@dataclass(frozen=True)
class _Branches:
    """What a sum adds: convolutions and batch norms of one value, that value itself, and identities after them."""

    source: str
    layers: list[Node]
    norms: list[Node]
    same: int
    identities: list[Node]


def _fused(graph: Graph, total: Node) -> Graph:
    """The graph with the branches of one sum in a single convolution, where they allow it."""
    found = _branches(graph, total)
    if found is None:
        return graph
    main = max(found.layers, key=lambda n: spread(n.op.kernel, RANKS[n.op.name]))  # type: ignore[attr-defined]
    others = [n for n in found.layers if n is not main]
    pointwise = bool(found.norms or found.same)
    if (
        not (others or found.norms)
        or not all(_fits(main, n) for n in others)
        or (pointwise and not _keeps(graph, main))
    ):
        return graph
    names = {f"branch{k}": n.name for k, n in enumerate(others)} | {
        f"norm{k}": n.name for k, n in enumerate(found.norms)
    }
    numbers = {"same": found.same} | {f"norm{k}": n.op.eps for k, n in enumerate(found.norms)}  # type: ignore[attr-defined]
    rewrite = Rewrite("fuse", (("layer", main.name), *names.items()), tuple(numbers.items()))
    gone = {total.name, *(n.name for n in (*others, *found.norms, *found.identities))}
    one = replace(main, op=replace(main.op, bias=True))  # type: ignore[call-arg]
    nodes = tuple(one if n is main else n for n in graph.nodes if n.name not in gone)
    return renamed(graph.with_(nodes=nodes, rewrites=(*graph.rewrites, rewrite)), {total.name: main.name})


def _branches(graph: Graph, total: Node) -> _Branches | None:
    """The terms of a sum; None where one is something else, or is needed elsewhere too."""
    if total.op.name != "add" or total.op.other is not None:  # type: ignore[attr-defined]
        return None
    identities: list[Node] = []
    ends = [_behind(graph, value, identities) for value in total.reads]
    terms = [n for end in ends if (n := graph.by_name.get(end)) is not None]
    layers = [n for n in terms if n.op.name in RANKS]
    sources = {n.reads for n in layers}
    if len(sources) != 1 or len(next(iter(sources))) != 1:
        return None
    source = next(iter(sources))[0]
    norms = [n for n in terms if n.op.name == "batch_norm" and n.buffers and n.reads == (source,)]
    found = _Branches(source, layers, norms, ends.count(source), identities)
    mine = [*layers, *norms, *identities]
    once = len({n.name for n in mine}) == len(mine) and len(layers) + len(norms) + found.same == len(ends)
    return found if once and all(_is_alone(graph, n) for n in mine) else None


def _behind(graph: Graph, value: str, identities: list[Node]) -> str:
    """The value that identities pass on; they are added to the list."""
    node = graph.by_name.get(value)
    while node is not None and node.op.name == "identity":
        identities.append(node)
        value = node.reads[0]
        node = graph.by_name.get(value)
    return value


def _is_alone(graph: Graph, node: Node) -> bool:
    """Whether a node has one reader, and nothing else depends on it."""
    needed = any(v == node.name for _, v in graph.outputs) or any(t.value == node.name for t in graph.losses)
    tied = node.marks.tie or any(n.marks.tie == node.name for n in graph.nodes)
    return len(graph.readers.get(node.name, ())) == 1 and not needed and not tied


def _fits(main: Node, branch: Node) -> bool:
    """Whether a branch's kernel can lie within the main one: same windows, zeros around."""
    a: Any = main.op
    b: Any = branch.op
    rank = RANKS[a.name]
    if any(op.padding_mode != "zeros" or isinstance(op.padding, str) for op in (a, b)):
        return False
    if (b.name, b.groups, spread(b.stride, rank), b.out) != (a.name, a.groups, spread(a.stride, rank), a.out):
        return False
    fields = (spread(op, rank) for op in (a.kernel, b.kernel, a.dilation, b.dilation, a.padding, b.padding))
    return all(
        ka >= kb and (ka - kb) % 2 == 0 and (kb == 1 or da == db) and 2 * (pa - pb) == da * (ka - 1) - db * (kb - 1)
        for ka, kb, da, db, pa, pb in zip(*fields, strict=True)
    )


def _keeps(graph: Graph, main: Node) -> bool:
    """Whether a convolution's windows are centred at every element of its input: the input is a branch of its own."""
    op: Any = main.op
    rank = RANKS[op.name]
    plain = op.padding_mode == "zeros" and not isinstance(op.padding, str)
    sizes = zip(
        *(spread(f, rank) for f in (op.kernel, op.stride, op.dilation, op.padding if plain else 0)), strict=True
    )
    centred = all(k % 2 == 1 and s == 1 and 2 * p == d * (k - 1) for k, s, d, p in sizes)
    return plain and centred and graph.types[main.reads[0]].shape[1] == op.out
