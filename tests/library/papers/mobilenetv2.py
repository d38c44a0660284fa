"""MobileNetV2 under timm's names, arXiv:1801.04381; detector and segmenter are held to torchvision's parts."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.library.case import Case, picture
from tests.oracles import reference_detection, reference_model, reference_module

WIDTHS = {"035": 0.35, "050": 0.5, "075": 0.75, "100": 1.0, "140": 1.4}
DEPTHS = (1, 2, 3, 4, 3, 3, 1)

# -- torchvision's names ----------------------------------------------------------------------
#: Where torchvision's layers 1, 2 ... 17 stand in timm's stages.
PLACES = [f"blocks.{stage}.{i}" for stage, depth in enumerate(DEPTHS) for i in range(depth)]
PARTS = {"0.0": "conv_pw", "0.1": "bn1", "1.0": "conv_dw", "1.1": "bn2", "2": "conv_pwl", "3": "bn3"}
FIRST_PARTS = {"0.0": "conv_dw", "0.1": "bn1", "1": "conv_pw", "2": "bn2"}
ENDS = {"0.0": "conv_stem", "0.1": "bn1", "18.0": "conv_head", "18.1": "bn2"}


def timm_name(name: str) -> str:
    """What timm calls a parameter or buffer of torchvision's `mobilenet_v2`."""
    name = name.replace("classifier.1.", "classifier.")
    layer, _, rest = name.removeprefix("features.").partition(".conv.")
    part, _, leaf = (rest or layer).rpartition(".")
    if not name.startswith("features."):
        return name
    if not rest:
        return f"{ENDS[part]}.{leaf}"
    return f"{PLACES[int(layer) - 1]}.{(FIRST_PARTS if layer == '1' else PARTS)[part]}.{leaf}"


def ours_in_ssdlite(name: str) -> str:
    """Ours, of torchvision's detector: it cuts the backbone behind the expansion in layer 14."""
    name = name.removeprefix("model.").removeprefix("backbone.")
    name = re.sub(r"^features\.0\.14\.", "features.14.conv.0.", name)
    name = re.sub(r"^features\.0\.", "features.", name)
    name = re.sub(r"^features\.1\.0\.", "features.14.conv.", name)
    name = re.sub(r"^features\.1\.(\d)\.", lambda found: f"features.{14 + int(found[1])}.", name)
    return timm_name(name)


# -- references -------------------------------------------------------------------------------
def torchvision_mobilenet(width: float) -> nn.Module:
    """torchvision's, of any width, without dropout."""
    return reference_model("torchvision", "mobilenet_v2", width_mult=width, dropout=0.0)


def ssdlite() -> nn.Module:
    """torchvision's SSDLite, which it has for MobileNetV3 alone, around its MobileNetV2."""
    parts, ssd, anchors = (reference_detection(name) for name in ("ssdlite", "ssd", "anchor_utils"))
    norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
    net: Any = reference_model("torchvision", "mobilenet_v2", norm_layer=norm)
    net.features[14].block = net.features[14].conv  # as MobileNetV3 calls it
    generator = anchors.DefaultBoxGenerator([[2, 3]] * 6, min_ratio=0.2, max_ratio=0.95)
    head = parts.SSDLiteHead([576, 1280, 512, 256, 256, 128], [6] * 6, 91, norm)
    model: nn.Module = ssd.SSD(
        parts._mobilenet_extractor(net, 6, norm), generator, (320, 320), 91, head=head,
        image_mean=[0.0] * 3, image_std=[1.0] * 3,
        score_thresh=0.001, nms_thresh=0.55, detections_per_img=300, topk_candidates=300,
    )  # fmt: skip
    return model


class Detector(nn.Module):
    """What torchvision's detector finds, as ours tells it."""

    def __init__(self) -> None:
        super().__init__()
        self.model: Any = ssdlite()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Rows x1 y1 x2 y2 score class, with classes from 0; all boxes; their scores."""
        maps = list(self.model.backbone(x).values())
        heads, sizes = self.model.head(maps), [(320, 320)] * len(x)
        defaults = self.model.anchor_generator(reference_detection("image_list").ImageList(x, sizes), maps)
        found = self.model.postprocess_detections(heads, defaults, sizes)
        rows = [torch.cat([d["boxes"], d["scores"][:, None], d["labels"][:, None] - 1.0], 1) for d in found]
        pairs = zip(heads["bbox_regression"], defaults, strict=True)
        boxes = [self.model.box_coder.decode_single(*pair) for pair in pairs]
        scores = heads["cls_logits"].softmax(-1)[..., 1:].transpose(1, 2)
        return torch.stack(rows), torch.stack(boxes).clamp(0, 320), scores


class DeepLab(nn.Module):
    """timm's dilated backbone below torchvision's pyramid, whose dropout is left out."""

    def __init__(self, rates: tuple[int, ...]) -> None:
        super().__init__()
        net: Any = reference_model("timm", "mobilenetv2_100", output_stride=16)
        self.conv_stem, self.bn1, self.blocks = net.conv_stem, net.bn1, net.blocks
        self.aspp = reference_module("torchvision.models.segmentation.deeplabv3").ASPP(320, rates)
        self.aspp.project[3] = nn.Identity()
        self.head = nn.Conv2d(256, 21, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.head(self.aspp(self.blocks(self.bn1(self.conv_stem(x)))))
        return F.interpolate(logits, x.shape[-2:], mode="bilinear", align_corners=False)


# -- cases ------------------------------------------------------------------------------------
#: The others differ from these in numbers alone.
RUN = ("100", "110d")

CASES = [
    *(
        Case(f"mobilenetv2_{name}", partial(reference_model, "timm", f"mobilenetv2_{name}"), picture(64, 2),
             run=name in RUN, train=True)
        for name in (*WIDTHS, "110d", "120d")
    ),
    *(
        Case(f"mobilenetv2_{name}", partial(torchvision_mobilenet, width), picture(64, 2),
             rename=timm_name, recording=f"mobilenetv2_{name} (torchvision)", run=name in RUN)
        for name, width in WIDTHS.items()
    ),
    Case("ssdlite320_mobilenetv2", Detector, picture(320), rename=ours_in_ssdlite),
    *(
        Case(f"deeplabv3_mobilenetv2{name}", partial(DeepLab, rates), picture(97, 2), {"dropout": 0.0}, train=True)
        for name, rates in {"": (), "_aspp": (6, 12, 18)}.items()
    ),
]  # fmt: skip
