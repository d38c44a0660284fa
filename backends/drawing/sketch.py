"""Makes the drawing of a graph: opens scopes down to a depth (a closed scope is one box), draws the first of equal
copies for all of them, and gives every edge the shape that flows along it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphwright.backends.drawing.drawing import PARAMETER, Box, Cluster, Direction, Drawing, Edge, Kind
from graphwright.backends.drawing.text import arguments, clean, shape, wrapped
from graphwright.backends.drawing.tree import Fold, Part, fold, grow, height
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Entry, Graph, Node
from graphwright.compiler.ops.op import Op

#: Without a depth, scopes are opened as long as there are no more boxes than this.
COMFORTABLE = 60


def draw(graph: Graph, depth: int | None = None, full: bool = False, direction: Direction = "TB") -> Drawing:
    """The drawing of a graph. `full` opens every scope and folds nothing; else `depth` scopes are opened, or as many
    as keep the number of boxes comfortable."""
    parts = grow(graph)
    levels = height(parts)
    depths = [depth] if depth is not None else [levels] if full else list(range(levels, -1, -1))
    drawing = None
    for opened in depths:
        drawing = _Pen(graph, min(opened, levels), not full).drawing(parts, direction, levels)
        if len(drawing.boxes) <= COMFORTABLE:
            break
    assert drawing is not None
    return drawing


@dataclass
class _Pen:
    """What `draw` knows while it walks: where each node went, and which copies it stands in."""

    graph: Graph
    depth: int
    folding: bool
    boxes: list[Box] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    box_of: dict[str, str] = field(default_factory=dict)
    #: For each folded node, outermost fold first: (number of the fold, number of the copy, name in the first copy).
    folds: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)
    #: The ops of the copies that a node is drawn for.
    alike: dict[str, list[Op]] = field(default_factory=dict)
    num_folds: int = 0

    def drawing(self, parts: Sequence[Part], direction: Direction, levels: int) -> Drawing:
        graph = self.graph
        self.deployed = {n.name for n in graph.deployed().nodes}
        self.scopes = {s.name: s for s in graph.scopes}
        self.terms = {graph.producer(t.value): t for t in graph.losses}
        defaults = {k: v for e in (*graph.inputs, *graph.targets) for k, v in e.defaults.items()}
        free: frozenset[str] = frozenset().union(*(t.symbols for t in graph.types.values()))
        self.sizes: dict[str, Any] = {s: defaults.get(s, Dim.symbol(s)) for s in free}
        self._entries()
        self._parts(parts, None, 0)
        edges = self._edges() + self._ends()
        self._name_ports(edges)
        boxes, clusters = tuple(self.boxes), tuple(self.clusters)
        return Drawing(
            clean(graph.name), boxes, clusters, tuple(edges), direction, clean(graph.doc), self.depth, levels
        )

    def _entries(self) -> None:
        targets = self.graph.targets if self.graph.losses else ()
        entries: list[tuple[Kind, Entry]] = [("input", e) for e in self.graph.inputs]
        entries += [("target", e) for e in targets]
        for kind, entry in entries:
            lines = (shape(entry.type, self.sizes),)
            note = _tooltip(entry.name, str(entry.type), entry.doc, str(entry.place) if entry.place.line else "")
            box = Box("", entry.name, clean(entry.name), kind, lines=lines, training=kind == "target", tooltip=note)
            self._box(box, entry.name)

    def _box(self, box: Box, *names: str) -> str:
        made = f"n{len(self.boxes)}"
        self.boxes.append(replace(box, id=made))
        self.box_of.update(dict.fromkeys(names, made))
        return made

    # -- parts ----------------------------------------------------------------------------------
    def _parts(self, parts: Sequence[Part], cluster: str | None, level: int) -> None:
        for item in fold(parts, self.graph) if self.folding else parts:
            if isinstance(item, Part):
                self._part(item, (item,), cluster, level)
            elif len(item.copies[0]) == 1:
                self._record(item)
                self._part(item.copies[0][0], tuple(copy[0] for copy in item.copies), cluster, level)
            else:
                self._record(item)
                name = f"{item.copies[0][0].label} … {item.copies[-1][-1].label}"
                scope = self.clusters[int(cluster[1:])].name if cluster else ""
                around = self._cluster(Cluster("", scope, clean(name), parent=cluster, times=len(item.copies)))
                for position, part in enumerate(item.copies[0]):
                    self._part(part, tuple(copy[position] for copy in item.copies), around, level, counted=True)

    def _record(self, item: Fold) -> None:
        number, self.num_folds = self.num_folds, self.num_folds + 1
        for count, copy in enumerate(item.copies):
            for first, part in zip(item.copies[0], copy, strict=True):
                for node in part.nodes():
                    twin = first.name + node.name[len(part.name) :]
                    self.folds.setdefault(node.name, []).append((number, count, twin))
                    if count:
                        self.alike.setdefault(twin, []).append(node.op)

    def _cluster(self, cluster: Cluster) -> str:
        made = f"c{len(self.clusters)}"
        self.clusters.append(replace(cluster, id=made))
        return made

    def _part(
        self, part: Part, copies: tuple[Part, ...], cluster: str | None, level: int, counted: bool = False
    ) -> None:
        times = 1 if counted else len(copies)
        label = _label(part, copies, self.clusters[int(cluster[1:])].name if cluster else "")
        if part.node is not None:
            self._node(part.node, label, cluster, times)
            return
        scope = self.scopes.get(part.name)
        block, marks = (scope.block, scope.marks) if scope else ("", None)
        nodes = list(part.nodes())
        training = all(n.name not in self.deployed for n in nodes)
        place = str(scope.place) if scope and scope.place.line else ""
        note = _tooltip(part.name, block, marks.doc if marks else "", place)
        if level < self.depth:
            made = self._cluster(Cluster("", part.name, label, clean(block), cluster, times, training, note))
            self._parts(part.parts, made, level + 1)
            return
        count = f"{len(nodes)} op{'s' if len(nodes) > 1 else ''}"
        lines = (*((clean(block),) if block else ()), count)
        self._box(
            Box("", part.name, label, "scope", clean(block), "", lines, (), cluster, times, training, note),
            *(n.name for n in nodes),
        )

    def _node(self, node: Node, label: str, cluster: str | None, times: int) -> None:
        op = node.op
        words = arguments(op, self.alike.get(node.name, ()))
        text = words if label.rstrip("0123456789_") == op.name else f"{op.name} {words}"
        training = node.name not in self.deployed
        place = str(node.place) if node.place.line else ""
        note = _tooltip(node.name, f"{op.name} {words}", node.marks.doc, place, "frozen" if node.marks.freeze else "")
        term = self.terms.get(node.name)
        lines = wrapped(text) + ((f"weight {clean(term.weight, 40)}",) if term and term.weight != 1.0 else ())
        kind: Kind = "loss" if term else "op"
        self._box(
            Box("", node.name, label, kind, op.name, op.family, lines, (), cluster, times, training, note), node.name
        )

    # -- edges ----------------------------------------------------------------------------------
    def _drawn(self, name: str) -> tuple[str, dict[int, int]]:
        """The box that stands for a node or entry, and the number of its copy in every fold around it."""
        copies: dict[int, int] = {}
        moved = True
        while moved:
            moved = False
            for number, copy, twin in self.folds.get(name, ()):
                if number not in copies:
                    copies[number] = copy
                    moved = twin != name
                    name = twin
                    if moved:
                        break
        return self.box_of.get(name, ""), copies

    def _edge(self, value: str, target: str, into: str, training: bool, inside: dict[int, int]) -> Edge | None:
        producer = self.graph.producer(value)
        source, copies = self._drawn(producer)
        between_copies = any(copies[k] != inside[k] for k in copies.keys() & inside.keys())
        if not source or source == target or between_copies:
            return None
        rest = value[len(producer) + 1 :]
        port = int(rest) if rest.isdigit() else PARAMETER if rest else 0
        label = shape(self.graph.types.get(value), self.sizes)
        return Edge(source, target, label, port, into, training)

    def _edges(self) -> list[Edge]:
        found: dict[tuple[str, str, int, str], Edge] = {}
        for node in self.graph.nodes:
            target, inside = self._drawn(node.name)
            for into, value in node.inputs:
                edge = self._edge(value, target, into, node.name not in self.deployed, inside)
                if edge:
                    closed = self.boxes[int(target[1:])].kind == "scope"
                    found.setdefault((edge.source, target, edge.port, "" if closed else into), edge)
        return list(found.values())

    def _ends(self) -> list[Edge]:
        """Boxes for outputs, and for losses inside closed scopes, and the edges into them."""
        deployed = {name for name, _ in self.graph.deployed().outputs}
        ends: list[tuple[Kind, str, str, bool]] = [("output", n, v, n not in deployed) for n, v in self.graph.outputs]
        kinds = {b.id: b.kind for b in self.boxes}
        drawn = {t.name for node, t in self.terms.items() if kinds.get(self._drawn(node)[0]) == "loss"}
        ends += [("loss", t.name, t.value, True) for t in self.graph.losses if t.name not in drawn]
        edges = []
        for kind, name, value, training in ends:
            label = shape(self.graph.types.get(value), self.sizes)
            box = Box("", name, clean(name), kind, training=training, tooltip=_tooltip(name, label))
            edge = self._edge(value, self._box(box), "", training, {})
            edges += [edge] if edge else []
        return edges

    def _name_ports(self, edges: Sequence[Edge]) -> None:
        """Boxes of ops with several outputs show which is which."""
        for k, box in enumerate(self.boxes):
            node = self.graph.by_name.get(box.name) if box.kind == "op" else None
            if node is not None and len(node.outputs) > 1:
                used = max((e.port for e in edges if e.source == box.id), default=0)
                names = [*map(clean, node.op.outputs())]
                names = names if len(names) == len(node.outputs) else [*map(str, range(len(node.outputs)))]
                self.boxes[k] = replace(box, ports=tuple(names[: max(used + 1, min(len(names), 8))]))


def _label(part: Part, copies: Sequence[Part], around: str) -> str:
    """The name within the scope around, or one segment more where that is a mere number; the range for copies."""
    label = part.name[len(around) + 1 :] if around and part.name.startswith(around + ".") else part.name
    if label.isdigit():
        label = ".".join(part.name.split(".")[-2:])
    return clean(label if len(copies) == 1 else f"{label} … {copies[-1].label}", 60)


def _tooltip(*lines: str) -> str:
    return " | ".join(clean(line, 300) for line in lines if line)
