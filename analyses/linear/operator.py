"""The frozen map of a network at given pictures, to be asked: replay, rows, columns, bias, votes, singular vectors.

Probes and weights are `[P, N, ...]`: P vectors for each of the N pictures, whose maps are different. They are run
`chunk` at a time. `A` is the linear part, `b` the bias; `f(x0) = A x0 + b`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from graphwright.analyses.contract import Build, named
from graphwright.analyses.linear.program import PROBE, RESPONSE, ROW, ROW_SOURCES, Span
from graphwright.compiler.ir.dims import evaluate
from graphwright.compiler.ir.graph import Graph

Tensor = torch.Tensor


@dataclass(frozen=True)
class Singular:
    """Singular triples of A, per picture: values [N, k], inputs [N, k, ...] and outputs [N, k, ...]; `A v = sigma u`.

    `residual` is the largest of `|A v - sigma u| / sigma_1` and `|A^T u - sigma v| / sigma_1`.
    """

    values: Tensor
    inputs: Tensor
    outputs: Tensor
    residual: float


class LinearMap:
    """`A x + b` at `images`, from the graphs of replay and of the adjoint."""

    def __init__(
        self, forward: Graph, backward: Graph, span: Span, build: Build, images: Tensor, names: Sequence[str],
        chunk: int = 16,
    ) -> None:  # fmt: skip
        self.forward_graph, self.backward_graph = forward, backward
        self.forward, self.backward = build(forward), build(backward)
        self.images, self.names, self.chunk = images, tuple(names), chunk
        with torch.no_grad():
            found = self._forward(images.new_zeros(1, *self._start_shape()), None)
        ports = {value: port for port, value in reversed(forward.outputs)}
        self.outputs = {port: value for port, value in found.items() if port != RESPONSE}
        self.value = found[ports[span.of]]
        self.origin = found[ports[span.start]] if span.start in ports else images

    # -- the two directions -------------------------------------------------------------------
    @torch.no_grad()
    def apply(self, probes: Tensor, sources: Tensor | None = None) -> Tensor:
        """`A x + B s` of probes x [P, N, ...] and switches s [P, N, S], zeros by default."""
        parts = [
            self._forward(p, None if sources is None else sources[k * self.chunk : (k + 1) * self.chunk])[RESPONSE]
            for k, p in enumerate(torch.split(probes, self.chunk))
        ]
        return torch.cat(parts)

    @torch.no_grad()
    def adjoint(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """`A^T w` [P, N, ...] and `B^T w` [P, N, S] of weights [P, N, ...]."""
        found = [named(self.backward(self.images, w), self.backward_graph) for w in torch.split(weights, self.chunk)]
        rows = torch.cat([f[ROW] for f in found])
        empty = rows.new_zeros(*rows.shape[:2], 0)
        return rows, torch.cat([f.get(ROW_SOURCES, empty) for f in found])

    def _forward(self, probes: Tensor, sources: Tensor | None) -> dict[str, Tensor]:
        given = [probes]
        if self.names:
            count = (probes.shape[0], self.images.shape[0], len(self.names))
            given.append(probes.new_zeros(count) if sources is None else sources)
        return named(self.forward(self.images, *given), self.forward_graph)

    def _start_shape(self) -> tuple[int, ...]:
        """The shape [N, ...] of the value that the part starts from, at the sizes of the pictures."""
        kinds = {e.name: e.type for e in self.forward_graph.inputs}
        sizes = dict(zip(map(str, self.forward_graph.inputs[0].type.shape), self.images.shape, strict=True))
        return tuple(evaluate(size, sizes) for size in kinds[PROBE].shape[1:])  # type: ignore[misc]

    # -- what is asked ------------------------------------------------------------------------
    def switched(self, count: int, on: float = 1.0) -> Tensor:
        """Switches [count, N, S], all alike."""
        return self.images.new_full((count, self.images.shape[0], len(self.names)), on)

    def replay(self, inputs: Tensor) -> Tensor:
        """`A x + b` of other inputs [P, N, ...]."""
        return self.apply(inputs, self.switched(inputs.shape[0]))

    def bias(self) -> Tensor:
        """`b` [N, ...], the replay of nothing."""
        return self.replay(torch.zeros_like(self.origin)[None])[0]

    def bias_of(self, places: Sequence[int]) -> Tensor:
        """The part of b that each of these sources makes, [len(places), N, ...]: a lane each, with one switch on."""
        on = self.switched(len(places), 0.0)
        for k, place in enumerate(places):
            on[k, :, place] = 1
        return self.apply(torch.zeros_like(self.origin).expand(len(places), *self.origin.shape), on)

    def rows(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of A [P, N, ...], and of B [P, N, S], for places [P, N] in the flattened output."""
        weights = torch.zeros(*places.shape, self.value[0].numel(), dtype=self.value.dtype, device=self.value.device)
        weights.scatter_(2, places[..., None], 1.0)
        return self.adjoint(torch.unflatten(weights, 2, self.value.shape[1:]))

    def columns(self, places: Tensor) -> Tensor:
        """Columns of A [P, N, ...], for places [P, N] in the flattened input."""
        flat = torch.zeros(*places.shape, self.origin[0].numel(), dtype=self.origin.dtype, device=self.origin.device)
        flat.scatter_(2, places[..., None], 1.0)
        return self.apply(torch.unflatten(flat, 2, self.origin.shape[1:]))

    def votes(self, rows: Tensor) -> Tensor:
        """The vote of each place, [P, N, ...]: `row x0`, summed over the channels of a picture."""
        votes = rows * self.origin
        return votes.sum(2) if votes.dim() == 5 else votes

    # -- singular vectors ---------------------------------------------------------------------
    @torch.no_grad()
    def singular(self, count: int, steps: int = 0, seed: int = 0) -> Singular:
        """The first singular triples, by Golub-Kahan-Lanczos with full reorthogonalisation.

        The largest singular values of the small bidiagonal matrix are those of A.
        All pictures advance together, at fixed shapes.
        """
        inside, outside = self.origin[0].numel(), self.value[0].numel()
        steps = min(steps or 4 * count + 30, inside, outside)
        left, right, matrix = _bidiagonal(
            lambda v: self.apply(torch.unflatten(v, 1, self.origin.shape[1:])[None])[0].flatten(1),
            lambda u: self.adjoint(torch.unflatten(u, 1, self.value.shape[1:])[None])[0][0].flatten(1),
            _random(self.origin.flatten(1), seed), steps, outside, seed,
        )  # fmt: skip
        count = min(count, steps)
        p, sigma, q = torch.linalg.svd(matrix, full_matrices=False)
        u = torch.unflatten(torch.einsum("nmo,nmk->nko", left, p[:, :, :count]), 2, self.value.shape[1:])
        v = torch.unflatten(torch.einsum("nmi,nkm->nki", right, q[:, :count]), 2, self.origin.shape[1:])
        return Singular(sigma[:, :count], v, u, self._residual(u, sigma[:, :count], v))

    def _residual(self, u: Tensor, sigma: Tensor, v: Tensor) -> float:
        """How far `A v = sigma u` and `A^T u = sigma v` are from holding, relative to the first value."""
        there = self.apply(v.transpose(0, 1)).flatten(2).transpose(0, 1) - sigma[..., None] * u.flatten(2)
        back = self.adjoint(u.transpose(0, 1))[0].flatten(2).transpose(0, 1) - sigma[..., None] * v.flatten(2)
        return max(float((off.norm(dim=2) / sigma[:, :1]).max()) for off in (there, back))


