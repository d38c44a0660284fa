"""CSWin transformer, arXiv:2107.00652, under the names of microsoft/CSWin-Transformer."""

from __future__ import annotations

from tests.library.case import Case, picture

CASES = [
    Case("cswin_tiny_224", None, picture(224)),
    *(Case(name, None, picture(224), run=False) for name in ("cswin_small_224", "cswin_base_224", "cswin_large_224")),
    *(Case(name, None, picture(384), run=False) for name in ("cswin_base_384", "cswin_large_384")),
]
