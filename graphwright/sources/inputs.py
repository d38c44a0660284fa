"""Example inputs from types as a user writes them: `float32[1, 3, 224, 224]`, `[N, 3, H=224, W=224]`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from graphwright.compiler.ir.types import DTYPES, parse_type
from graphwright.compiler.places import NOWHERE, fail

#: Free sizes of an input type without a default.
FREE = 2


def example(types: Sequence[str], seed: int) -> tuple[tuple[torch.Tensor, ...], dict[int, tuple[int, ...]] | None]:
    """Example tensors of these types, and the sizes that their symbols leave free (`None`: what is usual).

    A type is written as in a spec: `float32[1, 3, 224, 224]`, or with symbols, `[N, 3, H=224, W=224]`.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors, free = [], {}
    for index, text in enumerate(types):
        sizes: list[int] = []
        symbols: list[int] = []
        try:
            kind = parse_type(_plain(text, sizes, symbols))
        except ValueError as error:
            raise fail(NOWHERE, f"--input '{text}' is no type: {error}", "for example float32[1,3,224,224]") from None
        dtype, shape = DTYPES[kind.dtype], [int(s) for s in kind.shape]
        made = torch.randn(shape, generator=generator) if dtype.is_floating_point else torch.randint(
            0, 2, shape, generator=generator)  # fmt: skip
        tensors.append(made.to(dtype))
        if symbols:
            free[index] = tuple(symbols)
    return tuple(tensors), free or None


def _plain(text: str, sizes: list[int], symbols: list[int]) -> str:
    """The type with a number for each symbol; `symbols` gets the dimensions that had one."""
    head, bracket, rest = text.strip().partition("[")
    if not bracket or not rest.endswith("]"):
        raise ValueError("sizes stand in [ ]")
    if head.strip() and head.strip() not in DTYPES:
        raise ValueError(f"no dtype '{head.strip()}'; there are {', '.join(DTYPES)}")
    for position, word in enumerate(filter(None, (w.strip() for w in rest[:-1].split(",")))):
        symbol, equals, number = word.partition("=")
        if not word.lstrip("-").isdecimal():
            symbols.append(position)
        if not symbol.strip().isdecimal() and not symbol.strip().isidentifier():
            raise ValueError(f"'{word}' is no size")
        value = number if equals else symbol if symbol.isdecimal() else str(FREE)
        if not value.strip().isdecimal() or int(value) < 1:
            raise ValueError(f"'{word}' is no size")
        sizes.append(int(value))
    return f"{head.strip() or 'float32'}[{', '.join(map(str, sizes))}]"
