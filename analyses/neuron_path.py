"""Neuron paths: one neuron in each layer, that together carry a class (arXiv:2503.09046).

The joint score of neurons w_1..w_L with clean values c_l is, with F the probability of the class and all of them
scaled together by a,

`complete: sum_l c_l * integral_0^1 dF/dw_l da = F(path as it is) - F(path zeroed)`,
`official: (sum_l c_l) * integral_0^1 sum_l dF/dw_l da`, which is what the published code computes.

Layers up to the last one in question keep their clean values but for the neurons that are scaled, so that influence
runs through what lies beside them. The path is found layer by layer, each time the neuron that adds most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from PIL import Image

from graphwright.analyses.contract import Build, Law, Result, apart, named, settings
from graphwright.analyses.features import logits
from graphwright.analyses.paths import drawing
from graphwright.analyses.paths.experiments import (
    ACTIVATION,
    FOUND,
    INFLUENCE,
    MAGNITUDE,
    METHODS,
    RANDOM,
    as_large,
    at_random,
    effect,
    strongest,
)  # fmt: skip
from graphwright.analyses.paths.interventions import SLOPES, edited, influenced, scored
from graphwright.analyses.paths.neurons import Layer, Places, layers_of
from graphwright.analyses.paths.quadrature import Rule, rule
from graphwright.analyses.paths.search import Found, Model, problem, search
from graphwright.compiler.ir.graph import Graph
from graphwright.compiler.places import NOWHERE, fail

#: What the integral is taken with, by score.
QUADRATURE = {"complete": "gauss:8", "official": "left:20"}


@dataclass(frozen=True)
class NeuronPath:
    """The path of each picture, what it is worth, and what the model does without it.

    `layers` selects the values whose units are neurons; by default those that second linear layers of feed-forward
    blocks read, or in a network without any, the channels after activations. `places` says at which tokens they live:
    the class token where the head reads one, else all. `candidates` is `parallel` (one integral for all neurons of a
    layer), `exact` (one each) or `shortlist:k`. `quadrature` is `gauss:n`, `left:m` or `left:m/n`.
    `score: official` with its default quadrature, `left:20`, is the published code.
    """

    name: ClassVar[str] = "neuron-path"
    source: ClassVar[str] = "arXiv:2503.09046"
    score: Literal["complete", "official"] = "complete"
    candidates: str = "parallel"
    quadrature: str = ""
    layers: str = ""
    places: Places = "auto"
    #: Whether other ways of choosing neurons are measured beside the paths that were found.
    compare: bool = True
    seed: int = 0

    def __call__(self, graph: Graph) -> Graph:
        """The graph that scores a path and every candidate to follow: see `interventions.scored`."""
        base, layers = self._layers(graph)
        return scored(base, layers, self.rule(), self.score == "official", self.name)

    def edited(self, graph: Graph) -> Graph:
        """The graph in which neurons are scaled: see `interventions.edited`."""
        return edited(*self._layers(graph), self.name)

    def influenced(self, graph: Graph) -> Graph:
        """The graph of influence patterns: see `interventions.influenced`."""
        base, layers = self._layers(graph)
        return influenced(base, layers, rule(QUADRATURE["official"]), self.name)

    def rule(self) -> Rule:
        """Points and weights of the integral."""
        return rule(self.quadrature or QUADRATURE[self.score])

    def _layers(self, graph: Graph) -> tuple[Graph, tuple[Layer, ...]]:
        if complaint := problem(self.candidates):
            raise fail(NOWHERE, complaint, "parallel, exact or shortlist:5")
        base = graph.deployed()
        return base, layers_of(base, self.layers, self.places)

    def model(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Model:
        """The model with its two graphs built, on a batch; `targets` are by default the predicted classes."""
        base, layers = self._layers(graph)
        port = next(p for p, v in base.outputs if v == logits(base))
        if targets is None:
            targets = named(build(base)(images), base)[port].argmax(1)
        return Model(layers, images, targets, _call(build, self(graph)), _call(build, self.edited(graph)), port)

    def find(self, model: Model) -> Found:
        """The search alone."""
        return search(model, self.candidates, self.score == "official")

    def run(self, graph: Graph, build: Build, images: torch.Tensor, targets: torch.Tensor | None) -> Result:
        """Paths, their scores, and the target's probability with them removed (0) and enhanced (2)."""
        model = self.model(graph, build, images, targets)
        found = self.find(model)
        cost = dict(model.runs)
        paths = {FOUND: found.paths} | (self._others(graph, build, model, found.paths) if self.compare else {})
        numbers: dict[str, Any] = {
            "layers": tuple(layer.value for layer in model.layers), "widths": tuple(model.widths),
            "runs of a search": cost, "classes": model.targets.tolist(),
        }  # fmt: skip
        arrays = {"margin": _array(found.margins), "units": _array(model.clean())}
        for method, path in paths.items():
            change = effect(model, path)
            numbers["probability"] = change.base.tolist()
            numbers |= {
                f"{method} path": path.tolist(), f"{method} score": model.joint(path).tolist(),
                f"{method} removed": change.deviation("removed").tolist(),
                f"{method} enhanced": change.deviation("enhanced").tolist(),
            }  # fmt: skip
            arrays[f"{method}_path"] = _array(path)
        laws = self._laws(graph, build, model, found)
        margins = dict(zip(numbers["layers"], found.margins.double().mean(0).tolist(), strict=True))
        return Result(self.name, {**settings(self), "quadrature": self.quadrature or QUADRATURE[self.score]}, laws,
                      numbers, arrays, nodes={"margin": margins})  # fmt: skip

    def _others(self, graph: Graph, build: Build, model: Model, found: torch.Tensor) -> dict[str, torch.Tensor]:
        """Paths of the same pictures, chosen otherwise."""
        units = model.clean()
        slopes = _call(build, self.influenced(graph))(model.images, model.targets)[SLOPES]
        others = {
            ACTIVATION: strongest(units, model.widths), INFLUENCE: strongest(slopes, model.widths),
            RANDOM: at_random(len(found), model.widths, self.seed).to(found.device),
            MAGNITUDE: as_large(units, model.widths, found),
        }  # fmt: skip
        return {method: others[method] for method in METHODS if method in others}

    def _laws(self, graph: Graph, build: Build, model: Model, found: Found) -> tuple[Law, ...]:
        base, count = graph.deployed(), len(model.layers)
        plain = named(build(base)(model.images), base)
        ones = model.images.new_ones(len(model.images), sum(model.widths))
        same = [model.edited(model.images, ones, model.held(k)) for k in (0, count)]
        scores = model.joint(found.paths)
        alone = model.of(slice(0, 1))
        laws = [
            Law(
                "neurons scaled by 1 leave the outputs as they are",
                max(apart(plain[p], s[p]) for p in plain for s in same),
                0.0,
            ),
            Law("a batch equals its samples", apart(scores[:1], alone.joint(found.paths[:1])), 1e-3),
        ]
        if self.score == "complete":
            gone = 1 - model.units(found.paths)
            rise = model.chance(ones, count) - model.chance(gone, count)
            off = float((scores - rise).abs().max() / model.chance(ones).max())
            laws.append(Law("the score is the fall of the probability when the path is zeroed", off, 1e-3))
        return tuple(laws)

    def figures(self, graph: Graph, result: Result, names: Sequence[str]) -> Mapping[str, Image.Image]:
        """Each picture's path drawn over the layers of the graph, and matrices of how classes use neurons."""
        return drawing.figures(self._layers(graph)[1], result, names)


def _call(build: Build, graph: Graph) -> Callable[..., Mapping[str, torch.Tensor]]:
    call = build(graph)
    return lambda *inputs: named(call(*inputs), graph)


def _array(values: torch.Tensor) -> np.ndarray:
    found: np.ndarray = values.detach().cpu().numpy()
    return found
