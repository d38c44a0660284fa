"""RaftMLP under the names of its repository, arXiv:2108.04384."""

from __future__ import annotations

from typing import Any

from tests.library.case import Case, Input, picture

#: A smaller net, made for pictures of 64x64, on one whose size fits neither the patches nor the mixing layers.
SMALL: dict[str, Any] = {"dims": [16, 32, 48, 64], "depths": [1, 1, 2, 1], "trained": 64, "height": 75, "width": 94}
SINGLE: dict[str, Any] = {"dims": [32], "depths": [2], "trained": 64}
ODD = (Input((2, 3, 75, 94)),)

CASES = [
    Case("raftmlp_s", None, picture(224)),
    *(Case(name, None, picture(224), run=False) for name in ("raftmlp_m", "raftmlp_l", "raftmlp_b16_mixer")),
    *(Case(f"raftmlp_b16_r{raft}", None, picture(224), run=False) for raft in (4, 2, 1)),
    Case("raftmlp_s", None, ODD, params={**SMALL, "drop_path": 0}, train=True, recording="raftmlp_s 75x94 for 64"),
    *(
        Case(name, None, picture(64, 2), params={**SINGLE, "height": 64}, recording=f"{name} small")
        for name in ("raftmlp_b16_r4", "raftmlp_b16_r2", "raftmlp_b16_r1", "raftmlp_b16_mixer")
    ),
    Case(
        "raftmlp_b16_mixer", None, ODD, params={**SINGLE, "height": 75, "width": 94},
        recording="raftmlp_b16_mixer 75x94 for 64",
    ),
]  # fmt: skip
