"""Which scopes become regions: equal blocks that stand often enough and are large enough.

The rule: a region is a scope of at least `NODES` nodes, of which the model has at least `COPIES` with equal digests;
larger scopes go first, and what lies inside a region is part of it. The model is compiled by regions if that leaves at
most half of the work, where compiling a piece costs its nodes and `PIECE` besides; else as a whole, since the
borders of regions stop fusion. So a ViT (12 equal blocks) is compiled by regions, a ResNet-152 too (34 of its 50
blocks are equal), and a ResNet-50 (16 blocks, 8 kinds) as a whole.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby

from torch import fx

from graphwright.compiler.lowering.regional.digest import digest, needs_gradient
from graphwright.compiler.lowering.regional.pieces import Piece, floats, names_within, piece_of

#: A scope must be there so often, with so many nodes, to be a region.
COPIES, NODES = 3, 6
#: What compiling one piece costs besides its nodes, in nodes.
PIECE = 10
#: Regions must divide the work of compiling by this at least.
GAIN = 2.0


#: Pieces in order, each with its digest; what lies between regions is like nothing else.
Cut = Sequence[tuple[Piece, Hashable]]


def pieces(module: fx.GraphModule) -> Cut:
    """The lowered graph cut into regions and what lies between them."""
    nodes = [n for n in module.graph.nodes if n.op not in ("placeholder", "output") and not floats(n)]
    regions = _regions(module, nodes)
    scope_of = {n: piece.scope for piece, _ in regions for n in piece.nodes}
    by_scope = {piece.scope: (piece, key) for piece, key in regions}
    found: list[tuple[Piece, Hashable]] = []
    for scope, run in groupby(nodes, lambda n: scope_of.get(n, "")):
        found.append(by_scope[scope] if scope else (rest := piece_of(list(run)), rest.nodes))
    return found


def worth(found: Cut) -> bool:
    """Whether the rule has a model compiled by regions."""
    return gain(found) >= GAIN


def gain(found: Cut) -> float:
    """How many times the work of compiling the whole that of compiling each distinct piece once is."""
    whole = PIECE + sum(len(piece.nodes) for piece, _ in found)
    return whole / (PIECE * len({key for _, key in found}) + distinct(found)) if found else 1.0


def distinct(found: Cut) -> int:
    """How many nodes there are to compile, each distinct piece once."""
    return sum({key: len(piece.nodes) for piece, key in found}.values())


def _regions(module: fx.GraphModule, nodes: Sequence[fx.Node]) -> list[tuple[Piece, Hashable]]:
    """The scopes that the rule takes, none inside another."""
    learning = needs_gradient(module.graph, module)
    groups: dict[Hashable, list[Piece]] = {}
    for scope, inside in _scopes(nodes).items():
        if len(inside) >= NODES and names_within(inside, scope):
            piece = piece_of(inside, scope)
            groups.setdefault(digest(piece, module, learning), []).append(piece)
    taken: list[tuple[Piece, Hashable]] = []
    covered: set[fx.Node] = set()
    for key, copies in sorted(groups.items(), key=lambda group: -len(group[1][0].nodes)):
        free = [piece for piece in copies if not covered.intersection(piece.nodes)]
        if len(free) >= COPIES:
            taken += [(piece, key) for piece in free]
            covered.update(n for piece in free for n in piece.nodes)
    return taken


def _scopes(nodes: Sequence[fx.Node]) -> dict[str, list[fx.Node]]:
    """The scopes whose nodes stand together; one whose nodes do not is part of the scope around it."""
    spans: dict[str, list[int]] = {}
    for index, node in enumerate(nodes):
        for scope in _around(node):
            spans.setdefault(scope, []).append(index)
    return {
        scope: list(nodes[span[0] : span[-1] + 1]) for scope, span in spans.items() if span[-1] - span[0] < len(span)
    }


def _around(node: fx.Node) -> Iterator[str]:
    """The scopes around a node, the outer ones first."""
    name = str(node.meta.get("spec_node", ""))
    at = name.find(".")
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)
