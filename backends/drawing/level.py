"""The inside of one cluster: its members in rows, the points where values enter and leave it, and the paths between.

Coordinates are (across, along) the flow, from the cluster's own corner; left to right exchanges the two at the end.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from graphwright.backends.drawing.drawing import Box, Cluster
from graphwright.backends.drawing.layers import LANE, Arc, Item, assign_rows, isotonic, place
from graphwright.backends.drawing.text import width

Point = tuple[float, float]
#: An output of a box: what flows, wherever it is read.
Value = tuple[str, int]
#: One stretch of an edge: from a member (or the entry, `None`) to a member (or the exit, `None`).
Stretch = tuple[Value, "str | None", "str | None"]

LABEL, SMALL, TITLE = 11.0, 9.0, 11.0
HEADER, GAP, MARGIN, BETWEEN = 22.0, 26.0, 12.0, 9.0
#: How far lines run straight below a box, beside their label, before they part.
STEM = 13.0


@dataclass
class Level:
    """A cluster laid out. Entries and exits are positions across, on its upper and lower edge."""

    across: float = 0.0
    along: float = 0.0
    members: dict[str, Point] = field(default_factory=dict)
    entries: dict[Value, float] = field(default_factory=dict)
    exits: dict[Value, float] = field(default_factory=dict)
    paths: dict[Stretch, list[Point]] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """What a level needs to know: its members in order, the levels inside, the labels of values, the direction."""

    members: Sequence[Box | Cluster]
    stretches: Sequence[Stretch]
    levels: Mapping[str | None, Level]
    labels: Mapping[Value, str]
    flat: bool
    cluster: Cluster | None


def box_size(box: Box) -> Point:
    """Width and height of a box, from its text."""
    inside = max([width(box.title, LABEL) * 1.06, 34.0, *(width(line, SMALL) for line in box.lines)])
    return max(inside, sum(map(port_width, box.ports))) + 18, 26 + 12 * len(box.lines) + (16 if box.ports else 0)


def port_width(port: str) -> float:
    """The width of the cell of an output."""
    return width(port, SMALL) + 12


def title_width(cluster: Cluster) -> float:
    """The width of a cluster's title, with the margins around it."""
    block = width(f"  {cluster.block}", TITLE) if cluster.block else 0.0
    times = width(f"  ×{cluster.times}", 13) if cluster.times > 1 else 0.0
    return 1.06 * width(cluster.label, TITLE) + block + times + MARGIN + 6


def lay_out_level(frame: Frame) -> Level:
    """Rows, positions and paths of one level."""
    entries = list(dict.fromkeys(v for v, source, _ in frame.stretches if source is None))
    exits = list(dict.fromkeys(v for v, _, target in frame.stretches if target is None))
    keys: list[Hashable] = [("in", v) for v in entries]
    keys += [m.id for m in frame.members] + [("out", v) for v in exits]
    index = {k: n for n, k in enumerate(keys)}
    sizes = [(0.0, 0.0)] * len(entries) + [_size(m, frame) for m in frame.members] + [(0.0, 0.0)] * len(exits)
    ends = ([Item(joint=False) for _ in values] for values in (entries, exits))
    items = [*next(ends), *(_item(m, frame) for m in frame.members), *next(ends)]
    arcs = {}
    for value, source, target in frame.stretches:
        a, b = index[source or ("in", value)], index[target or ("out", value)]
        arcs[value, source, target] = Arc(a, b, value, _leaves(source, value, frame), _arrives(target, value, frame))
    onwards = [a for a in arcs.values() if a.source < a.target]
    rows = assign_rows(len(items), onwards, range(len(entries)), range(len(items) - len(exits), len(items)))
    for item, row in zip(items, rows, strict=True):
        item.row = row
    placed, chains = place(items, onwards)
    level, bands = Level(), _bands(items, sizes, placed, frame)
    offsets = _spread(items, sizes, onwards, chains, {index[m.id] for m in frame.members if isinstance(m, Box)})
    shift = _breadth(level, items, frame)
    level.along = bands[-1][1] + (MARGIN if frame.cluster and (frame.flat or not exits) else 0)
    back = 0
    for stretch, arc in arcs.items():
        if arc in chains:
            path = _path(items, sizes, bands, chains[arc], arc, offsets.get(arc, arc.arrives), frame.flat)
        else:
            back += 1
            path = _detour(items, sizes, bands, arc, level.across - shift + back * LANE)
        level.paths[stretch] = [(x + shift, y) for x, y in path]
    level.across += back * LANE
    for member in frame.members:
        number = index[member.id]
        top = sum(bands[items[number].row]) / 2 - sizes[number][1] / 2
        level.members[member.id] = (items[number].x + shift - sizes[number][0] / 2, top)
    level.entries = {v: items[index["in", v]].x + shift for v in entries}
    level.exits = {v: items[index["out", v]].x + shift for v in exits}
    return level


