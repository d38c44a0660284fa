"""Writes the screenshots of `docs/explorer/`: pages with a picture, looked at in Chromium.

    python -m benchmarks.explorer_screens --tiny-vgg DIR --picture FILE

DIR has CNN Explainer's trained Tiny VGG and its pictures; FILE is what the other models see, with initial weights.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

import graphwright as gw
from tests.explorer.browser import FLAGS
from tests.parity.test_trained_tiny_vgg import CLASSES, trained_weights

FOLDER = Path(__file__).parents[1] / "docs" / "explorer"
#: The most that a screenshot may weigh.
HEAVIEST = 150_000


@dataclass(frozen=True)
class Screen:
    """A page, and what is done on it before it is looked at: keys, words for the search, then a place to point at."""

    name: str
    model: str
    search: str = ""
    keys: tuple[str, ...] = ()
    point: tuple[float, float] | None = None
    scheme: str = "light"
    options: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)


def looked_at(browser: Browser, page: Path, screen: Screen) -> bytes:
    """The screenshot, as PNG."""
    context = browser.new_context(
        viewport={"width": 1360, "height": 850}, color_scheme=screen.scheme, reduced_motion="reduce"
    )
    tab = context.new_page()
    tab.goto(page.as_uri())
    tab.wait_for_function("explorer.shown() !== null")
    for key in screen.keys:
        tab.keyboard.press(key)
    if screen.search:
        tab.keyboard.press("/")
        tab.keyboard.type(screen.search)
        tab.keyboard.press("Enter")
    if screen.point is not None:
        at = tab.locator(".map-frame.moves canvas").bounding_box()
        assert at is not None
        tab.mouse.move(at["x"] + screen.point[0] * at["width"], at["y"] + screen.point[1] * at["height"])
    tab.wait_for_timeout(600)
    shot = tab.screenshot()
    context.close()
    return shot


def small(shot: bytes) -> bytes:
    """The same picture with as many colours as fit the limit."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for colours in (256, 128, 64, 32):
        buffer = io.BytesIO()
        picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
            buffer, "PNG", optimize=True
        )
        if buffer.tell() <= HEAVIEST:
            return buffer.getvalue()
    raise SystemExit(f"a screenshot has {buffer.tell():,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tiny-vgg", type=Path, required=True)
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--only", help="the name of a single screenshot")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    seen = {"images": [args.picture]}
    known: Callable[[], dict[str, Any]] = lambda: {  # noqa: E731
        "weights": trained_weights(), "classes": CLASSES, "mean": (0, 0, 0), "std": (1, 1, 1), "crop": 1,
        "images": [args.tiny_vgg / f"{name}_1.jpeg" for name in ("koala", "espresso", "bus")],
    }  # fmt: skip
    screens = (
        Screen("tiny_vgg", "tiny_vgg", "conv_1_2", ("y",), (0.45, 0.62), options=known()),
        Screen("tiny_vgg_dark", "tiny_vgg", "output", ("y",), scheme="dark", options=known()),
        Screen("resnet50", "resnet50", "layer1.0.conv2", ("y",), (0.6, 0.45), options=seen),
        Screen("vit_base", "vit_base_patch16_224", "blocks.0.attn.attend", ("y",), (0.5, 0.5), options=seen),
        Screen("swin_tiny", "swin_tiny_patch4_window7_224", "layers.0.blocks.1.attn.attend", (), options=seen),
        Screen(
            "unet",
            "unet",
            "down0.conv.conv2",
            ("y", "0"),
            (0.5, 0.4),
            options=seen | {"size": 128},
            params={"width": 16, "depth": 2},
        ),
    )
    # the library's largest graph: 1,916 nodes, one column of sixteen
    screens = (*screens, Screen("revcol_base", "revcol_base", "subnet1 level2", ("y", "r")))
    # two models side by side
    ibn = Screen("compared", "resnet50_ibn_a", "layer1.0.bn1", options={"compare": gw.load("resnet50")})
    screens = (*screens, ibn)
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=args.chromium, args=list(FLAGS))
        for screen in (s for s in screens if args.only in (None, s.name)):
            page = gw.explore(
                gw.load(screen.model, screen.params), Path(folder) / f"{screen.name}.html", **screen.options
            )
            shot = small(looked_at(browser, page, screen))
            (FOLDER / f"{screen.name}.png").write_bytes(shot)
            print(f"{screen.name}: page {page.stat().st_size:,} bytes, picture {len(shot):,}")
        browser.close()


if __name__ == "__main__":
    main()
