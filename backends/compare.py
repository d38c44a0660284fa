"""How far two results differ, and how far they may."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

#: Allowed `max |a - b|` relative to `max |b|` (and to 1 where all is smaller than that), by dtype; a reordered
#: sum of n terms differs by about eps * sqrt(n). What is not floating point must be equal.
TOLERANCE = {
    torch.float64: 1e-10,
    torch.float32: 1e-4,
    torch.float16: 2e-2,
    torch.bfloat16: 1e-1,
    torch.complex64: 1e-4,
}

#: A model may enlarge rounding beyond that; then another order of sums may be off by so many times what the model's
#: own float32 is off from float64.
OWN = 20.0


@dataclass(frozen=True)
class Difference:
    """The largest absolute difference, the same relative to the largest value, and whether it is within tolerance."""

    absolute: float
    relative: float
    within: bool
    #: How far the model's own outputs are from those in float64, relative, where that had to be asked.
    own: float | None = None

    def __or__(self, other: Difference) -> Difference:
        """The worse of two."""
        own = max((d.own for d in (self, other) if d.own is not None), default=None)
        return Difference(
            max(self.absolute, other.absolute), max(self.relative, other.relative), self.within and other.within, own
        )


def tensors(result: Any) -> dict[str, torch.Tensor]:
    """A model's result as named tensors."""
    return dict(result) if isinstance(result, Mapping) else {"out": result}


def compare(result: Any, reference: Any) -> Difference:
    """The difference of two results of the same model."""
    first, second = tensors(result), tensors(reference)
    worst = Difference(0.0, 0.0, first.keys() == second.keys())
    for name in first.keys() & second.keys():
        worst |= _difference(first[name], second[name])
    return worst


def compare_with(module: nn.Module, inputs: Sequence[torch.Tensor], result: Any) -> Difference:
    """The difference of a result from a module's own, allowing for what the model makes of rounding."""
    reference = module(*inputs)
    found = compare(result, reference)
    if found.within:
        return found
    try:
        wide = copy.deepcopy(module).double()(*(x.double() if x.is_floating_point() else x for x in inputs))
    except RuntimeError:  # something in it is float32 whatever the weights are
        return found
    first, second, exact = tensors(result), tensors(reference), tensors(wide)
    worst = Difference(0.0, 0.0, first.keys() == second.keys())
    for name in first.keys() & second.keys():
        one = _difference(first[name], second[name])
        if not one.within and second[name].is_floating_point():
            own = _difference(second[name].double(), exact[name].double())
            one = replace(one, within=one.absolute <= OWN * own.absolute < float("inf"), own=own.relative)
        worst |= one
    return worst


def _difference(a: torch.Tensor, b: torch.Tensor) -> Difference:
    a, b = a.detach().cpu(), b.detach().cpu()
    if a.shape != b.shape or a.dtype != b.dtype:
        return Difference(float("inf"), float("inf"), False)
    if a.numel() == 0 or a.dtype not in TOLERANCE:
        same = torch.equal(a, b)
        return Difference(0.0 if same else 1.0, 0.0 if same else 1.0, same)
    wide = torch.complex128 if a.is_complex() else torch.float64
    x, y = a.to(wide), b.to(wide)
    odd = ~torch.isfinite(y)  # both must be infinite, or not a number, at the same places
    matching = torch.equal(torch.nan_to_num(x[odd]), torch.nan_to_num(y[odd])) and bool(torch.isfinite(x[~odd]).all())
    if not matching:
        return Difference(float("inf"), float("inf"), False)
    absolute = float((x[~odd] - y[~odd]).abs().max()) if bool((~odd).any()) else 0.0
    scale = float(y[~odd].abs().max()) if bool((~odd).any()) else 0.0
    relative = absolute / scale if scale else absolute
    return Difference(absolute, relative, absolute <= TOLERANCE[a.dtype] * max(scale, 1.0))
