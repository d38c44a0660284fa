"""A drawing as SVG, laid out in Python: used where there is no `dot` binary. Text is escaped, nothing is scripted."""

from __future__ import annotations

from collections.abc import Iterator

from graphwright.backends.drawing.drawing import Box, Cluster, Drawing, walk
from graphwright.backends.drawing.layout import Layout, Rect, lay_out
from graphwright.backends.drawing.level import LABEL, SMALL, TITLE, Point, port_width
from graphwright.backends.drawing.palette import CANVAS, CLUSTER_LINE, CLUSTERS, EDGE, INK, MUTED, legend, paint
from graphwright.backends.drawing.text import clean, width, xml

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
PAD = 24.0


def svg(drawing: Drawing) -> str:
    """The SVG text of a drawing."""
    layout = lay_out(drawing)
    head, head_height, head_width = heading(drawing, layout.width)
    wide, high = max(layout.width, head_width) + 2 * PAD, layout.height + head_height + 2 * PAD
    shift = PAD + max(0.0, head_width - layout.width) / 2
    lines = _routes(layout, drawing.direction == "LR")
    body = "\n".join([*_clusters(drawing, layout), *lines, *_boxes(drawing, layout), *_labels(layout)])
    size = f'width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.1f} {high:.1f}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" role="img">
