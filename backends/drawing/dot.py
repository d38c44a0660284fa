"""A drawing as DOT, the language of graphviz. Every text is an HTML-like label with its marks escaped, every
identifier is our own, so that no name in a spec can end a string or start a tag."""

from __future__ import annotations

import graphviz

from graphwright.backends.drawing.drawing import Box, Cluster, Drawing, Edge
from graphwright.backends.drawing.palette import (
    CANVAS,
    CLUSTER_LINE,
    CLUSTERS,
    EDGE,
    INK,
    KINDS,
    MUTED,
    legend,
    paint,
)  # fmt: skip
from graphwright.backends.drawing.text import xml

FONT = "Helvetica,Arial,sans-serif"
_TABLE = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}">{rows}</TABLE>'


def dot(drawing: Drawing) -> str:
    """The DOT text of a drawing."""
    out = graphviz.Digraph("drawing", graph_attr=_graph_attributes(drawing), node_attr=_NODE, edge_attr=_EDGE)
    _members(out, drawing, None, 0)
    for edge in drawing.edges:
        _edge(out, edge, drawing)
    return str(out.source)


_NODE = {
    "shape": "box",
    "style": "rounded,filled",
    "fontname": FONT,
    "fontsize": "11",
    "margin": "0.10,0.05",
    "height": "0.3",
    "penwidth": "1.2",
    "fontcolor": INK,
}
_EDGE = {"fontname": FONT, "fontsize": "9", "fontcolor": MUTED, "color": EDGE, "arrowsize": "0.6", "penwidth": "1.1"}


def _graph_attributes(drawing: Drawing) -> dict[str, str]:
    return {
        "label": _heading(drawing), "labelloc": "t", "labeljust": "l", "fontname": FONT, "fontsize": "11",
        "fontcolor": INK, "bgcolor": CANVAS, "rankdir": drawing.direction, "nodesep": "0.3", "ranksep": "0.4",
        "pad": "0.3", "newrank": "true", "compound": "true",
    }  # fmt: skip


def _heading(drawing: Drawing) -> str:
    rows = [f'<TR><TD ALIGN="LEFT"><FONT POINT-SIZE="16"><B>{xml(drawing.name)}</B></FONT></TD></TR>']
    if drawing.doc:
        rows.append(f'<TR><TD ALIGN="LEFT"><FONT COLOR="{MUTED}">{xml(drawing.doc, 90)}</FONT></TD></TR>')
    cells = [
        f'<TD BGCOLOR="{p.fill}" BORDER="1" COLOR="{p.line}" STYLE="ROUNDED"><FONT POINT-SIZE="9" COLOR="{p.text}">'
        f" {xml(name)} </FONT></TD>"
        for name, p in legend((b.kind, b.family) for b in drawing.boxes).items()
    ]
    cells += ["<TD></TD>"] * (-len(cells) % 5)
    grid = "".join(f"<TR>{''.join(cells[k : k + 5])}</TR>" for k in range(0, len(cells), 5))
    rows.append(f'<TR><TD ALIGN="LEFT"><TABLE BORDER="0" CELLSPACING="4" CELLPADDING="2">{grid}</TABLE></TD></TR>')
    return f"<{_TABLE.format(padding=2, rows=''.join(rows))}>"


def _members(out: graphviz.Digraph, drawing: Drawing, cluster: str | None, level: int) -> None:
    for member in drawing.members[cluster]:
        if isinstance(member, Box):
            _box(out, member)
            continue
        with out.subgraph(name=f"cluster_{member.id}") as inner:
            inner.attr(
                label=_cluster_label(member), style="rounded,filled" + (",dashed" if member.training else ""),
                fillcolor=CLUSTERS[min(level, len(CLUSTERS) - 1)], color=CLUSTER_LINE, labeljust="l", margin="10",
                tooltip=graphviz.escape(member.tooltip), penwidth="1.6" if member.times > 1 else "1",
            )  # fmt: skip
            _members(inner, drawing, member.id, level + 1)


def _cluster_label(cluster: Cluster) -> str:
    block = f'  <FONT COLOR="{MUTED}">{xml(cluster.block)}</FONT>' if cluster.block else ""
    times = f'  <FONT POINT-SIZE="13"><B>×{cluster.times}</B></FONT>' if cluster.times > 1 else ""
    return f"<<B>{xml(cluster.label)}</B>{block}{times}>"


def _box(out: graphviz.Digraph, box: Box) -> None:
    colours = paint(box.kind, box.family)
    small = KINDS["input"].text if box.kind in ("input", "target") else MUTED
    rows = [f"<TR><TD><B>{xml(box.title)}</B></TD></TR>"]
    rows += [f'<TR><TD><FONT POINT-SIZE="9" COLOR="{small}">{xml(line)}</FONT></TD></TR>' for line in box.lines]
    if box.ports:
        cells = "".join(
            f'<TD PORT="p{k}" CELLPADDING="2"><FONT POINT-SIZE="9">{xml(p)}</FONT></TD>'
            for k, p in enumerate(box.ports)
        )
        table = f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="3" COLOR="{colours.line}"><TR>{cells}</TR></TABLE>'
        rows.append(f"<TR><TD>{table}</TD></TR>")
    style = {"style": "rounded,filled,dashed"} if box.training else {}
    if box.kind in ("input", "target", "output"):
        style |= {"penwidth": "2"}
    out.node(
        box.id, f"<{_TABLE.format(padding=1, rows=''.join(rows))}>", fillcolor=colours.fill, color=colours.line,
        fontcolor=colours.text, tooltip=graphviz.escape(box.tooltip), **style,
    )  # fmt: skip


def _edge(out: graphviz.Digraph, edge: Edge, drawing: Drawing) -> None:
    source = drawing.boxes[int(edge.source[1:])]
    tail, head = ("s", "n") if drawing.direction == "TB" else ("e", "w")
    port = f"p{edge.port}:{tail}" if 0 <= edge.port < len(source.ports) else tail
    style = {"style": "dashed"} if edge.training else {}
    label = f"<<FONT>{xml(edge.label)}</FONT>>" if edge.label else ""
    out.edge(f"{edge.source}:{port}", f"{edge.target}:{head}", label, tooltip=graphviz.escape(edge.into), **style)
