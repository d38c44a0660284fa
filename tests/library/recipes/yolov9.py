"""The official YOLOv9 repository: `git clone https://github.com/WongKinYiu/yolov9`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import MethodType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import torch
import yaml
from packaging import version
from torch import Tensor, nn

from tests.library.papers.yolov9 import CLASSES, predictions

REPOSITORY = "https://github.com/WongKinYiu/yolov9"
COMMIT = "5b1ea9a8b3f0ffe4fe0e203ec6232d788bb3fcff"
LICENCE = "GPL-3.0"

#: What the repository imports for pictures and tables, and no model needs.
UNUSED = ("cv2", "pandas", "seaborn", "IPython.display", "thop")


def build(name: str, divisor: int = 1) -> nn.Module:
    """The model of a file of `models/detect`, its channels (64 and more) divided; called, it gives `answers`."""
    prepare()
    from models.yolo import DetectionModel  # type: ignore[import-not-found]

    file = Path(sys.modules["models"].__path__[0]) / "detect" / f"{name}.yaml"
    rows = yaml.safe_load(file.read_text())
    for part in ("backbone", "head"):
        rows[part] = [[*row[:3], divided(row[3], divisor)] for row in rows[part]]
    model: nn.Module = DetectionModel(rows)
    model.hyp = {"cls_pw": 1.0, "fl_gamma": 0.0}  # type: ignore[assignment]
    model.forward = MethodType(answers, model)  # type: ignore[method-assign]
    return model


def divided(args: Any, divisor: int) -> Any:
    """The arguments of a row for fewer channels."""
    if isinstance(args, list):
        return [divided(item, divisor) for item in args]
    return args // divisor if isinstance(args, int) and args >= 64 else args


def prepare() -> None:
    """Make the repository importable without what it asks for and models do not need."""
    sys.modules.update({module: MagicMock() for module in UNUSED if module not in sys.modules})
    sys.modules["IPython"] = MagicMock(version_info=(9,), get_ipython=lambda: None)
    sys.modules["pkg_resources"] = MagicMock(parse_version=version.parse)


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


def objective() -> list[Tensor]:
    """The objective at random predictions, and its gradients by box distributions and class scores."""
    prepare()
    from utils.loss_tal import ComputeLoss  # type: ignore[import-not-found]

    head = SimpleNamespace(stride=torch.tensor([8.0, 16.0, 32.0]), nc=CLASSES, nl=3, no=64 + CLASSES, reg_max=16)
    model = SimpleNamespace(
        model=[head], hyp={"cls_pw": 1.0, "fl_gamma": 0.0}, parameters=lambda: iter([torch.zeros(1)])
    )
    box, cls, objects, labels = predictions()
    both = torch.cat([box, cls], 1).requires_grad_()
    maps = [part.unflatten(2, (size, size)) for size, part in zip((8, 4, 2), both.split((64, 16, 4), 2), strict=True)]
    loss = ComputeLoss(model)(maps, rows(objects, labels, 64))[0] / len(objects)
    gradient = torch.autograd.grad(loss, both)[0]
    return [loss, *gradient.split((64, CLASSES), 1)]


SIZES = ("t", "s", "m", "c", "e")
VARIANTS = {f"{kind}_{size}": partial(build, f"{kind}-{size}") for kind in ("gelan", "yolov9") for size in SIZES}
VARIANTS["yolov9_c_small"] = partial(build, "yolov9-c", divisor=8)
NUMBERS = {"yolov9_objective": objective}