def _bidiagonal(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor], v: Tensor, steps: int, outside: int,
    seed: int,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Bases U [N, m, out] and V [N, m + 1, in], and B [N, m, m + 1], upper bidiagonal: `A^T U = V B^T`.

    Where the inputs are spent after m steps, V has m vectors and B is square.
    """
    count, inside = v.shape
    more = min(steps + 1, inside)
    left, right = v.new_zeros(count, steps, outside), v.new_zeros(count, more, inside)
    matrix = v.new_zeros(count, steps, more)
    for m in range(steps):
        right[:, m] = v
        left[:, m], matrix[:, m, m] = _next(forward(v), left[:, :m], seed + 2 * m + 1)
        if m + 1 < more:
            v, matrix[:, m, m + 1] = _next(backward(left[:, m]), right[:, : m + 1], seed + 2 * m + 2)
    if more > steps:
        right[:, steps] = v
    return left, right, matrix


def _next(vector: Tensor, basis: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The vector without its part in the basis (taken off twice), of length one, and the length that it had.

    Where nothing is left, the basis goes on in a random direction, with length zero.
    """
    before = vector.norm(dim=1)
    rest = _without(_without(vector, basis), basis)
    length = rest.norm(dim=1)
    spent = length <= before * torch.finfo(vector.dtype).eps * 8
    fresh = _without(_without(_random(vector, seed), basis), basis)
    rest = torch.where(spent[:, None], fresh, rest)
    return rest / rest.norm(dim=1, keepdim=True), torch.where(spent, 0.0, length)


def _without(vector: Tensor, basis: Tensor) -> Tensor:
    return vector - torch.einsum("nm,nmd->nd", torch.einsum("nmd,nd->nm", basis, vector), basis)


def _random(like: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    drawn: Tensor = torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like)
    found: Tensor = drawn / drawn.norm(dim=1, keepdim=True)
    return found
