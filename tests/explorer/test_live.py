"""Live pages in a real browser: what onnxruntime computes there of a picture, a drawing or a mask is torch's."""

from __future__ import annotations

import base64
import io
import re
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import graphwright as gw
from graphwright.analyses.contract import named
from graphwright.analyses.layer_masking import LayerMasking
from graphwright.backends.explorer import Live, live_files, plain, write
from graphwright.backends.explorer.live import biased
from graphwright.backends.explorer.serving import HOST, server
from graphwright.commands.exploring import explore
from graphwright.compiler.language.load import load
from graphwright.compiler.lowering.lower import lower
from graphwright.compiler.places import SpecError
from graphwright.hiding import masked
from tests.explorer.browser import Browser, Seen
from tests.explorer.nets import computed, pictures, weighted, windows

pytest.importorskip("onnxruntime", reason="a live page is checked in onnxruntime")
pytestmark = pytest.mark.xdist_group("live")  # its pages, with their exports, are written in one process

CLASSES = tuple(f"kind {k}" for k in range(10))
CLOSE = {"abs": 1e-4, "rel": 1e-4}
MASKED = """graphwright: 1
name: masked
inputs: {image: [N, 3, 24, 24]}
nodes:
  conv1: {op: conv2d, out: 6, kernel: 3, padding: 1}
  norm: batch_norm
  relu: relu
  pool: {op: max_pool2d, kernel: 2}
  conv2: {op: conv2d, out: 8, kernel: 3, stride: 2, padding: 1}
  mean: {op: adaptive_avg_pool2d, size: 1}
  flatten: flatten
  fc: {op: linear, out: 10}
outputs: {logits: fc}
"""


def drawn(seed: int) -> np.ndarray:
    """A picture of 24 x 24 as bytes."""
    return np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)


def as_input(cells: np.ndarray) -> Tensor:
    return ((torch.from_numpy(cells).float() / 255 - 0.5) / 0.25).permute(2, 0, 1)[None]


def file(cells: np.ndarray) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.fromarray(cells).save(buffer, "PNG")
    return {"name": "mine.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def said(seen: Seen, what: str) -> None:
    """Waits for what the easel says."""
    from playwright.sync_api import expect

    expect(seen.page.locator(".easel output")).to_have_text(re.compile(what), timeout=30_000)


def settled(seen: Seen) -> None:
    """Waits until the model ran on all that was done to the picture."""
    for _ in range(600):
        seen.page.wait_for_timeout(50)
        if not seen.page.evaluate("explorer.busy()"):
            break
    said(seen, " ms, in this browser")


def put(seen: Seen, cells: np.ndarray) -> None:
    """Chooses a picture, once the model is there, and waits until it ran."""
    said(seen, "^(ready|.* ms, in this browser)$")
    seen.page.get_by_label("A picture file").set_input_files(file(cells))
    seen.page.wait_for_timeout(100)  # until the file is decoded, and with it the run begun
    settled(seen)


def odds(seen: Seen) -> dict[int, float]:
    return {int(k): p for k, p in seen.page.evaluate("explorer.top()")}


def agree(found: dict[int, float], expected: Tensor) -> None:
    assert found == {k: pytest.approx(float(expected[k]), **CLOSE) for k in range(10)}


def drag(seen: Seen, at: tuple[float, float], to: tuple[float, float]) -> None:
    """Drags over the easel, in shares of its sides."""
    box = seen.page.locator(".board").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (at, to)]
    seen.page.mouse.move(*places[0])
    seen.page.mouse.down()
    seen.page.mouse.move(*places[1])
    seen.page.mouse.up()
    settled(seen)


@pytest.fixture(scope="session")
def live(folder: Path) -> dict[str, Tensor]:
    """The weights of `windows-live.html`, where hidden pixels are grey."""
    graph, state = windows(folder)
    write(graph, folder / "windows-live.html", state, pictures=pictures(1, 24, CLASSES), live=plain(graph))
    return state


@pytest.fixture(scope="session")
def masking(folder: Path) -> tuple[Live, dict[str, Tensor]]:
    """`masked-live.html`, which runs the model under layer masking, and its weights."""
    (folder / "masked.yaml").write_text(MASKED)
    graph = load(folder / "masked.yaml")
    state = weighted(graph)
    runs = masked(graph)
    write(graph, folder / "masked-live.html", state, pictures=pictures(1, 24, CLASSES), live=runs)
    return runs, state


def test_probabilities_of_a_chosen_picture_are_torchs(browser: Browser, folder: Path, live: dict[str, Tensor]) -> None:
    with browser.open(folder / "windows-live.html") as seen:
        for seed in (1, 2):
            put(seen, drawn(seed))
            agree(odds(seen), computed(live, as_input(drawn(seed)))["odds"][0])
        assert "PROBABILITIES, YOUR PICTURE" in seen.panel().upper()


