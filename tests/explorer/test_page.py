"""The page in a real browser: look, open, search, follow a line and come back, without a mouse, in the dark, unhurt."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from graphwright.backends.drawing import draw
from graphwright.backends.explorer import describe, page, write
from graphwright.compiler.language.load import load
from tests.explorer.browser import Browser, Seen
from tests.explorer.conftest import HERE


def test_it_opens_and_tells_the_model(browser: Browser, tiny: Path) -> None:
    with browser.open(tiny) as seen:
        assert seen.page.title() == "tiny · graphwright"
        told = seen.panel()
        assert "Two stages and a head." in told
        assert "float32[N, 3, H, W]" in told
        assert seen.shown()["selected"] is None


def test_nodes_tell_all_there_is(browser: Browser, tiny: Path) -> None:
    with browser.open(tiny) as seen:
        seen.click("head")
        told = seen.panel()
        for words in ("linear", "float32[N, 10]", "N×10", "out", "10", "add a learned bias", "90", "tiny.yaml:19:3"):
            assert words in told, words
        assert seen.page.locator(".arguments .default").count() == 1  # bias: true
        assert seen.page.locator(".formula").count() >= 1
        assert seen.page.locator(".histogram").count() == 2
        weights = seen.page.locator(".histogram").first.locator("rect")
        assert weights.count() == 32
        assert "10 zeros" in told


def test_first_filters_are_shown_as_pictures(browser: Browser, tiny: Path) -> None:
    with browser.open(tiny) as seen:
        open_all(seen)
        seen.click("stage.0.conv")
        picture = seen.page.locator("img.filters")
        assert picture.evaluate("e => e.complete && e.naturalWidth") == 8 * 30 + 7 * 2
        seen.click("head")
        assert picture.count() == 0


def open_all(seen: Seen) -> None:
    for _ in range(6):
        seen.page.keyboard.press("]")


def close_all(seen: Seen) -> None:
    for _ in range(6):
        seen.page.keyboard.press("[")


def test_blocks_open_and_close(browser: Browser, vit: Path) -> None:
    with browser.open(vit) as seen:
        assert seen.shown()["boxes"] == len(draw(load("vit_tiny_patch16_224")).boxes)  # as much as is comfortable
        close_all(seen)
        seen.page.keyboard.press("]")
        before = seen.shown()
        at = seen.where("blocks.0")
        assert (at["drawn"], at["times"]) == ("blocks.0", 12)
        seen.page.mouse.dblclick(at["x"], at["y"])
        assert seen.shown()["boxes"] > before["boxes"]
        assert seen.shown()["selected"] == "blocks.0"
        assert "transformer_block" in seen.panel()
        seen.page.get_by_role("button", name="Close", exact=True).click()
        assert seen.shown()["boxes"] == before["boxes"]
        seen.page.get_by_role("button", name="Show all 12 copies").click()
        assert seen.shown()["boxes"] == before["boxes"] + 11
        assert seen.where("blocks.7")["drawn"] == "blocks.7"
        seen.page.get_by_role("button", name="Fold 12 copies").click()
        assert seen.shown()["boxes"] == before["boxes"]


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_it_draws_what_the_static_drawings_do(browser: Browser, vit: Path, depth: int) -> None:
    graph = load("vit_tiny_patch16_224")
    with browser.open(vit) as seen:
        close_all(seen)
        for _ in range(depth):
            seen.page.keyboard.press("]")
        drawn = sorted((box["name"], box["times"]) for box in seen.boxes())
        assert drawn == sorted((box.name, box.times) for box in draw(graph, depth).boxes)


@pytest.mark.parametrize("turned", [False, True])
def test_no_two_boxes_overlap_and_values_flow_onwards(browser: Browser, vit: Path, turned: bool) -> None:
    graph = load("vit_tiny_patch16_224")
    with browser.open(vit) as seen:
        if turned:
            seen.page.keyboard.press("r")
        open_all(seen)
        seen.search("blocks.0")
        seen.page.get_by_role("button", name="Show all 12 copies").click()
        boxes = seen.boxes()
        assert len(boxes) == len(graph.nodes) + 2
        for k, a in enumerate(boxes):
            for b in boxes[:k]:
                apart_x = a["x"] >= b["x"] + b["width"] or b["x"] >= a["x"] + a["width"]
                apart_y = a["y"] >= b["y"] + b["height"] or b["y"] >= a["y"] + a["height"]
                assert apart_x or apart_y, (a, b)
        at = {box["name"]: box for box in boxes}
        along, size = ("x", "width") if turned else ("y", "height")
        for node in graph.nodes:
            for value in node.reads:
                before = at[graph.producer(value)]
                assert before[along] + before[size] <= at[node.name][along]


def test_search_finds_by_name_and_op_and_opens_the_way(browser: Browser, vit: Path) -> None:
    with browser.open(vit) as seen:
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("blocks.7 linear")
        options = seen.page.locator("#found [role=option]")
        assert [o.split()[0] for o in options.all_inner_texts()] == [
            f"blocks.7.{name}" for name in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
        ]
        seen.page.keyboard.press("ArrowDown")
        seen.page.keyboard.press("Enter")
        assert seen.shown()["selected"] == "blocks.7.attn.proj"
        at = seen.where("blocks.7.attn.proj")
        assert at["drawn"] == "blocks.0.attn.proj"  # the first copy is drawn for all
        canvas = seen.page.locator("canvas.graph").bounding_box()
        assert canvas["x"] < at["x"] < canvas["x"] + canvas["width"]
        assert canvas["y"] < at["y"] < canvas["y"] + canvas["height"]
        assert "linear" in seen.panel()
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("no such thing")
        assert seen.page.get_by_text("Nothing has this name or op").is_visible()
        seen.page.keyboard.press("Escape")
        assert not seen.page.get_by_text("Nothing has this name or op").is_visible()


def lit(seen: Seen) -> list[str]:
    return [text.split(None, 1)[1].strip() for text in seen.page.locator(".line.lit").all_inner_texts()]


def test_from_a_node_to_its_lines_and_back(browser: Browser, tiny: Path) -> None:
    with browser.open(tiny) as seen:
        seen.click("pool")
        assert lit(seen) == ["pool: {op: adaptive_avg_pool2d, size: 1}"]
        seen.page.locator(".line", has_text="kernel: 3").click()
        assert seen.shown()["selected"] == "stage.0.conv"
        assert lit(seen) == ["conv:", "op: conv2d", "out: 8", "kernel: 3", "padding: 1"]
        assert "1 of 3 nodes from these lines" in seen.panel()
        seen.page.get_by_role("button", name="Next").click()
        assert seen.shown()["selected"] == "stage.1.conv"
        seen.page.locator(".line", has_text="repeat: {k: 3}").click()
        assert seen.shown()["selected"] == "stage"
        seen.page.locator(".line", has_text="image: {shape").click()
        assert seen.shown()["selected"] == "image"


def test_lines_of_other_files(browser: Browser, vit: Path) -> None:
    with browser.open(vit) as seen:
        seen.search("blocks.3.mlp.fc2")
        assert seen.page.locator(".spec select").evaluate("e => e.value") == "specs/blocks/mlp.yaml"
        assert lit(seen)[0].startswith("fc2:")
        seen.page.locator(".path").get_by_role("button", name="blocks", exact=True).click()
        assert lit(seen)[0] == "blocks:"


def test_without_a_mouse(browser: Browser, tiny: Path) -> None:
    with browser.open(tiny) as seen:
        keys = seen.page.keyboard
        close_all(seen)
        visited = []
        for key in ("ArrowDown", "ArrowDown", "Enter", "ArrowDown", "Enter", "ArrowDown", "ArrowDown", "ArrowUp"):
            keys.press(key)
            visited.append(seen.shown()["selected"])
        # Enter opens what is selected, and the arrow then goes inside
        conv, relu = "stage.0.conv", "stage.0.relu"
        assert visited == ["image", "stage", "stage", "stage.0", "stage.0", conv, relu, conv]
        keys.press("Escape")
        assert seen.shown()["selected"] is None
        scale = seen.shown()["scale"]
        keys.press("+")
        assert seen.shown()["scale"] == pytest.approx(1.3 * scale)
        keys.press("y")
        assert not seen.page.locator(".spec").is_visible()
        keys.press("?")
        assert seen.page.locator("dialog").is_visible()
        keys.press("Escape")
        assert not seen.page.locator("dialog").is_visible()


def background(seen: Seen) -> int:
    """How bright the corner of the drawing is on the screen; the page around it is as bright."""
    colour = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    at = seen.page.locator("canvas.graph").bounding_box()
    shot = seen.page.screenshot(clip={"x": at["x"] + 4, "y": at["y"] + 4, "width": 1, "height": 1})
    corner = Image.open(io.BytesIO(shot)).convert("RGB").getpixel((0, 0))
    assert colour == f"rgb{corner}"
    return sum(corner)  # type: ignore[arg-type]


def test_light_and_dark(browser: Browser, tiny: Path) -> None:
    with browser.open(tiny) as seen:
        assert background(seen) > 700
        seen.page.get_by_role("button", name="Light or dark").click()
        seen.page.wait_for_timeout(100)
        assert background(seen) < 100
    with browser.open(tiny, scheme="dark") as seen:
        assert background(seen) < 100
        seen.page.keyboard.press("t")
        seen.page.wait_for_timeout(100)
        assert background(seen) > 700


def test_colours_by_a_figure(browser: Browser, tiny: Path) -> None:
    with browser.open(tiny) as seen:
        seen.page.get_by_label("Colours").select_option("Colour: parameters")
        assert "584" in seen.page.locator(".legend").inner_text()  # 8 filters of 8 channels 3x3, and the biases


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 800)])
def test_nothing_serious_for_axe(browser: Browser, tiny: Path, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    script = (Path(axe.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")
    with browser.open(tiny, scheme=scheme, width=width) as seen:
        seen.search("head")
        seen.page.evaluate(script)
        found = seen.page.evaluate("axe.run()")["violations"]
        told = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
        assert told == []


# -- hostile text ------------------------------------------------------------------------------
EVIL = '<img src=x onerror="window.hurt=1"></script><script>window.hurt=1</script>\'"-->{{x}}'


def test_a_hostile_spec_is_text(browser: Browser, folder: Path) -> None:
    quoted = EVIL.replace("'", "''")
    spec = folder / "evil.yaml"
    text = HERE.replace("Two stages and a head.", f"'{quoted}'").replace("a picture", f"'{quoted}'")
    spec.write_text(text.replace("# a comment", f"# {EVIL}") + f"source: '{quoted}'\n")
    write(load(spec), folder / "evil.html")
    with browser.open(folder / "evil.html") as seen:
        assert EVIL in seen.panel()
        assert EVIL in seen.page.locator(".code").inner_text()
        seen.click("image")
        assert EVIL in seen.panel()
        unhurt(seen)


def hostile(told: Any, key: str = "") -> Any:
    """The description with every text turned into markup, but for the words the page itself looks up."""
    if isinstance(told, dict):
        return {k: hostile(v, "theme" if key == "theme" else k) for k, v in told.items()}
    if isinstance(told, list):
        return [hostile(item, key) for item in told]
    return EVIL + told if isinstance(told, str) and key not in ("kind", "theme", "op", "picture") else told


def test_every_string_as_markup_runs_nothing(browser: Browser, folder: Path) -> None:
    graph = load("lenet")
    path = folder / "hostile.html"
    path.write_text(page(hostile(describe(graph))), encoding="utf-8")
    with browser.open(path) as seen:
        for node in graph.nodes:
            if seen.where(EVIL + node.name)["y"] < 880:
                seen.click(EVIL + node.name)
                assert EVIL + node.name in seen.panel()
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("img")
        assert seen.page.locator("#found [role=option]").count() > 0
        seen.page.keyboard.press("Enter")
        for choice in ("parameters", "bytes"):
            seen.page.get_by_label("Colours").select_option(f"Colour: {choice}")
        unhurt(seen)


def unhurt(seen: Seen) -> None:
    assert seen.page.evaluate("window.hurt") is None
    assert seen.page.locator("img").count() == 0
    assert seen.page.locator("script").count() == 2
