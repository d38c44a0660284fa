"""What paths do to the model: other ways to choose neurons, removal and enhancement, utilisation by class, pruning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from graphwright.analyses.paths.search import Model

FOUND, ACTIVATION, INFLUENCE, RANDOM, MAGNITUDE = "found", "activation", "influence", "random", "magnitude"
#: How the neurons of a path may be chosen.
METHODS = (FOUND, ACTIVATION, INFLUENCE, RANDOM, MAGNITUDE)


def strongest(units: torch.Tensor, widths: Sequence[int]) -> torch.Tensor:
    """The path [N, L] of the largest value in each layer: of activations, or of slopes."""
    return torch.stack([part.argmax(1) for part in torch.split(units, list(widths), 1)], 1)


def at_random(count: int, widths: Sequence[int], seed: int) -> torch.Tensor:
    """Uniformly drawn paths, the same for the same seed."""
    draw = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([draw.integers(0, w, count) for w in widths], 1))


def as_large(units: torch.Tensor, widths: Sequence[int], paths: torch.Tensor) -> torch.Tensor:
    """In each layer the neuron whose magnitude is nearest to that of the path's, but not the path's own."""
    found = []
    for k, part in enumerate(torch.split(units.abs(), list(widths), 1)):
        apart = (part - part.gather(1, paths[:, k : k + 1])).abs()
        found.append(apart.scatter(1, paths[:, k : k + 1], torch.inf).argmin(1))
    return torch.stack(found, 1)


@dataclass(frozen=True)
class Effect:
    """The target's probability as it is, without the path's neurons and with them doubled, [N]; and what is right."""

    base: torch.Tensor
    removed: torch.Tensor
    enhanced: torch.Tensor
    right: tuple[float, float, float]

    def deviation(self, word: str) -> torch.Tensor:
        """`p_edited / p - 1` of each picture."""
        edited: torch.Tensor = getattr(self, word)
        return edited / self.base - 1


def effect(model: Model, paths: torch.Tensor) -> Effect:
    """Edits of live values: what comes after a changed neuron reacts to it."""
    units = model.units(paths)
    chances = [model.chances(1 + factor * units) for factor in (0.0, -1.0, 1.0)]
    base, removed, enhanced = (c.gather(1, model.targets[:, None])[:, 0] for c in chances)
    shares = [float((c.argmax(1) == model.targets).double().mean()) for c in chances]
    return Effect(base, removed, enhanced, (shares[0], shares[1], shares[2]))


def utilisation(paths: np.ndarray, classes: Sequence[int], widths: Sequence[int]) -> dict[int, np.ndarray]:
    """How often each neuron lies on the paths [N, L] of a class: counts [U], by class."""
    firsts = np.cumsum([0, *widths[:-1]])
    counts = {c: np.zeros(sum(widths), np.int64) for c in sorted(set(classes))}
    for path, c in zip(paths, classes, strict=True):
        counts[c][path + firsts] += 1
    return counts


def similarity(counts: Mapping[int, np.ndarray]) -> np.ndarray:
    """Cosines between the classes' counts, [classes, classes]."""
    rows = np.stack([c / max(float(np.linalg.norm(c)), 1e-12) for c in counts.values()])
    found: np.ndarray = rows @ rows.T
    return found


def modal(paths: np.ndarray, widths: Sequence[int], top: int) -> np.ndarray:
    """The neurons that lie most often on paths [N, L], the first `top` of each layer: 1 at them, [U]."""
    kept = np.zeros(sum(widths), np.float32)
    first = 0
    for column, width in zip(paths.T, widths, strict=True):
        counts = np.bincount(column, minlength=width)
        best = np.argsort(-counts, kind="stable")[:top]
        kept[first + best[counts[best] > 0]] = 1
        first += width
    return kept


def pruned(model: Model, kept: torch.Tensor, share: float, depth: int, seed: int) -> torch.Tensor:
    """Probabilities [N, classes] where each neuron of the first `depth` layers that is not kept [U] is zeroed with
    probability `share`."""
    until = sum(model.widths[:depth])
    draw = np.random.default_rng(seed).random(kept.shape[0]) < share
    gone = torch.from_numpy(draw).to(kept.device) & (kept == 0)
    gone[until:] = False
    scale = (~gone).to(model.images.dtype).expand(len(model.images), -1)
    return model.chances(scale)