def _size(member: Box | Cluster, frame: Frame) -> Point:
    if isinstance(member, Cluster):
        return frame.levels[member.id].across, frame.levels[member.id].along
    wide, high = box_size(member)
    return (high, wide) if frame.flat else (wide, high)


def _item(member: Box | Cluster, frame: Frame) -> Item:
    """A member with room for itself and, beside the lines that leave it, for their labels."""
    half = _size(member, frame)[0] / 2
    room = half
    if isinstance(member, Box) and not frame.flat:
        values = [(member.id, port) for port in range(max(len(member.ports), 1))]
        words = [_leaves(v[0], v, frame) + 4 + width(frame.labels[v], SMALL) for v in values if v in frame.labels]
        room = max([half, *words])
    return Item(half + BETWEEN, room + BETWEEN, joint=False)


def _leaves(source: str | None, value: Value, frame: Frame) -> float:
    """Where a value leaves a member, from its centre."""
    if source is None:
        return 0.0
    if source in frame.levels:
        return frame.levels[source].exits[value] - frame.levels[source].across / 2
    box = next(m for m in frame.members if m.id == source) if value[1] else None
    return 0.0 if not isinstance(box, Box) else port_offset(box, value[1], frame.flat)


def port_offset(box: Box, port: int, flat: bool) -> float:
    """Where an output leaves its box, from the centre."""
    if not 0 <= port < len(box.ports):
        return 0.0
    if flat:
        return (port - (len(box.ports) - 1) / 2) * min(10.0, box_size(box)[1] / len(box.ports))
    widths = [port_width(p) for p in box.ports]
    return sum(widths[:port]) + widths[port] / 2 - sum(widths) / 2


def _arrives(target: str | None, value: Value, frame: Frame) -> float:
    if target is None or target not in frame.levels:
        return 0.0
    return frame.levels[target].entries[value] - frame.levels[target].across / 2


def _bands(items: Sequence[Item], sizes: Sequence[Point], rows: Sequence[Sequence[int]], frame: Frame) -> list[Point]:
    """Upper and lower end of each row. Gaps grow with the slant of the lines in them, and with labels in a row."""
    header = HEADER if frame.cluster and not frame.flat else 0.0
    entered = any(source is None for _, source, _ in frame.stretches)
    bands: list[Point] = []
    top = 0.0 if entered or not frame.cluster else header + MARGIN
    for row in rows:
        bottom = top + max((sizes[n][1] for n in row if n < len(sizes)), default=0.0)
        bottom += header if entered and not bands else 0.0
        bands.append((top, bottom))
        slant = max((abs(items[n].x - items[m].x) for n in row for m, _, _ in items[n].down), default=0.0)
        labels = max((width(label, SMALL) for label in _labels(row, frame)), default=0.0) if frame.flat else 0.0
        gap = GAP / 2 if entered and len(bands) == 1 else GAP
        top = bottom + max(gap, labels + 14) + min(40.0, 0.07 * slant) + (STEM if slant > 1 and not frame.flat else 0)
    return bands or [(0.0, 0.0)]


def _labels(row: Sequence[int], frame: Frame) -> list[str]:
    entries = len({v for v, source, _ in frame.stretches if source is None})
    boxes = [frame.members[n - entries] for n in row if 0 <= n - entries < len(frame.members)]
    return [frame.labels[b.id, p] for b in boxes for p in range(64) if (b.id, p) in frame.labels]


