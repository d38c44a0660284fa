"""Coordinates for a drawing without graphviz: each cluster is laid out on its own and then stands as one rectangle
in the level around it. So clusters are disjoint, no two boxes overlap, and lines run in lanes between the boxes.

A value enters a cluster at one point of its upper edge and leaves at one point of its lower edge, however many
readers it has. Everything is computed top to bottom; left to right is the same with the two axes exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphwright.backends.drawing.drawing import Cluster, Drawing, Edge
from graphwright.backends.drawing.level import (
    MARGIN,
    Frame,
    Level,
    Point,
    Stretch,
    Value,
    box_size,
    lay_out_level,
    title_width,
)  # fmt: skip


@dataclass(frozen=True)
class Rect:
    """A rectangle by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Route:
    """The line of an edge; at each of its points it runs along the flow."""

    edge: Edge
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Layout:
    """Where everything is. `labels` stand once for each value, where it leaves its box; `titles` says how far
    from the left end of its cluster a title begins."""

    width: float
    height: float
    boxes: Mapping[str, Rect]
    clusters: Mapping[str, Rect]
    routes: tuple[Route, ...]
    labels: tuple[tuple[Point, Edge], ...]
    titles: Mapping[str, float]


def lay_out(drawing: Drawing) -> Layout:
    """The layout of a drawing; the same drawing always gives the same layout."""
    parents: dict[str, str | None] = {b.id: b.cluster for b in drawing.boxes}
    parents |= {c.id: c.parent for c in drawing.clusters}
    journeys = {edge: _journey(edge, parents) for edge in drawing.edges}
    stretches: dict[str | None, dict[Stretch, None]] = {}
    for journey in journeys.values():
        for level, stretch in journey:
            stretches.setdefault(level, {})[stretch] = None
    first, labels = _first_boxes(drawing, parents), labelled(drawing)
    levels: dict[str | None, Level] = {}
    clusters: dict[str | None, Cluster] = {c.id: c for c in drawing.clusters}
    for inside in (*reversed(drawing.clusters), None):
        cluster = inside.id if inside else None
        members = sorted(drawing.members[cluster], key=lambda m: first[m.id])
        frame = Frame(
            members, list(stretches.get(cluster, ())), levels, labels, drawing.direction == "LR", clusters.get(cluster)
        )
        levels[cluster] = lay_out_level(frame)
    return _assemble(drawing, levels, journeys, labels)


def labelled(drawing: Drawing) -> dict[Value, str]:
    """The label of each value; where the outputs of a box are alike, the last one that is read speaks for all."""
    found: dict[str, dict[int, str]] = {}
    for edge in drawing.edges:
        if edge.label:
            found.setdefault(edge.source, {})[edge.port] = edge.label
    labels: dict[Value, str] = {}
    for source, ports in found.items():
        alike = len(set(ports.values())) == 1
        labels |= {(source, p): text for p, text in ports.items() if not alike or p == max(ports)}
    return labels


def _first_boxes(drawing: Drawing, parents: Mapping[str, str | None]) -> dict[str, int]:
    """The position of the first box in each box and cluster: the order of the graph."""
    first = {c.id: len(drawing.boxes) for c in drawing.clusters}
    for position, box in enumerate(drawing.boxes):
        for member in _ancestry(box.id, parents)[:-1]:
            first[str(member)] = min(first.get(str(member), position), position)
    return first


def _journey(edge: Edge, parents: Mapping[str, str | None]) -> list[tuple[str | None, Stretch]]:
    """The stretches of an edge: out of the clusters around its source, across, into those around its target."""
    value = (edge.source, edge.port)
    up, down = _ancestry(edge.source, parents), _ancestry(edge.target, parents)
    while len(up) > 2 and len(down) > 2 and up[-2] == down[-2]:
        up.pop()
        down.pop()
    leaving: list[tuple[str | None, Stretch]] = [(parents[str(m)], (value, m, None)) for m in up[:-2]]
    entering: list[tuple[str | None, Stretch]] = [(parents[str(m)], (value, None, m)) for m in reversed(down[:-2])]
    return [*leaving, (up[-1], (value, up[-2], down[-2])), *entering]


def _ancestry(member: str, parents: Mapping[str, str | None]) -> list[str | None]:
    chain: list[str | None] = [member]
    while chain[-1] is not None:
        chain.append(parents[chain[-1]])
    return chain


def _assemble(
    drawing: Drawing,
    levels: Mapping[str | None, Level],
    journeys: Mapping[Edge, list[tuple[str | None, Stretch]]],
    labels: Mapping[Value, str],
) -> Layout:
    """Absolute coordinates, from the outside in."""
    flat = drawing.direction == "LR"
    origins: dict[str | None, Point] = {None: (0.0, 0.0)}
    for cluster in drawing.clusters:
        (u, v), (du, dv) = origins[cluster.parent], levels[cluster.parent].members[cluster.id]
        origins[cluster.id] = (u + du, v + dv)
    clusters = {c.id: _rect(origins[c.id], (levels[c.id].across, levels[c.id].along), flat) for c in drawing.clusters}
    boxes = {}
    for box in drawing.boxes:
        (u, v), (du, dv) = origins[box.cluster], levels[box.cluster].members[box.id]
        size = box_size(box)
        boxes[box.id] = _rect((u + du, v + dv), size[::-1] if flat else size, flat)
    routes = []
    for edge, journey in journeys.items():
        points = [
            (origins[level][0] + u, origins[level][1] + v)
            for level, stretch in journey
            for u, v in levels[level].paths[stretch]
        ]
        points = [p for k, p in enumerate(points) if not k or p != points[k - 1]]
        routes.append(Route(edge, tuple((v, u) if flat else (u, v) for u, v in points)))
    spoken = {(r.edge.source, r.edge.port): (_label_point(r, boxes, flat), r.edge) for r in reversed(routes)}
    titles = {c.id: MARGIN if flat else _title(c, levels[c.id]) for c in drawing.clusters}
    size = (levels[None].across, levels[None].along)
    wide, high = size[::-1] if flat else size
    return Layout(wide, high, boxes, clusters, tuple(routes), tuple(spoken[v] for v in spoken if v in labels), titles)


def _rect(corner: Point, size: Point, flat: bool) -> Rect:
    return Rect(*corner[::-1], *size[::-1]) if flat else Rect(*corner, *size)


def _label_point(route: Route, boxes: Mapping[str, Rect], flat: bool) -> Point:
    """The left end of a label's baseline: beside the line below its box, or above the line right of it."""
    x, y = route.points[0]
    return (x + 5, y - 4) if flat else (x + 4, y + 13)


def _title(cluster: Cluster, level: Level) -> float:
    """On the left, or on the right where a line comes in on the left."""
    wide = title_width(cluster)
    return MARGIN if all(x >= wide for x in level.entries.values()) else level.across - wide + MARGIN
