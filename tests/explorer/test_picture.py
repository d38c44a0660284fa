"""A page with pictures, in a real browser: what it shows at work is what torch computes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from graphwright.backends.explorer import Pictures, write
from tests.explorer.browser import Browser, Seen
from tests.explorer.nets import attended, computed, pictures, small_vit, windows
from tests.explorer.test_page import EVIL, open_all

CLASSES = tuple(f"kind {k}" for k in range(10))
CLOSE = {"abs": 1e-4, "rel": 1e-4}
#: Corners, where windows hang over the edge, and places between: shares of height and width.
PLACES = ((0.01, 0.01), (0.99, 0.99), (0.99, 0.01), (0.41, 0.63), (0.77, 0.34))


@pytest.fixture(scope="session")
def net(folder: Path) -> dict[str, Tensor]:
    """The weights of the page `windows.html`, which has two pictures."""
    graph, state = windows(folder)
    write(graph, folder / "windows.html", state, pictures=pictures(2, 24, CLASSES))
    return state


@pytest.fixture(scope="session")
def values(net: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """What torch computes of each picture."""
    return [computed(net, picture[None]) for picture in pictures(2, 24).inputs]


def select(seen: Seen, name: str) -> None:
    seen.page.keyboard.press("Escape")
    seen.search(name)
    assert seen.shown()["selected"] == name


def number(seen: Seen, kind: str) -> float:
    return float(seen.page.locator(f".at-work .{kind}").first.get_attribute("data-value"))


def hover(seen: Seen, down: float, across: float) -> tuple[int, int]:
    """Point at a place of the output; returns the row and column that the page says."""
    at = seen.page.locator(".map-frame.moves canvas").bounding_box()
    seen.page.mouse.move(at["x"] + across * at["width"], at["y"] + down * at["height"])
    words = seen.page.locator(".spot").inner_text().replace(",", "").split()
    return int(words[1]), int(words[3])


@pytest.mark.parametrize("names", ["conv1 conv2 conv3", "max mean part", "thirds most norm"])
def test_the_sum_of_the_window_under_the_pointer_is_torchs(
    browser: Browser, folder: Path, net: dict[str, Tensor], values: list[dict[str, Tensor]], names: str
) -> None:
    with browser.open(folder / "windows.html") as seen:
        for name in names.split():
            expected = values[0][name][0]
            select(seen, name)
            for channel in (0, len(expected) - 1):
                seen.page.get_by_label("Channel", exact=True).select_option(str(channel))
                for place in PLACES:
                    where = hover(seen, *place)
                    assert where == tuple(int(s * n) for s, n in zip(place, expected.shape[1:], strict=True))
                    torchs = float(expected[channel][where])
                    assert number(seen, "sum") == pytest.approx(torchs, **CLOSE)
                    assert number(seen, "torch") == pytest.approx(torchs, **CLOSE)
                    assert seen.page.locator(".differs").count() == 0


def test_the_numbers_in_the_cells_are_those_of_window_and_kernel(
    browser: Browser, folder: Path, net: dict[str, Tensor], values: list[dict[str, Tensor]]
) -> None:
    with browser.open(folder / "windows.html") as seen:
        select(seen, "conv1")
        seen.page.get_by_label("Channel", exact=True).select_option("4")
        row, column = hover(seen, 0.5, 0.5)
        window = values[0]["image"][0, :, 2 * row - 1 : 2 * row + 2, 2 * column - 1 : 2 * column + 2]
        parts = (window * net["conv1.weight"][4]).sum((1, 2))
        shown = seen.page.locator(".product .part").all_inner_texts()
        assert [float(s.replace("−", "-")) for s in shown] == pytest.approx(parts.tolist(), rel=6e-3)
        bias = seen.page.locator(".equation").first.inner_text().split("bias ")[1].split(" ")[0]
        assert float(bias.replace("−", "-")) == pytest.approx(float(net["conv1.bias"][4]), rel=1e-3)


def test_an_activation_of_the_element_under_the_pointer(
    browser: Browser, folder: Path, values: list[dict[str, Tensor]]
) -> None:
    with browser.open(folder / "windows.html") as seen:
        select(seen, "silu")
        seen.page.get_by_label("Channel", exact=True).select_option("2")
        for place in PLACES:
            row, column = hover(seen, *place)
            assert number(seen, "torch") == pytest.approx(float(values[0]["silu"][0, 2, row, column]), **CLOSE)
            told = seen.page.locator(".equation").inner_text()
            before = float(told.split("(")[1].split(")")[0].replace("−", "-"))
            assert before == pytest.approx(float(values[0]["norm"][0, 2, row, column]), rel=1e-3, abs=1e-4)


def test_without_a_pointer(browser: Browser, folder: Path, net: dict[str, Tensor]) -> None:
    with browser.open(folder / "windows.html") as seen:
        select(seen, "conv1")
        hover(seen, 0.5, 0.5)
        seen.page.mouse.move(5, 5)
        seen.page.locator(".map-frame.moves").focus()
        for key in ("ArrowUp", "ArrowLeft", "ArrowLeft"):
            seen.page.keyboard.press(key)
        assert seen.page.locator(".spot").inner_text() == "row 5, column 4"
        for _ in range(30):
            seen.page.keyboard.press("ArrowDown")
        assert seen.page.locator(".spot").inner_text() == "row 11, column 4"
        assert seen.shown()["selected"] == "conv1"


def test_a_linear_layer_and_what_softmax_makes_of_it(
    browser: Browser, folder: Path, net: dict[str, Tensor], values: list[dict[str, Tensor]]
) -> None:
    scores, odds = values[0]["fc"][0], values[0]["odds"][0]
    with browser.open(folder / "windows.html") as seen:
        select(seen, "fc")
        best = int(scores.argmax())
        assert number(seen, "sum") == pytest.approx(float(scores[best]), **CLOSE)
        for k in (0, 7):
            seen.page.get_by_label("Output", exact=True).select_option(str(k))
            assert number(seen, "sum") == pytest.approx(float(scores[k]), **CLOSE)
            products = net["fc.weight"][k] * values[0]["flatten"][0]
            order = products.abs().argsort(descending=True)
            shown = seen.page.locator(".contribution .port").all_inner_texts()
            assert shown == [*(f"x[{int(i)}]" for i in order), "bias"]
        select(seen, "odds")
        seen.page.get_by_label("Output", exact=True).select_option("3")
        assert number(seen, "sum") == pytest.approx(float(odds[3]), abs=1e-6)
        told = seen.page.locator(".probabilities .amount")
        shares = [float(told.nth(k).get_attribute("data-value")) for k in range(10)]
        assert shares == pytest.approx(odds.sort(descending=True).values.tolist(), abs=1e-5)
        assert seen.page.locator(".class-name").first.inner_text() == f"kind {best}"


def test_another_picture(browser: Browser, folder: Path, values: list[dict[str, Tensor]]) -> None:
    with browser.open(folder / "windows.html") as seen:
        select(seen, "conv3")
        shots = seen.page.locator(".shots button")
        assert [b.get_attribute("aria-pressed") for b in shots.all()] == ["true", "false"]
        shots.nth(1).click()
        assert [b.get_attribute("aria-pressed") for b in shots.all()] == ["false", "true"]
        assert f"kind {int(values[1]['odds'].argmax())}" in shots.nth(1).inner_text()
        channel = int(seen.page.get_by_label("Channel", exact=True).input_value())
        row, column = hover(seen, 0.5, 0.5)
        assert number(seen, "sum") == pytest.approx(float(values[1]["conv3"][0, channel, row, column]), **CLOSE)


def strip(seen: Seen, name: str) -> bytes:
    """The lower part of a box, as it is on the screen."""
    seen.page.wait_for_timeout(150)  # a frame, and the picture is decoded
    at = seen.where(name)
    shot = seen.page.screenshot(clip={"x": at["x"] - 60, "y": at["y"] + 2, "width": 120, "height": 28})
    return Image.open(io.BytesIO(shot)).convert("RGB").tobytes()


def test_maps_are_drawn_in_the_boxes_and_in_the_panel(browser: Browser, folder: Path, tiny: Path, net: object) -> None:
    with browser.open(folder / "windows.html") as seen:
        select(seen, "conv2")
        first = strip(seen, "conv2")
        seen.page.locator(".shots button").nth(1).click()
        second = strip(seen, "conv2")
        seen.page.locator(".shots button").nth(0).click()
        assert first == strip(seen, "conv2")
        assert sum(a != b for a, b in zip(first, second, strict=True)) > len(first) / 2
        tiles = seen.page.locator(".shelf canvas")
        assert tiles.count() == 12
        seen.page.wait_for_function(
            "() => { const c = document.querySelector('.shelf canvas');"
            " return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size > 20 }"
        )
        tiles.nth(5).click()
        assert seen.page.get_by_label("Channel", exact=True).input_value() == "5"
    with browser.open(tiny) as seen:
        open_all(seen)
        select(seen, "stage.0.conv")
        assert seen.page.locator(".shelf, .shots button, .at-work").count() == 0


def test_whom_a_token_looks_at(browser: Browser, folder: Path) -> None:
    graph, state = small_vit()
    shown = pictures(1, 32)
    write(graph, folder / "small_vit.html", state, pictures=shown)
    weights, output = attended(state, shown.inputs)
    assert float(weights.max()) > 0.5  # sharp, so that a wrong row would be seen
    with browser.open(folder / "small_vit.html") as seen:
        select(seen, "blocks.0.attn.attend")
        for head in (0, 1):
            seen.page.get_by_label("Head").select_option(str(head))
            for token in (0, None):
                if token is None:
                    row, column = hover(seen, 0.6, 0.4)
                    token = 1 + 4 * row + column
                else:
                    seen.page.get_by_role("button", name="class token").click()
                shares = seen.page.locator(".looks .weight")
                best = [float(shares.nth(k).get_attribute("data-value")) for k in range(6)]
                assert best == pytest.approx(weights[head, token].sort(descending=True).values[:6].tolist(), abs=1e-4)
                for channel in (0, 5):
                    seen.page.get_by_label("Channel of the output").fill(str(channel))
                    seen.page.get_by_label("Channel of the output").press("Enter")
                    assert number(seen, "sum") == pytest.approx(float(output[head, token, channel]), **CLOSE)
                    assert number(seen, "torch") == pytest.approx(float(output[head, token, channel]), **CLOSE)


def test_what_does_not_fit_is_told(browser: Browser, folder: Path) -> None:
    graph, _ = windows(folder)
    write(graph, folder / "light.html", pictures=pictures(1, 24), budget=9_000)
    with browser.open(folder / "light.html") as seen:
        assert "initial values" in seen.panel()
        told, partly = {}, 0
        for node in graph.nodes:
            select(seen, node.name)
            told[node.name] = "do not fit" in seen.panel()
            partly += "channels are in this page, those that are most active" in seen.panel()
            assert seen.page.locator(".at-work").count() == (not told[node.name] and node.name != "flatten")
        assert True in told.values()
        assert not told["fc"]
        assert partly > 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 800)])
def test_nothing_serious_for_axe(
    browser: Browser, folder: Path, net: dict[str, Tensor], scheme: str, width: int
) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    script = (Path(axe.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")
    with browser.open(folder / "windows.html", scheme=scheme, width=width) as seen:
        seen.page.evaluate(script)
        for name in ("conv1", "silu", "fc"):
            select(seen, name)
            found = seen.page.evaluate("axe.run('.panel, .shots')" if name != "conv1" else "axe.run()")["violations"]
            told = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
            assert told == [], name


def test_hostile_names_of_pictures_and_classes_are_text(browser: Browser, folder: Path) -> None:
    graph, state = windows(folder)
    some = pictures(1, 24)
    evil = Pictures((EVIL,), some.pixels, some.inputs, (EVIL,) * 10, EVIL)
    write(graph, folder / "evil_picture.html", state, pictures=evil)
    with browser.open(folder / "evil_picture.html") as seen:
        assert EVIL[:40] in seen.panel()
        for name in ("conv1", "fc", "odds"):
            select(seen, name)
        assert EVIL[:40] in seen.panel()
        assert seen.page.evaluate("window.hurt") is None
        sources = seen.page.locator("img").evaluate_all("all => all.map(e => e.src.slice(0, 22))")
        assert sources == ["data:image/png;base64,"]
        assert seen.page.locator("script").count() == 2


def test_values_that_are_not_finite(browser: Browser, folder: Path) -> None:
    graph, state = windows(folder)
    state["conv1.bias"] = torch.full((6,), float("inf"))
    write(graph, folder / "strange.html", state, pictures=pictures(1, 24))
    with browser.open(folder / "strange.html") as seen:
        select(seen, "conv1")
        assert "∞" in seen.panel()
        select(seen, "fc")
        assert "not a number" in seen.panel()
