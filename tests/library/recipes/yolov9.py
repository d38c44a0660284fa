"""The official YOLOv9 repository: `git clone https://github.com/WongKinYiu/yolov9`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any
from unittest.mock import MagicMock

import torch
from packaging import version
from torch import Tensor, nn

REPOSITORY = "https://github.com/WongKinYiu/yolov9"
COMMIT = "5b1ea9a8b3f0ffe4fe0e203ec6232d788bb3fcff"
LICENCE = "GPL-3.0"

#: What the repository imports for pictures and tables, and no model needs.
UNUSED = ("cv2", "pandas", "seaborn", "IPython.display", "thop")


def build(name: str) -> nn.Module:
    """The model of a file of `models/detect`; called, it gives `answers`."""
    sys.modules.update({module: MagicMock() for module in UNUSED if module not in sys.modules})
    sys.modules["IPython"] = MagicMock(version_info=(9,), get_ipython=lambda: None)
    sys.modules["pkg_resources"] = MagicMock(parse_version=version.parse)
    from models.yolo import DetectionModel  # type: ignore[import-not-found]

    files = Path(sys.modules["models"].__path__[0]) / "detect"
    model: nn.Module = DetectionModel(str(files / f"{name}.yaml"))
    model.hyp = {"cls_pw": 1.0, "fl_gamma": 0.0}  # type: ignore[assignment]
    model.forward = MethodType(answers, model)  # type: ignore[method-assign]
    return model


def answers(model: Any, image: Tensor, objects: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes by their corners and class probabilities of the (main) head, and the objective of one image."""
    from utils.loss_tal import ComputeLoss  # type: ignore[import-not-found]
    from utils.loss_tal_dual import ComputeLoss as ComputeDualLoss  # type: ignore[import-not-found]
    from utils.tal.anchor_generator import dist2bbox, make_anchors  # type: ignore[import-not-found]

    found, head = type(model).forward(model, image), model.model[-1]
    maps = found if model.training else found[1]
    dual = isinstance(maps[0], list)
    main, dfl = (maps[1], head.dfl2) if dual else (maps, head.dfl)
    points, strides = make_anchors(main, head.stride, 0.5)
    box, scores = torch.cat([level.flatten(2) for level in main], 2).split((4 * head.reg_max, head.nc), 1)
    boxes = dist2bbox(dfl(box), points.T[None], xywh=False, dim=1) * strides.T
    objective = (ComputeDualLoss if dual else ComputeLoss)(model)(maps, rows(objects, labels, image.shape[-1]))[0]
    return boxes.transpose(1, 2), scores.sigmoid(), objective / len(image)


def rows(objects: Tensor, labels: Tensor, size: int) -> Tensor:
    """Targets as the repository wants them: image, class, centre and size as shares of the image."""
    which = torch.arange(len(labels))[:, None].expand_as(labels)
    low, high = objects.chunk(2, -1)
    found = torch.cat([which[..., None], labels[..., None], (low + high) / 2 / size, (high - low) / size], -1)
    return found[labels >= 0]


SIZES = ("t", "s", "m", "c", "e")
VARIANTS = {f"{kind}_{size}": partial(build, f"{kind}-{size}") for kind in ("gelan", "yolov9") for size in SIZES}
