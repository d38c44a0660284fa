"""How alike two sets of features of the same samples are: Gram matrices of each, and similarities of Gram matrices.

Features [N, ...] are flattened per sample to X [N, p]. Only the N x N matrix X X^T is kept of them, so that features of
any width can be compared with features of any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from graphwright.compiler.ir.dims import Size
from graphwright.compiler.ir.types import Type
from graphwright.compiler.ops.op import Op, arg, recorded

FAMILY = "similarity"
#: What is smaller than its origin by this many units in the last place is rounding.
ROUNDING = 16
#: So many features of every sample are gone through at a time.
PART = 4096


@recorded
def gram(x: torch.Tensor, centred: bool) -> torch.Tensor:
    """`X X^T` of x [N, ...] in float32 or better, or `H X X^T H` with `H = I - 1 1^T / N`."""
    return products(flattened(x), centred)


@recorded
def gathered_gram(x: torch.Tensor, centred: bool) -> torch.Tensor:
    """As `gram`, over the samples of all processes, in the order of their ranks."""
    if torch.compiler.is_compiling() and world() == 1:  # it finds out by itself what to keep
        return products(flattened(x), centred)
    made: torch.Tensor = GramOf.apply(x, centred)  # type: ignore[no-untyped-call]
    return made


class GramOf(torch.autograd.Function):
    """The Gram matrix of all processes. For the backward pass only x is kept, which its producer mostly keeps as well.

    Each process holds the same matrix, and gets W times the gradient of its own rows: the mean over W
    processes, which is how gradients of parameters are joined, is then the gradient of the whole.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, centred: bool) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.centred = centred
        return products(gather(flattened(x)), centred)

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor, None]:
        (x,) = ctx.saved_tensors
        rows = flattened(x)
        slope = slope + slope.T
        slope = centre(slope) if ctx.centred else slope
        if world() > 1:
            here = torch.distributed.get_rank() * rows.shape[0]
            slope = slope[here : here + rows.shape[0]] * world()
            rows = gather(rows)
        found = torch.empty_like(x, dtype=rows.dtype).reshape(x.shape[0], -1).addmm_(slope, rows, beta=0)
        return found.reshape(x.shape).to(x.dtype), None


def flattened(x: torch.Tensor) -> torch.Tensor:
    """x [N, ...] as [N, p], in float32 where its own type is coarser."""
    return x.reshape(x.shape[0], -1).to(torch.promote_types(x.dtype, torch.float32))


def products(rows: torch.Tensor, centred: bool) -> torch.Tensor:
    """`X X^T` of rows [N, p], or `H X X^T H`.

    To centre, the first row is taken off all of them beforehand: that changes nothing, but what all samples have in
    common becomes exactly zero. Features are gone through in parts, so that no second copy of them is made; of each
    part three of the four quarters of the result are computed, since the fourth is the mirror of another. Autocast
    leaves `addmm_` as it is, in the type of the rows.
    """
    count, width = rows.shape
    k, half = rows.new_zeros(count, count), count // 2
    if width <= PART or rows.requires_grad or torch.compiler.is_compiling():
        rows = rows - rows[:1] if centred else rows
        k = k.addmm_(rows, rows.T)
    else:
        for start in range(0, width, PART):
            part = rows[:, start : start + PART]
            part = part - part[:1] if centred else part
            k[:half, :half].addmm_(part[:half], part[:half].T)
            k[half:].addmm_(part[half:], part.T)
        k[:half, half:] = k[half:, :half].T
    return centre(k) if centred else k


def centre(k: torch.Tensor) -> torch.Tensor:
    """`H k H` of a symmetric k."""
    means = k.mean(0, keepdim=True)
    return k - means - means.T + means.mean()


def world() -> int:
    """How many processes there are."""
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if there else 1


def gather(rows: torch.Tensor) -> torch.Tensor:
    """The rows of all processes, each of which has as many."""
    if world() == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(world())]
    torch.distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


