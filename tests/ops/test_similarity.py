"""Similarities of features against their definitions, the invariances they must have, and their gradients."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from graphwright.compiler.ops.similarity import cka, gathered_gram, gram, rsa


def features(count: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(count, width, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def linear_cka(x: torch.Tensor, y: torch.Tensor, unbiased: bool = False) -> float:
    return float(cka(gram(x, True), gram(y, True), unbiased))


def in_features(x: torch.Tensor, y: torch.Tensor) -> float:
    """The other form, `|Y^T X|^2 / (|X^T X| |Y^T Y|)` of centred features (arXiv:1905.00414, section 3)."""
    x, y = (np.asarray(z.double().flatten(1)) for z in (x, y))
    x, y = x - x.mean(0), y - y.mean(0)
    return float(np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))


def hsic_1(k: np.ndarray, other: np.ndarray) -> float:
    """Song et al. 2012, equation 4, for Gram matrices that are not centred."""
    n = len(k)
    k, other = k - np.diag(np.diag(k)), other - np.diag(np.diag(other))
    ones = np.ones(n)
    middle = (ones @ k @ ones) * (ones @ other @ ones) / ((n - 1) * (n - 2))
    return float((np.trace(k @ other) + middle - 2 / (n - 2) * (ones @ k @ other @ ones)) / (n * (n - 3)))


@pytest.mark.parametrize("shapes", [((20, 7), (20, 31)), ((12, 3, 4, 5), (12, 8)), ((9, 200), (9, 2, 50))])
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_cka_equals_its_other_form(shapes, dtype, close):
    x, y = (torch.randn(s, dtype=dtype, generator=torch.Generator().manual_seed(k)) for k, s in enumerate(shapes))
    x = x + 3  # a mean, which centring takes off
    assert linear_cka(x, y) == pytest.approx(in_features(x, y), abs=close)


def test_a_large_mean_costs_no_digits():
    x, y = features(50, 8, dtype=torch.float32), features(50, 8, 1, torch.float32)
    assert linear_cka(x + 1000, y) == pytest.approx(in_features(x + 1000, y), abs=1e-5)


def test_unbiased_equals_its_definition():
    x, y = features(15, 40), features(15, 6, 1)
    k, other = (np.asarray(z @ z.T) for z in (x, y))
    expected = hsic_1(k, other) / np.sqrt(hsic_1(k, k) * hsic_1(other, other))
    assert linear_cka(x, y, unbiased=True) == pytest.approx(expected, abs=1e-12)


def test_rsa_equals_its_definition():
    x, y = features(15, 40), features(15, 6, 1)

    def cosines(z: torch.Tensor) -> list[float]:
        rows = np.asarray(z)
        pairs = itertools.combinations(range(len(rows)), 2)
        return [rows[a] @ rows[b] / np.linalg.norm(rows[a]) / np.linalg.norm(rows[b]) for a, b in pairs]

    expected = np.corrcoef(cosines(x), cosines(y))[0, 1]
    assert float(rsa(gram(x, False), gram(y, False))) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("unbiased", [False, True])
def test_invariances(unbiased):
    x, y = features(30, 12), features(30, 20, 1)
    value = linear_cka(x, y, unbiased)
    rotation = torch.linalg.qr(features(12, 12, 2))[0]
    assert linear_cka(x, x, unbiased) == pytest.approx(1, abs=1e-12)
    for same in (x @ rotation, 7 * x, x + features(1, 12, 3), torch.cat([x, x], 1), -x):
        assert linear_cka(same, y, unbiased) == pytest.approx(value, abs=1e-12)
    assert abs(linear_cka(x @ features(12, 12, 4), x, unbiased) - 1) > 0.05, "not under any invertible map"
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    assert linear_cka(x[order], y[order], unbiased) == pytest.approx(value, abs=1e-12)
    assert abs(linear_cka(x[order], x, unbiased) - 1) > 0.05, "samples are told apart"


@pytest.mark.parametrize(("count", "wide", "other", "biased"), [(256, 512, 1024, 0.73), (64, 65536, 4096, 0.99)])
def test_independent_features(count, wide, other, biased):
    """Biased alignment of what has nothing in common is high where features are many; the unbiased one is near 0."""
    x, y = features(count, wide, dtype=torch.float32), features(count, other, 1, torch.float32)
    assert linear_cka(x, y) == pytest.approx(biased, abs=0.01)
    assert abs(linear_cka(x, y, unbiased=True)) < 4 / count, "it spreads by about 1.4 / count"


@pytest.mark.parametrize("gram_of", [gram, gathered_gram])
@pytest.mark.parametrize("measure", ["cka", "unbiased", "rsa"])
def test_gradients(measure, gram_of):
    other = gram(features(6, 9, 1), measure != "rsa")

    def value(x: torch.Tensor) -> torch.Tensor:
        k = gram_of(x, measure != "rsa")
        return rsa(k, other) if measure == "rsa" else cka(k, other, measure == "unbiased")

    x = features(6, 5).reshape(6, 5, 1).requires_grad_()
    assert torch.autograd.gradcheck(value, (x,))
    (slope,) = torch.autograd.grad(value(x), x)
    centred = (x - x.mean(0) if measure != "rsa" else x).detach()
    assert abs(float((slope * centred).sum())) < 1e-12, "scale has no influence"


def test_only_the_features_themselves_are_kept_for_the_backward_pass():
    x = features(8, 100, dtype=torch.float32).requires_grad_()
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        cka(gathered_gram(x, True), gram(features(8, 3, dtype=torch.float32), True), False)
    assert [t.data_ptr() for t in kept if t.numel() > 64] == [x.data_ptr()]


@pytest.mark.parametrize("measure", ["cka", "unbiased", "rsa"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_what_does_not_vary_has_similarity_and_gradient_zero(measure, value):
    x = torch.full((10, 33), value).requires_grad_()
    y = features(10, 4, 1, torch.float32).requires_grad_()
    k, other = gathered_gram(x, measure != "rsa"), gram(y, measure != "rsa")
    found = rsa(k, other) if measure == "rsa" else cka(k, other, measure == "unbiased")
    found.backward()
    assert float(found.detach()) == 0
    assert torch.equal(x.grad, torch.zeros_like(x))
    assert torch.equal(y.grad, torch.zeros_like(y))


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_no_scale_overflows_or_vanishes(scale):
    x, y = features(20, 5000, dtype=torch.float32), features(20, 7, 1, torch.float32)
    assert linear_cka(x * scale, y) == pytest.approx(linear_cka(x, y), abs=1e-5)
    assert linear_cka(x * scale, y, True) == pytest.approx(linear_cka(x, y, True), abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    """Squares of float16 would overflow, and autocast must not narrow the products."""
    x = (features(16, 50, dtype=torch.float32) * 300).to(dtype).requires_grad_()
    y = features(16, 6, 1, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        k = gathered_gram(x, True)
        found = cka(k, gram(y, True), False)
    assert k.dtype == found.dtype == torch.float32
    assert float(found.detach()) == pytest.approx(in_features(x.detach(), y), abs=1e-5)
    found.backward()
    assert x.grad.dtype == dtype


def test_what_is_not_a_number_stays_so():
    x, y = features(5, 4), features(5, 4, 1)
    x[2, 1] = float("nan")
    assert np.isnan(linear_cka(x, y))
    assert np.isnan(float(rsa(gram(x, False), gram(y, False))))
