"""The authors' NASNet for TensorFlow (research/slim of tensorflow/models, in a copy that TensorFlow 2 runs).

It wants tensorflow-cpu 2.15.1, tf_keras 2.15.1, tf_slim and a numpy before 2 on the import path, and the copy's folder
research/slim as the repository.
"""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

REPOSITORY = "https://github.com/7u5/aiface-tf2"
COMMIT = "31607adef13549cc7a78c509997a43435fed547c"
LICENCE = "Apache-2.0"


class HParams(types.SimpleNamespace):
    """What tf.contrib had of this name."""

    def set_hparam(self, name: str, value: Any) -> None:
        setattr(self, name, value)


def slim() -> Any:
    """tf_slim with the names that went missing since."""
    for name in ("", ".base", ".normalization", ".convolutional", ".core", ".pooling"):
        sys.modules["tf_keras.legacy_tf_layers" + name] = import_module("tf_keras.src.legacy_tf_layers" + name)
    module = import_module("tf_slim")
    module.training.HParams = HParams
    module.layers.l2_regularizer = module.l2_regularizer
    module.layers.variance_scaling_initializer = module.variance_scaling_initializer
    return module


PLACES = {"conv0": "init_block.conv", "conv0_bn": "init_block.bn", "l1_stem_3x3": "init_block.conv",
          "l1_stem_bn": "init_block.bn", "cell_stem_0": "stem1_unit", "cell_stem_1": "stem2_unit",
          "reduction_cell_0": "stage2.unit1", "reduction_cell_1": "stage3.unit1",
          "1x1": "conv1x1.conv", "beginning_bn": "conv1x1.bn",
          "prev_1x1": "conv1x1_prev.conv", "prev_bn": "conv1x1_prev.bn",
          "path1_conv": "path.path1.conv", "path2_conv": "path.path2.conv", "final_path_bn": "path.bn",
          "path_conv": "rest.conv", "path_bn": "rest.bn", "cell_output": "", "reduction_1": "",
          "depthwise_weights": "conv.dw_conv.weight", "pointwise_weights": "conv.pw_conv.weight",
          "weights": "weight", "biases": "bias", "gamma": "weight", "beta": "bias",
          "moving_mean": "running_mean", "moving_variance": "running_var"}  # fmt: skip


def our_name(name: str, cells: int) -> str:
    """The spec's name of a variable; `cells` are the normal cells of a stage."""
    name = re.sub(r"^cell_(\d+)", lambda m: "stage{}.unit{}".format(*_stage(int(m[1]), cells)), name)
    name = re.sub(r"comb_iter_(\d)/(left|right)", r"comb\1_\2", name)
    name = re.sub(r"/bn_sep_\dx\d_(\d)", r"/conv\1.bn", re.sub(r"/separable_\dx\d_(\d)", r"/conv\1", name))
    fit = "/fit" if "comb3" in name else ""
    name = re.sub(r"(comb\d_(?:left|right))/1x1", rf"\1{fit}/conv", name)
    name = re.sub(r"(comb\d_(?:left|right))/bn_1", rf"\1{fit}/bn", name)
    path = ".".join(filter(None, (PLACES.get(part, part) for part in name.split("/"))))
    return path.replace("final_layer.FC", "output.fc") if path.startswith("final") else f"features.{path}"


def _stage(cell: int, cells: int) -> tuple[int, int]:
    stage, unit = divmod(cell, cells)
    return stage + 1, unit + (2 if stage else 1)


#: From TensorFlow's order of sizes to torch's: kernels, matrices, vectors.
ORDERS = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}


class Slim(nn.Module):
    """The session's variables as parameters under our names; called, it gives them back and runs the session."""

    def __init__(self, kind: str, size: int, batch: int = 2, classes: int = 1000, **config: Any) -> None:
        super().__init__()
        library = slim()
        tf = import_module("tensorflow.compat.v1")
        code = import_module("nets.nasnet.nasnet")
        self.tf = tf
        hparams = getattr(code, "cifar_config" if kind == "cifar" else f"{kind}_imagenet_config")()
        for name, value in config.items():
            hparams.set_hparam(name, value)
        with tf.Graph().as_default() as self.graph:
            self.fed = tf.placeholder(tf.float32, (batch, size, size, 3))
            with library.arg_scope(getattr(code, f"nasnet_{kind}_arg_scope")()):
                build = getattr(code, f"build_nasnet_{kind}")
                self.logits = build(self.fed, classes, is_training=False, config=hparams)[0]
            self.variables = {our_name(v.op.name, hparams.num_cells // 3): v for v in tf.global_variables()}
        for name, variable in self.variables.items():
            self._hold(name, [int(d) for d in variable.shape])

    def _order(self, name: str, rank: int) -> tuple[int, ...]:
        return (2, 3, 0, 1) if name.endswith("dw_conv.weight") else ORDERS[rank]

    def _hold(self, name: str, shape: list[int]) -> None:
        *path, leaf = name.split(".")
        owner: nn.Module = self
        for part in path:
            if part not in owner._modules:
                owner.add_module(part, nn.BatchNorm2d(shape[0]) if part == "bn" else nn.Module())
            owner = owner._modules[part]  # type: ignore[assignment]
        if not hasattr(owner, leaf):
            sizes = [shape[axis] for axis in self._order(name, len(shape))]
            owner.register_parameter(leaf, nn.Parameter(torch.empty(sizes)))

    def forward(self, x: Tensor) -> Tensor:
        state = self.state_dict()
        starts, values = [], {}
        for name, variable in self.variables.items():
            order = self._order(name, state[name].ndim)
            start = variable.initializer
            starts.append(start)
            values[start.inputs[1]] = state[name].permute([order.index(axis) for axis in range(len(order))]).numpy()
        with self.graph.as_default(), self.tf.Session() as session:
            session.run(starts, values)
            found = session.run(self.logits, {self.fed: x.permute(0, 2, 3, 1).numpy()})
        return torch.from_numpy(found)


SMALL = {"num_cells": 6, "num_conv_filters": 8}
VARIANTS: dict[str, Callable[[], nn.Module]] = {
    "nasnet_a_cifar": partial(Slim, "cifar", 32, classes=10),
    "nasnet_a_cifar small": partial(Slim, "cifar", 32, classes=10, **SMALL),
    "nasnet_a_mobile slim": partial(Slim, "mobile", 96, **SMALL),
    "nasnet_a_large slim": partial(Slim, "large", 75, **SMALL),
}
