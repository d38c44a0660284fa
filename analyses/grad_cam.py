"""Grad-CAM: where a class score would rise fastest, seen through the last map of features (arXiv:1610.02391).

For the map A [N, C, H, W] and the score y of a class: `w_c = mean_hw dy/dA_chw`, `L = relu(sum_c w_c A_c)` (equations
1 and 2). The gradient is an op of the graph, so a model and its heat map are compiled and exported in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from graphwright.analyses.contract import Build, Result, named, settings, unharmed
from graphwright.analyses.features import FeatureMap, last_map, logits
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.activation import Relu
from graphwright.compiler.ops.arithmetic import Gather, Mul
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.join import Slice
from graphwright.compiler.ops.reduce import Mean, Sum
from graphwright.compiler.ops.shape import Unflatten, Unsqueeze
from graphwright.compiler.transforms.instrument import Rewriter

#: The input that names the class of each picture, and the output that is its heat map.
TARGET, MAP = "target", "grad_cam"


@dataclass(frozen=True)
class GradCam:
    """The heat map of a class over the last map of features, or over the map that `layer` selects.

    The instrumented graph has a further input `target: int64[N]`, and a further output `grad_cam: [N, h, w]`.
    """

    name: ClassVar[str] = "grad-cam"
    source: ClassVar[str] = "arXiv:1610.02391"
    layer: str = ""

    def __call__(self, graph: Graph) -> Graph:
        base = graph.deployed()
        features = last_map(base, self.layer)
        made = Rewriter(base, self.name)
        for node in base.nodes:
            made.keep(node)
        target = made.enter(TARGET, Type((made.types[logits(base)].shape[0],), "int64"), "the class in question")
        score = chosen_score(made, logits(base), target)
        slope = made.add(features.value, "slope", Gradient(), {"of": score, "at": features.value})
        heat = weighted(made, features, slope)
        return made.finish([*base.outputs, (MAP, heat)])

    def run(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Result:
        """Heat maps of the given classes, or of the predicted ones, and the laws: the model's outputs are untouched,
        and a batch gives what its pictures give alone."""
        base, instrumented = graph.deployed(), self(graph)
        port = next(p for p, v in base.outputs if v == logits(base))
        scores = named(build(base)(images), base)[port]
        classes = scores.argmax(1) if targets is None else targets
        found, laws = unharmed(base, instrumented, build, (images, classes), {MAP: 1e-4})
        heat = found[MAP].detach().float().cpu().numpy()
        return Result(
            self.name, settings(self), laws,
            {"layer": last_map(base, self.layer).value, "classes": classes.tolist(),
             "probabilities": torch.softmax(scores, 1).gather(1, classes[:, None])[:, 0].tolist()},
            {MAP: heat}, {MAP: scaled(heat)},
        )  # fmt: skip


def chosen_score(made: Rewriter, value: str, target: str) -> str:
    """The logit of each sample's class, [N, 1]."""
    index = made.add("", "target_index", Unsqueeze(1), (target,))
    return made.add("", "target_score", Gather(1), {"x": value, "index": index})


def weighted(made: Rewriter, features: FeatureMap, slope: str) -> str:
    """`relu(sum_c mean(slope)_c A_c)` as [N, h, w], for any layout of the map A."""
    value, beside = features.value, features.value
    if features.layout == "tokens":
        value, slope = (places(made, features, v, beside) for v in (value, slope))
    channel, spatial = (1, (2, 3)) if features.layout == "channels first" else (3, (1, 2))
    weight = made.add(beside, "weight", Mean(spatial, True), (slope,))
    product = made.add(beside, "weighted", Mul(), (weight, value))
    total = made.add(beside, "heat", Sum(channel), (product,))
    return made.add(beside, "grad_cam", Relu(), (total,))


def places(made: Rewriter, features: FeatureMap, value: str, beside: str) -> str:
    """Tokens [N, T, C] without the extra ones, as a map [N, h, w, C]."""
    if features.extra:
        value = made.add(beside, "places", Slice(1, features.extra), (value,))
    return made.add(beside, "grid", Unflatten(1, features.grid), (value,))


def scaled(heat: np.ndarray) -> np.ndarray:
    """Each map from 0 to 1."""
    low = heat.min((1, 2), keepdims=True)
    high = heat.max((1, 2), keepdims=True)
    shown: np.ndarray = (heat - low) / np.maximum(high - low, 1e-12)
    return shown
