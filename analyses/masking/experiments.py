"""What masking is used for, each with any way of masking: a `Predict` is a model with layer masking, or with a fill."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from graphwright.analyses.masking.fills import FILLS
from graphwright.analyses.masking.sources import Labels, without

#: Pictures [N, C, H, W] and masks bool [N, 1, H, W] to class scores [N, classes].
Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Floats = np.ndarray[Any, np.dtype[np.float64]]
TENTHS = tuple(k / 10 for k in range(11))


def filled(model: Callable[[torch.Tensor], torch.Tensor], fill: str, seed: int = 0) -> Predict:
    """A model that is shown something else at masked pixels; `fill` is one of `FILLS`."""
    generator = torch.Generator().manual_seed(seed)
    return lambda images, mask: model(FILLS[fill](images, mask, generator))


@dataclass(frozen=True)
class Curve:
    """Accuracy while more and more is masked. Bands are Wilson's, at 95 %."""

    fractions: tuple[float, ...]
    accuracy: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    #: Entropy of the histogram of predicted classes, in nats: how little the answers collapse onto few classes.
    entropy: tuple[float, ...]
    #: Share of pictures whose predicted class is that of the whole picture.
    unchanged: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean accuracy over the fractions."""
        return sum(self.accuracy) / len(self.accuracy)


def accuracy_curve(
    predict: Predict, images: torch.Tensor, targets: torch.Tensor, labels: Sequence[Labels],
    ranked: Sequence[Labels], fractions: Sequence[float] = TENTHS, batch: int = 32,
) -> Curve:  # fmt: skip
    """Accuracy at each masked fraction; `labels` and `ranked` are each picture's segments and their order."""
    rows = []
    first = predicted(predict, images, torch.ones_like(images[:, :1], dtype=torch.bool), batch)
    for fraction in fractions:
        masks = np.stack([without(of, order, fraction) for of, order in zip(labels, ranked, strict=True)])
        found = predicted(predict, images, torch.from_numpy(masks)[:, None], batch)
        right = int((found == targets).sum())
        low, high = wilson(right, len(targets))
        rows.append((fraction, right / len(targets), low, high, class_entropy(found),
                     float((found == first).double().mean())))  # fmt: skip
    return Curve(*zip(*rows, strict=True))


def predicted(predict: Predict, images: torch.Tensor, masks: torch.Tensor, batch: int = 32) -> torch.Tensor:
    """The classes, batch by batch."""
    with torch.no_grad():
        parts = [predict(images[k : k + batch], masks[k : k + batch]).argmax(1) for k in range(0, len(images), batch)]
    return torch.cat(parts).cpu()


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """The confidence interval of a proportion: Wilson's score interval, at 95 %."""
    share, square = successes / trials, z * z / trials
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / trials + square / trials / 4) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def class_entropy(classes: torch.Tensor) -> float:
    """`-sum p log p` of the shares of classes, in nats: ln of the number of classes where all are equally often met."""
    shares = np.unique(classes.numpy(), return_counts=True)[1] / len(classes)
    return float(-(shares * np.log(shares)).sum()) + 0.0


@dataclass(frozen=True)
class ShapeLeak:
    """Accuracy with the object masked, and with a mask of the same shape in the wrong place.

    Among the pictures that are classified rightly when nothing is masked. What a model still knows in the first case it
    has from the surroundings, or from the mask's outline; if the outline tells the class, `ratio` is well above 1.
    """

    object: float
    displaced: float
    pictures: int

    @property
    def ratio(self) -> float:
        return self.object / self.displaced if self.displaced else math.inf if self.object else math.nan


def shape_leak(predict: Predict, images: torch.Tensor, targets: torch.Tensor, objects: torch.Tensor) -> ShapeLeak:
    """`objects` is true on the object, bool [N, 1, H, W]; displaced masks are rolled by half the picture both ways."""
    height, width = images.shape[2:]
    whole = predicted(predict, images, torch.ones_like(objects))
    kept = whole == targets
    accuracies = []
    for hidden in (objects, torch.roll(objects, (height // 2, width // 2), (2, 3))):
        found = predicted(predict, images[kept], ~hidden[kept]) if bool(kept.any()) else targets[kept]
        accuracies.append(float((found == targets[kept]).double().mean()) if bool(kept.any()) else math.nan)
    return ShapeLeak(accuracies[0], accuracies[1], int(kept.sum()))


def lime(
    predict: Predict, image: torch.Tensor, labels: Labels, target: int, samples: int = 512, seed: int = 0,
    batch: int = 32, width: float = 0.25,
) -> Floats:  # fmt: skip
    """How much each segment of one picture [C, H, W] speaks for the class: the weights of LIME (arXiv:1602.04938).

    A ridge regression of the class probability on which segments are visible, each with probability one half; samples
    weigh `exp(-d^2 / width^2)` with the cosine distance d from the whole picture.
    """
    from sklearn.linear_model import Ridge

    drawn = np.random.default_rng(seed).random((samples, int(labels.max()) + 1)) < 0.5
    drawn[0] = True
    scores = []
    with torch.no_grad():
        for k in range(0, samples, batch):
            masks = torch.from_numpy(drawn[k : k + batch][:, labels])[:, None].to(image.device)
            shown = image[None].expand(len(masks), -1, -1, -1)
            scores.append(torch.softmax(predict(shown, masks), 1)[:, target].double().cpu().numpy())
    distance = 1 - np.sqrt(drawn.mean(1))
    fitted = Ridge(alpha=1.0).fit(drawn.astype(np.float64), np.concatenate(scores), np.exp(-((distance / width) ** 2)))
    weights: Floats = np.asarray(fitted.coef_, dtype=np.float64)
    return weights
