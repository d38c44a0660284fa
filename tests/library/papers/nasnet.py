"""NASNet-A against pytorchcv, timm's large one, and recordings of the authors' own code, arXiv:1707.07012."""

from __future__ import annotations

import re
from functools import partial

import torch
from torch import Tensor, nn

from tests.library.case import Case, picture
from tests.oracles import reference_module

#: pytorchcv's get_nasnet: cells in a stage, last filters, stem; then the size of the last map, and the image's parity.
MOBILE = {"repeat": 4, "penultimate_filters": 1056, "init_block_channels": 32,
          "extra_padding": True, "skip_reduction_layer_input": False}  # fmt: skip
LARGE = {"repeat": 6, "penultimate_filters": 4032, "init_block_channels": 96,
         "extra_padding": False, "skip_reduction_layer_input": True}  # fmt: skip


def pytorchcv(size: int, last: int, **options: object) -> nn.Module:
    """pytorchcv's model for images of another size: it ends in a pool over a window of fixed size. It drops nothing."""
    library = reference_module("pytorchcv.models.nasnet")
    model: nn.Module = library.get_nasnet(**options, final_pool_size=last, in_size=(size, size))
    model.output.dropout.p = 0.0
    return model.eval()


class Excluding(nn.Module):
    """An average pool that pads with zeros, over what is not padding."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.pool(x) / self.pool(torch.ones_like(x))
        return pooled


def timm(filters: int) -> nn.Module:
    """timm's nasnetalarge, with F = `filters` in the first stage.

    Its average pools of stride 2 count the zeros they pad with, though they are told not to; here they do not.
    """
    model: nn.Module = reference_module("timm.models.nasnet").NASNetALarge(num_features=24 * filters)
    for cell in (model.cell_stem_0, model.cell_stem_1, model.reduction_cell_0, model.reduction_cell_1):
        cell.comb_iter_2_left = Excluding(cell.comb_iter_2_left)
    return model.eval()


CELLS = {"cell_stem_0": "stem1_unit", "cell_stem_1": "stem2_unit", "reduction_cell_0": "stage2.unit1",
         "reduction_cell_1": "stage3.unit1"}  # fmt: skip
PARTS = {"conv_prev_1x1": "conv1x1_prev", "conv_1x1": "conv1x1", "path_1": "path.path1", "path_2": "path.path2",
         "final_path_bn": "path.bn"}  # fmt: skip


def from_timm(name: str) -> str:
    """Our name for timm's: six cells a stage, counted through."""
    first, _, rest = name.partition(".")
    if first in ("conv0", "last_linear"):
        return {"conv0": "features.init_block.", "last_linear": "output.fc."}[first] + rest
    if first not in CELLS:
        stage, cell = divmod(int(first.removeprefix("cell_")), 6)
        first = f"stage{stage + 1}.unit{cell + (2 if stage else 1)}"
    part, _, rest = rest.partition(".")
    part = PARTS.get(part, re.sub(r"comb_iter_(\d)_", r"comb\1_", part))
    rest = re.sub(r"bn_sep_(\d)", r"conv\1.bn", rest.replace("separable_", "conv"))
    rest = re.sub(r"(depth|point)wise_conv2d", lambda m: f"conv.{m[1][0]}w_conv", rest)
    return f"features.{CELLS.get(first, first)}.{part}.{rest}"


#: The outputs are compared on fewer filters, and but for timm's (which has always six) on fewer cells.
SMALL = {"filters": 8, "cells": 2}
CV_SMALL = {"repeat": 2, "penultimate_filters": 24 * 8}
CASES = [
    Case("nasnet_a_mobile", partial(pytorchcv, 224, 7, **MOBILE), picture(224), run=False),
    Case("nasnet_a_large", partial(pytorchcv, 331, 11, **LARGE), picture(331), run=False),
    Case("nasnet_a_cifar", inputs=picture(32, 2), run=False),
    Case("nasnet_a_mobile", partial(pytorchcv, 96, 3, **{**MOBILE, **CV_SMALL}), picture(96, 2),
         {"size": 96, "dropout": 0.0, **SMALL}, recording="nasnet_a_mobile small", train=True),
    Case("nasnet_a_large", partial(pytorchcv, 75, 3, **{**LARGE, **CV_SMALL}), picture(75, 2),
         {"size": 75, "dropout": 0.0, **SMALL}, recording="nasnet_a_large small", train=True),
    Case("nasnet_a_large", partial(timm, 8), picture(75, 2), {"size": 75, "filters": 8}, rename=from_timm,
         recording="nasnet_a_large timm"),
    Case("nasnet_a_cifar", inputs=picture(32, 2), params={"stem": 24, **SMALL}, recording="nasnet_a_cifar small"),
    Case("nasnet_a_mobile", inputs=picture(96, 2), params={"size": 96, **SMALL}, recording="nasnet_a_mobile slim"),
    Case("nasnet_a_large", inputs=picture(75, 2), params={"size": 75, **SMALL}, recording="nasnet_a_large slim"),
]  # fmt: skip
