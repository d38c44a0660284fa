"""Every random number of a run is a function of what it is for: nothing random is carried from step to step.

`mix("order", seed, epoch)` seeds the order of an epoch, `mix("noise", seed, step, rank)` the dropout of a
step. So a run that was killed needs no saved generator state to go on exactly as it would have.
"""

from __future__ import annotations

from hashlib import blake2b

import torch


def mix(*key: str | int) -> int:
    """A 63-bit seed from words and numbers; equal keys give equal seeds on every machine."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "little") >> 1


def generator(*key: str | int) -> torch.Generator:
    """A CPU generator seeded by `mix(*key)`."""
    return torch.Generator().manual_seed(mix(*key))
