"""Colours of a drawing: one row per op family. Every text colour has a contrast of at least 4.5 on its fill.

The canvas is opaque, so that a picture reads the same on a light page and on a dark one, and colour is never
the only sign: the op's name stands in its box.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Paint:
    """How a box is painted: fill, outline and text, as `#rrggbb`; `title` is its line in the legend."""

    fill: str
    line: str
    text: str = "#1b2430"
    title: str = ""


CANVAS = "#ffffff"
INK = "#1b2430"
MUTED = "#566372"
EDGE = "#66727f"
#: Fills of clusters by nesting level, so that a level stands out from the one around it.
CLUSTERS = ("#f5f7f9", "#ebeff3", "#e1e7ed", "#d8dfe7")
CLUSTER_LINE = "#b4bfca"

#: What is drawn although it is no op.
KINDS: dict[str, Paint] = {
    "input": Paint("#243447", "#243447", "#ffffff", "input"),
    "output": Paint("#ffffff", "#243447", "#1b2430", "output"),
    "target": Paint("#5d6b7a", "#5d6b7a", "#ffffff", "target"),
    "loss": Paint("#fbdedc", "#b3261e", title="loss"),
    "scope": Paint("#f7f3e8", "#8a7440", title="closed block"),
}

FAMILIES: dict[str, Paint] = {
    "convolution": Paint("#d6e6fb", "#2161b0"),
    "linear": Paint("#e2e0fb", "#5448bd"),
    "attention": Paint("#f0dcf7", "#8b37a9"),
    "recurrent": Paint("#fbdcea", "#b32e70"),
    "norm": Paint("#d9f0da", "#2c7a31"),
    "activation": Paint("#fdf0c2", "#94680a"),
    "pooling": Paint("#cff0ec", "#0e736c"),
    "resize": Paint("#d3eefa", "#0a6a93"),
    "arithmetic": Paint("#fde4d0", "#b0510e"),
    "reduce": Paint("#f7ddd2", "#99502c"),
    "shape": Paint("#e6eaee", "#5b6774"),
    "random": Paint("#f1f1ee", "#73736a"),
    "constant": Paint("#eee3d6", "#7b5832"),
    "loop": Paint("#e0e4f2", "#3d4f86"),
    "masking": Paint("#dfe3e0", "#44604f"),
    "similarity": Paint("#e8dff5", "#6b3fa0"),
    "detection": Paint("#e4ecc9", "#5d701c"),
    "loss": Paint("#fbdedc", "#b3261e"),
}
OTHER = Paint("#eef0f2", "#6a7682", title="other")


def paint(kind: str, family: str) -> Paint:
    """The colours of a box."""
    return KINDS.get(kind) or FAMILIES.get(family, OTHER)


def title(kind: str, family: str) -> str:
    """The line of a box in the legend."""
    return KINDS[kind].title if kind in KINDS else family or OTHER.title


def legend(found: Iterable[tuple[str, str]]) -> dict[str, Paint]:
    """The lines of the legend for these (kind, family) pairs: what enters and leaves, then families by name."""
    pairs = {title(kind, family): (kind, paint(kind, family)) for kind, family in sorted(set(found))}
    rank = {"input": 0, "target": 1, "output": 2, "loss": 3, "op": 4, "scope": 5}
    names = sorted(pairs, key=lambda name: (rank[pairs[name][0]], pairs[name][1] is OTHER, name))
    return {name: pairs[name][1] for name in names}


def contrast(first: str, second: str) -> float:
    """The WCAG 2 contrast ratio of two colours, 1 to 21: `(L1 + 0.05) / (L2 + 0.05)` of relative luminances."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
