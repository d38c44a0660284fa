"""SLAB under the names of xinghaochen/SLAB, arXiv:2405.11582.

All that training has is compared: layer norms, RepBN and their mixture. The repository counts training steps in every
norm and we once in a graph, so one of its counters, 0 as well, stands for ours. It also keeps tables and masks.
"""

from __future__ import annotations

from typing import Any

from tests.library.case import Case, picture

_FIRST = ("blocks.0.norm1.warm", "patch_embed.norm.warm", "patch_embed1.norm.warm")
_ABSENT = ("warm", "iter", "total_step", "relative_position_index", "attn_mask")


def _ours(name: str) -> str | None:
    if name in _FIRST:
        return "prepbn_progress.step"
    return None if name.rpartition(".")[2] in _ABSENT else name


def _case(spec: str, size: int = 64, **rest: Any) -> Case:
    return Case(spec, None, picture(size, 2), rename=_ours, train=True, cone="train", **rest)


def _whole(spec: str, chaotic: bool = True) -> Case:
    """All blocks. With any weights, what RepBN gives grows with every block, and a softmax of it comes to a choice."""
    return Case(spec, None, picture(224), rename=_ours, cone="train", run=False, chaotic=chaotic)


CASES = [
    _whole("deit_tiny_repbn"),
    _case("deit_tiny_repbn", params={"size": 64, "depth": 2}, recording="deit_repbn_shallow"),
    _whole("deit_small_prepbn"),
    _case("slab_deit_tiny", 224),
    _whole("slab_deit_small", chaotic=False),
    _whole("slab_swin_tiny"),
    _case("slab_swin_tiny", 224, params={"depths": [1, 0, 2, 0], "drop_path": 0.0}, recording="slab_swin_shallow"),
    _whole("slab_swin_small"),
    _whole("swin_tiny_repbn"),
    _whole("slab_pvt_tiny", chaotic=False),
    _case("slab_pvt_tiny", params={"size": 64}, recording="slab_pvt_tiny_64"),
]
