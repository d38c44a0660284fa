"""What is drawn: clusters, folds, shapes, marks; and that names from a spec stay text in every format."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from graphwright.backends.drawing import FORMATS, WHOLE, draw, picture, write
from graphwright.backends.drawing.dot import dot
from graphwright.backends.drawing.mermaid import mermaid
from graphwright.backends.drawing.palette import CANVAS, CLUSTERS, FAMILIES, INK, KINDS, MUTED, contrast
from graphwright.backends.drawing.svg import svg
from graphwright.compiler.ir.graph import Entry, Graph, Node
from graphwright.compiler.ir.types import parse_type
from graphwright.compiler.ops import OPS
from graphwright.compiler.places import SpecError
from tests.backends.graphs import Draft, residual, with_losses

GOLDEN = Path(__file__).parent / "golden"


# -- folding ------------------------------------------------------------------------------------
@pytest.mark.parametrize("copies", [2, 3, 12])
def test_copies_fold_into_one(copies: int) -> None:
    drawing = draw(residual(copies))
    (fold,) = [c for c in drawing.clusters if c.times > 1]
    assert (fold.times, fold.block, fold.label) == (copies, "residual_block", f"body.0 … {copies - 1}")
    assert [b.name for b in drawing.boxes] == ["x", "stem", "body.0.conv", "body.0.relu", "body.0.sum", "head", "out"]
    assert len(drawing.edges) == 7


def test_closed_copies_are_one_box() -> None:
    drawing = draw(residual(3), depth=1)
    (box,) = [b for b in drawing.boxes if b.times > 1]
    assert (box.kind, box.times, box.lines) == ("scope", 3, ("residual_block", "3 ops"))
    assert draw(residual(3), depth=0).boxes[2].lines == ("9 ops",)


def test_full_folds_nothing() -> None:
    drawing = draw(residual(5), full=True)
    assert len(drawing.boxes) == 5 * 3 + 4
    assert all(c.times == 1 for c in drawing.clusters)


def test_different_copies_stay_apart() -> None:
    d = Draft("stages")
    x = "x"
    for i, out in enumerate((8, 8, 16, 16, 16)):
        d.scope(f"s.{i}", "stage")
        x = d(f"s.{i}.conv", "conv2d", x, out=out, kernel=1, kind=f"float32[N, {out}, 4, 4]")
    times = [c.times for c in draw(d.graph(out=x)).clusters if c.block]
    assert times == [2, 1, 2]  # the third reads 8 channels, the two after it 16


def test_alternating_copies_fold_in_pairs() -> None:
    d = Draft("pairs")
    x = "x"
    for i in range(6):
        d.scope(f"b.{i}", "odd" if i % 2 else "even")
        x = d(f"b.{i}.a", "gelu" if i % 2 else "relu", x)
    drawing = draw(d.graph(out=x))
    assert [(c.label, c.times) for c in drawing.clusters if c.times > 1] == [("0 … 5", 3)]
    assert [b.op for b in drawing.boxes if b.op] == ["relu", "gelu"]


def test_a_rate_that_grows_is_shown_as_a_range() -> None:
    d = Draft("rates")
    x = "x"
    for i in range(3):
        d.scope(f"b.{i}", "block")
        x = d(f"b.{i}.drop", "drop_path", x, p=0.1 * i)
    (box,) = [b for b in draw(d.graph(out=x)).boxes if b.op]
    assert box.lines == ("drop_path p 0…0.2",)


def test_a_scope_left_and_entered_again_is_not_framed() -> None:
    d = Draft("unet")
    a = d("down.0", "relu", "x")
    b = d("pool", "gelu", a)
    c = d("down.1", "relu", b)
    drawing = draw(d.graph(out=c))
    assert drawing.clusters == ()
    assert [b.label for b in drawing.boxes] == ["x", "down.0", "pool", "down.1", "out"]


# -- marks, ports, shapes -----------------------------------------------------------------------
def test_training_parts_are_marked() -> None:
    drawing = draw(with_losses())
    assert {b.name for b in drawing.boxes if b.training} == {"label", "aux.fc", "loss", "aux_loss"}
    assert {b.name: b.lines for b in drawing.boxes if b.kind == "loss"}["aux_loss"] == ("cross_entropy", "weight 0.3")
    assert {b.kind for b in drawing.boxes} == {"input", "target", "op", "loss", "output"}


def test_several_outputs_have_ports() -> None:
    d = Draft("ports", kind="float32[3, N, 8]")
    u = d("u", "unbind", "x", dim=0, kind="float32[N, 8]", count=3)
    out = d("sum", "add", f"{u}:2", u)
    drawing = draw(d.graph(out=out))
    assert drawing.boxes[1].ports == ("0", "1", "2")
    assert [e.port for e in drawing.edges if e.source == "n1"] == [2, 0]
    assert "n1:p2:s -> n2:n" in dot(drawing)


def test_edges_carry_shapes_with_default_sizes() -> None:
    d = Draft("shapes", kind="float32[N, 3, H, W]")
    graph = d.graph(out=d("relu", "relu", "x"))
    graph = graph.with_(inputs=(Entry("x", graph.inputs[0].type, {"H": 32, "W": 48}),))
    assert {e.label for e in draw(graph).edges} == {"N×3×32×48"}


def test_dtypes_other_than_float32_are_named() -> None:
    assert "int64 N" in {b.lines[0] for b in draw(with_losses()).boxes if b.lines}


# -- formats ------------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", [".dot", ".mmd", ".svg"])
def test_golden(suffix: str) -> None:
    text = FORMATS[suffix](draw(residual(3)))
    path = GOLDEN / f"residual{suffix}"
    assert text == path.read_text(), f"the drawing changed; look at it, then write it to {path.name}"


@pytest.mark.parametrize("suffix", sorted(FORMATS))
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_every_format_is_written(suffix: str, direction: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    write(with_losses(), path, direction=direction)  # type: ignore[arg-type]
    content = path.read_bytes()
    magic = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<svg", ".dot": b"digraph", ".mmd": b"%%", ".json": b"{"}
    assert content.startswith(magic[suffix])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    again = tmp_path / f"again{suffix}"
    write(with_losses(), again, direction=direction)  # type: ignore[arg-type]
    assert again.read_bytes() == content


def test_unknown_suffix_lists_the_formats(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"'.gif' is no format for drawings") as error:
        write(residual(), tmp_path / "x.gif")
    assert error.value.problems[0].hint == "known: " + ", ".join([*FORMATS, *WHOLE])
    assert not list(tmp_path.iterdir())


def test_a_failed_drawing_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.svg"
    path.write_text("old")

    def broken(drawing: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setitem(FORMATS, ".svg", broken)
    with pytest.raises(ZeroDivisionError):
        write(residual(), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.svg"]


def test_json_has_nodes_and_edges() -> None:
    data = json.loads(FORMATS[".json"](draw(residual(3))))
    assert data["nodes"][0]["kind"] == "input"
    ids = {n["id"] for n in data["nodes"]}
    assert all(e["source"] in ids and e["target"] in ids for e in data["edges"])


# -- hostile text -------------------------------------------------------------------------------
HOSTILE = [
    "<script>alert(1)</script>", '"]; evil [label="', "a\nend\nclick n0 href", "x --> y", "</title><svg onload=x>",
    "&amp;<b>", "`**md**`", "%%{init: {}}%%", "\\N\\G\\\"", "\x00\x1b[31m", "]]>", "🙂" * 200, "#quot;", "-- %",
]  # fmt: skip


def hostile(name: str) -> Graph:
    """A graph that says `name` wherever a spec can say something; values hold no dots and colons."""
    kind, value = parse_type("float32[N, 8]"), name.replace(".", "").replace(":", "")
    node = Node(f"s.{value}", OPS["relu"](), (("x", value),), (kind,))
    return Graph(name, (Entry(value, kind, doc=name),), (node,), ((name, node.name),), doc=name)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text_in_svg(name: str) -> None:
    tree = ET.fromstring(picture(hostile(name)))
    tags = {e.tag.rpartition("}")[2] for e in tree.iter()}
    assert tags <= {"svg", "title", "defs", "marker", "path", "rect", "g", "text", "tspan"}
    assert not any(key.startswith("on") for e in tree.iter() for key in e.attrib)


def skeleton(text: str, *strings: str) -> str:
    """A text without what stands in its strings."""
    for pattern in strings:
        text = re.sub(pattern, "_", text)
    return text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text_in_mermaid(name: str) -> None:
    first, *lines = mermaid(draw(hostile(name))).splitlines()
    assert re.fullmatch(r"%%[\w .-]*", first)
    plain = mermaid(draw(hostile("plain"))).splitlines()[1:]
    assert skeleton("\n".join(lines), r'"[^"]*"') == skeleton("\n".join(plain), r'"[^"]*"')
    labels = "".join(re.findall(r'"([^"]*)"', "\n".join(lines)))
    assert not set(re.sub(r"</?b>|<br/>", "", labels)) & set("<>`%{}[]|\\")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_text_in_dot(name: str) -> None:
    label, string = r"<(<TABLE.*TABLE>|<B>.*</B>|<FONT>.*</FONT>)>", r'"(\\.|[^"\\])*"'
    text = dot(draw(hostile(name)))
    assert skeleton(text, string, label) == skeleton(dot(draw(hostile("plain"))), string, label)
    for found in re.findall(label, text):
        ET.fromstring(f"<label>{found}</label>")


# -- colours ------------------------------------------------------------------------------------
def test_every_family_has_a_colour() -> None:
    assert {op.family for op in OPS.values()} <= FAMILIES.keys()


def test_text_can_be_read() -> None:
    for paint in (*FAMILIES.values(), *KINDS.values()):
        assert contrast(paint.text, paint.fill) >= 4.5
        assert contrast(paint.line, CANVAS) >= 3
    for fill in (*(p.fill for p in FAMILIES.values()), *CLUSTERS, CANVAS):
        assert contrast(MUTED, fill) >= 4.5
        assert contrast(INK, fill) >= 7


def test_deep_drawings_are_quick() -> None:
    drawing = draw(residual(1000), full=True)
    assert len(drawing.boxes) == 3004
    assert svg(drawing).count('class="op"') == 3002
