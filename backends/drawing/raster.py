"""A drawing as PNG or PDF, painted by matplotlib from the layout made in Python."""

from __future__ import annotations

import io
import warnings
from functools import cache
from typing import Any

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from graphwright.backends.drawing.drawing import Box, Cluster, Drawing, walk
from graphwright.backends.drawing.layout import Layout, Rect, lay_out
from graphwright.backends.drawing.level import LABEL, SMALL, TITLE, Point, port_width
from graphwright.backends.drawing.palette import CANVAS, CLUSTER_LINE, CLUSTERS, EDGE, INK, MUTED, legend, paint
from graphwright.backends.drawing.text import clean, width

PAD, HEAD = 24.0, 84.0
#: Pixels along the longer side of a PNG; a longer drawing is scaled down.
LONGEST = 16_000
#: Our unit is a CSS pixel, 1/96 inch; matplotlib counts points, 1/72 inch.
INCH, POINT = 96.0, 0.75


def raster(drawing: Drawing, suffix: str) -> bytes:
    """The bytes of the picture, in matplotlib's format `suffix`: png or pdf."""
    layout = lay_out(drawing)
    wide = max(layout.width, width(drawing.name, 16) * 1.1, 340.0) + 2 * PAD
    high = layout.height + HEAD + 2 * PAD
    figure = Figure(figsize=(wide / INCH, high / INCH), facecolor=CANVAS)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, wide)
    axes.set_ylim(high, 0)
    axes.axis("off")
    pen = _Pen(axes)
    _heading(pen, drawing, wide - 2 * PAD)
    pen.x, pen.y = (wide - layout.width) / 2, PAD + HEAD
    _clusters(pen, drawing, layout)
    _routes(pen, drawing, layout)
    for box in drawing.boxes:
        _box(pen, box, layout.boxes[box.id])
    for (x, y), edge in layout.labels:
        pen.text(x, y, edge.label, SMALL, MUTED)
    out, dpi = io.BytesIO(), min(2 * INCH, LONGEST * INCH / max(wide, high))
    with warnings.catch_warnings():
        # A name may hold a character that no installed font has; it is drawn as an empty frame.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        metadata = {"CreationDate": None} if suffix == "pdf" else {"Software": None}
        figure.savefig(out, format=suffix, dpi=dpi, metadata=metadata)
    return out.getvalue()


@cache
def _font() -> tuple[str, float]:
    """The first installed font like Helvetica, and the scale that gives it Helvetica's width."""
    installed = {f.name for f in font_manager.fontManager.ttflist}
    found = [name for name in ("Helvetica", "Arial", "Liberation Sans", "Nimbus Sans") if name in installed]
    return (found[0], 1.0) if found else ("DejaVu Sans", 0.87)


class _Pen:
    """Axes with an origin."""

    def __init__(self, axes: Any) -> None:
        self.axes, self.x, self.y = axes, PAD, PAD

    def text(
        self, x: float, y: float, text: str, size: float, colour: str, bold: bool = False, middle: bool = False
    ) -> None:
        name, scale = _font()
        self.axes.text(
            self.x + x, self.y + y, text, fontsize=size * scale * POINT, color=colour, family=name, parse_math=False,
            weight="bold" if bold else "normal", ha="center" if middle else "left", va="baseline",
        )  # fmt: skip

    def rect(self, rect: Rect, radius: float, fill: str, line: str, stroke: float, dashed: bool = False) -> None:
        style = f"round,pad=0,rounding_size={min(radius, rect.height / 2)}"
        self.axes.add_patch(FancyBboxPatch(
            (self.x + rect.x, self.y + rect.y), rect.width, rect.height, style, facecolor=fill, edgecolor=line,
            linewidth=stroke * POINT, linestyle=(0, (5, 3)) if dashed else "-",
        ))  # fmt: skip

    def line(self, points: tuple[Point, ...], flat: bool, dashed: bool) -> None:
        x, y = (self.x + points[0][0], self.y + points[0][1])
        corners, codes = [(x, y)], [Path.MOVETO]
        for u, v in ((self.x + a, self.y + b) for a, b in points[1:]):
            middle = ((x + u) / 2, y, (x + u) / 2, v) if flat else (x, (y + v) / 2, u, (y + v) / 2)
            straight = abs(u - x) < 0.05 or abs(v - y) < 0.05
            corners += [(u, v)] if straight else [middle[:2], middle[2:], (u, v)]
            codes += [Path.LINETO] if straight else [Path.CURVE4] * 3
            x, y = u, v
        style: Any = (0, (5, 3)) if dashed else "-"
        self.axes.add_patch(
            PathPatch(Path(corners, codes), fill=False, edgecolor=EDGE, linewidth=1.2 * POINT, linestyle=style)
        )
        head = [(x, y), (x - 7, y - 3), (x - 7, y + 3)] if flat else [(x, y), (x - 3, y - 7), (x + 3, y - 7)]
        self.axes.add_patch(Polygon(head, facecolor=EDGE, edgecolor="none"))