@dataclass(frozen=True)
class Gram(Op, name="gram", family=FAMILY):
    """`X X^T` of x [N, ...] flattened to X [N, p], as [N, N] in float32 or better; centred `H X X^T H`, H = I - 11^T/N.

    Features that all samples share give exactly zero when centred.
    """

    centred: bool = arg(True, "take the mean over the samples off each feature")
    gather: bool = arg(False, "over the samples of all processes of a training run; of x no second copy is kept")

    def check(self, x: Type) -> str | None:
        if x.rank < 1 or not x.dtype.startswith(("float", "bfloat")):
            return f"gram needs features [N, ...] of a floating type, got {x}"
        return None

    def result(self, x: Type) -> tuple[Type, ...]:
        return (Type((x.shape[0], x.shape[0]), "float64" if x.dtype == "float64" else "float32"),)

    def forward(self, x: Any) -> Any:
        return gathered_gram(x, self.centred) if self.gather else gram(x, self.centred)

    def macs(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        return inputs[0].numel() * inputs[0].shape[0]


# -- similarities -----------------------------------------------------------------------------
def cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`<a, b> / (|a| |b|)` over all elements, at most 1; 0, without a gradient, where a or b is zero."""
    a, b = a.flatten(), b.flatten()
    found = torch.dot(a, a) * torch.dot(b, b)
    defined = found != 0  # what is not a number stays so
    return torch.where(defined, torch.dot(a, b) / torch.where(defined, found, 1.0).sqrt(), 0.0).clamp(max=1.0)


def unit(k: torch.Tensor) -> torch.Tensor:
    """A Gram matrix at a scale where squares neither overflow nor vanish, that of its trace; what is compared ignores
    the scale, and so may its gradient."""
    size = k.detach().diagonal().sum()
    return k / torch.where(size > 0, size, 1.0)


@recorded
def cka(k: torch.Tensor, other: torch.Tensor, unbiased: bool) -> torch.Tensor:
    """The centred kernel alignment of two centred Gram matrices."""
    k, other = unit(k), unit(other)
    return cosine(u_centred(k), u_centred(other)) if unbiased else cosine(k, other)


def u_centred(k: torch.Tensor) -> torch.Tensor:
    """`k` centred without its diagonal, so that products have mean zero where features are independent."""
    n = k.shape[0]
    apart = 1.0 - torch.eye(n, dtype=k.dtype, device=k.device)
    k = k * apart
    rows = k.sum(0, keepdim=True) / max(n - 2, 1)
    return settled((k - rows - rows.T + k.sum() / max((n - 1) * (n - 2), 1)) * apart, k)


@recorded
def rsa(k: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Pearson's correlation of the cosine similarities of all pairs of samples."""
    return cosine(similarities(k), similarities(other))


def similarities(k: torch.Tensor) -> torch.Tensor:
    """From a Gram matrix to the cosines between different samples, their mean taken off; 0 on the diagonal."""
    n, own = k.shape[0], k.diagonal()
    seen = own > 0
    scale = torch.where(seen, torch.where(seen, own, 1.0).rsqrt(), 0.0)
    apart = 1.0 - torch.eye(n, dtype=k.dtype, device=k.device)
    angles = k * scale[:, None] * scale[None, :] * apart
    return settled((angles - angles.sum() / max(n * (n - 1), 1)) * apart, angles)


def settled(a: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """`a`, or zero where nothing but rounding is left of what it was made from."""
    least = (ROUNDING * torch.finfo(a.dtype).eps) ** 2 * before.square().sum()
    return torch.where(a.square().sum() <= least, 0.0, a)


@dataclass(frozen=True)
class _Similarity(Op):
    def check(self, k: Type, other: Type) -> str | None:
        if k.rank != 2 or k.shape[0] != k.shape[1] or k.shape != other.shape:
            return f"{self.name} needs two Gram matrices [N, N] of the same samples, got {k} and {other}"
        return None

    def result(self, k: Type, other: Type) -> tuple[Type, ...]:
        return (Type((), k.dtype),)

    def cost(self, inputs: tuple[Type, ...], outputs: tuple[Type, ...]) -> Size:
        """About ten operations per element."""
        return 10 * inputs[0].numel()


@dataclass(frozen=True)
class Cka(_Similarity, name="cka", ports="k:float other:float", family=FAMILY):
    """`<K, L> / (|K| |L|)` of centred Gram matrices, linear centred kernel alignment; arXiv:1905.00414.

    Independent features have a value well above 0 where they are wider than the samples are many; `unbiased` takes
    that off (HSIC_1 of Song et al. 2012), and may fall below 0. What does not vary has similarity 0.
    """

    unbiased: bool = arg(False, "leave out what each sample has in common with itself; needs 4 samples")

    def forward(self, k: Any, other: Any) -> Any:
        return cka(k, other, self.unbiased)


@dataclass(frozen=True)
class Rsa(_Similarity, name="rsa", ports="k:float other:float", family=FAMILY):
    """Pearson's correlation of the cosine similarities between samples, from Gram matrices that are not centred."""

    def forward(self, k: Any, other: Any) -> Any:
        return rsa(k, other)