<title>{xml(drawing.name)}</title>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="6" markerHeight="6" orient="auto">\
<path d="M0,0.8 L8,4 L0,7.2 z" fill="{EDGE}"/></marker></defs>
<rect width="100%" height="100%" rx="8" fill="{CANVAS}"/>
<g transform="translate({PAD:.1f},{PAD:.1f})">{head}</g>
<g transform="translate({shift:.1f},{PAD + head_height:.1f})">
{body}
</g>
</svg>
"""


def heading(drawing: Drawing, room: float) -> tuple[str, float, float]:
    """Name, documentation and legend, with the height and the width they take."""
    parts = [_text(0, 12, drawing.name, 16, INK, bold=True)]
    y, widest = 22.0, width(drawing.name, 16) * 1.06
    room = max(room, 340.0)
    if drawing.doc:
        doc = clean(drawing.doc, max(20, int(room / 5.4)))
        parts.append(_text(0, 29, doc, 10.5, MUTED))
        y, widest = 39.0, max(widest, width(doc, 10.5))
    x = 0.0
    for name, colours in legend((b.kind, b.family) for b in drawing.boxes).items():
        wide = width(name, SMALL) + 16
        if x and x + wide > room:
            x, y = 0.0, y + 20
        parts.append(_rect(Rect(x, y, wide, 15), 5, colours.fill, colours.line, 1, False))
        parts.append(_text(x + wide / 2, y + 10.5, name, SMALL, colours.text, anchor="middle"))
        x += wide + 6
        widest = max(widest, x - 6)
    return "".join(parts), y + 15 + PAD, widest


def _text(x: float, y: float, text: str, size: float, colour: str, bold: bool = False, anchor: str = "") -> str:
    weight = ' font-weight="bold"' if bold else ""
    where = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}"{weight}{where}>{xml(text, 400)}</text>'


def _rect(rect: Rect, radius: float, fill: str, line: str, stroke: float, dashed: bool) -> str:
    dash = ' stroke-dasharray="5 3"' if dashed else ""
    return (
        f'<rect x="{rect.x:.1f}" y="{rect.y:.1f}" width="{rect.width:.1f}" height="{rect.height:.1f}" rx="{radius:g}" '
        f'fill="{fill}" stroke="{line}" stroke-width="{stroke:g}"{dash}/>'
    )


def _clusters(drawing: Drawing, layout: Layout) -> Iterator[str]:
    for level, member in walk(drawing):
        if isinstance(member, Cluster):
            rect = layout.clusters[member.id]
            fill = CLUSTERS[min(level, len(CLUSTERS) - 1)]
            yield f'<g class="cluster" id="{member.id}"><title>{xml(member.tooltip, 900)}</title>'
            yield _rect(rect, 8, fill, CLUSTER_LINE, 1.8 if member.times > 1 else 1, member.training)
            yield _title(member, rect.x + layout.titles[member.id], rect.y + 15)
            yield "</g>"


def _title(cluster: Cluster, x: float, y: float) -> str:
    block = f'<tspan font-weight="normal" fill="{MUTED}">  {xml(cluster.block)}</tspan>' if cluster.block else ""
    times = f'<tspan font-size="13">  ×{cluster.times}</tspan>' if cluster.times > 1 else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{TITLE:g}" font-weight="bold" fill="{INK}" xml:space="preserve">'
        f"{xml(cluster.label)}{block}{times}</text>"
    )


def _routes(layout: Layout, flat: bool) -> Iterator[str]:
    yield f'<g class="edges" fill="none" stroke="{EDGE}" stroke-width="1.2">'
    for route in layout.routes:
        dash = ' stroke-dasharray="5 3"' if route.edge.training else ""
        note = f"<title>{xml(route.edge.into)}</title>" if route.edge.into else ""
        yield f'<path d="{_curve(route.points, flat)}" marker-end="url(#arrow)"{dash}>{note}</path>'
    yield "</g>"


def _curve(points: tuple[Point, ...], flat: bool) -> str:
    (x0, y0), *rest = points
    parts = [f"M{x0:.1f},{y0:.1f}"]
    for x, y in rest:
        if abs(x - x0) < 0.05 or abs(y - y0) < 0.05:
            parts.append(f"L{x:.1f},{y:.1f}")
        elif flat:
            parts.append(f"C{(x + x0) / 2:.1f},{y0:.1f} {(x + x0) / 2:.1f},{y:.1f} {x:.1f},{y:.1f}")
        else:
            parts.append(f"C{x0:.1f},{(y + y0) / 2:.1f} {x:.1f},{(y + y0) / 2:.1f} {x:.1f},{y:.1f}")
        x0, y0 = x, y
    return " ".join(parts)


def _boxes(drawing: Drawing, layout: Layout) -> Iterator[str]:
    for box in drawing.boxes:
        rect, colours = layout.boxes[box.id], paint(box.kind, box.family)
        round_end = box.kind in ("input", "target", "output")
        yield f'<g class="{box.kind}" id="{box.id}"><title>{xml(box.tooltip, 900)}</title>'
        if box.times > 1:  # a second card behind the first
            behind = Rect(rect.x + 3.5, rect.y + 3.5, rect.width, rect.height)
            yield _rect(behind, 5, colours.fill, colours.line, 1.2, False)
        yield _rect(rect, 11 if round_end else 5, colours.fill, colours.line, 2 if round_end else 1.2, box.training)
        middle, y = rect.x + rect.width / 2, rect.y + (17 if box.lines or box.ports else rect.height / 2 + 4)
        yield _text(middle, y, box.title, LABEL, colours.text, bold=True, anchor="middle")
        small = colours.text if box.kind in ("input", "target") else MUTED
        for count, line in enumerate(box.lines, 1):
            yield _text(middle, y + 12 * count, line, SMALL, small, anchor="middle")
        yield from _ports(box, rect, colours.line)
        yield "</g>"


def _ports(box: Box, rect: Rect, line: str) -> Iterator[str]:
    x = rect.x + rect.width / 2 - sum(map(port_width, box.ports)) / 2
    for port in box.ports:
        wide = port_width(port)
        cell = Rect(x + 1.5, rect.y + rect.height - 17, wide - 3, 14)
        yield _rect(cell, 3, CANVAS, line, 0.8, False)
        yield _text(x + wide / 2, cell.y + 10.3, port, SMALL, INK, anchor="middle")
        x += wide


def _labels(layout: Layout) -> Iterator[str]:
    """On top of everything, with a halo, so that a line below a label does not strike it out."""
    yield f'<g class="shapes" paint-order="stroke" stroke="{CANVAS}" stroke-width="2.5" stroke-linejoin="round">'
    for (x, y), edge in layout.labels:
        yield _text(x, y, edge.label, SMALL, MUTED)
    yield "</g>"
