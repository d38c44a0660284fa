"""Pages in a real Chromium: Debian's, driven by playwright. Every page counts its requests and complaints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import pytest

FLAGS = (
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Seen:
    """A page, with what it asked the network for and what it complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def where(self, name: str) -> dict[str, Any]:
        return self.page.evaluate("name => explorer.where(name)", name)  # type: ignore[no-any-return]

    def shown(self) -> dict[str, Any]:
        return self.page.evaluate("explorer.shown()")  # type: ignore[no-any-return]

    def boxes(self) -> list[dict[str, Any]]:
        return self.page.evaluate("explorer.boxes()")  # type: ignore[no-any-return]

    def click(self, name: str, **options: Any) -> None:
        """Click what stands for a node or block."""
        at = self.where(name)
        self.page.mouse.click(at["x"], at["y"], **options)

    def search(self, words: str) -> None:
        """Go to the first thing that the search finds."""
        self.page.keyboard.press("/")
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")

    def panel(self) -> str:
        return self.page.locator(".panel").inner_text()  # type: ignore[no-any-return]


class Browser:
    """Opens pages, one context each, so that nothing passes from one to the next."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    @contextmanager
    def open(
        self, file: Path | str, scheme: str = "light", width: int = 1440, height: int = 900,
        fetched: tuple[str, ...] = (),
    ) -> Iterator[Seen]:  # fmt: skip
        """A file, or an address with what it may fetch from there."""
        address = file if isinstance(file, str) else file.as_uri()
        context = self._chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
        )
        seen = Seen(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("console", lambda said: seen.complaints.append(said.text))
        seen.page.on("dialog", lambda dialog: (seen.complaints.append("a dialog"), dialog.dismiss()))
        try:
            seen.page.goto(address)
            seen.page.wait_for_function("explorer.shown() !== null")
            yield seen
            assert not seen.complaints, seen.complaints
            wanted = [address, *(address + name for name in fetched)]
            assert sorted(seen.requests) == sorted(wanted), "the page asks for nothing but itself"
        finally:
            context.close()


@contextmanager
def started() -> Iterator[Browser]:
    """Chromium, or the reason why there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = os.environ.get("CHROMIUM") or which("chromium") or which("chromium-browser") or which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield Browser(chromium)
        chromium.close()
