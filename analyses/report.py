"""A result as files: JSON with every setting, NPZ, a picture for each map, and a page that shows them together."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image

from graphwright.analyses.contract import Result
from graphwright.analyses.pictures import embedded, over

#: Opens a temporary path that takes the place of a file once it is whole.
Replacing = Callable[[Path], AbstractContextManager[Path]]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b1b1f; }}
table {{ border-collapse: collapse; margin: 1rem 0; }} td, th {{ padding: .2rem .8rem .2rem 0; text-align: left; }}
figure {{ display: inline-block; margin: 0 1rem 1rem 0; }} figcaption {{ font-size: 13px; color: #555; }}
img {{ width: 224px; image-rendering: auto; border-radius: 4px; }} .no {{ color: #b3261e; }} code {{ font-size: 13px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #16161a; color: #e6e6ea; }} figcaption {{ color: #aaa; }} }}
</style></head><body>
<h1>{title}</h1><p>{subtitle}</p>
<h2>Laws</h2><table><tr><th>identity</th><th>value</th><th>threshold</th><th></th></tr>{laws}</table>
<h2>Settings</h2><table>{settings}</table>
<h2>Maps</h2>{figures}
</body></html>
"""


def write(
    result: Result, folder: Path, pixels: np.ndarray, names: Sequence[str], about: Mapping[str, Any],
    replacing: Replacing, figures: Mapping[str, Image.Image] = MappingProxyType({}),
) -> dict[str, Any]:  # fmt: skip
    """Write `result.json`, `arrays.npz`, a PNG for each map and picture, and `report.html`; the summary is returned.

    `figures` are further pictures, by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = {**result.as_dict(), **about, "pictures": list(names)}
    drawn: list[tuple[str, Image.Image]] = list(figures.items())
    for word, maps in result.maps.items():
        for name, picture, heat in zip(names, pixels, maps, strict=True):
            drawn.append((f"{Path(name).stem}.{word}.png", over(picture, heat)))
    for name, picture in drawn:
        with replacing(folder / name) as temporary:
            picture.save(temporary, "PNG")
    with replacing(folder / "arrays.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **result.arrays)  # type: ignore[arg-type]
    with replacing(folder / "report.html") as temporary:
        temporary.write_text(page(result, summary, drawn), encoding="utf-8")
    with replacing(folder / "result.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=1, default=str), encoding="utf-8")
    return summary


def page(result: Result, summary: Mapping[str, Any], drawn: Sequence[tuple[str, Image.Image]]) -> str:
    """The page, one file that asks the network for nothing; all text in it is escaped."""
    laws = "".join(
        f"<tr><td>{_text(w.name)}</td><td>{w.value:.3g}</td><td>{w.threshold:.3g}</td>"
        f"<td>{'holds' if w.holds else '<b class=no>does not hold</b>'}</td></tr>"
        for w in result.laws
    )
    rows = {**result.settings, **{k: v for k, v in summary.items() if k not in ("settings", "laws", "analysis")}}
    settings = "".join(f"<tr><td>{_text(k)}</td><td><code>{_text(v)}</code></td></tr>" for k, v in rows.items())
    figures = "".join(
        f'<figure><img alt="{_text(name)}" src="{embedded(picture)}"><figcaption>{_text(name)}</figcaption></figure>'
        for name, picture in drawn
    )
    return PAGE.format(title=_text(f"{result.analysis}: {summary.get('model', '')}"),
                       subtitle=_text(f"{len(drawn)} maps"), laws=laws, settings=settings, figures=figures)  # fmt: skip


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)
