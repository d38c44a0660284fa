"""Integrated gradients: a class score's difference from a baseline, shared out over the pixels (arXiv:1703.01365).

`IG(x) = (x - b) * integral_0^1 dF(b + a (x - b)) / dx da` (equation 1), by Gauss-Legendre quadrature with `steps`
points, all of them one batch. Completeness: the shares add up to `F(x) - F(b)`. The gradient of a rectifier network
jumps along the path, where no quadrature converges fast; so the path is halved again and again, `steps` points to each
part, until completeness holds within `tolerance`. Where the score itself jumps on the path, as `x / |x|` does at a
baseline of zero, no gradient sees the jump, and the law of completeness reports it for what it is: one that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from graphwright.analyses.contract import Build, Law, Result, named, settings
from graphwright.analyses.features import logits
from graphwright.analyses.grad_cam import TARGET, scaled
from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.arithmetic import Gather, Mul, Sub
from graphwright.compiler.ops.formula import Formula
from graphwright.compiler.ops.gradient import Gradient
from graphwright.compiler.ops.join import Unbind
from graphwright.compiler.ops.rearrange import Rearrange
from graphwright.compiler.ops.reduce import Sum
from graphwright.compiler.ops.shape import Flatten, RepeatInterleave, Unflatten, Unsqueeze
from graphwright.compiler.places import NOWHERE, fail
from graphwright.compiler.transforms.instrument import Rewriter

SHARES, SCORE = "integrated_gradients", "score"
#: The input of the graph that a run asks: where its part of the path begins and ends, from 0 to 1.
PART = "part"
#: The most parts that a path is halved into.
MOST = 64


@dataclass(frozen=True)
class IntegratedGradients:
    """The share of every element of the input in a class score, [N, C, H, W].

    `baseline` is the value that stands for "nothing there". The instrumented graph has the inputs of the model and
    `target: int64[N]`; its outputs are the shares and the scores [N, steps] along the path, taken whole. A run takes it
    in `parts` equal parts; 0 is as many as it takes until the sum of the shares is off by no more than `tolerance`,
    relative to the larger of the two scores, and at most 64.
    """

    name: ClassVar[str] = "integrated-gradients"
    source: ClassVar[str] = "arXiv:1703.01365"
    steps: int = 50
    baseline: float = 0.0
    parts: int = 0
    tolerance: float = 0.01

    def __call__(self, graph: Graph) -> Graph:
        return self._graph(graph, False)

    def _graph(self, graph: Graph, parted: bool) -> Graph:
        base = graph.deployed()
        if len(base.inputs) != 1 or not isinstance(base.inputs[0].type.shape[0], Dim):
            raise fail(NOWHERE, f"{self.name} needs a model with one input and a free batch", "see its inputs")
        entry = base.inputs[0]
        batch = entry.type.shape[0]
        made = Rewriter(base, self.name)
        target = made.enter(TARGET, Type((batch,), "int64"), "the class in question")
        part = made.enter(PART, Type((batch, 2), entry.type.dtype), "where on the path, from 0 to 1") if parted else ""
        made.values[entry.name] = path = self._path(made, entry.name, entry.type.rank, part)
        for node in base.nodes:
            for old, new in zip(node.values, made.keep(node, sizes={str(batch): batch * self.steps}), strict=True):
                made.values[old] = new
        targets = made.add("", "targets", RepeatInterleave(self.steps, 0), (target,))
        index = made.add("", "target_index", Unsqueeze(1), (targets,))
        score = made.add("", "target_score", Gather(1), {"x": made.now(logits(base)), "index": index})
        slope = made.add("", "slope", Gradient(), {"of": score, "at": path})
        shares = self._integral(made, entry.name, slope, entry.type.rank, part)
        flat = made.add("", "flat", Flatten(0), (score,))
        scores = made.add("", "scores", Unflatten(0, (batch, self.steps)), (flat,))
        return made.finish([(SHARES, shares), (SCORE, scores)])

    def points(self) -> tuple[list[float], list[float]]:
        """Places in [0, 1] and weights of the quadrature."""
        places, weights = np.polynomial.legendre.leggauss(self.steps)
        return [float(p) for p in (places + 1) / 2], [float(w) for w in weights / 2]

    def _path(self, made: Rewriter, image: str, rank: int, part: str) -> str:
        """`b + a (x - b)` for all places a, as one batch [N steps, C, H, W]."""
        places = tuple(self.points()[0])
        over = (("a", self.steps), *((n, 1) for n in "ijkl"[: rank - 1]))
        along = made.add("", "along", Formula("places[a]", over, constants=(("places", places),)))
        if part:
            low, high = (made.add("", "end", Rearrange(f"n -> n{' 1' * rank}"), (end,))
                         for end in made.add_many("", "ends", Unbind(1), (part,)))  # fmt: skip
            reads = {"a": along, "low": low, "high": high}
            along = made.add("", "along", Formula("low + (high - low) * a", names=tuple(reads)), reads)
        wide = made.add("", "wide", Unsqueeze(1), (image,))
        text = "b + a * (x - b)" if self.baseline else "a * x"
        constants = (("b", self.baseline),) if self.baseline else ()
        scaled_ = made.add("", "scaled", Formula(text, (), ("a", "x"), constants), {"a": along, "x": wide})
        return made.add("", "path", Flatten(0, 1), (scaled_,))

    def _integral(self, made: Rewriter, image: str, slope: str, rank: int, part: str) -> str:
        batch = made.types[image].shape[0]
        weights = tuple(self.points()[1])
        over = (("a", self.steps), *((n, 1) for n in "ijkl"[: rank - 1]))
        weight = made.add("", "quadrature", Formula("weights[a]", over, constants=(("weights", weights),)))
        split = made.add("", "slopes", Unflatten(0, (batch, self.steps)), (slope,))
        mean = made.add("", "mean_slope", Sum(1), (made.add("", "weighted", Mul(), (split, weight)),))
        away = image if not self.baseline else made.add("", "away", Sub(self.baseline), (image,))
        if part:
            low, high = made.add_many("", "ends", Unbind(1), (part,))
            length = made.add("", "length", Sub(), {"x": high, "y": low})
            length = made.add("", "length", Rearrange(f"n -> n{' 1' * (rank - 1)}"), (length,))
            away = made.add("", "away", Mul(), (away, length))
        return made.add("", "shares", Mul(), (mean, away))

    def run(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Result:
        """Shares of the pixels of each picture, one picture at a time, since each is a batch of `steps` already.

        Completeness is the law: the shares add up to the score's difference.
        """
        base, instrumented = graph.deployed(), self._graph(graph, True)
        plain, call = build(base), build(instrumented)
        port = next(p for p, v in base.outputs if v == logits(base))
        scores = named(plain(images), base)[port].detach()
        classes = scores.argmax(1) if targets is None else targets
        empty = named(plain(torch.full_like(images, self.baseline)), base)[port].detach()
        ends = torch.stack([empty, scores]).gather(2, classes[None, :, None].expand(2, -1, -1))[..., 0]
        shares, parts, gaps = [], [], []
        for image, one, (low, high) in zip(images, classes, ends.T, strict=True):
            found, count, gap = self._shared(call, instrumented, image[None], one[None], low, high)
            shares.append(found)
            parts.append(count)
            gaps.append(gap)
        total = torch.cat(shares)
        heat = total.sum(1).float().cpu().numpy()
        return Result(
            self.name, settings(self), (Law("shares add up to the score's difference", max(gaps), self.tolerance),),
            {"classes": classes.tolist(), "rise": (ends[1] - ends[0]).tolist(), "sum": total.flatten(1).sum(1).tolist(),
             "parts": parts},
            {SHARES: total.float().cpu().numpy()}, {SHARES: scaled(np.abs(heat))},
        )  # fmt: skip

    def _shared(
        self, call: Callable[..., Any], graph: Graph, image: torch.Tensor, target: torch.Tensor, low: torch.Tensor,
        high: torch.Tensor,
    ) -> tuple[torch.Tensor, int, float]:  # fmt: skip
        """The shares of one picture, in how many parts of the path they were found, and how far off their sum is."""
        scale = max(float(low.abs()), float(high.abs())) or 1.0
        count = self.parts or 1
        while True:
            bounds = torch.linspace(0, 1, count + 1).to(image)
            pieces = [named(call(image, target, bounds[None, k : k + 2]), graph)[SHARES].detach() for k in range(count)]
            shares = torch.stack(pieces).sum(0)
            gap = abs(float(shares.sum() - (high - low))) / scale
            if self.parts or not gap > self.tolerance or count >= MOST:
                return shares, count, gap
            count *= 2
