"""What random values are like beside their types, so that ops get numbers that they are defined for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from graphwright.compiler.ir.dims import Dim
from graphwright.compiler.ir.types import DTYPE_NAMES, DTYPES, Type
from tests.ops.samples import Sample

#: The symbols that sizes may be left free under, by the number they take in reports: one number, one symbol.
SYMBOLS = {2: "N", 3: "M", 5: "L", 7: "H", 9: "W"}
DEFAULTS = {symbol: size for size, symbol in SYMBOLS.items()}


@dataclass(frozen=True)
class Kind:
    """`real` numbers, `unit` ones between 0 and 1, an `index` below a bound, whole numbers (`int`), a `mask`; `exact`
    are the numbers of a sample, for ops that want boxes or Gram matrices."""

    word: str = "real"
    below: int = 0

    def serves(self, wanted: Kind) -> bool:
        """Whether such a value may be read where `wanted` is."""
        if wanted.word == "index":
            return self.word == "index" and self.below <= wanted.below
        if wanted.word == "exact":
            return self == wanted
        return self.word == wanted.word or (wanted.word == "real" and self.word in ("unit", "exact"))


@dataclass(frozen=True)
class Value:
    """A value in scope: what it is called there, its type, and what its numbers are like."""

    name: str
    type: Type
    kind: Kind = Kind()


#: Families whose samples go together: boxes with their scores, two Gram matrices.
EXACT = ("detection", "similarity")
EXACT_OPS = ("ciou_loss", "distribution_focal_loss")

#: Ops that move numbers about: what is true of each number that goes in, is true of each that comes out.
MOVING = frozenset((
    "identity", "detach", "contiguous", "rearrange", "repeat", "flatten", "unflatten", "reshape", "permute",
    "transpose", "squeeze", "unsqueeze", "expand", "tile", "repeat_interleave", "roll", "flip", "concat", "stack",
    "split", "chunk", "unbind", "select", "slice", "window_partition", "window_reverse", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "index_select", "gather", "max_pool1d", "amax", "amin",
))  # fmt: skip
UNIT = frozenset(("sigmoid", "softmax"))


def described(tensor: torch.Tensor, sample: Sample) -> Kind:
    """What the numbers of a sample's input are like."""
    if tensor.dtype == torch.bool:
        return Kind("mask")
    if sample.op.family in EXACT or sample.op.name in EXACT_OPS:
        return Kind("exact", hash_of(tensor))
    if not tensor.is_floating_point():
        return Kind("index", int(tensor.max()) + 1)
    return Kind("unit") if bool(((tensor > 0) & (tensor < 1)).all()) else Kind()


def hash_of(tensor: torch.Tensor) -> int:
    """A number for the numbers of a tensor, the same in every process."""
    return int(tensor.double().nan_to_num().flatten().mul(torch.arange(1, tensor.numel() + 1).sin()).sum().mul(1e6))


def ranged(sample: Sample) -> bool:
    """Whether the numbers of an input must fit the arguments, as an index does."""
    return any(described(t, sample).word in ("index", "exact") for t in _flat(sample))


def rigid(sample: Sample) -> bool:
    """Whether the numbers of one input say what the size of another must be."""
    return ranged(sample) and len(_flat(sample)) > 1


def _flat(sample: Sample) -> list[torch.Tensor]:
    return [t for x in sample.inputs for t in (x if isinstance(x, tuple) else (x,)) if t is not None]


def results(sample_op: Any, inputs: Sequence[Value], outputs: Sequence[Type]) -> list[Kind]:
    """What the outputs of an op are like."""
    return [_result(sample_op, inputs, kind) for kind in outputs]


def _result(op: Any, inputs: Sequence[Value], output: Type) -> Kind:
    if output.dtype == "bool":
        return Kind("mask")
    carriers = {v.kind for v in inputs if v.type.dtype == output.dtype}
    if op.name in MOVING and len(carriers) == 1:
        kind = carriers.pop()
        return kind if kind.word != "exact" else Kind()
    if DTYPES[output.dtype].is_floating_point:
        return Kind("unit") if op.name in UNIT else Kind()
    if op.name in ("argmax", "argmin") and isinstance(op.dims, int) and inputs[0].type.rank:
        return Kind("index", number(inputs[0].type.shape[op.dims]))
    return Kind("int")


def number(size: Any, sizes: Mapping[str, int] = DEFAULTS) -> int:
    """A size at its default."""
    return int(Type((size,)).at(sizes).shape[0])


def entry_type(tensor: torch.Tensor, free: Sequence[bool]) -> Type:
    """The type of an input that takes this tensor, with the sizes left free that may be."""
    shape = tuple(
        Dim.symbol(SYMBOLS[size]) if leave and size in SYMBOLS else size
        for size, leave in zip(tensor.shape, free, strict=True)
    )
    return Type(shape, DTYPE_NAMES[tensor.dtype])
