"""Devices by name, checked before anything is moved to them."""

from __future__ import annotations

import torch

from graphwright.compiler.places import NOWHERE, fail


def usable(device: str | torch.device) -> torch.device:
    """The device, or an error that says what this machine has."""
    try:
        found = torch.device(device)
    except RuntimeError:
        raise fail(NOWHERE, f"no device '{device}'", "cpu, cuda or cuda:1") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise fail(NOWHERE, f"no CUDA device on this machine for '{device}'", "use cpu")
    if found.type not in ("cpu", "cuda", "meta", "mps"):
        raise fail(NOWHERE, f"no device '{device}'", "cpu, cuda or cuda:1")
    return found
