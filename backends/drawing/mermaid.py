"""A drawing as a Mermaid flowchart, as code hosts render it. Texts are quoted and their special marks written as
Mermaid's entity codes; identifiers are our own."""

from __future__ import annotations

from collections.abc import Iterator

from graphwright.backends.drawing.drawing import Box, Cluster, Drawing
from graphwright.backends.drawing.palette import CLUSTER_LINE, CLUSTERS, EDGE, INK, paint
from graphwright.backends.drawing.text import clean

#: Whatever Mermaid, Markdown or HTML could read as more than a letter.
_ENTITIES = {c: f"#{ord(c)};" for c in "\"'`#&<>;%|{}[]\\*~"}
_SHAPES = {"input": ('(["', '"])'), "target": ('(["', '"])'), "output": ('(["', '"])'), "scope": ('[["', '"]]')}


def mermaid(drawing: Drawing) -> str:
    """The text of a Mermaid flowchart."""
    classes: list[tuple[str, str]] = sorted({(b.kind, b.family if b.kind == "op" else "") for b in drawing.boxes})
    names = {pair: f"k{number}" for number, pair in enumerate(classes)}
    name = "".join(c if c.isalnum() or c in " _-." else " " for c in clean(drawing.name))
    lines = [f"%% {name}", f"flowchart {drawing.direction}"]
    lines += _members(drawing, None, "  ", names)
    lines += [_edge(drawing, number) for number in range(len(drawing.edges))]
    for pair, name in names.items():
        colours = paint(*pair)
        lines.append(f"  classDef {name} fill:{colours.fill},stroke:{colours.line},color:{colours.text}")
    lines += [f"  class {b.id} training" for b in drawing.boxes if b.training]
    lines.append("  classDef training stroke-dasharray:5 3")
    lines += [f"  style {c.id} fill:{CLUSTERS[0]},stroke:{CLUSTER_LINE},color:{INK}" for c in drawing.clusters]
    if drawing.edges:
        lines.append(f"  linkStyle default stroke:{EDGE}")
    return "\n".join(lines) + "\n"


def text(words: object, limit: int = 80) -> str:
    """Text that stays text inside a quoted Mermaid label."""
    return "".join(_ENTITIES.get(c, c) for c in clean(words, limit))


def _members(drawing: Drawing, cluster: str | None, indent: str, names: dict[tuple[str, str], str]) -> Iterator[str]:
    for member in drawing.members[cluster]:
        if isinstance(member, Box):
            yield indent + _box(member, names)
            continue
        yield f'{indent}subgraph {member.id}["{_title(member)}"]'
        yield from _members(drawing, member.id, indent + "  ", names)
        yield f"{indent}end"


def _title(cluster: Cluster) -> str:
    words = [
        f"<b>{text(cluster.label)}</b>",
        text(cluster.block),
        f"<b>×{cluster.times}</b>" if cluster.times > 1 else "",
    ]
    return " ".join(w for w in words if w)


def _box(box: Box, names: dict[tuple[str, str], str]) -> str:
    before, after = _SHAPES.get(box.kind, ('["', '"]'))
    label = "<br/>".join([f"<b>{text(box.title)}</b>", *map(text, box.lines)])
    return f"{box.id}{before}{label}{after}:::{names[box.kind, box.family if box.kind == 'op' else '']}"


def _edge(drawing: Drawing, number: int) -> str:
    edge = drawing.edges[number]
    ports = drawing.boxes[int(edge.source[1:])].ports
    port = f"{text(ports[edge.port])}: " if 0 <= edge.port < len(ports) else ""
    label = f'|"{port}{text(edge.label)}"|' if edge.label or port else ""
    return f"  {edge.source} {'-.->' if edge.training else '-->'}{label} {edge.target}"
