"""The page: one HTML file with the front end's script and style inside, and the description as inert JSON.

The policy in its head lets exactly these two texts run, by their hashes, and lets the page fetch nothing. What comes
from a model is data in a script element that browsers do not execute; no `<` of it is left, so it cannot end there.
A live page has another script and may run WebAssembly; its model and its runtime are inside it, or lie beside it on
the server that it came from.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<noscript>This page draws a model and needs JavaScript, which is all inside it: nothing is fetched.</noscript>
<div id="explorer"></div>
<script type="application/json" id="model">{data}</script>
{carried}<script{kind}>{script}</script>
</body>
</html>
"""

#: The files of a live page, by the names under which it looks for them, both gzipped.
MODEL, RUNTIME = "model.onnx", "onnxruntime.wasm"
_CARRIED = '<script type="application/octet-stream" id="{name}">{data}</script>\n'


def page(description: dict[str, Any], carried: Mapping[str, bytes] | None = None) -> str:
    """The HTML of a description.

    The page of a live description runs the files `MODEL` and `RUNTIME`: those that it carries, else the server's.
    """
    live = "live" in description.get("run", {})
    script, style = bundled("live.js" if live else "explorer.js"), bundled("explorer.css")
    files = carried or {}
    return _PAGE.format(
        policy=policy(script, style, live, fetches=live and not files),
        title=escape(f"{description['name']} · graphwright"),
        style=style,
        data=inert(description),
        carried="".join(_CARRIED.format(name=n, data=base64.b64encode(c).decode()) for n, c in files.items()),
        kind=' type="module"' if live else "",
        script=script,
    )


def policy(script: str, style: str, live: bool = False, fetches: bool = False) -> str:
    """The content security policy: nothing but this script, this style, and pictures made in the page.

    WebAssembly runs in a live page alone, and one that `fetches` may do so from its own server.
    """
    rules = {
        "default-src": "'none'",
        "script-src": f"'sha256-{_hash(script)}'" + " 'wasm-unsafe-eval'" * live,
        "style-src": f"'sha256-{_hash(style)}'",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        **({"connect-src": "'self'"} if fetches else {}),
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def inert(description: dict[str, Any]) -> str:
    """JSON without any character that means something in HTML."""
    text = json.dumps(description, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def bundled(name: str) -> str:
    """A file of the built front end."""
    return (resources.files("graphwright.backends.explorer") / "bundle" / name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
