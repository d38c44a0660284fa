"""Where the integral from nothing to all of a neuron's value is evaluated, and with which weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphwright.compiler.places import NOWHERE, fail


@dataclass(frozen=True)
class Rule:
    """`integral_0^1 f ~ sum_k weights_k f(points_k)`."""

    points: tuple[float, ...]
    weights: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.points)


def rule(text: str) -> Rule:
    """`gauss:n` (Gauss-Legendre), `left:m` (`mean of f(k / m)`, k < m), or `left:m/n`.

    `left:m/n` is the left sum with m steps of the polynomial through n Chebyshev points: what `left:m` gives of a
    smooth integrand, from n evaluations. Raises `SpecError` for anything else.
    """
    name, _, numbers = text.partition(":")
    steps, _, through = numbers.partition("/")
    if name not in ("gauss", "left") or not steps.isdecimal() or int(steps) < 1 or (
        "/" in numbers and (name != "left" or not through.isdecimal() or not 1 < int(through) <= int(steps))
    ):  # fmt: skip
        raise fail(NOWHERE, f"no quadrature '{text}'", "gauss:8, left:20, or left:20/8, the last one through 8 points")
    if name == "gauss":
        points, weights = np.polynomial.legendre.leggauss(int(steps))
        return _rule((points + 1) / 2, weights / 2)
    left = np.arange(int(steps)) / int(steps)
    if not through:
        return _rule(left, np.full(int(steps), 1 / int(steps)))
    count = int(through)
    nodes = np.polynomial.chebyshev.chebpts1(count)
    nodes = nodes / np.abs(nodes).max()  # so that the ends are among them
    low, high = left[0], left[-1]
    basis = np.polynomial.chebyshev.chebvander(nodes, count - 1)
    mean = np.polynomial.chebyshev.chebvander(2 * (left - low) / (high - low) - 1, count - 1).mean(0)
    return _rule(low + (high - low) * (nodes + 1) / 2, np.linalg.solve(basis.T, mean))


def _rule(points: np.ndarray, weights: np.ndarray) -> Rule:
    return Rule(tuple(float(p) for p in points), tuple(float(w) for w in weights))
