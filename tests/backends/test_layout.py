"""Laws of the layout made in Python, over random graphs."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.backends.drawing.drawing import Drawing
from graphwright.backends.drawing.layers import isotonic
from graphwright.backends.drawing.layout import Layout, Rect, lay_out
from graphwright.backends.drawing.sketch import draw
from graphwright.compiler.ir.graph import Graph
from tests.backends.graphs import Draft, residual


@st.composite
def graphs(draw_: st.DrawFn) -> Graph:
    """Up to 25 nodes with up to three inputs each, in up to three levels of scopes."""
    d = Draft("random")
    values = ["x"]
    scopes = st.lists(st.sampled_from("abc"), max_size=2)
    for i in range(draw_(st.integers(1, 25))):
        path = ".".join([*draw_(scopes), f"n{i}"])
        reads = draw_(st.lists(st.sampled_from(values[-8:]), min_size=1, max_size=3))
        if len(reads) == 1 and draw_(st.booleans()):
            values.append(d(path, "relu", reads[0]))
        else:
            values.append(d(path, "add", *reads))
    return d.graph(out=values[-1], other=draw_(st.sampled_from(values)))


def apart(a: Rect, b: Rect, least: float = -1e-6) -> bool:
    """Whether two rectangles do not overlap, up to rounding."""
    beside = max(b.x - a.x - a.width, a.x - b.x - b.width)
    return max(beside, b.y - a.y - a.height, a.y - b.y - b.height) >= least


def inside(a: Rect, b: Rect) -> bool:
    ends = a.x + a.width <= b.x + b.width + 1e-6 and a.y + a.height <= b.y + b.height + 1e-6
    return ends and b.x <= a.x + 1e-6 and b.y <= a.y + 1e-6


def check(drawing: Drawing, layout: Layout) -> None:
    page = Rect(0, 0, layout.width, layout.height)
    places = {**layout.boxes, **layout.clusters}
    for box in drawing.boxes:
        assert inside(layout.boxes[box.id], layout.clusters[box.cluster] if box.cluster else page)
    for cluster in drawing.clusters:
        assert inside(layout.clusters[cluster.id], layout.clusters[cluster.parent] if cluster.parent else page)
    for members in drawing.members.values():
        for a, b in combinations(members, 2):
            assert apart(places[a.id], places[b.id], least=2.0), (a, b)
    assert len(layout.routes) == len(drawing.edges)


@settings(max_examples=120, deadline=None)
@given(graphs(), st.sampled_from(["TB", "LR"]), st.sampled_from([None, 0, 1]))
def test_boxes_are_apart_and_inside(graph: Graph, direction: str, depth: int | None) -> None:
    drawing = draw(graph, depth, direction=direction)  # type: ignore[arg-type]
    check(drawing, lay_out(drawing))


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_lines_join_their_boxes_and_cross_no_other(graph: Graph) -> None:
    drawing = draw(graph, full=True)
    layout = lay_out(drawing)
    for route in layout.routes:
        source, target = layout.boxes[route.edge.source], layout.boxes[route.edge.target]
        (x, y), (u, v) = route.points[0], route.points[-1]
        assert y == pytest.approx(source.y + source.height)
        assert v == pytest.approx(target.y)
        assert source.x <= x <= source.x + source.width
        assert target.x <= u <= target.x + target.width
        others = [r for b, r in layout.boxes.items() if b not in (route.edge.source, route.edge.target)]
        for (x0, y0), (x1, y1) in pairwise(route.points):
            box = Rect(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
            assert all(apart(box, other) for other in others)


@settings(max_examples=30, deadline=None)
@given(graphs())
def test_the_layout_is_a_function_of_the_graph(graph: Graph) -> None:
    assert lay_out(draw(graph)) == lay_out(draw(graph))


def test_a_chain_is_straight() -> None:
    layout = lay_out(draw(residual(2), full=True))
    centres = {round(r.x + r.width / 2, 3) for r in layout.boxes.values()}
    assert len(centres) == 1


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.1, 10)), min_size=1, max_size=30))
def test_isotonic_is_monotone_and_keeps_the_mean(pairs: list[tuple[float, float]]) -> None:
    wishes, weights = [p[0] for p in pairs], [p[1] for p in pairs]
    found = isotonic(wishes, weights)
    assert all(a <= b + 1e-9 for a, b in pairwise(found))
    mean = sum(w * x for x, w in pairs)
    assert sum(w * x for x, w in zip(found, weights, strict=True)) == pytest.approx(mean, abs=1e-6)
    if wishes == sorted(wishes):
        assert found == wishes