def test_a_dropped_picture_is_read_too(browser: Browser, folder: Path, live: dict[str, Tensor]) -> None:
    with browser.open(folder / "windows-live.html") as seen:
        said(seen, "^ready$")
        content = base64.b64encode(file(drawn(3))["buffer"]).decode()
        transfer = seen.page.evaluate_handle(
            """(content) => {
                const transfer = new DataTransfer();
                const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
                transfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
                return transfer;
            }""",
            content,
        )
        seen.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
        said(seen, " ms, in this browser")
        agree(odds(seen), computed(live, as_input(drawn(3)))["odds"][0])


def test_formulas_work_on_it_with_its_own_numbers(browser: Browser, folder: Path, live: dict[str, Tensor]) -> None:
    expected = computed(live, as_input(drawn(1)))
    with browser.open(folder / "windows-live.html") as seen:
        put(seen, drawn(1))
        for name in ("conv1", "conv2", "norm", "max", "conv3"):
            seen.page.keyboard.press("Escape")
            seen.search(name)
            seen.page.get_by_label("Channel", exact=True).select_option("2")
            at = seen.page.locator(".map-frame.moves canvas").bounding_box()
            seen.page.mouse.move(at["x"] + 0.63 * at["width"], at["y"] + 0.41 * at["height"])
            value = expected[name][0, 2]
            place = (int(0.41 * value.shape[0]), int(0.63 * value.shape[1]))
            own = float(seen.page.locator(".at-work .sum").first.get_attribute("data-value"))
            assert own == pytest.approx(float(value[place]), **CLOSE)
            assert seen.page.locator(".differs").count() == 0


def test_what_is_drawn_is_seen(browser: Browser, folder: Path, live: dict[str, Tensor]) -> None:
    """A picture of one's own stands beside those of the page, and changes with each stroke."""
    with browser.open(folder / "windows-live.html") as seen:
        said(seen, "^ready$")
        seen.page.get_by_role("button", name="Empty").click()
        said(seen, " ms, in this browser")
        agree(odds(seen), computed(live, as_input(np.zeros((24, 24, 3), np.uint8)))["odds"][0])
        before = odds(seen)
        drag(seen, (0.1, 0.1), (0.9, 0.8))
        assert odds(seen) != before
        shown = seen.page.locator(".shots img").last.get_attribute("src").partition(",")[2]
        cells = np.array(Image.open(io.BytesIO(base64.b64decode(shown))).convert("RGB"))
        assert cells.max() == 255
        agree(odds(seen), computed(live, as_input(cells))["odds"][0])
        assert seen.page.locator(".shots button").count() == 2


def test_what_is_hidden_is_left_out_by_layer_masking(
    browser: Browser, folder: Path, masking: tuple[Live, dict[str, Tensor]]
) -> None:
    graph = LayerMasking()(load(folder / "masked.yaml"))
    module = lower(graph).eval()
    module.load_state_dict(masking[1])
    x = as_input(drawn(4))
    mask = torch.ones(1, 1, 24, 24, dtype=torch.bool)
    with browser.open(folder / "masked-live.html") as seen:
        put(seen, drawn(4))
        with torch.no_grad():
            agree(odds(seen), named(module(x, mask), graph)["logits"][0].softmax(0))
        seen.page.get_by_role("button", name="Hide", exact=True).click()
        drag(seen, (0.251, 0.126), (0.7, 0.6))
        mask[..., 3:15, 6:17] = False
        with torch.no_grad():
            agree(odds(seen), named(module(x, mask), graph)["logits"][0].softmax(0))
        seen.search("conv2")
        assert "part of the picture is hidden" in seen.panel()
        seen.page.get_by_role("button", name="Show all").click()
        settled(seen)
        mask[:] = True
        with torch.no_grad():
            agree(odds(seen), named(module(x, mask), graph)["logits"][0].softmax(0))
        assert "part of the picture is hidden" not in seen.panel()


def test_what_is_hidden_is_grey_where_a_model_has_no_masks(
    browser: Browser, folder: Path, live: dict[str, Tensor]
) -> None:
    cells = drawn(5)
    with browser.open(folder / "windows-live.html") as seen:
        put(seen, cells)
        seen.page.get_by_role("button", name="Hide", exact=True).click()
        drag(seen, (0.251, 0.126), (0.7, 0.6))
        cells[3:15, 6:17] = 128
        agree(odds(seen), computed(live, as_input(cells))["odds"][0])


