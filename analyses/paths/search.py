"""The search: layer by layer, the neuron that adds most to the joint score of the path so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from graphwright.analyses.paths.interventions import CANDIDATES, HELD, JOINT, OPEN, PATH, SCALE, UNITS
from graphwright.analyses.paths.neurons import Layer

#: A built graph with named outputs, as a function of its inputs.
Call = Callable[..., Mapping[str, torch.Tensor]]


@dataclass
class Model:
    """A model on one batch of pictures: its scored and its edited graph, and how often they were run."""

    layers: Sequence[Layer]
    images: torch.Tensor
    targets: torch.Tensor
    scored: Call
    edited: Call
    port: str
    runs: dict[str, int] = field(default_factory=lambda: {"forward": 0, "backward": 0})

    @property
    def widths(self) -> list[int]:
        return [layer.width for layer in self.layers]

    def joint(self, paths: torch.Tensor) -> torch.Tensor:
        """The joint score of paths [N, L], each of its picture."""
        return self.score(self.units(paths), None, len(self.layers))[JOINT]

    def score(self, path: torch.Tensor, open_: torch.Tensor | None, held: int) -> Mapping[str, torch.Tensor]:
        """What the scored graph says of paths [N, U]; the first `held` layers keep their clean values."""
        self.runs["forward"] += 1
        self.runs["backward"] += 1
        nothing = torch.zeros_like(path)
        inputs = {PATH: path, OPEN: nothing if open_ is None else open_, HELD: self.held(held)}
        return self.scored(self.images, self.targets, *inputs.values())

    def chances(self, scale: torch.Tensor, held: int = 0) -> torch.Tensor:
        """Probabilities [N, classes] with units scaled, layers live unless they are among the first `held`."""
        self.runs["forward"] += 1
        inputs = {SCALE: scale, HELD: self.held(held)}
        return torch.softmax(self.edited(self.images, *inputs.values())[self.port], -1)

    def chance(self, scale: torch.Tensor, held: int = 0) -> torch.Tensor:
        """The target's probability, [N]."""
        return self.chances(scale, held).gather(1, self.targets[:, None])[:, 0]

    def clean(self) -> torch.Tensor:
        """The clean value of each unit, the mean over its places: [N, U]."""
        self.runs["forward"] += 1
        ones = self.images.new_ones(len(self.images), sum(self.widths))
        return self.edited(self.images, ones, self.held(0))[UNITS]

    def held(self, count: int) -> torch.Tensor:
        flags = torch.zeros(len(self.images), len(self.layers), dtype=torch.bool, device=self.images.device)
        flags[:, :count] = True
        return flags

    def units(self, paths: torch.Tensor) -> torch.Tensor:
        """Paths [N, l] as [N, U], 1 at their neurons."""
        found = self.images.new_zeros(len(paths), sum(self.widths))
        return found.scatter_(1, paths + self.firsts(paths.shape[1]), 1.0)

    def firsts(self, count: int) -> torch.Tensor:
        """Where the units of the first layers begin among all units."""
        starts = [sum(self.widths[:k]) for k in range(count)]
        return torch.tensor(starts, dtype=torch.int64, device=self.images.device)

    def of(self, rows: slice) -> Model:
        """The same of some of the pictures."""
        return Model(self.layers, self.images[rows], self.targets[rows], self.scored, self.edited, self.port, self.runs)

    def repeated(self, picture: int, times: int) -> Model:
        """The same of one picture, many times, for as many interventions."""
        images = self.images[picture : picture + 1].expand(times, *self.images.shape[1:])
        targets = self.targets[picture : picture + 1].expand(times)
        return Model(self.layers, images, targets, self.scored, self.edited, self.port, self.runs)


@dataclass(frozen=True)
class Found:
    """Paths [N, L], and by how much of the best score the second best neuron of each layer is behind, [N, L]."""

    paths: torch.Tensor
    margins: torch.Tensor


def search(model: Model, candidates: str, official: bool, chunk: int = 64) -> Found:
    """The path of each picture. `candidates` is `parallel`, `exact` or `shortlist:k`.

    `parallel` scales all neurons of a layer at once, so that one integral scores all of them; `exact` gives each its
    own integral; `shortlist:k` is exact for the k best of `parallel`.
    """
    paths = torch.zeros(len(model.images), 0, dtype=torch.int64, device=model.images.device)
    margins = []
    for number, layer in enumerate(model.layers):
        first, stop = sum(model.widths[:number]), sum(model.widths[: number + 1])
        chosen = torch.arange(layer.width, device=paths.device).expand(len(paths), -1)
        if candidates != "exact":
            open_ = torch.zeros(len(paths), sum(model.widths), dtype=model.images.dtype, device=paths.device)
            open_[:, first:stop] = 1
            scores = model.score(model.units(paths), open_, number + 1)[CANDIDATES][:, first:stop]
            chosen = scores.topk(shortlist(candidates, layer.width), 1).indices
        if candidates != "parallel":
            exact = torch.stack([_exact(model, n, paths[n], chosen[n], official, chunk) for n in range(len(paths))])
            scores = torch.full((len(paths), layer.width), -torch.inf, dtype=exact.dtype, device=paths.device)
            scores.scatter_(1, chosen, exact)
        best = scores.argmax(1, keepdim=True)
        margins.append(_margin(scores))
        paths = torch.cat([paths, best], 1)
    return Found(paths, torch.stack(margins, 1))


def shortlist(candidates: str, width: int) -> int:
    """How many candidates are scored exactly."""
    return min(int(candidates.partition(":")[2] or width), width)


def _exact(
    model: Model, picture: int, path: torch.Tensor, chosen: torch.Tensor, official: bool, chunk: int
) -> torch.Tensor:
    """The joint score of the path with each chosen neuron, each with an integral of its own.

    The complete score is the fall of the probability when the path is zeroed, so it takes no integral at all. All
    chunks have the same size, so that a compiled model sees one shape.
    """
    found = []
    for start in range(0, len(chosen), chunk):
        some = chosen[start : start + chunk]
        padded = torch.cat([some, some[:1].expand(chunk - len(some))])
        one = model.repeated(picture, chunk)
        units = one.units(torch.cat([path.expand(chunk, -1), padded[:, None]], 1))
        held = len(path) + 1
        scores = one.score(units, None, held)[JOINT] if official else -one.chance(1 - units, held)
        found.append(scores[: len(some)])
    scores = torch.cat(found)
    return scores if official else scores + model.of(slice(picture, picture + 1)).chance(torch.ones_like(units[:1]))


def _margin(scores: torch.Tensor) -> torch.Tensor:
    if scores.shape[1] < 2:
        return torch.full_like(scores[:, 0], torch.inf)
    best, second = scores.topk(2, 1).values.unbind(1)
    margin: torch.Tensor = (best - second) / best.abs().clamp_min(torch.finfo(scores.dtype).tiny)
    return margin


def problem(candidates: str) -> str | None:
    """What is wrong with the option, if anything."""
    word, colon, count = candidates.partition(":")
    shortlisted = word == "shortlist" and colon and count.isdecimal() and int(count) > 0
    return None if candidates in ("parallel", "exact") or shortlisted else f"no candidates '{candidates}'"
