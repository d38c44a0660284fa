"""GELAN and YOLOv9 under the official repository's names, arXiv:2402.13616."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tests.library.case import Boxes, Case, Input, picture
from tests.library.counter import integers, signed


def answers(found: dict[str, Any]) -> list[Tensor]:
    """Boxes and scores before suppression, and the objective, in which the auxiliary head counts a quarter."""
    losses = found["losses"]
    objective = losses["main"] + 0.25 * losses["auxiliary"] if "auxiliary" in losses else losses["main"]
    return [found["outputs"]["boxes"], found["outputs"]["scores"], objective]


CLASSES = 7


def predictions() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Box distributions and class scores of all cells of a picture of 64 pixels, float64; objects and their labels."""
    box = 2 * signed("box", (2, 64, 84))
    box[:, ::16] += 3.0  # mostly short sides, as the objects have
    objects = Boxes((2, 12, 4), 64).tensor("objects").double()
    return box, signed("cls", (2, CLASSES, 84)), objects, integers("labels", (2, 12), CLASSES)


def case(name: str, run: bool = True, recording: str = "", **params: Any) -> Case:
    """Both modes, the training graph."""
    inputs = (*picture(64, 2), Boxes((2, 5, 4), 64), Input((2, 5), 80))
    gain = 0.87 if name.endswith("e") else 0.9
    return Case(
        name, inputs=inputs, params=params, keep=("*.dfl*",), gain=gain, answers=answers, cone="train", run=run,
        train=True, precise=torch.float64, recording=recording,
    )  # fmt: skip


#: An eighth of the channels of C.
SMALL = {"stem": [8, 16], "stages": [32, 64, 64, 64], "hidden": [16, 32, 64, 64], "downs": [32, 64]}

CASES = [
    *(case(f"{kind}_{size}", run=size == "t") for kind in ("gelan", "yolov9") for size in ("t", "s", "m", "c", "e")),
    case("yolov9_c", recording="yolov9_c_small", **SMALL),
]