def test_a_bias_that_is_made_from_the_picture_is_another_ones(tmp_path: Path) -> None:
    """Attention with such a bias is not shown at work on a new picture; one with a learned bias is."""
    text = """graphwright: 1
name: biased
inputs: {x: [N, 2, 4, 8]}
nodes:
  learned: {op: parameter, shape: [4, 4]}
  made: {op: mean, in: x, dims: [1, 3], keep: true}
  first: {op: attention, in: {q: x, k: x, v: x, bias: learned}}
  second: {op: attention, in: {q: first, k: first, v: first, bias: made}}
outputs: {y: second}
"""
    (tmp_path / "biased.yaml").write_text(text)
    assert biased(load(tmp_path / "biased.yaml")) == ["second"]


def test_what_is_no_picture_is_told(browser: Browser, folder: Path, live: dict[str, Tensor]) -> None:
    with browser.open(folder / "windows-live.html") as seen:
        said(seen, "^ready$")
        bad = {"name": "notes.png", "mimeType": "image/png", "buffer": b"words"}
        seen.page.get_by_label("A picture file").set_input_files(bad)
        said(seen, "notes.png is no picture")
        assert seen.page.locator(".shots button").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_for_axe(browser: Browser, folder: Path, live: dict[str, Tensor], scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    script = (Path(axe.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")
    with browser.open(folder / "windows-live.html", scheme=scheme) as seen:
        put(seen, drawn(1))
        seen.page.evaluate(script)
        found = seen.page.evaluate("axe.run()")["violations"]
        told = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
        assert told == []


# -- the server --------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def served(folder: Path) -> Iterator[tuple[str, dict[str, Tensor]]]:
    graph, state = windows(folder)
    files = live_files(graph, plain(graph), pictures(1, 24, CLASSES), state)
    with server(files) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://{HOST}:{serving.server_address[1]}/", state
        serving.shutdown()
        thread.join()


def test_a_served_page_fetches_its_model_and_nothing_else(
    browser: Browser, served: tuple[str, dict[str, Tensor]]
) -> None:
    address, state = served
    with browser.open(address, fetched=("model.onnx", "onnxruntime.wasm")) as seen:
        put(seen, drawn(6))
        agree(odds(seen), computed(state, as_input(drawn(6)))["odds"][0])


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/", "", 200), ("HEAD", "/model.onnx", "", 200), ("GET", "/index.html?x=1", "localhost", 200),
        ("GET", "/../../etc/passwd", "", 404), ("GET", "/pyproject.toml", "", 404),
        ("GET", "/", "evil.example", 403), ("POST", "/", "", 501), ("PUT", "/model.onnx", "", 501),
    ],
)  # fmt: skip
def test_the_server_answers_for_its_files_to_this_machine_alone(
    served: tuple[str, dict[str, Tensor]], method: str, path: str, host: str, status: int
) -> None:
    port = int(served[0].rpartition(":")[2].strip("/"))
    connection = HTTPConnection(HOST, port, timeout=10)
    connection.request(method, path, headers={"Host": f"{host or HOST}:{port}"})
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == status
    assert (method == "GET") == bool(content) or status != 200
    connection.close()


def test_a_port_that_is_taken_is_told(served: tuple[str, dict[str, Tensor]]) -> None:
    port = int(served[0].rpartition(":")[2].strip("/"))
    with pytest.raises(SpecError, match=f"port {port} cannot be served"):
        server({"index.html": b""}, port)


# -- the command -------------------------------------------------------------------------------
def test_a_page_that_is_not_live_has_no_model_in_it(folder: Path, tmp_path: Path) -> None:
    graph, state = windows(folder)
    write(graph, tmp_path / "x.html", state, pictures=pictures(1, 24))
    text = (tmp_path / "x.html").read_text()
    assert "wasm-unsafe-eval" not in text
    assert "model.onnx" not in text
    assert "connect-src" not in text


def test_a_live_page_begins_with_a_ring_where_no_picture_is_given(folder: Path, tmp_path: Path) -> None:
    windows(folder)
    gw.explore(gw.load(folder / "windows.yaml"), tmp_path / "python.html", live=True)
    explore(str(folder / "windows.yaml"), output=tmp_path / "x.html", live=True)
    text = (tmp_path / "x.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "connect-src" not in policy[1]
    assert "'wasm-unsafe-eval'" in policy[1]
    assert '"name":"a ring"' in (tmp_path / "python.html").read_text()
    assert '"name":"a ring"' in text
    assert 'id="model.onnx"' in text


def test_a_model_that_reads_no_picture_has_no_live_page(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="takes no pictures"):
        explore("byteformer_tiny", output=tmp_path / "x.html", live=True)
    assert list(tmp_path.iterdir()) == []
