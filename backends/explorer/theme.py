"""Colours of the page, light and dark: the drawings' own in the light, and dark ones made from the same hues.

In both, text has a contrast of at least 4.5 on its fill.
"""

from __future__ import annotations

from graphwright.backends.drawing.palette import FAMILIES, KINDS, OTHER, Paint, contrast

DARK, BRIGHT = "#14181d", "#eef2f6"
#: The least contrast of text on its fill.
LEGIBLE = 4.5


def theme() -> dict[str, dict[str, dict[str, str]]]:
    """`{light: {name: {fill, line, text}}, dark: …}` for every family, kind and `other`."""
    paints = {**{f"kind:{k}": p for k, p in KINDS.items()}, **FAMILIES, "other": OTHER}
    return {
        "light": {name: {"fill": p.fill, "line": p.line, "text": p.text} for name, p in paints.items()},
        "dark": {name: _dark(p) for name, p in paints.items()},
    }


def _dark(paint: Paint) -> dict[str, str]:
    """A deep fill of the hue of the outline, a lighter outline, and bright text."""
    if paint.text == "#ffffff":  # what is inverted in the light is inverted in the dark
        return {"fill": mixed(paint.fill, BRIGHT, 0.82), "line": BRIGHT, "text": DARK}
    share = 0.34
    while contrast(fill := mixed(DARK, paint.line, share), BRIGHT) < LEGIBLE:
        share -= 0.02
    return {"fill": fill, "line": mixed(paint.line, BRIGHT, 0.35), "text": BRIGHT}


def mixed(first: str, second: str, share: float) -> str:
    """A colour on the way from the first to the second."""
    pairs = [(int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
