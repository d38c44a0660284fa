"""A drawing: boxes, clusters and edges, before any layout and in no particular format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["op", "scope", "input", "output", "target", "loss"]
Direction = Literal["TB", "LR"]
#: The port of an edge that carries a parameter of its source, not an output.
PARAMETER = -1


@dataclass(frozen=True)
class Box:
    """One rectangle. `lines` stand below the label; `ports` name the outputs where there are several."""

    id: str
    name: str
    label: str
    kind: Kind
    op: str = ""
    family: str = ""
    lines: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    cluster: str | None = None
    times: int = 1
    training: bool = False
    tooltip: str = ""

    @property
    def title(self) -> str:
        """The label, with the number of copies."""
        return f"{self.label}  ×{self.times}" if self.times > 1 else self.label


@dataclass(frozen=True)
class Cluster:
    """An opened scope, or `times` copies of what is inside."""

    id: str
    name: str
    label: str
    block: str = ""
    parent: str | None = None
    times: int = 1
    training: bool = False
    tooltip: str = ""


@dataclass(frozen=True)
class Edge:
    """A value on its way: from output `port` of a box to an input of another, named `into`."""

    source: str
    target: str
    label: str = ""
    port: int = 0
    into: str = ""
    training: bool = False


@dataclass(frozen=True)
class Drawing:
    """All there is to draw. `depth` of `levels` scopes are open."""

    name: str
    boxes: tuple[Box, ...]
    clusters: tuple[Cluster, ...]
    edges: tuple[Edge, ...]
    direction: Direction = "TB"
    doc: str = ""
    depth: int = 0
    levels: int = 0

    @cached_property
    def members(self) -> dict[str | None, list[Box | Cluster]]:
        """Boxes and clusters directly inside each cluster; `None` is the canvas."""
        found: dict[str | None, list[Box | Cluster]] = {None: [], **{c.id: [] for c in self.clusters}}
        for box in self.boxes:
            found[box.cluster].append(box)
        for cluster in self.clusters:
            found[cluster.parent].append(cluster)
        return found


def walk(drawing: Drawing, cluster: str | None = None, level: int = 0) -> Iterator[tuple[int, Box | Cluster]]:
    """Boxes and clusters with their nesting level, a cluster before what is inside it."""
    for member in drawing.members[cluster]:
        yield level, member
        if isinstance(member, Cluster):
            yield from walk(drawing, member.id, level + 1)
