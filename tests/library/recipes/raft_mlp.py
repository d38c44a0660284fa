"""okojoalg/raft-mlp: RaftMLP, and the one-level controls of its paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from torch import nn

REPOSITORY = "https://github.com/okojoalg/raft-mlp"
COMMIT = "6060d5d95e142acf80cea6d180adfb075cbe87d0"
LICENCE = "Apache-2.0"

KERNELS = ([4, 8], [2, 4], [2, 4], [2])


def build(dims: Sequence[int], depths: Sequence[int] = (2, 2, 6, 2), trained: int = 224) -> nn.Module:
    """Four levels, as the settings of the repository have them."""
    levels = [
        {"dim": dim, "depth": depth, "patch_size": kernels[0], "raft_size": 2, "embedding_kernels": kernels}
        for dim, depth, kernels in zip(dims, depths, KERNELS, strict=True)
    ]
    return _net(levels, trained, "emb_cross_mlp", "ser_pm")


def single(raft: int, dim: int = 768, depth: int = 12, trained: int = 224) -> nn.Module:
    """One level of plain patches; rafts of no channel are MLP-Mixer."""
    level = {"dim": dim, "depth": depth, "patch_size": 16, "raft_size": raft}
    return _net([level], trained, "emb_mixer", "ser_pm" if raft else "original_tm")


def _net(levels: list[dict[str, object]], trained: int, embedding: str, mixing: str) -> nn.Module:
    model: nn.Module = import_module("libs.models").RaftMLP(
        levels, pretrained_image_size=trained, embedding_type=embedding, token_mixing_type=mixing, shortcut=False
    )
    return model


SMALL = (16, 32, 48, 64)
VARIANTS: dict[str, Callable[[], nn.Module]] = {
    "raftmlp_s": partial(build, (64, 128, 256, 512)),
    "raftmlp_m": partial(build, (96, 192, 384, 768)),
    "raftmlp_l": partial(build, (128, 192, 512, 1024)),
    **{f"raftmlp_b16_r{raft}": partial(single, raft) for raft in (4, 2, 1)},
    "raftmlp_b16_mixer": partial(single, 0),
    "raftmlp_s 75x94 for 64": partial(build, SMALL, (1, 1, 2, 1), 64),
    **{f"raftmlp_b16_r{raft} small": partial(single, raft, 32, 2, 64) for raft in (4, 2, 1)},
    "raftmlp_b16_mixer small": partial(single, 0, 32, 2, 64),
    "raftmlp_b16_mixer 75x94 for 64": partial(single, 0, 32, 2, 64),
}