def _heading(pen: _Pen, drawing: Drawing, room: float) -> None:
    pen.text(0, 12, drawing.name, 16, INK, bold=True)
    pen.text(0, 29, clean(drawing.doc, max(20, int(room / 5.4))), 10.5, MUTED)
    x, y = 0.0, 39.0
    for name, colours in legend((b.kind, b.family) for b in drawing.boxes).items():
        wide = width(name, SMALL) + 16
        if x and x + wide > room:
            x, y = 0.0, y + 20
        pen.rect(Rect(x, y, wide, 15), 5, colours.fill, colours.line, 1)
        pen.text(x + wide / 2, y + 10.5, name, SMALL, colours.text, middle=True)
        x += wide + 6


def _clusters(pen: _Pen, drawing: Drawing, layout: Layout) -> None:
    for level, member in walk(drawing):
        if isinstance(member, Cluster):
            rect, fill = layout.clusters[member.id], CLUSTERS[min(level, len(CLUSTERS) - 1)]
            pen.rect(rect, 8, fill, CLUSTER_LINE, 1.8 if member.times > 1 else 1, member.training)
            x, y = rect.x + layout.titles[member.id], rect.y + 15
            pen.text(x, y, member.label, TITLE, INK, bold=True)
            x += width(member.label, TITLE) * 1.06 + 6
            pen.text(x, y, member.block, TITLE, MUTED)
            x += width(member.block, TITLE) + 6 if member.block else 0
            pen.text(x, y, f"×{member.times}" if member.times > 1 else "", 13, INK, bold=True)


def _routes(pen: _Pen, drawing: Drawing, layout: Layout) -> None:
    for route in layout.routes:
        pen.line(route.points, drawing.direction == "LR", route.edge.training)


def _box(pen: _Pen, box: Box, rect: Rect) -> None:
    colours, round_end = paint(box.kind, box.family), box.kind in ("input", "target", "output")
    if box.times > 1:
        pen.rect(Rect(rect.x + 3.5, rect.y + 3.5, rect.width, rect.height), 5, colours.fill, colours.line, 1.2)
    pen.rect(rect, 11 if round_end else 5, colours.fill, colours.line, 2 if round_end else 1.2, box.training)
    middle, y = rect.x + rect.width / 2, rect.y + (17 if box.lines or box.ports else rect.height / 2 + 4)
    pen.text(middle, y, box.title, LABEL, colours.text, bold=True, middle=True)
    for count, line in enumerate(box.lines, 1):
        pen.text(
            middle, y + 12 * count, line, SMALL, colours.text if box.kind in ("input", "target") else MUTED, middle=True
        )
    x = middle - sum(map(port_width, box.ports)) / 2
    for port in box.ports:
        wide = port_width(port)
        pen.rect(Rect(x + 1.5, rect.y + rect.height - 17, wide - 3, 14), 3, CANVAS, colours.line, 0.8)
        pen.text(x + wide / 2, rect.y + rect.height - 6.7, port, SMALL, INK, middle=True)
        x += wide
