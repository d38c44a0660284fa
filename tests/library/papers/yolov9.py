"""GELAN and YOLOv9 under the official repository's names, arXiv:2402.13616."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tests.library.case import Case, Input, picture
from tests.library.counter import uniform


@dataclass(frozen=True)
class Boxes(Input):
    """Boxes by their corners, inside a picture of 64 pixels."""

    def tensor(self, name: str) -> Tensor:
        low = 28 * uniform(f"{name}.low", (*self.shape[:-1], 2))
        return torch.cat([low, low + 6 + 30 * uniform(f"{name}.side", low.shape)], -1).float()


def answers(found: dict[str, Any]) -> list[Tensor]:
    """Boxes and scores before suppression, and the objective, in which the auxiliary head counts a quarter."""
    losses = found["losses"]
    objective = losses["main"] + 0.25 * losses["auxiliary"] if "auxiliary" in losses else losses["main"]
    return [found["outputs"]["boxes"], found["outputs"]["scores"], objective]


def case(name: str) -> Case:
    """Both modes, the training graph."""
    inputs = (*picture(64, 2), Boxes((2, 5, 4)), Input((2, 5), 80))
    gain = 0.87 if name.endswith("e") else 0.9
    return Case(
        name, inputs=inputs, keep=("*.dfl*",), gain=gain, answers=answers, cone="train", train=True,
        precise=torch.float64,
    )  # fmt: skip


CASES = [case(f"{kind}_{size}") for kind in ("gelan", "yolov9") for size in ("t", "s", "m", "c", "e")]