def _breadth(level: Level, items: Sequence[Item], frame: Frame) -> float:
    """Sets the extent across, and returns what moves the leftmost item inside."""
    left = min((i.x - i.before for i in items), default=0.0)
    right = max((i.x + i.after for i in items), default=0.0)
    margin = MARGIN - BETWEEN if frame.cluster else 0.0
    header = HEADER if frame.cluster and frame.flat else 0.0
    level.across = right - left + 2 * margin + header
    shift = margin + header - left
    if frame.cluster is None or frame.flat:
        return shift
    wide, entries = title_width(frame.cluster), {v for v, source, _ in frame.stretches if source is None}
    ports = [items[k].x + shift for k in range(len(entries))] or [level.across]
    before, after = max(0.0, wide - min(ports)), max(0.0, wide - level.across + max(ports))
    level.across += min(before, after)  # the title stands beside the lines that come in
    return shift + before if before <= after else shift


def _spread(
    items: Sequence[Item], sizes: Sequence[Point], arcs: Sequence[Arc], chains: Mapping[Arc, list[int]], boxes: set[int]
) -> dict[Arc, float]:
    """Where lines arrive at boxes: straight below where they come from if they can, a little apart from each other."""
    arriving: dict[int, list[tuple[float, Arc]]] = {}
    for arc in arcs:
        if arc.target in boxes:
            before = chains[arc][-2]
            come = items[before].x + (arc.leaves if before == arc.source else 0.0)
            arriving.setdefault(arc.target, []).append((come - items[arc.target].x, arc))
    offsets = {}
    for target, lines in arriving.items():
        lines.sort(key=lambda line: line[0])
        half = max(sizes[target][0] / 2 - 8, 0.0)
        apart = min(12.0, 2 * half / max(len(lines) - 1, 1))
        wishes = [max(-half, min(half, come)) - k * apart for k, (come, _) in enumerate(lines)]
        solved = isotonic(wishes, [1.0] * len(wishes))
        over = max(0.0, solved[-1] + (len(lines) - 1) * apart - half)
        for k, ((_, arc), x) in enumerate(zip(lines, solved, strict=True)):
            offsets[arc] = max(x + k * apart - over, -half + k * apart)
    return offsets


def _path(
    items: Sequence[Item], sizes: Sequence[Point], bands: Sequence[Point],
    chain: Sequence[int], arc: Arc, arrives: float, flat: bool,
) -> list[Point]:  # fmt: skip
    """Straight inside the rows and beside a label, free between them."""
    source, target = items[arc.source], items[arc.target]
    middle = sum(bands[source.row]) / 2
    x = source.x + arc.leaves
    start = middle + sizes[arc.source][1] / 2 if any(sizes[arc.source]) else bands[source.row][0]
    bend = bands[source.row][1] + (0.0 if flat or source.row + 1 == len(bands) else STEM)
    points = [(x, start), (x, bend)]
    for joint in chain[1:-1]:
        points += [(items[joint].x, bands[items[joint].row][0]), (items[joint].x, bands[items[joint].row][1])]
    x, middle = target.x + arrives, sum(bands[target.row]) / 2
    return [*points, (x, bands[target.row][0]), (x, middle - sizes[arc.target][1] / 2)]  # exits have no size


def _detour(
    items: Sequence[Item], sizes: Sequence[Point], bands: Sequence[Point], arc: Arc, side: float
) -> list[Point]:
    """The way back up, around the right-hand side of everything."""
    source, target = items[arc.source], items[arc.target]
    start, low = source.x + arc.leaves, sum(bands[source.row]) / 2 + sizes[arc.source][1] / 2
    end, high = target.x + arc.arrives, sum(bands[target.row]) / 2 - sizes[arc.target][1] / 2
    under, over = bands[source.row][1] + 7, bands[target.row][0] - 7
    return [(start, low), (start, under), (side, under), (side, over), (end, over), (end, high)]
