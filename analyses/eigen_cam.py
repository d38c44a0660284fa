"""Eigen-CAM: the last map of features along its own principal direction, whatever the class (arXiv:2008.00299).

For a sample's map as A [P, C], P places, the heat is `A v = sigma u`, with u, v the first singular vectors. u is found
from `G = A A^T` by squaring it again and again, `G <- G^2 / |G^2|`: ten squarings are 1024 steps of power iteration,
matrix products alone, so the graph compiles and exports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from graphwright.analyses.contract import Build, Result, settings, unharmed
from graphwright.analyses.features import FeatureMap, last_map
from graphwright.analyses.grad_cam import scaled
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ops.arithmetic import Div, Mul, Sign, Sub
from graphwright.compiler.ops.join import Slice
from graphwright.compiler.ops.linear import Matmul
from graphwright.compiler.ops.reduce import Mean, Norm, Sum
from graphwright.compiler.ops.shape import Flatten, Squeeze, Transpose, Unflatten
from graphwright.compiler.transforms.instrument import Rewriter

MAP = "eigen_cam"
#: Squarings of the Gram matrix: a second singular value of 0.99 of the first is down to 1e-36 after them.
SQUARINGS = 12


@dataclass(frozen=True)
class EigenCam:
    """The heat map [N, h, w] of the last map of features, or of the map that `layer` selects.

    `centred` takes the mean feature off first, as pytorch-grad-cam does; the paper does not say. A singular vector has
    no sign: `sign: sum` makes the map's sum positive, `sign: largest` its largest value.
    """

    name: ClassVar[str] = "eigen-cam"
    source: ClassVar[str] = "arXiv:2008.00299"
    layer: str = ""
    centred: bool = True
    sign: Literal["sum", "largest"] = "largest"

    def __call__(self, graph: Graph) -> Graph:
        base = graph.deployed()
        features = last_map(base, self.layer)
        made = Rewriter(base, self.name)
        for node in base.nodes:
            made.keep(node)
        rows = _rows(made, features)
        beside = features.value
        if self.centred:
            mean = made.add(beside, "mean", Mean(1, True), (rows,))
            rows = made.add(beside, "centred", Sub(), (rows, mean))
        heat = self._projection(made, beside, rows)
        return made.finish([*base.outputs, (MAP, made.add(beside, MAP, Unflatten(1, features.grid), (heat,)))])

    def _projection(self, made: Rewriter, beside: str, rows: str) -> str:
        """`sigma u` [N, P] of rows [N, P, C]."""
        turned = made.add(beside, "turned", Transpose(), (rows,))
        gram = power = made.add(beside, "gram", Matmul(), (rows, turned))
        for step in range(SQUARINGS):
            size = made.add(beside, f"size{step}", Norm((1, 2), True), (power,))
            unit = made.add(beside, f"unit{step}", Div(), (power, size))
            power = made.add(beside, f"power{step}", Matmul(), (unit, unit))
        # power is a multiple of u u^T; applied to any vector that is not at right angles to u it gives u's direction
        column = made.add(beside, "column", Matmul(), (power, made.add(beside, "total", Sum(2, True), (gram,))))
        length = made.add(beside, "length", Norm((1, 2), True), (column,))
        u = made.add(beside, "u", Div(), (column, length))
        along = made.add(beside, "along", Matmul(), (turned, u))
        sigma = made.add(beside, "sigma", Norm((1, 2), True), (along,))
        heat = made.add(beside, "signless", Squeeze(2), (made.add(beside, "scaled", Mul(), (u, sigma)),))
        weight = heat
        if self.sign == "largest":  # odd powers keep signs, and the largest value outgrows the others
            for step in range(3):
                square = made.add(beside, f"square{step}", Mul(), (weight, weight))
                top = made.add(beside, f"top{step}", Norm(1, True), (weight,))
                cube = made.add(beside, f"cube{step}", Mul(), (square, weight))
                weight = made.add(beside, f"cubed{step}", Div(), (cube, made.add(beside, f"top_cubed{step}", Mul(),
                                  (top, top, top))))  # fmt: skip
        side = made.add(beside, "side", Sign(), (made.add(beside, "sum", Sum(1, True), (weight,)),))
        return made.add(beside, "signed", Mul(), (heat, side))

    def run(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Result:
        """Heat maps of the pictures; the laws are those of Grad-CAM, and that the map explains what it must."""
        base, instrumented = graph.deployed(), self(graph)
        found, laws = unharmed(base, instrumented, build, (images,), {MAP: 1e-3})
        heat = found[MAP].detach().float().cpu().numpy()
        return Result(
            self.name, settings(self), laws, {"layer": last_map(base, self.layer).value}, {MAP: heat},
            {MAP: scaled(heat.clip(min=0))},
        )  # fmt: skip


def _rows(made: Rewriter, features: FeatureMap) -> str:
    """The map as [N, places, channels]."""
    value = features.value
    if features.layout == "channels first":
        return made.add(value, "rows", Transpose(), (made.add(value, "flat", Flatten(2), (value,)),))
    if features.layout == "channels last":
        return made.add(value, "rows", Flatten(1, 2), (value,))
    return made.add(value, "rows", Slice(1, features.extra), (value,)) if features.extra else value
